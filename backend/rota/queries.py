"""Reads of duty schedules: for delivery by unit, for people through the doors."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId
from backend.people.doors import require, units_seen
from backend.people.model import Person, Right
from backend.rota.model import Override, Rotation, Schedule, on_duty

_SCHEDULES: Final = """
    select s.id, s.unit, s.name, s.version, s.rotations, u.timezone
    from schedules s join units u on u.id = s.unit
    where ($1::uuid[] is null or s.unit = any($1)) and ($2::uuid is null or s.id = $2) order by s.name, s.id"""
_OVERRIDES: Final = """
    select schedule, id, person, instead_of, starts_at, ends_at from schedule_overrides
    where schedule = any($1) and cancelled_at is null and ends_at > $2 order by created_at, id"""
#: who may come: active, and with a role in the unit or at the provider
_ABLE: Final = """
    select s.id as schedule, g.person from schedules s
    join grants g on g.unit = s.unit or g.unit is null join people p on p.id = g.person and p.is_active
    where s.id = any($1) and g.person = any($2)"""
_OPEN_GAPS: Final = """
    select w.schedule, s.unit, s.name, u.name as unit_name, w.starts_at, w.ends_at
    from gap_warnings w join schedules s on s.id = w.schedule join units u on u.id = s.unit
    where w.closed_at is null and w.ends_at > $2 and ($1::uuid[] is null or s.unit = any($1))
    order by w.starts_at"""
_decode_rotations = msgspec.json.Decoder(tuple[Rotation, ...]).decode


class NoSuchSchedule(NotFound):
    """Unknown, or in a unit that is not yours."""

    code = "no_such_schedule"


class OpenGap(msgspec.Struct, frozen=True, kw_only=True):
    """A gap (空缺) that was warned of and that nobody has taken over."""

    schedule: UUID
    unit: UnitId
    name: str
    unit_name: str
    starts_at: datetime
    ends_at: datetime


async def schedules_of(
    units: Iterable[UnitId] | None, *, schedule: UUID | None = None, since: datetime | None = None
) -> list[Schedule]:
    """Schedules of units (None: all) with who stands in from `since` on, and who of those named can't come."""
    rows = await fetch(_SCHEDULES, None if units is None else list(units), schedule)
    if not rows:
        return []
    overrides: dict[UUID, list[Override]] = {}
    for row in await fetch(_OVERRIDES, [row["id"] for row in rows], since or clock.now()):
        overrides.setdefault(row.pop("schedule"), []).append(msgspec.convert(row, Override))
    found = [_schedule(row, overrides.get(row["id"], [])) for row in rows]
    named = {person for schedule in found for person in people_of(schedule)}
    able: dict[UUID, set[PersonId]] = {}
    for row in await fetch(_ABLE, [each.id for each in found], list(named)):
        able.setdefault(row["schedule"], set()).add(PersonId(row["person"]))
    return [msgspec.structs.replace(each, gone=people_of(each) - able.get(each.id, set())) for each in found]


def _schedule(row: dict[str, Any], overrides: list[Override]) -> Schedule:
    return Schedule(
        id=row["id"],
        unit=UnitId(row["unit"]),
        name=row["name"],
        timezone=row["timezone"],
        version=row["version"],
        rotations=_decode_rotations(row["rotations"]),
        overrides=tuple(overrides),
    )


def people_of(schedule: Schedule) -> frozenset[PersonId]:
    """Everybody whom a schedule names."""
    rotating = {person for rotation in schedule.rotations for person in rotation.people}
    return frozenset(rotating | {override.person for override in schedule.overrides})


async def on_duty_of(units: Iterable[UnitId], at: datetime) -> dict[UnitId, dict[UUID, tuple[PersonId, ...]]]:
    """Who is on duty at a moment, by unit and schedule."""
    found: dict[UnitId, dict[UUID, tuple[PersonId, ...]]] = {}
    for schedule in await schedules_of(units, since=at):
        found.setdefault(schedule.unit, {})[schedule.id] = on_duty(schedule, at)
    return found


async def schedules_for(person: Person, unit: UnitId) -> list[Schedule]:
    """A unit's schedules. Raises `NotFound` when the unit is not the person's."""
    require(person, Right.SEE, unit)
    return await schedules_of([unit])


async def schedule_for(person: Person, schedule_id: UUID, right: str = Right.SEE) -> Schedule:
    """One schedule. Raises `NoSuchSchedule` when it is unknown or not the person's, `NotAllowed` without the right."""
    found = await schedules_of(None, schedule=schedule_id)
    if not found or not person.may(Right.SEE, found[0].unit):
        raise NoSuchSchedule(N_("没有这张值班表"))
    require(person, right, found[0].unit)
    return found[0]


async def open_gaps_for(person: Person) -> list[OpenGap]:
    """Gaps of the next days in the person's units, soonest first: what they were warned of."""
    units = units_seen(person)
    rows = await fetch(_OPEN_GAPS, None if units is None else list(units), clock.now())
    return msgspec.convert(rows, list[OpenGap])


def first_gaps(gaps: Iterable[OpenGap], most: int = 5) -> list[tuple[OpenGap, int]]:
    """The soonest gap of each schedule, and how many it has."""
    by_schedule: dict[UUID, list[OpenGap]] = {}
    for gap in gaps:
        by_schedule.setdefault(gap.schedule, []).append(gap)
    return [(each[0], len(each)) for each in by_schedule.values()][:most]
