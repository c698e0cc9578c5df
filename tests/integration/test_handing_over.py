"""An unidentified device finds its unit while its alarm is open: the alarm goes there, and the unit is told."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.alarms.handing_over import adopt_device
from backend.alarms.queries import alarms_for, card_for, history_for
from backend.alarms.service import acknowledge
from backend.commands import import_registry
from backend.core.db.engine import execute, fetch
from backend.core.errors import Conflict, NotFound
from backend.core.ids import AlarmId, DeviceId, PersonId, new_id
from backend.core.settings import load
from backend.core.vocabulary import Via
from backend.delivery.queries import told_of
from backend.ledger.verify import verify
from backend.monitoring.model import Level, LinkSaid, PanelTextSaid, StateSaid, Subject, UnreadableSaid
from backend.people.model import Person
from backend.people.queries import person

STRANGER = "ffee00000001"
SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE, FAULT = 1 << 1, 1 << 2
Add = Callable[..., Awaitable[UUID]]


@pytest.fixture
async def desk(unit: dict[str, UUID], add_person: Add) -> Person:
    return await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None, app="qian")))


@pytest.fixture
async def manager(unit: dict[str, UUID]) -> Person:
    return await person(PersonId(unit["manager"]))


async def stranger() -> DeviceId:
    (row,) = await fetch("select id from devices where address = $1", STRANGER)
    return DeviceId(row["id"])


async def adopted(desk: Person) -> None:
    await adopt_device(desk, await stranger(), "u1", "b1", "2号传输装置", "standard", Via.CONSOLE)


async def told() -> list[tuple[str, str, str]]:
    rows = await fetch(
        """select p.code, t.channel, t.lane from attempts t join people p on p.id = t.person
           join notices n on n.id = t.notice where n.unit is not null order by 1, 2"""
    )
    return [(row["code"], row["channel"], row["lane"]) for row in rows]


@pytest.mark.clause("4.3.1")
async def test_an_adopted_devices_open_fire_goes_to_its_unit_and_the_units_people_are_told(
    door: Any, desk: Person, manager: Person
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE, description="五层走廊"), address=STRANGER)
    assert await alarms_for(manager, "active") == []
    await adopted(desk)
    (alarm,) = await alarms_for(manager, "active")
    assert (alarm.unit, alarm.marks, alarm.revision) == (next(iter(manager.units)), ("unknown_point",), 1)
    assert await told() == [("wang", "app", "fire"), ("wang", "telegram", "fire")]
    card = await card_for(manager, alarm.id, "zh_CN")
    assert (card.unit, card.where, card.banner) == ("示范大厦", "1号楼 五层走廊", "点表中没有此部件")
    notices = await fetch("select unit, t0, t1, t2, deadline_at, revision, cards from notices order by created_at")
    (device,) = await fetch("select adopted_at from devices where address = $1", STRANGER)
    assert [row["unit"] for row in notices] == [None, alarm.unit]
    assert all(row["revision"] == 1 and "示范大厦" in row["cards"] for row in notices)
    late = notices[1]
    assert late["deadline_at"] - late["t1"] == timedelta(seconds=3)
    assert timedelta() <= late["t0"] - device["adopted_at"] < timedelta(seconds=2)
    assert late["t2"] is not None


async def test_the_alarms_story_and_the_ledger_say_who_handed_it_over(door: Any, desk: Person, manager: Person) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), address=STRANGER)
    await adopted(desk)
    (alarm,) = await alarms_for(manager, "active")
    lines = await history_for(manager, alarm.id, "zh_CN")
    (line,) = [each for each in lines if "移交" in each.text]
    assert ("示范大厦" in line.text, line.person, line.via) == (True, "钱值班员", "值班台")
    rows = await fetch("select facts from ledger where kind = 'action' order by seq")
    (act,) = [msgspec.json.decode(row["facts"]) for row in rows]
    assert (act["actor"], act["what"], act["via"]) == ("qian", "device.adopted", "console")
    assert act["alarms_handed_over"] == {str(alarm.id): str(alarm.unit)}
    assert (await verify()).rows == 2


async def test_what_the_point_table_knows_of_the_point_stands_on_the_alarm(
    door: Any, desk: Person, manager: Person
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), address=STRANGER)
    zone, building = new_id(), (await fetch("select id from buildings"))[0]["id"]
    await execute(
        "insert into zones (id, building, code, name, floor) values ($1, $2, 'z5', '东区', '5层')", zone, building
    )
    await execute(
        """insert into components (id, device, zone, system_type, system_address, component_type, component_address,
             description, role) values ($1, $2, $3, 1, 1, 40, '0a000200', '走廊感烟', 'detector')""",
        new_id(),
        await stranger(),
        zone,
    )
    await adopted(desk)
    (alarm,) = await alarms_for(manager, "active")
    card = await card_for(manager, alarm.id, "zh_CN")
    assert (card.where, card.banner, alarm.place.wire_key) == ("1号楼 5层 东区 走廊感烟", "", "")


async def test_an_alarm_that_has_cleared_goes_to_the_unit_but_disturbs_nobody(
    door: Any, desk: Person, manager: Person
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), address=STRANGER)
    await door.hears(StateSaid(subject=SMOKE, state=1), address=STRANGER)
    await adopted(desk)
    (alarm,) = await alarms_for(manager, "active")
    assert not alarm.is_active
    assert await told() == []
    assert (await acknowledge(manager, alarm.id, Via.PHONE)).is_new


async def test_an_unreadable_report_stays_the_duty_desks(door: Any, desk: Person) -> None:
    await door.hears(UnreadableSaid(type_flag=200, body="00"), address=STRANGER)
    await adopted(desk)
    assert await told() == []


async def test_a_printers_line_and_a_lost_link_go_along_without_becoming_unknown_points(
    door: Any, desk: Person, manager: Person
) -> None:
    panel = Subject(level=Level.SYSTEM, system_type=1, system_address=1)
    line = PanelTextSaid(subject=panel, kind=1, device_name="感烟", position="3层", event="火警")
    await door.hears(line, LinkSaid(is_lost=True), address=STRANGER)
    await adopted(desk)
    marks = {alarm.severity: alarm.marks for alarm in await alarms_for(manager, "active")}
    assert marks == {"fire": ("from_text",), "offline": ()}
    lanes = [lane for _, channel, lane in await told() if channel == "app"]
    assert sorted(lanes) == ["fire", "routine"]


async def test_a_report_right_after_an_adoption_is_the_units_at_once(door: Any, desk: Person, manager: Person) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=1), address=STRANGER)
    await adopted(desk)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), address=STRANGER)
    (alarm,) = await alarms_for(manager, "active")
    assert (alarm.place.unit_name, alarm.place.building, alarm.marks) == ("示范大厦", "1号楼", ("unknown_point",))
    assert await told() == [("wang", "app", "fire"), ("wang", "telegram", "fire")]


async def test_a_fire_in_the_very_moment_of_the_adoption_is_the_units_too(
    door: Any, desk: Person, manager: Person
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=1), address=STRANGER)
    others = [msgspec.structs.replace(SMOKE, component_address=f"0{digit}000200") for digit in "bcdef"]
    fires = (door.hears(StateSaid(subject=each, state=FIRE), address=STRANGER) for each in others)
    await asyncio.gather(*fires, adopted(desk))
    assert [alarm.place.unit_name for alarm in await alarms_for(manager, "active")] == ["示范大厦"] * len(others)
    assert [(code, channel) for code, channel, _ in await told()] == [("wang", "app")] * 5 + [("wang", "telegram")] * 5


async def test_an_adoption_that_is_refused_hands_nothing_over(door: Any, desk: Person, manager: Person) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), address=STRANGER)
    with pytest.raises(NotFound):
        await adopt_device(manager, await stranger(), "u1", "b1", "2号传输装置", "standard", Via.CONSOLE)
    await adopted(desk)
    with pytest.raises(Conflict):
        await adopted(desk)
    assert len(await fetch("select id from alarm_entries where kind = 'handed_over'")) == 1


@pytest.mark.clause("4.3.1")
async def test_an_import_that_takes_a_device_over_tells_its_unit_too(
    door: Any, manager: Person, tmp_path: Path
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE), address=STRANGER)
    (tmp_path / "devices.csv").write_text(
        f"unit,building,address,kind,power,profile,name\nu1,b1,{STRANGER},uitd,mains,standard,2号传输装置\n",
        encoding="utf-8",
    )
    await import_registry(load(str(tmp_path / "data"), {}), argparse.Namespace(path=tmp_path))
    (alarm,) = await alarms_for(manager, "active")
    assert await told() == [("wang", "app", "fire"), ("wang", "telegram", "fire")]
    rows = await fetch("select facts from ledger where kind = 'action' order by seq")
    (imported,) = (msgspec.json.decode(row["facts"]) for row in rows)
    assert (imported["actor"], imported["what"], imported["changed"]["devices"]) == (
        "command line",
        "registry.imported",
        1,
    )
    assert len(imported["files"]["devices.csv"]) == 64
    assert imported["alarms_handed_over"] == {str(alarm.id): str(alarm.unit)}
    assert [each.person for each in await told_of(manager, [AlarmId(alarm.id)])] == ["王经理", "王经理"]
