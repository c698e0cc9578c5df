"""Who is on duty when (值班表): rotations, overrides, shifts and gaps. Pure.

The rule: a handover happens at a time on the wall clock of the unit's zone. Where that hour is skipped by summer time
it happens when the clock has jumped, and where it comes twice it happens the first time; so shifts never overlap,
and none goes back.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from backend.core.ids import PersonId, UnitId

_DAY: Final = timedelta(days=1)
_WEEK: Final = frozenset(range(7))
#: a shift is at least this long: shorter ones would be a typing mistake
LEAST_TURN: Final = timedelta(hours=1)


class Every(StrEnum):
    """What a rotation's turn is counted in."""

    HOURS = "hours"
    DAYS = "days"


class Hours(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of the day (day or night duty) on some weekdays; `until` before `since` ends on the next day."""

    since: time
    until: time
    weekdays: frozenset[int] = _WEEK  #: Monday is 0; of the day on which the hours begin

    def cover(self, local: datetime) -> bool:
        """Whether a moment of the wall clock lies in these hours."""
        now, today = local.time(), local.weekday()
        if self.since < self.until:
            return today in self.weekdays and self.since <= now < self.until
        return (today in self.weekdays and now >= self.since) or ((today - 1) % 7 in self.weekdays and now < self.until)


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """People who follow each other in this order (轮班); each has `count` hours or days."""

    people: tuple[PersonId, ...]
    first: datetime  #: the first handover, on the unit's wall clock (naive)
    count: int = 1
    every: Every = Every.DAYS
    hours: tuple[Hours, ...] = ()  #: only then; empty: round the clock

    @property
    def turn(self) -> timedelta:
        """How long one person's turn is."""
        return timedelta(hours=self.count) if self.every is Every.HOURS else timedelta(days=self.count)


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody stands in (换班): for one person, or for everybody when `instead_of` is empty."""

    id: UUID
    person: PersonId
    starts_at: datetime
    ends_at: datetime
    instead_of: PersonId | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A unit's duty schedule (值班表) with what stands in for it."""

    id: UUID
    unit: UnitId
    name: str
    timezone: str
    version: int
    rotations: tuple[Rotation, ...]
    overrides: tuple[Override, ...] = ()
    gone: frozenset[PersonId] = frozenset()  #: who is named and can't come: no longer active, or without a role here


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when the same people are on duty; nobody: a gap (空缺)."""

    starts_at: datetime
    ends_at: datetime
    people: tuple[PersonId, ...]


def zone_of(schedule: Schedule) -> ZoneInfo:
    """The zone whose wall clock the schedule keeps."""
    return ZoneInfo(schedule.timezone)


def instant(local: datetime, zone: ZoneInfo) -> datetime:
    """A moment of the wall clock as UTC: the first of two, and after the jump where it is skipped."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def holder(rotation: Rotation, at: datetime, zone: ZoneInfo) -> PersonId | None:
    """Whose turn it is, whatever the hours; None before the first handover."""
    local = at.astimezone(zone).replace(tzinfo=None)
    turn = (local - rotation.first) // rotation.turn
    while instant(rotation.first + turn * rotation.turn, zone) > at:
        turn -= 1
    while instant(rotation.first + (turn + 1) * rotation.turn, zone) <= at:
        turn += 1
    return rotation.people[turn % len(rotation.people)] if turn >= 0 and rotation.people else None


def on_duty(schedule: Schedule, at: datetime) -> tuple[PersonId, ...]:
    """Who is on duty at a moment: by the rotations, then by who stands in."""
    zone = ZoneInfo(schedule.timezone)
    local = at.astimezone(zone)
    people: list[PersonId] = []
    for rotation in schedule.rotations:
        if not rotation.hours or any(hours.cover(local) for hours in rotation.hours):
            person = holder(rotation, at, zone)
            people += [person] if person is not None else []
    for override in schedule.overrides:
        if override.starts_at <= at < override.ends_at:
            people = _stand_in(people, override)
    return tuple(each for each in dict.fromkeys(people) if each not in schedule.gone)


def _stand_in(people: list[PersonId], override: Override) -> list[PersonId]:
    if override.instead_of is None:
        return [override.person]
    return [override.person if each == override.instead_of else each for each in people]


def shifts(schedule: Schedule, since: datetime, until: datetime) -> tuple[Shift, ...]:
    """Every change of duty from `since` to `until`, without a break; a gap is a shift of nobody."""
    edges = sorted({since, *(edge for edge in _edges(schedule, since, until) if since < edge < until)})
    found: list[Shift] = []
    for start, end in zip(edges, [*edges[1:], until], strict=True):
        people = on_duty(schedule, start)
        if found and found[-1].people == people:
            found[-1] = msgspec.structs.replace(found[-1], ends_at=end)
        else:
            found.append(Shift(starts_at=start, ends_at=end, people=people))
    return tuple(found)


def gaps(schedule: Schedule, since: datetime, until: datetime) -> tuple[Shift, ...]:
    """When nobody is on duty (空缺)."""
    return tuple(shift for shift in shifts(schedule, since, until) if not shift.people)


def _edges(schedule: Schedule, since: datetime, until: datetime) -> Iterator[datetime]:
    """Every moment at which duty may change."""
    zone = ZoneInfo(schedule.timezone)
    for override in schedule.overrides:
        yield from (override.starts_at, override.ends_at)
    for rotation in schedule.rotations:
        yield from _handovers(rotation, since, until, zone)
        for hours in rotation.hours:
            yield from _hours_edges(hours, since, until, zone)


def _handovers(rotation: Rotation, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    local = since.astimezone(zone).replace(tzinfo=None)
    turn = max(0, (local - rotation.first) // rotation.turn - 1)
    while (edge := instant(rotation.first + turn * rotation.turn, zone)) < until:
        yield edge
        turn += 1


def _hours_edges(hours: Hours, since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    day = since.astimezone(zone).date() - _DAY
    last = until.astimezone(zone).date() + _DAY
    while day <= last:
        for at in (hours.since, hours.until):
            local = datetime.combine(day, at)
            # the second of a doubled hour is an edge too: the hours are read from the wall clock
            yield from {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        day += _DAY
