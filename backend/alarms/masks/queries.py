"""Reads of masks and windows for pages, phones and chats: the same answers everywhere, through the person's doors."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from backend.alarms.masks.locating import locate
from backend.alarms.masks.model import (
    SCOPE_LABELS,
    STATE_LABELS,
    WINDOW_LABELS,
    WINDOW_STATE_LABELS,
    Mask,
    MaskState,
    NoSuchMask,
    Scope,
    ScopeKind,
    Window,
    WindowState,
)
from backend.alarms.masks.rows import MASK_COLUMNS, WINDOW_COLUMNS, mask_of, window_of
from backend.core.clock import in_zone
from backend.core.db.engine import fetch
from backend.core.i18n import N_, translate
from backend.core.ids import BuildingId, DeviceId, PersonId, UnitId, ZoneId
from backend.monitoring.words import system_type_name
from backend.people.doors import require, units_seen
from backend.people.model import Person, Right

Which = Literal["open", "ended"]

_MINE: Final = "($1::uuid[] is null or {0}.unit = any($1))"
_MASK_STATES: Final = {
    "open": [str(MaskState.ASKED), str(MaskState.ACTIVE)],
    "ended": [str(MaskState.LIFTED), str(MaskState.EXPIRED), str(MaskState.REFUSED)],
}
_WINDOW_STATES: Final = {
    "open": [str(WindowState.PLANNED), str(WindowState.OPEN)],
    "ended": [str(WindowState.ENDED)],
}
_MASKS: Final = f"""
    select {MASK_COLUMNS}, u.name as unit_name, u.timezone, asker.name as asked_name, decider.name as decided_name,
        (select count(*) from alarm_holds h join alarms a on a.id = h.alarm
         where h.mask = m.id and h.ended_at is null and a.cleared_at is null) as standing
    from masks m join units u on u.id = m.unit join people asker on asker.id = m.asked_by
        left join people decider on decider.id = m.decided_by
    where {_MINE.format("m")} and m.state = any($2) and ($3::uuid is null or m.unit = $3)
        and ($5::uuid is null or m.id = $5)
    order by m.state = 'asked' desc, case when m.state in ('asked', 'active') then m.until_at end,
        m.ended_at desc nulls last, m.number desc limit $4"""
_WINDOWS: Final = f"""
    select {WINDOW_COLUMNS}, u.name as unit_name, u.timezone, p.name as opened_name,
        (select count(*) from alarm_holds h join alarms a on a.id = h.alarm
         where h."window" = w.id and h.ended_at is null and a.cleared_at is null) as standing,
        array(select name from people where w.people @> to_jsonb(id::text) order by name) as people_names
    from test_windows w join units u on u.id = w.unit join people p on p.id = w.opened_by
    where {_MINE.format("w")} and w.state = any($2) and ($3::uuid is null or w.unit = $3)
    order by w.state = 'open' desc, w.from_at desc, w.number limit $4"""
_OF_DEVICE: Final = f"""
    select {MASK_COLUMNS} from masks m join devices d on d.id = $1
    where m.state = 'active' and m.unit = d.unit and (m.device = d.id or m.zone is not null) order by m.until_at"""
_ZONES_OF_DEVICE: Final = """
    select system_type, system_address, component_address, zone from components where device = $1 and zone = any($2)"""
_DEVICES: Final = "select id, name, address, profile from devices where unit = $1 order by address"
_SYSTEMS: Final = """
    select s.device, s.system_type, s.system_address, max(s.name) as name from (
        select device, system_type, system_address, name from facility_systems
        union select device, system_type, system_address, '' from components) s
    join devices d on d.id = s.device where d.unit = $1 group by 1, 2, 3 order by 1, 2, 3"""
_ZONES: Final = """
    select b.id as building, b.name as building_name, z.id, z.name, z.floor from buildings b
    left join zones z on z.building = b.id where b.unit = $1 order by b.code, z.code"""
_MOST: Final = 300


class MaskLine(msgspec.Struct, frozen=True, kw_only=True):
    """A mask as people read it: in force or waiting, with who, why and until when; and what the reader may do."""

    id: UUID
    number: int
    unit: UUID
    unit_name: str
    scope: ScopeKind
    scope_word: str
    what: str
    reason: str
    is_fire: bool
    is_until_repaired: bool
    state: MaskState
    state_word: str
    asked_by: str
    asked_at: datetime
    decided_by: str
    until_at: datetime
    ended_at: datetime | None
    ended_why: str
    standing: int  #: alarms it keeps quiet that still stand
    may_approve: bool
    may_lift: bool
    may_extend: bool


class WindowLine(msgspec.Struct, frozen=True, kw_only=True):
    """A drill's or test's window as people read it."""

    id: UUID
    number: int
    unit: UUID
    unit_name: str
    kind: str
    kind_word: str
    what: str
    reason: str
    is_fire: bool
    state: WindowState
    state_word: str
    opened_by: str
    people: tuple[str, ...]  #: who is told; empty: all of the unit's
    from_at: datetime
    until_at: datetime
    standing: int
    may_end: bool


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be masked or drilled, to choose from; `scope` is what is asked for with it."""

    kind: ScopeKind
    words: str
    scope: Scope


async def masks_for(
    person: Person, which: Which = "open", *, unit: UnitId | None = None, limit: int = 100
) -> list[MaskLine]:
    """Masks of the person's units: `open` are waiting ones first, then those in force by their end; or ended ones."""
    rows = await fetch(_MASKS, _seen(person), _MASK_STATES[which], unit, min(limit, _MOST), None)
    return [_mask_line(row, mask_of(row), person) for row in rows]


async def mask_for(person: Person, mask_id: UUID | None) -> MaskLine:
    """One mask as the person reads it. Raises `NoSuchMask`: unknown and forbidden look the same."""
    rows = await fetch(_MASKS, _seen(person), [str(each) for each in MaskState], None, 1, mask_id) if mask_id else []
    if not rows:
        raise NoSuchMask(N_("没有这条屏蔽"))
    return _mask_line(rows[0], mask_of(rows[0]), person)


async def windows_for(
    person: Person, which: Which = "open", *, unit: UnitId | None = None, limit: int = 100
) -> list[WindowLine]:
    """Windows for drills and tests in the person's units, open ones first; or ended ones."""
    rows = await fetch(_WINDOWS, _seen(person), _WINDOW_STATES[which], unit, min(limit, _MOST))
    return [_window_line(row, window_of(row), person) for row in rows]


async def masks_on_device(person: Person, device: DeviceId) -> dict[str, Mask]:
    """Which of a device's parts are masked, by "type.address/component", "type.address" or ""; the facility page's."""
    rows = await fetch(_OF_DEVICE, device)
    masks = [mask_of(row) for row in rows if person.may(Right.SEE, row["unit"])]
    found = {_part(mask.scope): mask for mask in masks if mask.scope.zone is None}
    zones = {mask.scope.zone: mask for mask in masks if mask.scope.zone is not None}
    if zones:
        for row in await fetch(_ZONES_OF_DEVICE, device, list(zones)):
            part = f"{row['system_type']}.{row['system_address']}/{row['component_address']}"
            found.setdefault(part, zones[row["zone"]])
    return found


async def choices_for(person: Person, unit: UnitId) -> list[Choice]:
    """What of a unit can be masked or drilled, widest first; single components are chosen on their facility's page.

    Raises `NotFound`.
    """
    require(person, Right.SEE, unit)
    devices = {row["id"]: row for row in await fetch(_DEVICES, unit)}
    places = await fetch(_ZONES, unit)
    language = person.language
    choices = [Choice(kind=ScopeKind.UNIT, words=translate(N_("整个单位"), language), scope=_unit_scope(unit))]
    for building, name in dict.fromkeys((row["building"], row["building_name"]) for row in places):
        scope = Scope(kind=ScopeKind.BUILDING, building=BuildingId(building))
        choices.append(Choice(kind=ScopeKind.BUILDING, words=name, scope=scope))
    choices += [_zone_choice(row) for row in places if row["id"] is not None]
    for row in devices.values():
        scope = Scope(kind=ScopeKind.DEVICE, device=DeviceId(row["id"]))
        choices.append(Choice(kind=ScopeKind.DEVICE, words=row["name"] or row["address"], scope=scope))
    choices += [_system_choice(row, devices[row["device"]], language) for row in await fetch(_SYSTEMS, unit)]
    return choices


async def words_of(person: Person, scope: Scope) -> tuple[str, bool]:
    """A scope in words, and whether masking it needs a second person. Raises `NotFound`, `NotAllowed`."""
    at = await locate(person, scope, Right.MASK)
    return at.what, at.is_fire


def _seen(person: Person) -> list[UnitId] | None:
    units = units_seen(person)
    return None if units is None else list(units)


def _unit_scope(unit: UnitId) -> Scope:
    return Scope(kind=ScopeKind.UNIT, unit=unit)


def _zone_choice(row: dict[str, Any]) -> Choice:
    words = " ".join(part for part in (row["building_name"], row["floor"], row["name"]) if part)
    return Choice(kind=ScopeKind.ZONE, words=words, scope=Scope(kind=ScopeKind.ZONE, zone=ZoneId(row["id"])))


def _system_choice(row: dict[str, Any], device: dict[str, Any], language: str) -> Choice:
    kind = system_type_name(row["system_type"], language, device["profile"])
    words = " ".join((device["name"] or device["address"], kind, str(row["system_address"]), row["name"])).strip()
    scope = Scope(
        kind=ScopeKind.SYSTEM,
        device=DeviceId(row["device"]),
        system_type=row["system_type"],
        system_address=row["system_address"],
    )
    return Choice(kind=ScopeKind.SYSTEM, words=words, scope=scope)


def _part(scope: Scope) -> str:
    if scope.kind is ScopeKind.DEVICE:
        return ""
    system = f"{scope.system_type}.{scope.system_address}"
    return f"{system}/{scope.component_address}" if scope.component_address else system


def _mask_line(row: dict[str, Any], mask: Mask, person: Person) -> MaskLine:
    language, zone = person.language, row["timezone"]
    is_open = mask.state in {MaskState.ASKED, MaskState.ACTIVE}
    return MaskLine(
        id=mask.id,
        number=mask.number,
        unit=mask.unit,
        unit_name=row["unit_name"],
        scope=mask.scope.kind,
        scope_word=translate(SCOPE_LABELS[mask.scope.kind], language),
        what=mask.what,
        reason=mask.reason,
        is_fire=mask.is_fire,
        is_until_repaired=mask.is_until_repaired,
        state=mask.state,
        state_word=translate(STATE_LABELS[mask.state], language),
        asked_by=row["asked_name"],
        asked_at=in_zone(mask.asked_at, zone),
        decided_by=row["decided_name"] or "",
        until_at=in_zone(mask.until_at, zone),
        ended_at=in_zone(mask.ended_at, zone) if mask.ended_at else None,
        ended_why=mask.ended_why or "",
        standing=row["standing"],
        may_approve=mask.state is MaskState.ASKED
        and mask.asked_by != person.id
        and person.may(Right.APPROVE_MASK, mask.unit),
        may_lift=is_open and person.may(Right.MASK, mask.unit),
        may_extend=mask.state is MaskState.ACTIVE and person.may(Right.MASK, mask.unit),
    )


def _window_line(row: dict[str, Any], window: Window, person: Person) -> WindowLine:
    language, zone = person.language, row["timezone"]
    return WindowLine(
        id=window.id,
        number=window.number,
        unit=window.unit,
        unit_name=row["unit_name"],
        kind=str(window.kind),
        kind_word=translate(WINDOW_LABELS[window.kind], language),
        what=window.what,
        reason=window.reason,
        is_fire=window.is_fire,
        state=window.state,
        state_word=translate(WINDOW_STATE_LABELS[window.state], language),
        opened_by=row["opened_name"],
        people=tuple(row["people_names"]),
        from_at=in_zone(window.from_at, zone),
        until_at=in_zone(window.until_at, zone),
        standing=row["standing"],
        may_end=window.state is not WindowState.ENDED and person.may(Right.MASK, window.unit),
    )


async def people_to_tell(person: Person, unit: UnitId) -> list[tuple[PersonId, str]]:
    """The unit's people, whom a window may name. Raises `NotFound`."""
    require(person, Right.SEE, unit)
    rows = await fetch(
        """select distinct p.id, p.name from grants g join people p on p.id = g.person and p.is_active
           where g.unit = $1 order by p.name""",
        unit,
    )
    return [(PersonId(row["id"]), row["name"]) for row in rows]
