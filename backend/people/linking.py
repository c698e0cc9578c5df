"""Taking a link back: who bound the wrong account sees it at once, and lets it go by one key (撤销绑定)."""

from datetime import timedelta
from typing import Final

from backend.core import clock
from backend.core.db.engine import fetch_one, transaction
from backend.core.vocabulary import Channel
from backend.people.service import unlink_chat

_JUST_LINKED: Final = """
    select 1 from chat_identities where channel = $1 and account = $2 and unlinked_at is null and linked_at > $3"""


async def undo_link(channel: Channel, account: str, within: timedelta) -> bool:
    """Let a chat account go that was linked just now; False when it was linked longer ago, or not at all."""
    async with transaction():
        linked = await fetch_one(_JUST_LINKED, channel, account, clock.now() - within)
        if linked is not None:
            await unlink_chat(channel, account)
    return linked is not None
