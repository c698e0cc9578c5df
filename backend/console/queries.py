"""What the pages show, read in one query each; a person's units come from the doors, never from the request.

Plain SQL, because each is a join over several rooms for one page.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.beats import ailing, beats, missing
from backend.core.db.engine import fetch, fetch_one
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId
from backend.core.vocabulary import CHANNEL_LABELS, Channel, Severity
from backend.people.doors import units_seen
from backend.people.model import Person

_COUNTS: Final = """
    select a.severity, count(*) as open, count(*) filter (where a.acknowledged_at is null) as unanswered
    from alarms a
    where a.closed_at is null and ($1::uuid[] is null or a.unit = any($1::uuid[])) group by a.severity
"""
_LINKS: Final = """
    select count(*) as devices, count(*) filter (where not l.is_lost) as online,
        count(*) filter (where l.is_lost) as lost, max(l.last_contact_at) as last_contact_at
    from devices d left join device_links l on l.device = d.id
    where d.unit is not null and ($1::uuid[] is null or d.unit = any($1::uuid[]))
"""
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


class Count(msgspec.Struct, frozen=True):
    """Alarms of one severity that are not closed, and those of them nobody has answered."""

    open: int = 0
    unanswered: int = 0


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """The unit at a glance."""

    counts: dict[Severity, Count]
    devices: int
    online: int
    lost: int
    last_contact_at: datetime | None

    @property
    def worst(self) -> Severity | None:
        """The most urgent severity that is open; None when all is well."""
        return next((each for each in Severity if self.counts[each].open), None)


def _seen(person: Person) -> list[UUID] | None:
    units = units_seen(person)
    return None if units is None else list(units)


async def glance(person: Person) -> Glance:
    """Open alarms by severity and how the devices' links are."""
    units = _seen(person)
    counted = {row.pop("severity"): Count(**row) for row in await fetch(_COUNTS, units)}
    links = await fetch_one(_LINKS, units) or {}
    return Glance(counts={each: counted.get(each, Count()) for each in Severity}, **links)


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
