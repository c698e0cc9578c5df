"""A person's units at a glance: open alarms by severity, and how the links are; one answer for pages and chats."""

from datetime import datetime
from typing import Final

import msgspec

from backend.core.db.engine import fetch, fetch_one
from backend.core.ids import UnitId
from backend.core.vocabulary import Severity
from backend.people.doors import units_seen
from backend.people.model import Person

_COUNTS: Final = """
    select a.severity, count(*) as open, count(*) filter (where a.acknowledged_at is null) as unanswered
    from alarms a
    where a.closed_at is null and ($1::uuid[] is null or a.unit = any($1::uuid[]))
        and ($2::uuid is null or a.unit = $2) group by a.severity
"""
_LINKS: Final = """
    select count(*) as devices, count(*) filter (where not l.is_lost) as online,
        count(*) filter (where l.is_lost) as lost, max(l.last_contact_at) as last_contact_at
    from devices d left join device_links l on l.device = d.id
    where d.unit is not null and ($1::uuid[] is null or d.unit = any($1::uuid[]))
        and ($2::uuid is null or d.unit = $2)
"""


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

    @property
    def unanswered(self) -> int:
        """Open alarms that nobody has answered."""
        return sum(count.unanswered for count in self.counts.values())


async def glance(person: Person, unit: UnitId | None = None) -> Glance:
    """Open alarms by severity and how the devices' links are, of all the person's units or of one of them."""
    seen = units_seen(person)
    units = None if seen is None else list(seen)
    counted = {row.pop("severity"): Count(**row) for row in await fetch(_COUNTS, units, unit)}
    links = await fetch_one(_LINKS, units, unit) or {}
    return Glance(counts={each: counted.get(each, Count()) for each in Severity}, **links)
