"""What people do with duty schedules: make, change, stand in. One transaction each, by right, in the ledger too."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch_one, transaction
from backend.core.errors import BadInput, Conflict, NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId, new_id
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right
from backend.people.queries import people_who_may_see
from backend.rota.model import LEAST_TURN, Rotation
from backend.rota.queries import NoSuchSchedule, schedule_for

_LONGEST_NAME: Final = 100
_MOST_ROTATIONS: Final = 20
_MOST_PEOPLE: Final = 200
_MOST_TURN: Final = 366 * 24
_encode = msgspec.json.Encoder().encode
_ADD: Final = """
    insert into schedules (id, unit, name, rotations, version, created_at, changed_at)
    values ($1, $2, $3, $4::jsonb, 1, $5, $5)"""
_CHANGE: Final = """
    update schedules set name = $3, rotations = $4::jsonb, version = version + 1, changed_at = $5
    where id = $1 and version = $2 returning version"""
_STAND_IN: Final = """
    insert into schedule_overrides (id, schedule, person, instead_of, starts_at, ends_at, created_by, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)"""


async def add_schedule(person: Person, unit: UnitId, name: str, rotations: Sequence[Rotation]) -> UUID:
    """Make a duty schedule (值班表). Raises `NotFound`, `NotAllowed`, `BadInput`."""
    require(person, Right.PLAN, unit)
    schedule, now = new_id(), clock.now()
    async with transaction():
        name = await _checked(unit, name, rotations)
        await execute(_ADD, schedule, unit, name, _encode(rotations).decode(), now)
        facts = {"schedule": str(schedule), "unit": str(unit), "name": name}
        await record_action(person.code, "schedule.added", {**facts, "rotations": _facts(rotations)})
    return schedule


async def change_schedule(
    person: Person, schedule_id: UUID, version: int, name: str, rotations: Sequence[Rotation]
) -> int:
    """Change a schedule that is still at `version`; answers the next. Raises as `add_schedule`, and `Conflict`."""
    async with transaction():
        schedule = await schedule_for(person, schedule_id, Right.PLAN)
        name = await _checked(schedule.unit, name, rotations)
        row = await fetch_one(_CHANGE, schedule_id, version, name, _encode(rotations).decode(), clock.now())
        if row is None:
            raise Conflict(N_("值班表已被他人修改，请刷新后再改"))
        facts = {"schedule": str(schedule_id), "unit": str(schedule.unit), "name": name}
        await record_action(person.code, "schedule.changed", {**facts, "rotations": _facts(rotations)})
    return int(row["version"])


async def stand_in(  # noqa: PLR0917 - the sentence's own order: who stands in, from when to when, for whom
    person: Person,
    schedule_id: UUID,
    who: PersonId,
    starts_at: datetime,
    ends_at: datetime,
    instead_of: PersonId | None = None,
) -> UUID:
    """换班: `who` is on duty from `starts_at` to `ends_at`, for one person or for all. Raises as `add_schedule`."""
    override = new_id()
    async with transaction():
        schedule = await schedule_for(person, schedule_id, Right.PLAN)
        if ends_at <= starts_at or ends_at <= clock.now():
            raise BadInput(N_("结束时间应晚于开始时间和现在"))
        await _require_of_unit(schedule.unit, [who, *([instead_of] if instead_of else [])])
        now = clock.now()
        await execute(_STAND_IN, override, schedule_id, who, instead_of, starts_at, ends_at, person.id, now)
        facts = {"schedule": str(schedule_id), "override": str(override), "person": str(who)}
        facts |= {"instead_of": str(instead_of or ""), "from": starts_at.isoformat(), "to": ends_at.isoformat()}
        await record_action(person.code, "schedule.stood_in", facts)
    return override


async def cancel_stand_in(person: Person, override_id: UUID) -> None:
    """Take a stand-in back; a second time is no error. Raises `NoSuchSchedule`, `NotAllowed`."""
    async with transaction():
        row = await fetch_one("select schedule from schedule_overrides where id = $1", override_id)
        if row is None:
            raise NoSuchSchedule(N_("没有这张值班表"))
        await schedule_for(person, row["schedule"], Right.PLAN)
        gone = await fetch_one(
            "update schedule_overrides set cancelled_at = $2 where id = $1 and cancelled_at is null returning id",
            override_id,
            clock.now(),
        )
        if gone is not None:
            await record_action(person.code, "schedule.stand_in_cancelled", {"override": str(override_id)})


async def _checked(unit: UnitId, name: str, rotations: Sequence[Rotation]) -> str:
    if await fetch_one("select 1 from units where id = $1", unit) is None:
        raise NotFound(N_("没有此联网单位"))
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise BadInput(N_("值班表名称为空、过长或含有控制字符"))
    if not rotations or len(rotations) > _MOST_ROTATIONS or any(not _is_sound(each) for each in rotations):
        raise BadInput(N_("每个班次应有人员、首次交接时间和有效的时段"))
    await _require_of_unit(unit, [each for rotation in rotations for each in rotation.people])
    return name


def _is_sound(rotation: Rotation) -> bool:
    hours_are_sound = all(
        each.since != each.until and each.weekdays and each.weekdays <= frozenset(range(7)) for each in rotation.hours
    )
    return (
        0 < len(rotation.people) <= _MOST_PEOPLE
        and rotation.first.tzinfo is None
        and 1 <= rotation.count <= _MOST_TURN
        and rotation.turn >= LEAST_TURN
        and hours_are_sound
    )


async def _require_of_unit(unit: UnitId, people: Sequence[PersonId]) -> None:
    """Only who may see the unit's alarms can be on duty for it."""
    if set(people) - await people_who_may_see(unit, people):
        raise BadInput(N_("值班人员应在该单位或服务机构有角色"))


def _facts(rotations: Sequence[Rotation]) -> object:
    return msgspec.to_builtins(rotations)
