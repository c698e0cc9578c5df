"""What was imported serves: the directory, the administrator who keeps it, thresholds, an unidentified device."""

from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.errors import BadInput, Conflict, NotAllowed, NotFound
from backend.core.ids import ComponentId, DeviceId, UnitId, new_id
from backend.core.vocabulary import DeviceKind
from backend.people import queries as people
from backend.registry import queries, service
from backend.registry.changes import (
    AgreementIn,
    BuildingChange,
    ComponentChange,
    DeviceChange,
    UnitChange,
    ZoneChange,
)
from backend.registry.directory import Directory
from backend.registry.importing import import_path
from backend.registry.model import ClosedMeans, ComponentRole
from tests.integration.test_import import NOW, SMALL, Point, folder

pytestmark = pytest.mark.usefixtures("database")


async def test_the_directory_answers_from_memory_and_follows_changes(tmp_path: Path) -> None:
    await import_path(folder(tmp_path / "in", SMALL))
    directory = Directory()
    await directory.start()
    device = directory.device("790300000000")
    assert device is not None
    assert (device.kind, device.profile, device.timezone) == (DeviceKind.UITD, "standard", "Asia/Shanghai")
    assert directory.device_by_id(device.id) is device
    tank = directory.component(device.id, 11, 1, "01000200")
    assert tank is not None
    assert (tank.role, tank.points[2].low, tank.points[2].measure) == (
        ComponentRole.TANK_LEVEL, Decimal("2.7"), "m",
    )  # fmt: skip
    place = directory.place(device.id, Point(1, 1, "65000000"))
    assert (place.unit_name, place.building, place.zone, place.floor, place.description) == (
        "甲单位", "主楼", "大堂", "1层", "大堂感烟",
    )  # fmt: skip
    unknown = directory.place(device.id, Point(1, 1, "ffffffff"))
    assert (unknown.unit, unknown.building, unknown.description) == (device.unit, "主楼", "")
    assert directory.place(DeviceId(new_id()), Point()).unit is None
    assert directory.component(device.id, 1, 1, "ffffffff") is None
    stranger = (await service.note_unidentified("aabbccddeeff", NOW)).id
    assert directory.device("aabbccddeeff") is None
    await directory.refresh()
    found = directory.device("aabbccddeeff")
    assert found is not None
    assert (found.id, found.unit, found.timezone) == (stranger, None, None)


async def test_the_directory_is_read_again_only_when_the_registry_changed(tmp_path: Path) -> None:
    directory = Directory()
    await directory.start()
    directory._rested_at = 0.0
    assert not await directory.refresh_if_changed()
    await import_path(folder(tmp_path / "in", SMALL))
    assert await directory.refresh_if_changed()
    await execute("update devices set downlink_serial = 5")
    directory._rested_at = 0.0
    assert not await directory.refresh_if_changed()


async def test_the_administrator_keeps_the_registry_and_others_do_not() -> None:
    await import_path(Path(str(resources.files("backend.demo").joinpath("sample"))))
    admin, manager, desk = [await people.person_by_code(code) for code in ("sun", "wang", "qian")]
    told: list[str] = []

    async def record(what: str, facts: dict[str, Any]) -> None:
        assert msgspec.json.encode(facts)
        told.append(what)

    new = UnitChange(code="U9", name="新单位", timezone="Asia/Urumqi")
    for person, refusal in ((manager, NotFound), (desk, NotAllowed)):
        with pytest.raises(refusal):
            await service.add_unit(person, new)
    unit = await service.add_unit(admin, new, record)
    with pytest.raises(Conflict):
        await service.add_unit(admin, new, record)
    with pytest.raises(BadInput):
        await service.add_unit(admin, UnitChange(code="U10"), record)
    with pytest.raises(BadInput):
        await service.change_unit(admin, unit, UnitChange(timezone="Mars/Base"), record)
    await service.change_unit(admin, unit, UnitChange(name="改名单位"), record)
    building = await service.add_building(admin, unit, BuildingChange(code="B1", name="主楼"), record)
    await service.change_building(admin, building, BuildingChange(address="一路"), record)
    zone = await service.add_zone(admin, building, ZoneChange(code="Z1", name="大堂"), record)
    await service.change_zone(admin, zone, ZoneChange(floor="1层"), record)
    device = await service.add_device(
        admin, unit, "AA-BB-CC-DD-EE-FF", DeviceChange(name="用传", building=building), record
    )
    await service.change_device(admin, device, DeviceChange(profile="jk"), record)
    (elsewhere,) = await fetch("select id from buildings where code = 'B2'")
    with pytest.raises(NotFound):
        await service.change_device(admin, device, DeviceChange(building=elsewhere["id"]), record)
    agreement = AgreementIn(unit=unit, number="A-1", scope="全部", repair_hours=24, starts_on=NOW)
    await service.put_agreement(admin, agreement, record)
    with pytest.raises(BadInput):
        await service.put_agreement(admin, msgspec.structs.replace(agreement, repair_hours=0), record)
    assert told == [
        "unit.added", "unit.changed", "building.added", "building.changed", "zone.added", "zone.changed",
        "device.added", "device.changed", "agreement.put",
    ]  # fmt: skip
    tree = await queries.unit_tree(admin, unit)
    assert (tree.unit.name, tree.unit.timezone) == ("改名单位", "Asia/Urumqi")
    assert tree.buildings[0].zones[0].floor == "1层"
    assert (tree.devices[0].address, tree.devices[0].profile) == ("aabbccddeeff", "jk")
    assert tree.agreements[0].repair_hours == 24
    with pytest.raises(NotFound):
        await queries.unit_tree(manager, unit)
    assert [each.code for each in await queries.units_for(manager)] == ["FH001"]
    assert [each.code for each in await queries.units_for(admin)] == ["FH001", "U9"]


async def test_thresholds_are_changed_as_a_whole_that_makes_sense() -> None:
    await import_path(Path(str(resources.files("backend.demo").joinpath("sample"))))
    admin = await people.person_by_code("sun")
    row = await fetch_one("select id, device from components where role = 'tank_level'")
    assert row is not None
    tank = ComponentId(row["id"])
    await service.change_component(
        admin, tank, ComponentChange(low=Decimal("2.5"), hysteresis=Decimal("0.1"), closed_means=ClosedMeans.LOW)
    )
    for wrong in (
        ComponentChange(low=Decimal(4)),
        ComponentChange(hysteresis=Decimal("0.3")),
        ComponentChange(scale=Decimal(0)),
    ):
        with pytest.raises(BadInput):
            await service.change_component(admin, tank, wrong)
    changed = [each for each in await queries.components_for(admin, row["device"]) if each.id == tank]
    assert (changed[0].low, changed[0].high, changed[0].hysteresis) == (Decimal("2.5"), Decimal("3.00"), Decimal("0.1"))
    with pytest.raises(NotFound):
        await service.change_component(admin, ComponentId(new_id()), ComponentChange(low=None))


async def test_an_unidentified_device_is_adopted_once_by_who_may() -> None:
    await import_path(Path(str(resources.files("backend.demo").joinpath("sample"))))
    desk, manager = await people.person_by_code("qian"), await people.person_by_code("wang")
    device = (await service.note_unidentified("aabbccddeeff", NOW)).id
    assert [each.id for each in await queries.unidentified_devices(desk)] == [device]
    with pytest.raises(NotFound):
        await queries.unidentified_devices(manager)
    with pytest.raises(NotFound):
        await service.adopt(manager, device, "FH001", "B1", "新装置", "jk")
    for unit, building in (("NO", "B1"), ("FH001", "NO")):
        with pytest.raises(NotFound):
            await service.adopt(desk, device, unit, building, "新装置", "jk")
    with pytest.raises(BadInput):
        await service.adopt(desk, device, "FH001", "B1", "新装置", "klingon")
    told: list[dict[str, Any]] = []

    async def record(what: str, facts: dict[str, Any]) -> None:
        assert what == "device.adopted"
        told.append(facts)

    await service.adopt(desk, device, "FH001", "B1", "新装置", "jk", record=record)
    assert (told[0]["address"], told[0]["profile"]) == ("aabbccddeeff", "jk")
    with pytest.raises(Conflict):
        await service.adopt(desk, device, "FH001", "B1", "新装置", "jk")
    with pytest.raises(NotFound):
        await service.adopt(desk, DeviceId(new_id()), "FH001", "", "新装置", "jk")
    assert await queries.unidentified_devices(desk) == ()
    (unit,) = manager.units
    tree = await queries.unit_tree(manager, UnitId(unit))
    assert "aabbccddeeff" in [each.address for each in tree.devices]
