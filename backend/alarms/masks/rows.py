"""Masks and windows to and from rows. Reads answer structs; rows don't leave this folder."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.masks.model import (
    Mask,
    MaskMovedOn,
    MaskState,
    NoSuchMask,
    Scope,
    ScopeKind,
    Window,
    WindowKind,
    WindowState,
)
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.i18n import N_
from backend.core.ids import AlarmId, PersonId, new_id
from backend.people.model import Person, Right

MASK_COLUMNS: Final = """m.id, m.number, m.unit, m.scope, m.device, m.system_type, m.system_address,
    m.component_address, m.zone, m.what, m.reason, m.is_fire, m.is_until_repaired, m.state, m.asked_by, m.asked_at,
    m.until_at, m.decided_by, m.decided_at, m.started_at, m.ended_by, m.ended_at, m.ended_why, m.extends, m.reminders,
    m.revision"""
WINDOW_COLUMNS: Final = """w.id, w.number, w.unit, w.scope, w.device, w.system_type, w.system_address,
    w.component_address, w.zone, w.building, w.kind, w.what, w.reason,
    w.is_fire, w.state, w.opened_by, w.asked_at, w.from_at, w.until_at, w.people, w.ended_by, w.ended_at, w.revision"""
_INSERT_MASK: Final = """
    insert into masks (id, unit, scope, device, system_type, system_address, component_address, zone, what, reason,
        is_fire, is_until_repaired, state, asked_by, asked_at, until_at, started_at, extends, reminders, revision)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, 0) returning number"""
_INSERT_WINDOW: Final = """
    insert into test_windows (id, unit, scope, device, zone, building, kind, what, reason, is_fire, state, opened_by,
        asked_at, from_at, until_at, people, system_type, system_address, component_address, revision)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16::jsonb, $17, $18, $19, 0)
    returning number"""
_PUT_MASK: Final = """
    update masks set state = $3, decided_by = $4, decided_at = $5, started_at = $6, ended_by = $7, ended_at = $8,
        ended_why = $9, revision = $10 where id = $1 and state = $2 returning id"""
_PUT_WINDOW: Final = """
    update test_windows set state = $3, ended_by = $4, ended_at = $5, revision = $6
    where id = $1 and state = $2 returning id"""
_INSERT_HOLDS: Final = """
    insert into alarm_holds (id, alarm, mask, "window", at)
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
    on conflict (alarm) where ended_at is null do update set mask = excluded.mask, "window" = excluded."window" """
_ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtextextended('masks ' || $1::text, 0))"
_decode_people = msgspec.json.Decoder(tuple[PersonId, ...]).decode
_encode = msgspec.json.Encoder().encode


def _scope_of(row: Mapping[str, Any]) -> Scope:
    given = {name: row[name] for name in Scope.__struct_fields__ if name in row and name not in {"kind", "unit"}}
    kind = ScopeKind(row["scope"])
    return Scope(kind=kind, unit=row["unit"] if kind is ScopeKind.UNIT else None, **given)


def mask_of(row: Mapping[str, Any]) -> Mask:
    """A row as a struct."""
    values = {name: row[name] for name in Mask.__struct_fields__ if name in row and name != "scope"}
    return Mask(**values | {"scope": _scope_of(row), "state": MaskState(row["state"])})


def window_of(row: Mapping[str, Any]) -> Window:
    """A row as a struct."""
    values = {name: row[name] for name in Window.__struct_fields__ if name in row and name != "scope"}
    changed = {
        "scope": _scope_of(row),
        "kind": WindowKind(row["kind"]),
        "state": WindowState(row["state"]),
        "people": _decode_people(row["people"]),
    }
    return Window(**values | changed)


async def insert_mask(mask: Mask) -> Mask:
    """Write a new mask, in the caller's transaction; answers it with its number."""
    scope = mask.scope
    row = await fetch_one(
        _INSERT_MASK,
        mask.id,
        mask.unit,
        str(scope.kind),
        scope.device,
        scope.system_type,
        scope.system_address,
        scope.component_address,
        scope.zone,
        mask.what,
        mask.reason,
        mask.is_fire,
        mask.is_until_repaired,
        str(mask.state),
        mask.asked_by,
        mask.asked_at,
        mask.until_at,
        mask.started_at,
        mask.extends,
    )
    assert row is not None
    return msgspec.structs.replace(mask, number=row["number"])


async def insert_window(window: Window) -> Window:
    """Write a new window, in the caller's transaction; answers it with its number."""
    scope = window.scope
    row = await fetch_one(
        _INSERT_WINDOW,
        window.id,
        window.unit,
        str(scope.kind),
        scope.device,
        scope.zone,
        scope.building,
        str(window.kind),
        window.what,
        window.reason,
        window.is_fire,
        str(window.state),
        window.opened_by,
        window.asked_at,
        window.from_at,
        window.until_at,
        _encode(window.people).decode(),
        scope.system_type,
        scope.system_address,
        scope.component_address,
    )
    assert row is not None
    return msgspec.structs.replace(window, number=row["number"])


async def mask_made(mask_id: UUID | None) -> Mask | None:
    """The mask of a sender's key, when it was asked for already; another request with that key waits for this one."""
    return mask_of(row) if (row := await _made(MASK_COLUMNS, "masks m", "m.id", mask_id)) else None


async def window_made(window_id: UUID | None) -> Window | None:
    """The window of a sender's key, when it was arranged already. As `mask_made`."""
    return window_of(row) if (row := await _made(WINDOW_COLUMNS, "test_windows w", "w.id", window_id)) else None


async def _made(columns: str, table: str, key: str, made_id: UUID | None) -> dict[str, Any] | None:
    if made_id is None:
        return None
    await execute(_ONE_AT_A_TIME, str(made_id))
    return await fetch_one(f"select {columns} from {table} where {key} = $1", made_id)


async def put_mask(before: Mask, after: Mask) -> None:
    """Write a mask's next state by compare-and-set. Raises `MaskMovedOn`."""
    values = (after.decided_by, after.decided_at, after.started_at, after.ended_by, after.ended_at, after.ended_why)
    if not await fetch(_PUT_MASK, after.id, str(before.state), str(after.state), *values, after.revision):
        raise MaskMovedOn(N_("该屏蔽的状态已改变"))


async def put_window(before: Window, after: Window) -> None:
    """Write a window's next state by compare-and-set. Raises `MaskMovedOn`."""
    values = (after.ended_by, after.ended_at, after.revision)
    if not await fetch(_PUT_WINDOW, after.id, str(before.state), str(after.state), *values):
        raise MaskMovedOn(N_("该演练或测试的状态已改变"))


async def locked_mask(person: Person, mask_id: UUID) -> Mask:
    """A mask of the person's units, locked. Raises `NoSuchMask`: unknown and forbidden look the same."""
    row = await fetch_one(f"select {MASK_COLUMNS} from masks m where m.id = $1 for no key update", mask_id)
    if row is None or not person.may(Right.SEE, row["unit"]):
        raise NoSuchMask(N_("没有这条屏蔽"))
    return mask_of(row)


async def locked_window(person: Person, window_id: UUID) -> Window:
    """A window of the person's units, locked. Raises `NoSuchMask`."""
    row = await fetch_one(f"select {WINDOW_COLUMNS} from test_windows w where w.id = $1 for no key update", window_id)
    if row is None or not person.may(Right.SEE, row["unit"]):
        raise NoSuchMask(N_("没有这个演练或测试"))
    return window_of(row)


async def write_holds(holds: list[tuple[AlarmId, UUID | None, UUID | None, datetime]]) -> None:
    """Note what holds alarms back, in the caller's transaction; one that is held already changes hands."""
    if holds:
        rows = [(new_id(), *each) for each in holds]
        await fetch(_INSERT_HOLDS, *map(list, zip(*rows, strict=True)))
