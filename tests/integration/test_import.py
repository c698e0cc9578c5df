"""The import against the real database: all or nothing, each bad row named, twice is once; and what then serves."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.errors import BadInput
from backend.core.vocabulary import Channel
from backend.people import queries as people
from backend.registry import service
from backend.registry.importing import ImportRefused, import_path

pytestmark = pytest.mark.usefixtures("database")

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TABLES = (
    "units", "buildings", "zones", "devices", "facility_systems", "components", "people", "grants", "contact_points",
    "service_agreements",
)  # fmt: skip
SMALL = {
    "units": "code,name,address,timezone\nU1,甲单位,一路1号,Asia/Shanghai\n",
    "buildings": "unit,code,name,address\nU1,B1,主楼,\n",
    "zones": "building,code,name,floor\nB1,Z1,大堂,1层\n",
    "devices": "unit,building,kind,address,power,profile,name\nU1,B1,uitd,790300000000,mains,standard,用传\n",
    "components": (
        "device,system_type,system_address,component_type,component_address,zone,description,quantity,low,high,scale\n"
        "790300000000,1,1,42,101,Z1,大堂感烟,,,,\n"
        "790300000000,11,1,92,0x00020001,Z1,消防水箱,2,2.7,3.0,\n"
    ),
    "people": "code,name,phone,language\nP1,张三,13800000001,zh_CN\n",
    "roles": "person,role,unit\nP1,unit_manager,U1\n",
    "contacts": "person,channel,address,priority\nP1,app,,1\nP1,telegram,100001,2\n",
}


class Point(msgspec.Struct, frozen=True):
    """A subject as a report names it."""

    system_type: int | None = None
    system_address: int | None = None
    component_address: str | None = None


def folder(path: Path, sheets: Mapping[str, str | bytes]) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in sheets.items():
        (path / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


async def everything() -> dict[str, list[dict[str, Any]]]:
    return {table: await fetch(f"select *, xmin::text from {table} order by id") for table in TABLES}


async def problems_of(path: Path) -> list[tuple[str, int | None, str | None]]:
    with pytest.raises(ImportRefused) as refused:
        await import_path(path)
    assert len(str(refused.value).splitlines()) == len(refused.value.problems)
    return [(each.sheet, each.row, each.column) for each in refused.value.problems]


async def test_the_sample_unit_is_imported_whole_and_a_second_time_changes_nothing() -> None:
    sample = Path(str(resources.files("backend.demo").joinpath("sample")))
    report = await import_path(sample)
    assert report.created == {
        "units": 1, "buildings": 2, "zones": 10, "devices": 2, "components": 43, "people": 7, "roles": 7,
        "contacts": 21, "agreements": 1,
    }  # fmt: skip
    before = await everything()
    again = await import_path(sample)
    assert again.is_unchanged
    assert again.unchanged == report.created
    assert await everything() == before


async def test_the_sample_covers_each_item_of_4_3_2_with_roles_and_limits() -> None:
    await import_path(Path(str(resources.files("backend.demo").joinpath("sample"))))
    rows = await fetch("select role, quantity, low, hysteresis, description from components")
    roles = {row["role"] for row in rows}
    assert roles >= {
        "detector", "call_point", "tank_level", "pool_level", "worst_point_pressure", "test_hydrant_pressure",
        "outdoor_hydrant_pressure", "pump_cabinet_auto", "pump_cabinet_power", "jockey_running", "pump_running",
    }  # fmt: skip
    for row in rows:
        if row["quantity"] is not None:
            assert row["low"] is not None, row
            assert row["hysteresis"] > 0, row
    manager = await people.person_by_code("wang")
    (unit,) = manager.units
    reached = await people.recipients_of([unit, None])
    assert {each.channel for each in reached[unit]} == {Channel.APP, Channel.TELEGRAM, Channel.SMS, Channel.VOICE}
    assert len(reached[unit]) == 14
    assert {each.name for each in reached[None]} == {"钱值班员"}


async def test_a_folder_becomes_rows_in_the_wire_form(tmp_path: Path) -> None:
    await import_path(folder(tmp_path / "in", SMALL))
    rows = await fetch("select component_address, role, low, hysteresis from components order by component_address")
    assert rows == [
        {"component_address": "01000200", "role": "tank_level", "low": Decimal("2.7"), "hysteresis": Decimal("0.061")},
        {"component_address": "65000000", "role": "detector", "low": None, "hysteresis": None},
    ]
    app = await fetch_one("select address from contact_points where channel = 'app'")
    assert app == {"address": "P1"}


async def test_a_workbook_says_the_same_as_a_folder(tmp_path: Path) -> None:
    await import_path(folder(tmp_path / "in", SMALL))
    workbook = openpyxl.Workbook()
    for name, text in SMALL.items():
        sheet = workbook.create_sheet(name)
        for row in text.splitlines():
            sheet.append([float(cell) if cell.isdigit() and len(cell) < 6 else cell or None for cell in row.split(",")])
    workbook.save(tmp_path / "in.xlsx")
    assert (await import_path(tmp_path / "in.xlsx")).is_unchanged


async def test_only_what_differs_is_changed_and_columns_a_sheet_lacks_are_left_alone(tmp_path: Path) -> None:
    path = folder(tmp_path / "in", SMALL)
    await import_path(path)
    await execute("update components set hysteresis = 0.1 where quantity = 2")
    before = await fetch("select id from components order by id")
    components = SMALL["components"].replace("2.7,3.0", "2.5,3.0").replace("大堂感烟", "大堂温感")
    folder(path, {"components": components, "units": SMALL["units"].replace("甲单位", "乙单位")})
    report = await import_path(path)
    assert report.created["components"] == 0
    assert (report.changed["units"], report.changed["components"], report.changed["zones"]) == (1, 2, 0)
    assert await fetch("select id from components order by id") == before
    assert await fetch_one("select low, hysteresis from components where quantity = 2") == {
        "low": Decimal("2.5"),
        "hysteresis": Decimal("0.1"),
    }


async def test_a_default_role_follows_the_description_until_somebody_chose_one(tmp_path: Path) -> None:
    head = "device,system_type,system_address,component_type,component_address,description,quantity\n"
    row = "790300000000,11,1,0,7,{},5\n"
    path = folder(tmp_path / "in", SMALL | {"components": head + row.format("管网压力")})
    await import_path(path)
    role = "select role from components"
    assert await fetch_one(role) == {"role": "pipe_pressure"}
    await import_path(folder(path, {"components": head + row.format("试验消火栓压力")}))
    assert await fetch_one(role) == {"role": "test_hydrant_pressure"}
    await execute("update components set role = 'other'")
    await import_path(folder(path, {"components": head + row.format("室外消火栓压力")}))
    assert await fetch_one(role) == {"role": "other"}


async def test_every_bad_row_is_named_and_nothing_is_imported(tmp_path: Path) -> None:
    sheets = SMALL | {
        "units": "code,name,address,timezone\nU1,甲,,Asia/Shanghai\n\nU2,乙,,Mars/Base\nU1,丙,,Asia/Shanghai\n",
        "buildings": "unit,code,name,address\nU9,B1,主楼,\nU2,B2,,\n",
        "zones": "building,code,name,floor\nB1,Z1,大堂,1层\nB7,Z2,走廊,\n",
        "devices": (
            "unit,building,kind,address,power,profile,name\n"
            "U1,B1,uitd,79:03:00:00:00:00,mains,standard,a\n"
            "U1,B1,phone,7903,wind,other,b\n"
        ),
        "components": (
            "device,system_type,system_address,component_type,component_address,zone,description,quantity,low,high,scale\n"
            "790300000000,256,1,42,101,Z1,a,,,,\n"
            "790300000000,1,1,42,4294967296,Z1,a,,,,\n"
            "790300000000,1,1,42,1,Z1,a,,3,,\n"
            "790300000000,1,1,92,2,Z1,a,2,3,2,\n"
            "aa0300000000,1,1,92,2,Z1,a,2,1,2,\n"
            "790300000000,1,1,92,3,Z9,a,2,1,2,0\n"
        ),
        "people": "code,name,phone,language\nP1,张三,12345,fr\nP2,李四,abc,en\n",
        "roles": "person,role,unit\nP1,unit_manager,\nP1,provider_operator,U1\nP3,king,U1\nP3,unit_duty,U1\n",
        "contacts": "person,channel,address,priority\nP1,pigeon,x,1\nP1,telegram,@me,one\nP8,app,,1\n",
    }
    found = await problems_of(folder(tmp_path / "in", sheets))
    assert set(found) == {
        ("units", 4, "timezone"), ("units", 5, None),
        ("buildings", 2, "unit"), ("buildings", 3, "name"),
        ("zones", 3, "building"),
        ("devices", 3, "kind"), ("devices", 3, "address"), ("devices", 3, "power"), ("devices", 3, "profile"),
        ("components", 2, "system_type"), ("components", 3, "component_address"), ("components", 4, "low"),
        ("components", 5, "low"), ("components", 6, "device"), ("components", 7, "scale"),
        ("people", 2, "language"), ("people", 3, "phone"),
        ("roles", 2, "unit"), ("roles", 3, "unit"), ("roles", 4, "role"), ("roles", 5, "person"),
        ("contacts", 2, "channel"), ("contacts", 3, "priority"), ("contacts", 4, "person"),
    }  # fmt: skip
    assert all(rows == [] for rows in (await everything()).values())


async def test_a_late_bad_row_takes_back_all_the_good_ones(tmp_path: Path) -> None:
    sheets = SMALL | {"contacts": SMALL["contacts"] + "P9,app,,1\n"}
    assert await problems_of(folder(tmp_path / "in", sheets)) == [("contacts", 4, "person")]
    assert all(rows == [] for rows in (await everything()).values())


async def test_sheets_may_be_missing_and_refer_to_what_is_registered(tmp_path: Path) -> None:
    await import_path(folder(tmp_path / "first", {name: SMALL[name] for name in ("units", "buildings", "zones")}))
    await import_path(folder(tmp_path / "second", {name: SMALL[name] for name in ("devices", "people")}))
    report = await import_path(
        folder(tmp_path / "third", {name: SMALL[name] for name in ("components", "roles", "contacts")})
    )
    assert report.created == {"components": 2, "roles": 1, "contacts": 2}
    assert await fetch("select 1 from components where zone is null") == []


async def test_a_building_code_that_two_units_use_must_be_written_with_its_unit(tmp_path: Path) -> None:
    sheets = {
        "units": SMALL["units"] + "U2,乙单位,,Asia/Shanghai\n",
        "buildings": SMALL["buildings"] + "U2,B1,副楼,\n",
        "zones": "building,code,name,floor\nB1,Z1,大堂,1层\nU2/B1,Z1,大堂,1层\n",
        "devices": SMALL["devices"] + "U2,B1,uitd,7a0300000000,mains,,\n",
        "components": (
            "device,system_type,system_address,component_type,component_address,zone\n"
            "7a0300000000,1,1,42,1,Z1\n7a0300000000,1,1,42,2,B1/Z1\n"
        ),
    }
    assert await problems_of(folder(tmp_path / "in", sheets)) == [("zones", 2, "building")]
    folder(tmp_path / "in", {"zones": "building,code,name,floor\nU1/B1,Z1,大堂,1层\nU2/B1,Z1,副楼大堂,1层\n"})
    await import_path(tmp_path / "in")
    assert await fetch("select distinct z.name from components c join zones z on z.id = c.zone") == [
        {"name": "副楼大堂"}
    ]


async def test_one_component_may_have_a_row_for_each_quantity_and_must_keep_its_type(tmp_path: Path) -> None:
    head = "device,system_type,system_address,component_type,component_address,quantity\n"
    rows = ["790300000000,11,1,91,1,\n", "790300000000,11,1,91,1,8\n", "790300000000,11,1,91,1,9\n"]
    path = folder(tmp_path / "in", SMALL | {"components": head + "".join(rows)})
    assert (await import_path(path)).created["components"] == 3
    folder(path, {"components": head + "".join(rows) + "790300000000,11,1,92,1,2\n" + rows[1]})
    assert await problems_of(path) == [("components", 5, "component_type"), ("components", 6, None)]


async def test_an_unidentified_device_is_taken_over_by_an_import(tmp_path: Path) -> None:
    device = (await service.note_unidentified("790300000000", NOW)).id
    assert (await service.note_unidentified("790300000000", NOW)).id == device
    report = await import_path(folder(tmp_path / "in", SMALL))
    assert report.changed["devices"] == 1
    row = await fetch_one("select id, unit is not null as has_unit, adopted_at, first_seen_at from devices")
    assert row is not None
    assert (row["id"], row["has_unit"], row["first_seen_at"]) == (device, True, NOW)
    assert row["adopted_at"] is not None
    assert (await import_path(tmp_path / "in")).is_unchanged


async def test_an_import_is_recorded_in_its_own_transaction_or_not_made(tmp_path: Path) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    async def record(what: str, facts: dict[str, Any]) -> None:
        told.append((what, facts))

    async def refuse(what: str, facts: dict[str, Any]) -> None:
        raise BadInput(f"{what} {len(facts)}")

    path = folder(tmp_path / "in", SMALL)
    with pytest.raises(BadInput):
        await import_path(path, refuse)
    assert await fetch("select 1 from units") == []
    await import_path(path, record)
    await import_path(path, record)
    assert [what for what, _facts in told] == ["registry.imported"]
    assert told[0][1]["created"]["components"] == 2


async def test_fifty_thousand_components_are_imported_and_a_second_time_change_nothing(tmp_path: Path) -> None:
    head = (
        "device,system_type,system_address,component_type,component_address,zone,description,quantity,low,high,scale\n"
    )
    rows = "".join(f"790300000000,1,{n % 250},42,{n},Z1,感烟探测器 {n},,,,\n" for n in range(50_000))
    path = folder(tmp_path / "in", SMALL | {"components": head + rows})
    async with asyncio.timeout(30):  # as it always was: a runaway
        report = await import_path(path)
    assert report.created["components"] == 50_000
    assert (await import_path(path)).unchanged["components"] == 50_000
