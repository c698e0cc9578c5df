"""Use cases of the registry: what is watched, where it is, and what was agreed.

The rule: each takes a person, checks the right at the doors, and offers its caller a `record`, which is called
inside the same transaction, so that an act and its entry in the ledger are kept together (the ledger is a room
above this one).
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from backend.core import clock
from backend.core.db.engine import execute, fetch_one, transaction
from backend.core.errors import BadInput, Conflict, NotFound
from backend.core.i18n import _
from backend.core.ids import BuildingId, ComponentId, DeviceId, UnitId, ZoneId, new_id
from backend.core.vocabulary import DeviceKind, Power
from backend.people import doors
from backend.people.model import Person, Right
from backend.registry import addresses, checks
from backend.registry.changes import (
    AgreementIn,
    BuildingChange,
    Change,
    ComponentChange,
    DeviceChange,
    UnitChange,
    ZoneChange,
    given,
)
from backend.registry.model import DEFAULT_PROFILE, DEFAULT_TIMEZONE, DeviceFacts

#: what an act is recorded by: its name, and its facts as plain JSON values
Record = Callable[[str, dict[str, Any]], Awaitable[object]]

_LONGEST_REPAIR_HOURS: Final = 8760
_ADOPT: Final = """
update devices set unit = $2, building = $3, name = $4, profile = $5, kind = $6, power = $7, adopted_at = $8
where id = $1 and unit is null returning address
"""
_NOTE_UNIDENTIFIED: Final = """
insert into devices (id, kind, address, power, profile, name, first_seen_at, downlink_serial)
values ($1, $2, $3, $4, $5, '', $6, 0) on conflict (address) do nothing
"""
_DEVICE_NOW: Final = """
select d.id, d.address, d.unit, d.building, d.kind, d.power, d.profile, d.name, u.timezone
from devices d left join units u on u.id = d.unit where d.address = $1 for share of d
"""
_PUT_AGREEMENT: Final = """
insert into service_agreements (id, unit, number, scope, repair_hours, starts_on, ends_on, is_active)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (unit, number) do update set scope = excluded.scope, repair_hours = excluded.repair_hours,
    starts_on = excluded.starts_on, ends_on = excluded.ends_on, is_active = excluded.is_active
"""


async def add_unit(person: Person, unit: UnitChange, record: Record | None = None) -> UnitId:
    """Add a networked unit (联网单位). Raises `NotAllowed`, `BadInput`, `Conflict` for a code that is taken."""
    doors.require(person, Right.ADMINISTER, None)
    fields = {"timezone": DEFAULT_TIMEZONE, "address": ""} | given(unit) | {"created_at": clock.now()}
    return UnitId(await _add("units", fields, record, "unit.added"))


async def change_unit(person: Person, unit_id: UnitId, change: UnitChange, record: Record | None = None) -> None:
    """Change a unit's particulars. Raises `NotFound`, `NotAllowed`, `BadInput`, `Conflict`."""
    doors.require(person, Right.ADMINISTER, unit_id)
    await _change("units", unit_id, change, record, "unit.changed")


async def add_building(
    person: Person, unit_id: UnitId, building: BuildingChange, record: Record | None = None
) -> BuildingId:
    """Add a building (建(构)筑物) to a unit. Raises as `add_unit`."""
    doors.require(person, Right.ADMINISTER, unit_id)
    fields = {"address": ""} | given(building) | {"unit": unit_id}
    return BuildingId(await _add("buildings", fields, record, "building.added"))


async def change_building(
    person: Person, building_id: BuildingId, change: BuildingChange, record: Record | None = None
) -> None:
    """Change a building's particulars. Raises as `change_unit`."""
    await _require_of(person, "select unit from buildings where id = $1", building_id)
    await _change("buildings", building_id, change, record, "building.changed")


async def add_zone(person: Person, building_id: BuildingId, zone: ZoneChange, record: Record | None = None) -> ZoneId:
    """Add a zone (区域) to a building. Raises as `add_unit`."""
    await _require_of(person, "select unit from buildings where id = $1", building_id)
    fields = {"floor": ""} | given(zone) | {"building": building_id}
    return ZoneId(await _add("zones", fields, record, "zone.added"))


async def change_zone(person: Person, zone_id: ZoneId, change: ZoneChange, record: Record | None = None) -> None:
    """Change a zone's particulars. Raises as `change_unit`."""
    await _require_of(
        person, "select b.unit from zones z join buildings b on b.id = z.building where z.id = $1", zone_id
    )
    await _change("zones", zone_id, change, record, "zone.changed")


async def add_device(
    person: Person,
    unit_id: UnitId,
    address: str,
    device: DeviceChange,
    record: Record | None = None,
) -> DeviceId:
    """Register a device before it calls in (用户信息传输装置、信息采集装置). Raises as `add_unit`.

    One that has called in already is adopted instead.
    """
    doors.require(person, Right.ADMINISTER, unit_id)
    try:
        wire = addresses.device_address(address)
    except ValueError as error:
        raise BadInput(str(error)) from None
    fields = {"kind": DeviceKind.UITD, "power": Power.MAINS, "profile": DEFAULT_PROFILE} | given(device)
    await _require_building_of(fields.get("building"), unit_id)
    fields |= {"unit": unit_id, "address": wire, "adopted_at": clock.now(), "downlink_serial": 0}
    return DeviceId(await _add("devices", fields, record, "device.added"))


async def change_device(
    person: Person, device_id: DeviceId, change: DeviceChange, record: Record | None = None
) -> None:
    """Change a device's particulars. Raises as `change_unit`."""
    unit = await _require_of(person, "select unit from devices where id = $1", device_id)
    if change.building is not msgspec.UNSET:
        await _require_building_of(change.building, unit)
    await _change("devices", device_id, change, record, "device.changed")


async def change_component(
    person: Person, component_id: ComponentId, change: ComponentChange, record: Record | None = None
) -> None:
    """Change a line of the point table (点表): role, limits, hysteresis, interval. Raises as `change_unit`."""
    sql = "select d.unit from components c join devices d on d.id = c.device where c.id = $1"
    unit = await _require_of(person, sql, component_id)
    fields = given(change)
    await _require_zone_of(fields.get("zone"), unit)
    async with transaction():
        now = await fetch_one(
            "select quantity, low, high, scale, hysteresis from components where id = $1 for update", component_id
        )
        assert now is not None, "components are never deleted"
        limits: dict[str, Any] = {name: fields.get(name, value) for name, value in now.items()}
        wrong = checks.why_limits_are_wrong(**limits)
        if wrong is not None:
            raise BadInput(_("{field}:{reason}", field=wrong[0], reason=wrong[1]), field=wrong[0])
        await _change("components", component_id, change, record, "component.changed")


async def put_agreement(person: Person, agreement: AgreementIn, record: Record | None = None) -> None:
    """Add a service agreement (服务协议) or change the one of this number. Raises as `change_unit`."""
    doors.require(person, Right.ADMINISTER, agreement.unit)
    try:
        number = checks.code(agreement.number.strip())
    except ValueError as error:
        raise BadInput(str(error)) from None
    if not 1 <= agreement.repair_hours <= _LONGEST_REPAIR_HOURS:
        raise BadInput(_("约定修复时间应为 1 到 {most} 小时", most=_LONGEST_REPAIR_HOURS))
    values = msgspec.structs.asdict(agreement) | {"number": number}
    async with transaction():
        try:
            await execute(_PUT_AGREEMENT, new_id(), *values.values())
        except asyncpg.ForeignKeyViolationError:
            raise NotFound(_("没有此联网单位")) from None
        await _recorded(record, "agreement.put", values)


async def adopt(  # noqa: PLR0917 - the order of the architecture's contract
    person: Person,
    device_id: DeviceId,
    unit_code: str,
    building_code: str,
    name: str,
    profile: str = DEFAULT_PROFILE,
    *,
    kind: DeviceKind = DeviceKind.UITD,
    power: Power = Power.MAINS,
    record: Record | None = None,
) -> None:
    """Give an unidentified device (未登记设备) to a unit; an empty building code leaves the building open.

    Raises `NotFound`, `NotAllowed`, `BadInput`, and `Conflict` when it was adopted meanwhile.
    """
    doors.require(person, Right.ADOPT, None)
    fields = given(DeviceChange(name=name, profile=profile))
    async with transaction():
        unit, building = await _unit_and_building(unit_code, building_code)
        adopted = await fetch_one(
            _ADOPT, device_id, unit, building, fields["name"], fields["profile"], kind, power, clock.now()
        )
        if adopted is None:
            await _require_of(person, "select unit from devices where id = $1", device_id, right=Right.SEE)
            raise Conflict(_("该设备已被登记到联网单位"))
        facts = {"device": device_id, "unit": unit, "building": building, "kind": kind, "power": power}
        await _recorded(record, "device.adopted", {**adopted, **fields, **facts})


async def note_unidentified(address: str, seen_at: datetime) -> DeviceFacts:
    """The device of an address that this process knows no unit of, made when it is new (未登记设备).

    It has a unit when it was registered meanwhile. Inside the intake's transaction, until whose end nobody can adopt
    it: an adoption comes before the alarms of a batch, or finds them. `address` is 12 hex digits in wire order.
    """
    row = await fetch_one(_DEVICE_NOW, address)
    if row is None:
        new = (new_id(), DeviceKind.UITD, address, Power.MAINS, DEFAULT_PROFILE, seen_at)
        await execute(_NOTE_UNIDENTIFIED, *new)
        row = await fetch_one(_DEVICE_NOW, address)
    assert row is not None, "devices are never deleted"
    return msgspec.convert(row, DeviceFacts)


async def _unit_and_building(unit_code: str, building_code: str) -> tuple[UnitId, BuildingId | None]:
    try:
        unit_code, building_code = (
            checks.text(each.strip(), checks.LONGEST_CODE) for each in (unit_code, building_code)
        )
    except ValueError as error:
        raise BadInput(str(error)) from None
    unit = await fetch_one("select id from units where code = $1", unit_code)
    if unit is None:
        raise NotFound(_("没有编号为 {code} 的联网单位", code=unit_code))
    if not building_code:
        return UnitId(unit["id"]), None
    building = await fetch_one("select id from buildings where unit = $1 and code = $2", unit["id"], building_code)
    if building is None:
        raise NotFound(_("该联网单位没有编号为 {code} 的建筑", code=building_code))
    return UnitId(unit["id"]), BuildingId(building["id"])


async def _require_of(person: Person, sql: str, key: Any, right: str = Right.ADMINISTER) -> UnitId | None:
    """The unit that `sql` finds for `key`, when the person has the right there."""
    row = await fetch_one(sql, key)
    if row is None:
        raise NotFound(_("没有找到"))
    unit = None if row["unit"] is None else UnitId(row["unit"])
    doors.require(person, right, unit)
    return unit


async def _require_building_of(building: object, unit: UnitId | None) -> None:
    if building is None:
        return
    if await fetch_one("select 1 from buildings where id = $1 and unit = $2", building, unit) is None:
        raise NotFound(_("该联网单位没有此建筑"))


async def _require_zone_of(zone: object, unit: UnitId | None) -> None:
    if zone is None:
        return
    sql = "select 1 from zones z join buildings b on b.id = z.building where z.id = $1 and b.unit = $2"
    if await fetch_one(sql, zone, unit) is None:
        raise NotFound(_("该联网单位没有此区域"))


async def _add(table: str, fields: dict[str, Any], record: Record | None, what: str) -> Any:
    """Insert a row; table and column names are this room's own, never a caller's."""
    missing = {"code", "name"} - fields.keys() if table != "devices" else {"name"} - fields.keys()
    if missing:
        raise BadInput(_("缺少: {names}", names=", ".join(sorted(missing))))
    key = new_id()
    values = {"id": key, **fields}
    places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
    sql = f"insert into {table} ({', '.join(values)}) values ({places})"
    async with transaction():
        await _written(sql, *values.values())
        await _recorded(record, what, values)
    return key


async def _change(table: str, key: Any, change: Change, record: Record | None, what: str) -> None:
    """Update the fields that were set; table and column names are this room's own, never a caller's."""
    fields = given(change)
    if not fields:
        return
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(fields, start=2))
    sql = f"update {table} set {sets} where id = $1 returning id"
    async with transaction():
        if await _written(sql, key, *fields.values()) is None:
            raise NotFound(_("没有找到"))
        await _recorded(record, what, {"id": key, **fields})


async def _written(sql: str, *values: Any) -> dict[str, Any] | None:
    try:
        return await fetch_one(sql, *values)
    except asyncpg.UniqueViolationError:
        raise Conflict(_("编号或地址已被使用")) from None
    except asyncpg.ForeignKeyViolationError:
        raise NotFound(_("没有找到")) from None


async def _recorded(record: Record | None, what: str, facts: Mapping[str, Any]) -> None:
    if record is not None:
        await record(what, msgspec.to_builtins(dict(facts)))
