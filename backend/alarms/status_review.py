"""The status review (状态查询): a unit as it stands, and what happened today or this week. Pages and chats show this.

The rule: one answer for every surface, each figure from the query that its own page shows; through the person's doors.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.glance import Glance, glance
from backend.alarms.masks.queries import MaskLine, WindowLine, masks_for, windows_for
from backend.core import clock
from backend.core.clock import in_zone
from backend.core.db.engine import fetch, fetch_one
from backend.core.i18n import N_
from backend.core.ids import UnitId
from backend.core.vocabulary import Severity, Verdict
from backend.monitoring.measures import Measure, measures_for
from backend.people.doors import units_seen
from backend.people.model import Person
from backend.registry.model import DEFAULT_TIMEZONE
from backend.registry.queries import unit_for, units_for

_MOST_LOST: Final = 100
_LOST: Final = """
    select d.id, d.name, d.address, u.id as unit, u.name as unit_name, u.timezone,
        coalesce(b.name, '') as building, l.last_contact_at, l.lost_at
    from device_links l join devices d on d.id = l.device join units u on u.id = d.unit
        left join buildings b on b.id = d.building
    where l.is_lost and ($1::uuid[] is null or d.unit = any($1::uuid[])) and ($2::uuid is null or d.unit = $2)
    order by l.lost_at nulls first, d.address limit $3"""
_MASKED: Final = """
    select count(*) as n from alarms a where a.closed_at is null and a.marks ? 'masked'
        and ($1::uuid[] is null or a.unit = any($1::uuid[])) and ($2::uuid is null or a.unit = $2)"""
_RAISED: Final = """
    select a.severity, a.verdict, count(*) as n, count(*) filter (where a.closed_at is null) as open,
        count(*) filter (where a.acknowledged_at is null and a.closed_at is null) as unanswered
    from alarms a where a.raised_at >= $3 and a.raised_at < $4
        and ($1::uuid[] is null or a.unit = any($1::uuid[])) and ($2::uuid is null or a.unit = $2)
    group by a.severity, a.verdict"""
_OTHERS: Final = """
    select
        (select count(*) from link_outages o join devices d on d.id = o.device where o.lost_at >= $3 and o.lost_at < $4
            and ($1::uuid[] is null or d.unit = any($1::uuid[])) and ($2::uuid is null or d.unit = $2)) as outages,
        (select count(*) from masks m where m.asked_at >= $3 and m.asked_at < $4
            and ($1::uuid[] is null or m.unit = any($1::uuid[])) and ($2::uuid is null or m.unit = $2)) as masks,
        (select count(*) from test_windows w where w.from_at >= $3 and w.from_at < $4 and w.asked_at < $4
            and ($1::uuid[] is null or w.unit = any($1::uuid[])) and ($2::uuid is null or w.unit = $2)) as windows"""


class Span(StrEnum):
    """What a review looks back over, by the days of a unit's zone; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"


SPAN_LABELS: Final = {Span.DAY: N_("今天"), Span.WEEK: N_("本周")}


class LostLink(msgspec.Struct, frozen=True, kw_only=True):
    """A device that is offline (离线), since when; times are on the unit's clock."""

    device: UUID
    unit: UUID
    unit_name: str
    building: str
    name: str
    address: str
    lost_at: datetime | None
    last_contact_at: datetime


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One unit, or all of a person's, as it stands."""

    unit: UUID | None
    name: str  #: empty: all of the person's
    timezone: str
    at: datetime
    glance: Glance
    masked: int  #: open alarms that a mask keeps quiet
    masks: tuple[MaskLine, ...]
    windows: tuple[WindowLine, ...]
    lost: tuple[LostLink, ...]
    measures: tuple[Measure, ...]


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in [since, until): alarms raised by severity, what people found, what is still open of them."""

    since: datetime
    until: datetime
    raised: dict[Severity, int]
    verdicts: dict[Verdict, int]
    open: int
    unanswered: int
    outages: int
    masks: int
    windows: int


def _seen(person: Person) -> list[UnitId] | None:
    units = units_seen(person)
    return None if units is None else list(units)


async def zone_of(person: Person, unit: UnitId | None = None) -> tuple[str, str]:
    """The name and the zone that an answer is given in: of the unit, or the one zone of all that are seen.

    Raises `NotFound`.
    """
    if unit is not None:
        one = await unit_for(person, unit)
        return one.name, one.timezone
    units = await units_for(person)
    zones = {each.timezone for each in units}
    return units[0].name if len(units) == 1 else "", zones.pop() if len(zones) == 1 else DEFAULT_TIMEZONE


async def review_for(person: Person, unit: UnitId | None = None) -> Review:
    """A unit as it stands; without `unit` all of the person's together. Raises `NotFound`."""
    name, timezone = await zone_of(person, unit)
    masked = await fetch_one(_MASKED, _seen(person), unit)
    return Review(
        unit=unit,
        name=name,
        timezone=timezone,
        at=in_zone(clock.now(), timezone),
        glance=await glance(person, unit),
        masked=masked["n"] if masked else 0,
        masks=tuple(await masks_for(person, unit=unit)),
        windows=tuple(await windows_for(person, unit=unit)),
        lost=tuple(await lost_links_for(person, unit)),
        measures=tuple(await measures_for(person, unit)),
    )


async def lost_links_for(person: Person, unit: UnitId | None = None) -> list[LostLink]:
    """Devices that are offline now, the longest first."""
    rows = await fetch(_LOST, _seen(person), unit, _MOST_LOST)
    return [_lost(row) for row in rows]


def _lost(row: dict[str, object]) -> LostLink:
    zone = str(row.pop("timezone"))
    device, name = row.pop("id"), row["name"] or row["address"]
    link = msgspec.convert({**row, "device": device, "name": name}, LostLink)
    return msgspec.structs.replace(
        link,
        lost_at=in_zone(link.lost_at, zone) if link.lost_at else None,
        last_contact_at=in_zone(link.last_contact_at, zone),
    )


def bounds(span: Span, timezone: str, now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of the zone's day or week until now. Pure."""
    local = in_zone(now, timezone)
    first = local.date() - timedelta(days=local.weekday() if span is Span.WEEK else 0)
    midnight = datetime(first.year, first.month, first.day, tzinfo=local.tzinfo)
    return midnight.astimezone(UTC), now


async def period_for(person: Person, span: Span, unit: UnitId | None = None) -> Period:
    """Today or this week. Raises `NotFound`."""
    _, timezone = await zone_of(person, unit)
    since, until = bounds(span, timezone, clock.now())
    return await period_between(person, since, until, timezone, unit)


async def period_between(
    person: Person, since: datetime, until: datetime, timezone: str, unit: UnitId | None = None
) -> Period:
    """What happened in [since, until), told on a zone's clock."""
    asked = (_seen(person), unit, since, until)
    rows, others = await fetch(_RAISED, *asked), await fetch_one(_OTHERS, *asked)
    raised, verdicts = dict.fromkeys(Severity, 0), dict.fromkeys(Verdict, 0)
    for row in rows:
        raised[Severity(row["severity"])] += row["n"]
        if row["verdict"]:
            verdicts[Verdict(row["verdict"])] += row["n"]
    return Period(
        since=in_zone(since, timezone),
        until=in_zone(until, timezone),
        raised=raised,
        verdicts=verdicts,
        open=sum(row["open"] for row in rows),
        unanswered=sum(row["unanswered"] for row in rows),
        **(others or {"outages": 0, "masks": 0, "windows": 0}),
    )
