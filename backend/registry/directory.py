"""What a process knows of the registry by heart: devices, components, places. Lookups do no I/O.

The rule: a look at `registry_version` each second, and only when it moved is everything read again, into new
tables that then take the old ones' place; a lookup sees one reading or the other. The reading is streamed in
portions, so that frames are served meanwhile.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from backend.core import clock
from backend.core.db.engine import fetch_one, transaction
from backend.core.ids import BuildingId, ComponentId, DeviceId, UnitId, ZoneId
from backend.core.vocabulary import DeviceKind, Power
from backend.registry.model import (
    DEFAULT_TIMEZONE,
    NO_POINTS,
    AnalogPoint,
    ClosedMeans,
    ComponentFacts,
    ComponentRole,
    DeviceFacts,
    Place,
    WireKey,
)
from backend.registry.quantities import quantity

_LOOK_EVERY_S: Final = 1.0
#: after a reading the next one waits this many times its length: unknown devices that call in by the thousand
#: change the registry each second, and must not keep the process busy with reading
_REST_FACTOR: Final = 4
_PORTION: Final = 1000
#: what the look at the version may fail with while the server restarts; the old tables serve on
_SERVER_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

_COMPONENTS: Final = """
select id, device, zone, system_type, system_address, component_type, component_address, description, role,
       quantity, low, high, scale, hysteresis, interval_s, closed_means
from components order by device, system_type, system_address, component_address, quantity nulls first
"""

log = logging.getLogger(__name__)


class _UnitWords(NamedTuple):
    name: str
    timezone: str


class _ZoneWords(NamedTuple):
    name: str
    floor: str
    building: BuildingId


ComponentKey = tuple[DeviceId, int, int, str]
SystemKey = tuple[DeviceId, int, int]


class _Tables(msgspec.Struct):
    """One reading of the registry."""

    version: int = 0
    units: dict[UnitId, _UnitWords] = {}
    buildings: dict[BuildingId, str] = {}
    zones: dict[ZoneId, _ZoneWords] = {}
    devices: dict[DeviceId, DeviceFacts] = {}
    addresses: dict[str, DeviceFacts] = {}
    components: dict[ComponentKey, ComponentFacts] = {}
    systems: dict[SystemKey, list[str]] = {}  #: component addresses of each system, in their order


class Directory:
    """The registry in this process's memory: `start()`, then `run()` as a task of the process's own.

    The table's bounds are 10 000 devices and 100 000 components, in about 60 MB.
    """

    def __init__(self) -> None:
        self._tables = _Tables()
        self._rested_at = 0.0
        self._reading = asyncio.Lock()

    async def start(self) -> None:
        """Read everything for the first time."""
        await self.refresh()

    async def run(self) -> None:
        """Look for changes each second until cancelled; while the database is away the old tables serve."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await self.refresh_if_changed()
            except _SERVER_AWAY as error:
                log.warning("registry can't be read", extra={"reason": type(error).__name__})

    async def refresh_if_changed(self) -> bool:
        """Read again if the registry changed and the last reading is long ago; answers whether it did."""
        if clock.monotonic() < self._rested_at:
            return False
        row = await fetch_one("select version from registry_version")
        if row is None or row["version"] == self._tables.version:
            return False
        await self.refresh()
        return True

    async def refresh(self) -> None:
        """Read everything now. Never inside a transaction: the reading takes one snapshot of its own."""
        async with self._reading:
            began = clock.monotonic()
            self._tables = await _read()
            ended = clock.monotonic()
            self._rested_at = ended + _REST_FACTOR * (ended - began)

    @property
    def version(self) -> int:
        """The registry's version as last read."""
        return self._tables.version

    def device(self, address: str) -> DeviceFacts | None:
        """A device by its address (12 lower-case hex digits in wire order)."""
        return self._tables.addresses.get(address)

    def device_by_id(self, device: DeviceId) -> DeviceFacts | None:
        """A device by its id."""
        return self._tables.devices.get(device)

    def devices(self) -> Mapping[DeviceId, DeviceFacts]:
        """All devices, for supervision of their links."""
        return self._tables.devices

    def component(
        self, device: DeviceId, system_type: int, system_address: int, component_address: str
    ) -> ComponentFacts | None:
        """A component by its wire key; None when the point table lacks it."""
        return self._tables.components.get((device, system_type, system_address, component_address))

    def components_of(
        self, device: DeviceId, system_type: int, system_address: int, roles: Collection[ComponentRole]
    ) -> list[ComponentFacts]:
        """The components with one of `roles` at a system's address, in the order of their own addresses."""
        tables = self._tables
        addresses = tables.systems.get((device, system_type, system_address), ())
        found = (tables.components[device, system_type, system_address, address] for address in addresses)
        return [each for each in found if each.role in roles]

    def place(self, device: DeviceId, subject: WireKey) -> Place:
        """Where the subject is, as far as the registry knows; an unknown device has an empty place."""
        tables = self._tables
        facts = tables.devices.get(device)
        if facts is None:
            return Place()
        component = self._component_of(device, subject)
        zone = tables.zones.get(component.zone) if component and component.zone else None
        building = zone.building if zone else facts.building
        unit = tables.units.get(facts.unit) if facts.unit else None
        return Place(
            unit=facts.unit,
            unit_name=unit.name if unit else "",
            timezone=unit.timezone if unit else DEFAULT_TIMEZONE,
            device_name=facts.name,
            building=tables.buildings.get(building, "") if building else "",
            zone=zone.name if zone else "",
            floor=zone.floor if zone else "",
            description=component.description if component else "",
        )

    def _component_of(self, device: DeviceId, subject: WireKey) -> ComponentFacts | None:
        system_type, system_address = subject.system_type, subject.system_address
        if system_type is None or system_address is None or subject.component_address is None:
            return None
        return self.component(device, system_type, system_address, subject.component_address)


async def _read() -> _Tables:
    tables = _Tables()
    async with transaction() as connection:
        await connection.execute("set transaction isolation level repeatable read, read only")
        tables.version = await connection.fetchval("select version from registry_version")
        async for row in _stream(connection, "select id, name, timezone from units"):
            tables.units[row["id"]] = _UnitWords(row["name"], row["timezone"])
        async for row in _stream(connection, "select id, name from buildings"):
            tables.buildings[row["id"]] = row["name"]
        async for row in _stream(connection, "select id, name, floor, building from zones"):
            tables.zones[row["id"]] = _ZoneWords(row["name"], row["floor"], row["building"])
        devices = "select id, unit, building, kind, address, power, profile, name from devices"
        async for row in _stream(connection, devices):
            facts = _device_from(row, tables)
            tables.devices[facts.id] = tables.addresses[facts.address] = facts
        async for row in _stream(connection, _COMPONENTS):
            _add_component(row, tables)
    return tables


def _stream(connection: asyncpg.Connection, sql: str) -> Any:
    return connection.cursor(sql, prefetch=_PORTION)


def _device_from(row: asyncpg.Record, tables: _Tables) -> DeviceFacts:
    unit = tables.units.get(row["unit"])
    return DeviceFacts(
        id=row["id"],
        address=row["address"],
        unit=row["unit"],
        building=row["building"],
        kind=DeviceKind(row["kind"]),
        power=Power(row["power"]),
        profile=row["profile"],
        name=row["name"],
        timezone=unit.timezone if unit else None,
    )


def _add_component(row: asyncpg.Record, tables: _Tables) -> None:
    """The row without a quantity comes first and describes the component; each further row adds an analog."""
    device = tables.devices[row["device"]].id
    key = (device, row["system_type"], row["system_address"], row["component_address"])
    role = ComponentRole(row["role"])
    number, facts = row["quantity"], tables.components.get(key)
    points = dict(facts.points) if facts else {}
    if number is not None:
        points[number] = _point_from(row, role)
    if facts is None:
        facts = ComponentFacts(
            id=ComponentId(row["id"]),
            component_type=row["component_type"],
            zone=row["zone"],
            description=row["description"],
            role=role,
            closed_means=ClosedMeans(row["closed_means"]) if row["closed_means"] else None,
        )
        tables.systems.setdefault(key[:3], []).append(key[3])
    tables.components[key] = msgspec.structs.replace(facts, points=points or NO_POINTS)


def _point_from(row: asyncpg.Record, role: ComponentRole) -> AnalogPoint:
    return AnalogPoint(
        id=ComponentId(row["id"]),
        quantity=row["quantity"],
        measure=quantity(row["quantity"]).measure,
        role=role,
        low=row["low"],
        high=row["high"],
        scale=row["scale"],
        hysteresis=row["hysteresis"],
        interval_s=row["interval_s"],
    )
