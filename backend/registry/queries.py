"""Reads of the registry for pages and programs; each goes through the doors."""

from typing import Final

import msgspec

from backend.core.db.engine import fetch, fetch_one
from backend.core.errors import NotFound
from backend.core.i18n import _
from backend.core.ids import BuildingId, DeviceId, UnitId
from backend.people import doors
from backend.people.model import Person, Right
from backend.registry.model import Agreement, Building, Component, Device, Unit, UnitTree, Zone

_DEVICE: Final = "id, unit, building, kind, address, power, profile, name, first_seen_at, adopted_at"
_UNITS_SEEN: Final = """
select id, code, name, address, timezone from units
where $1::uuid[] is null or id = any($1::uuid[]) order by code
"""
_COMPONENTS_OF_DEVICE: Final = """
select id, device, zone, system_type, system_address, component_type, component_address, description, role,
       quantity, low, high, scale, hysteresis, interval_s, closed_means
from components where device = $1
order by system_type, system_address, component_address, quantity nulls first
"""
_DEVICES_OF_UNIT: Final = f"select {_DEVICE} from devices where unit = $1 order by address"
_UNIDENTIFIED: Final = f"select {_DEVICE} from devices where unit is null order by first_seen_at desc, address"


async def units_for(person: Person) -> tuple[Unit, ...]:
    """The units a person may see, by code."""
    seen = doors.units_seen(person)
    rows = await fetch(_UNITS_SEEN, None if seen is None else list(seen))
    return msgspec.convert(rows, tuple[Unit, ...])


async def unit_for(person: Person, unit_id: UnitId) -> Unit:
    """One unit. Raises `NotFound` also when it is not the person's."""
    doors.require(person, Right.SEE, unit_id)
    rows = await fetch(_UNITS_SEEN, [unit_id])
    if not rows:
        raise NotFound(_("没有此联网单位"))
    return msgspec.convert(rows[0], Unit)


async def building_for(person: Person, building_id: BuildingId) -> Building:
    """One building, without its zones. Raises `NotFound` also when it is not the person's."""
    row = await fetch_one("select id, unit, code, name, address from buildings where id = $1", building_id)
    if row is None:
        raise NotFound(_("没有找到"))
    doors.require(person, Right.SEE, row["unit"])
    return msgspec.convert(row, Building)


async def unit_tree(person: Person, unit_id: UnitId) -> UnitTree:
    """A unit with its buildings, zones, devices and agreements. Raises `NotFound`."""
    unit = await unit_for(person, unit_id)
    devices = await fetch(_DEVICES_OF_UNIT, unit_id)
    agreements = await fetch(
        """
        select unit, number, scope, repair_hours, starts_on, ends_on, is_active
        from service_agreements where unit = $1 order by starts_on, number
        """,
        unit_id,
    )
    return UnitTree(
        unit=unit,
        buildings=await _buildings_of(unit_id),
        devices=msgspec.convert(devices, tuple[Device, ...]),
        agreements=msgspec.convert(agreements, tuple[Agreement, ...]),
    )


async def components_for(person: Person, device_id: DeviceId) -> tuple[Component, ...]:
    """The point table (点表) of a device. Raises `NotFound` also when it is not the person's."""
    row = await fetch_one("select unit from devices where id = $1", device_id)
    if row is None:
        raise NotFound(_("没有此设备"))
    doors.require(person, Right.SEE, row["unit"])
    return msgspec.convert(await fetch(_COMPONENTS_OF_DEVICE, device_id), tuple[Component, ...])


async def unidentified_devices(person: Person) -> tuple[Device, ...]:
    """Devices without a unit that wait to be adopted, newest first. Raises `NotFound`, `NotAllowed`."""
    doors.require(person, Right.ADOPT, None)
    return msgspec.convert(await fetch(_UNIDENTIFIED), tuple[Device, ...])


async def _buildings_of(unit_id: UnitId) -> tuple[Building, ...]:
    zones = await fetch(
        """
        select z.id, z.building, z.code, z.name, z.floor
        from zones z join buildings b on b.id = z.building where b.unit = $1 order by z.code
        """,
        unit_id,
    )
    by_building: dict[object, list[Zone]] = {}
    for zone in msgspec.convert(zones, list[Zone]):
        by_building.setdefault(zone.building, []).append(zone)
    rows = await fetch("select id, unit, code, name, address from buildings where unit = $1 order by code", unit_id)
    return tuple(msgspec.convert({**row, "zones": by_building.get(row["id"], [])}, Building) for row in rows)
