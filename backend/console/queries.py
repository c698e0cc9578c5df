"""What the pages need around what they show, read in one query each.

Plain SQL, because each is a join over several rooms for one page.
"""

from typing import Final
from uuid import UUID

from backend.core import clock
from backend.core.beats import ailing, beats, missing
from backend.core.db.engine import fetch, fetch_one
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId
from backend.core.vocabulary import CHANNEL_LABELS, Channel

_UNSTAMPED: Final = """
    select t.id from attempts t
    where t.person = $1 and t.channel = 'app' and t.state in ('sending', 'accepted') and t.t6 is null
        and t.created_at > now() - interval '30 days'
    order by t.created_at desc limit 200
"""
_CHATS: Final = """
    select count(*) as chats from chat_identities
    where person = $1 and channel = 'telegram' and unlinked_at is null
"""
_LATEST: Final = "select coalesce(max(seq), 0) as seq from inbox_items where person = $1"


#: the house's processes in the field's words
_PROCESSES: Final = {
    "gateway": N_("接入网关"),
    "fire": N_("火警发送"),
    "routine": N_("普通发送"),
    "web": N_("网页服务"),
    "bot": N_("聊天机器人"),
    "auditor": N_("时限稽核"),
}


async def unstamped(person: PersonId) -> list[UUID]:
    """Attempts that reached the inbox and that no phone has said it shows; the page says so when it opens."""
    return [row["id"] for row in await fetch(_UNSTAMPED, person)]


async def latest_seq(person: PersonId) -> int:
    """The highest number in the person's inbox: where the page's live stream begins."""
    row = await fetch_one(_LATEST, person)
    return int(row["seq"]) if row else 0


async def has_telegram(person: PersonId) -> bool:
    """Whether a Telegram chat is bound to the person."""
    row = await fetch_one(_CHATS, person)
    return bool(row and row["chats"])


async def missing_processes(language: str) -> list[str]:
    """Parts of the house of which no living process says anything, in the reader's words."""
    return [translate(_PROCESSES.get(name, name), language) for name in missing(await beats(), clock.now())]


async def ailing_vendors(language: str) -> list[str]:
    """Vendors that a worker leaves alone because they do not answer (熔断), as "短信 aliyun"."""
    found = []
    for what in ailing(await beats(), clock.now()):
        kind, _slash, vendor = what.partition("/")
        found.append(f"{translate(CHANNEL_LABELS[Channel(kind)], language)} {vendor}")
    return found
