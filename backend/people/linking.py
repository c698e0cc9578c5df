"""Taking a link back, and a code that comes twice.

Who bound the wrong account sees it at once, and lets it go by one key (撤销绑定). A code that linked this very account
is no news to it: a phone that sends it again, or a bot that died before it answered, is told the same once more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import fetch, fetch_one, transaction
from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId, token_digest, typed_code
from backend.core.vocabulary import Channel
from backend.people.model import CodePurpose, Person, Right
from backend.people.service import link_again, person_of_chat, unlink_chat

_JUST_LINKED: Final = """
    select person, linked_at from chat_identities
    where channel = $1 and account = $2 and unlinked_at is null and linked_at > $3"""
#: whose it was until the very moment of that link
_BEFORE: Final = """
    select i.person, i.chat from chat_identities i join people p on p.id = i.person and p.is_active
    where i.channel = $1 and i.account = $2 and i.person <> $3 and i.unlinked_at between $4 and $5
    order by i.unlinked_at desc limit 1"""
_ONE_MOMENT: Final = timedelta(seconds=1)

_VOID: Final = """
    update one_time_codes set used_at = $3
    where digest = $1 and purpose = any($2) and used_at is null and expires_at > $3 returning id"""
_LINKED_BY: Final = """
    select 1 from one_time_codes c join chat_identities i on i.person = c.person
    where c.digest = $1 and c.used_at is not null and c.expires_at > $4
        and i.channel = $2 and i.account = $3 and i.unlinked_at is null and i.linked_at >= c.used_at"""


async def linked_by(code: str, channel: Channel, account: str) -> Person | None:
    """Whom a chat account was linked to by this very code, as long as the code would have lived; else None."""
    digest = token_digest(typed_code(code) or code)
    if await fetch_one(_LINKED_BY, digest, channel, account, clock.now()) is None:
        return None
    return await person_of_chat(channel, account)


async def void_code(code: str) -> bool:
    """A code that others could read links nobody any more; whether it could have."""
    purposes = [str(CodePurpose.TELEGRAM), str(CodePurpose.TELEGRAM_TYPED)]
    return await fetch_one(_VOID, token_digest(typed_code(code) or code), purposes, clock.now()) is not None


async def undo_link(channel: Channel, account: str, within: timedelta) -> bool:
    """Let a chat account go that was linked just now; False when it was linked longer ago, or not at all.

    An account that was another's until then is theirs again: their alarms come there as before.
    """
    async with transaction():
        linked = await fetch_one(_JUST_LINKED, channel, account, clock.now() - within)
        if linked is None:
            return False
        await unlink_chat(channel, account)
        at = linked["linked_at"]
        moment = (at - _ONE_MOMENT, at + _ONE_MOMENT)
        before = await fetch_one(_BEFORE, channel, account, linked["person"], *moment)
        if before is not None:
            await link_again(PersonId(before["person"]), channel, account, before["chat"])
    return True


_CHATS: Final = """
    select i.id, i.channel, i.account, i.linked_at, p.name, p.code
    from chat_identities i join people p on p.id = i.person
    where (i.person = $1) = $2 and i.unlinked_at is null order by p.code, i.linked_at limit 1000"""
_ONE: Final = """
    select i.id, i.channel, i.account, i.linked_at, p.name, p.code
    from chat_identities i join people p on p.id = i.person
    where i.id = $1 and (i.person = $2 or $3) and i.unlinked_at is null"""


class LinkedChat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat account that speaks for a person (已绑定的聊天账号)."""

    id: UUID
    channel: Channel
    account: str
    linked_at: datetime
    name: str  #: of whom it speaks for
    code: str


async def chats_of(person: PersonId) -> Sequence[LinkedChat]:
    """The accounts that speak for a person, the oldest first."""
    return msgspec.convert(await fetch(_CHATS, person, True), list[LinkedChat])


async def chats_of_others(person: Person) -> Sequence[LinkedChat]:
    """The accounts that speak for everybody else, for an administrator; for others none."""
    if not person.may(Right.ADMINISTER, None):
        return []
    return msgspec.convert(await fetch(_CHATS, person.id, False), list[LinkedChat])


async def let_chat_go(person: Person, chat: UUID) -> LinkedChat:
    """Unlink a chat account from elsewhere (解除绑定): when its telephone is lost, it can't say so itself.

    One's own; an administrator's word is enough for anybody's, who may reach no page either. Raises `NotFound` for
    one that is another's, or unlinked already.
    """
    async with transaction():
        row = await fetch_one(_ONE, chat, person.id, person.may(Right.ADMINISTER, None))
        if row is None:
            raise NotFound(N_("没有这个绑定"))
        linked = msgspec.convert(row, LinkedChat)
        await unlink_chat(linked.channel, linked.account)
    return linked
