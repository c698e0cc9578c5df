"""Reads of what each facility says now: unit → building → device → system → component, and events of class I.

Plain SQL, because each is a join over several rooms for one page; a person's units come from the doors.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.clock import in_zone
from backend.core.db.engine import fetch
from backend.core.errors import NotFound
from backend.core.i18n import N_, _
from backend.core.ids import BuildingId, DeviceId, UnitId
from backend.monitoring.facilities import BuildingNow, DeviceNow, EventNow, UnitNow
from backend.monitoring.facilities_reading import Rows, device_now
from backend.monitoring.link_words import KIND_LABELS
from backend.monitoring.model import Subject, subject_of
from backend.monitoring.words import component_type_name, fact_text, system_type_name
from backend.people.doors import units_seen
from backend.people.model import Person
from backend.registry.model import DEFAULT_TIMEZONE

#: a page of devices, each with all that stands behind it
DEVICES_A_PAGE: Final = 20
EVENTS_A_PAGE: Final = 50

_DEVICES: Final = """
    select d.id, d.unit, d.building, d.kind, d.address, d.name, d.profile,
        u.code as unit_code, u.name as unit_name, coalesce(u.timezone, $6) as timezone, b.name as building_name,
        l.is_lost, l.lost_at, l.last_contact_at, l.clock_offset_s, l.deviations
    from devices d left join units u on u.id = d.unit left join buildings b on b.id = d.building
        left join device_links l on l.device = d.id
    where ($1::uuid[] is null or d.unit = any($1::uuid[])) and ($2::uuid is null or d.id = $2)
        and ($3::uuid is null or d.unit = $3) and (not $7 or d.unit is null) and ($8::uuid is null or d.building = $8)
    order by u.code nulls last, b.code nulls last, d.address offset $4 limit $5"""
_SYSTEMS: Final = """
    select device, system_type, system_address, name from facility_systems where device = any($1)"""
_COMPONENTS: Final = """
    select c.device, c.system_type, c.system_address, c.component_type, c.component_address, c.description, c.role,
        c.quantity, c.low, c.high, c.scale, c.closed_means, c.zone, z.name as zone_name, z.floor,
        zb.name as zone_building, zb.id is distinct from d.building as is_elsewhere
    from components c join devices d on d.id = c.device left join zones z on z.id = c.zone
        left join buildings zb on zb.id = z.building
    where c.device = any($1)
    order by c.system_type, c.system_address, c.component_address collate "C", c.quantity nulls first"""
_STATES: Final = """
    select device, level, system_type, system_address, component_type, component_address, state, description,
        device_time, received_at
    from facility_states where device = any($1)"""
_ANALOGS: Final = """
    select device, system_type, system_address, component_type, component_address, quantity, reading, value, measure,
        standing, is_stale, device_time, received_at
    from analog_states where device = any($1)"""
_UNITS: Final = """
    select u.id, u.code, u.name, u.timezone, count(d.id) as devices, count(l.id) filter (where not l.is_lost) as online,
        count(l.id) filter (where l.is_lost) as lost, max(l.last_contact_at) as last_contact_at
    from devices d left join units u on u.id = d.unit left join device_links l on l.device = d.id
    where $1::uuid[] is null or d.unit = any($1::uuid[])
    group by u.id order by u.code nulls last"""
_EVENTS: Final = """
    select e.id, e.device, e.subject, e.rule, e.text, e.facts, e.device_time, e.received_at,
        coalesce(u.name, '') as unit_name, coalesce(u.timezone, $5) as timezone, coalesce(b.name, '') as building_name,
        d.name as device_name, d.address, d.profile
    from facility_events e join devices d on d.id = e.device left join units u on u.id = d.unit
        left join buildings b on b.id = d.building
    where ($1::uuid[] is null or d.unit = any($1::uuid[])) and ($2::uuid is null or e.device = $2)
        and ($3::uuid is null or d.unit = $3)
        and ($4::uuid is null
             or (e.received_at, e.id) < (select p.received_at, p.id from facility_events p where p.id = $4))
    order by e.received_at desc, e.id desc limit $6"""
_NAMES: Final = """
    select distinct on (c.device, c.system_type, c.system_address, c.component_address)
        c.device, c.system_type, c.system_address, c.component_address, c.component_type, c.description
    from components c
    join unnest($1::uuid[], $2::int[], $3::int[], $4::text[]) as w (device, system_type, system_address, address)
        on c.device = w.device and c.system_type = w.system_type and c.system_address = w.system_address
        and c.component_address = w.address"""


class UnitGlance(msgspec.Struct, frozen=True, kw_only=True):
    """A unit's devices, counted; without `id` these are devices nobody registered."""

    id: UUID | None
    code: str | None
    name: str | None
    timezone: str | None
    devices: int
    online: int
    lost: int
    last_contact_at: Any


def _seen(person: Person) -> list[UnitId] | None:
    units = units_seen(person)
    return None if units is None else list(units)


async def units_at_a_glance(person: Person) -> list[UnitGlance]:
    """The units that have devices, by code, and last the devices that belong to none (the provider's only)."""
    return [UnitGlance(**row) for row in await fetch(_UNITS, _seen(person))]


async def facilities_for(
    person: Person,
    *,
    unit: UnitId | None = None,
    device: DeviceId | None = None,
    is_unidentified: bool = False,
    building: BuildingId | None = None,
    after: int = 0,
    limit: int = DEVICES_A_PAGE,
) -> list[UnitNow]:
    """What each facility says now: at most `limit` devices, after the first `after`, by unit, building and address.

    `is_unidentified` asks for devices of no unit alone.
    Raises `NotFound` when `device`, `building` or `unit` is unknown or not the person's.
    """
    asked = (device, unit, after, limit, DEFAULT_TIMEZONE, is_unidentified, building)
    devices = await fetch(_DEVICES, _seen(person), *asked)
    if not devices and (device or unit or building) and not after:
        raise NotFound(N_("没有找到"))
    ids = [row["id"] for row in devices]
    rows = Rows(
        systems=await fetch(_SYSTEMS, ids),
        components=await fetch(_COMPONENTS, ids),
        states=await fetch(_STATES, ids),
        analogs=await fetch(_ANALOGS, ids),
    )
    by_device = rows.by_device()
    return _by_unit(devices, [device_now(row, by_device(row["id"]), person.language) for row in devices], person)


def _by_unit(rows: Sequence[dict[str, Any]], devices: Sequence[DeviceNow], person: Person) -> list[UnitNow]:
    """The rows come in order; neighbours of one unit and one building belong together."""
    units: dict[UUID | None, tuple[dict[str, Any], dict[UUID | None, list[DeviceNow]]]] = {}
    names: dict[UUID | None, str] = {None: _("未指明建筑", person.language)}
    for row, device in zip(rows, devices, strict=True):
        names.setdefault(row["building"], row["building_name"] or "")
        units.setdefault(row["unit"], (row, {}))[1].setdefault(row["building"], []).append(device)
    return [
        UnitNow(
            id=unit,
            code=row["unit_code"] or "",
            name=row["unit_name"] or _("未登记设备", person.language),
            timezone=row["timezone"],
            buildings=tuple(
                BuildingNow(id=building, name=names[building], devices=tuple(inside))
                for building, inside in buildings.items()
            ),
        )
        for unit, (row, buildings) in units.items()
    ]


async def events_for(
    person: Person,
    *,
    unit: UnitId | None = None,
    device: DeviceId | None = None,
    before: UUID | None = None,
    limit: int = EVENTS_A_PAGE,
) -> list[EventNow]:
    """Changes and operations that made no alarm (class I), newest first, beginning after the event `before`."""
    rows = await fetch(_EVENTS, _seen(person), device, unit, before, DEFAULT_TIMEZONE, limit)
    subjects = [subject_of(row["subject"]) for row in rows]
    known = await _names(rows, subjects)
    return [
        _event(row, subject, known.get((row["device"], _key(subject))), person.language)
        for row, subject in zip(rows, subjects, strict=True)
    ]


def _key(subject: Subject) -> tuple[int | None, int | None, str | None]:
    return subject.system_type, subject.system_address, subject.component_address


async def _names(rows: Sequence[dict[str, Any]], subjects: Sequence[Subject]) -> dict[tuple[Any, Any], dict[str, Any]]:
    """The point table's lines of the components that these events speak of."""
    wanted = [(row["device"], *_key(each)) for row, each in zip(rows, subjects, strict=True) if each.component_address]
    if not wanted:
        return {}
    found = await fetch(_NAMES, *map(list, zip(*wanted, strict=True)))
    return {
        (each["device"], (each["system_type"], each["system_address"], each["component_address"])): each
        for each in found
    }


def _event(row: dict[str, Any], subject: Subject, known: dict[str, Any] | None, language: str) -> EventNow:
    facts = msgspec.json.decode(row["facts"], type=dict[str, str])
    kind = facts.pop("kind", None)
    label = _(KIND_LABELS.get(kind, kind), language) if kind else ""
    said = row["text"]
    text = _(said, language)
    told = tuple((_(name, language), fact_text(value, language)) for name, value in facts.items())
    return EventNow(
        id=row["id"],
        device=row["device"],
        unit_name=row["unit_name"],
        where=_where(row, subject, known, language),
        rule=row["rule"],
        text=f"{label} {text}".strip() if label else text,
        facts=told,
        device_time=in_zone(row["device_time"], row["timezone"]) if row["device_time"] else None,
        received_at=in_zone(row["received_at"], row["timezone"]),
    )


def _where(row: dict[str, Any], subject: Subject, known: dict[str, Any] | None, language: str) -> str:
    device = row["device_name"] or row["address"]
    if subject.system_type is None:
        return " ".join(part for part in (row["building_name"], device) if part)
    if known and known["description"]:
        return " ".join(part for part in (row["building_name"], known["description"]) if part)
    system = system_type_name(subject.system_type, language, row["profile"])
    part = f"{system} {subject.system_address}"
    if subject.component_address:
        kind = component_type_name(known["component_type"], language, row["profile"]) if known else _("部件", language)
        part = f"{part} {kind} {subject.component_address}"
    return " ".join(each for each in (row["building_name"], device, part) if each)
