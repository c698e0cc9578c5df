"""What each system and component says now, with both times: over the API, on phones and at the duty desk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import Litestar

from backend.api import build_app
from backend.console.routes import ROUTES as PAGES
from backend.core import clock
from backend.core.db.engine import execute, fetch_one
from backend.core.ids import LedgerId, new_id
from backend.core.live import Listener
from backend.core.settings import Database, RedisSection, Secret, Settings
from backend.intake import Incoming, Intake
from backend.ledger.model import Entry
from backend.monitoring.model import (
    AnalogSaid,
    Level,
    LinkSaid,
    OperationSaid,
    Report,
    Statement,
    StateSaid,
    Subject,
    TextSaid,
)
from backend.people.model import SessionKind
from backend.people.queries import person_by_code
from backend.people.service import add_person, open_session
from backend.registry.directory import Directory
from backend.registry.importing import import_path
from miniprogram_api.routes import ROUTES as PHONE_API

SAMPLE = Path(__file__).parents[2] / "backend" / "demo" / "sample"
ADDRESS = "790300000000"
SAID_AT = datetime(2026, 3, 1, 4, 0, 0, tzinfo=UTC)
UITD = Subject(level=Level.UITD)
SYSTEM = Subject(level=Level.SYSTEM, system_type=1, system_address=1)


def part(number: int, kind: int, system: tuple[int, int] = (1, 1)) -> Subject:
    return Subject(
        level=Level.COMPONENT,
        system_type=system[0],
        system_address=system[1],
        component_type=kind,
        component_address=number.to_bytes(4, "little").hex(),
    )


async def hears(*statements: Statement, address: str = ADDRESS, deviations: tuple[str, ...] = ()) -> None:
    directory = Directory()
    await directory.start()

    async def nobody(_: object) -> None:
        return None

    now, ledger_id = clock.now(), LedgerId(new_id())
    report = Report(
        address=address,
        ledger_id=ledger_id,
        received_at=now,
        first_octet_at=now,
        statements=statements,
        fingerprint=ledger_id.bytes,
        sent_at=now + timedelta(seconds=7),
        peer="10.0.0.1:5001",
        deviations=deviations,
    )
    async with Intake(directory, nobody) as intake:
        entry = Entry(id=ledger_id, kind="frame_in", received_at=now, octets=b"@@##", address=address)
        await intake.take(Incoming(entry=entry, report=report))


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    begun, end = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            begun.set()
            await end.wait()

    task = asyncio.create_task(live())
    await asyncio.wait({task, asyncio.create_task(begun.wait())}, return_when=asyncio.FIRST_COMPLETED)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client
    finally:
        end.set()
        await task


@pytest.fixture
async def house(database: str, redis_url: str) -> AsyncIterator[SimpleNamespace]:
    assert database
    await import_path(SAMPLE)
    settings = Settings(database=Database(url=Secret("unused")), redis=RedisSection(url=Secret(redis_url)))
    app = build_app(settings, routes=[*PAGES, *PHONE_API], listener=Listener(redis_url))
    async with client_of(app) as client:
        yield SimpleNamespace(client=client)


async def bearer(code: str, kind: SessionKind = SessionKind.PHONE) -> dict[str, str]:
    person = await person_by_code(code)
    return {"Authorization": f"Bearer {await open_session(person.id, kind, 'test')}"}


async def the_device(house: SimpleNamespace, code: str = "wang", address: str = ADDRESS) -> dict[str, Any]:
    answer = await house.client.get("/mp/v1/facilities", headers=await bearer(code))
    assert answer.status_code == 200, answer.text
    units = answer.json()["units"]
    found = [each for unit in units for building in unit["buildings"] for each in building["devices"]]
    return next(each for each in found if each["address"] == address)


def component(device: dict[str, Any], number: int, kind: tuple[int, int] = (1, 1)) -> dict[str, Any]:
    system = next(s for s in device["systems"] if (s["system_type"], s["system_address"]) == kind)
    return next(each for each in system["components"] if each["number"] == number)


@pytest.mark.clause("4.1.1")
async def test_a_component_s_word_is_read_with_the_device_s_time_and_ours_on_the_unit_s_clock(
    house: SimpleNamespace,
) -> None:
    await hears(StateSaid(subject=part(101, 42), state=0b11, device_time=SAID_AT))
    smoke = component(await the_device(house), 101)
    assert smoke["description"] == "感烟探测器 1层大堂"
    assert smoke["state"]["says"] == ["正常运行状态", "火警"]
    assert [each["severity"] for each in smoke["state"]["findings"]] == ["fire"]
    assert smoke["tone"] == "fire"
    assert smoke["state"]["device_time"] == "2026-03-01T12:00:00+08:00"
    assert smoke["state"]["received_at"].endswith("+08:00")
    assert smoke["zone"]


async def test_what_is_registered_and_never_reported_is_shown_as_silent(house: SimpleNamespace) -> None:
    device = await the_device(house)
    assert device["link"] is None
    assert device["tone"] == "silent"
    assert device["components"] == device["silent"] > 10
    smoke = component(device, 102)
    assert (smoke["tone"], smoke["state"], smoke["is_registered"]) == ("silent", None, True)


async def test_unknown_codes_bits_and_parts_are_shown_and_never_dropped(house: SimpleNamespace) -> None:
    odd = part(9999, 250, (201, 7))
    await hears(
        StateSaid(subject=odd, state=1 << 12 | 1, description="神秘部件"),
        AnalogSaid(subject=odd, quantity=77, reading=4321),
        StateSaid(subject=SYSTEM, state=1 << 15),
    )
    device = await the_device(house)
    found = component(device, 9999, (201, 7))
    assert found["is_registered"] is False
    assert (found["type_name"], found["description"]) == ("未知部件类型 250", "神秘部件")
    assert found["state"]["says"] == ["正常运行状态", "未知状态位 12"]
    assert (found["values"][0]["name"], found["values"][0]["reading"]) == ("未知模拟量类型 77", 4321)
    names = {each["type_name"]: each for each in device["systems"]}
    assert "未知系统类型 201" in names
    assert names["火灾报警系统"]["state"]["says"] == ["未知状态位 15"]


async def test_a_value_stands_beside_its_limits_and_is_grey_when_it_is_stale(house: SimpleNamespace) -> None:
    row = await fetch_one(
        """select c.* from components c join devices d on d.id = c.device
           where d.address = $1 and c.quantity is not null order by c.component_address limit 1""",
        ADDRESS,
    )
    assert row is not None
    subject = Subject(
        level=Level.COMPONENT,
        system_type=row["system_type"],
        system_address=row["system_address"],
        component_type=row["component_type"],
        component_address=row["component_address"],
    )
    await execute("update components set scale = 0.01, low = 1.5, high = 4 where id = $1", row["id"])
    await hears(AnalogSaid(subject=subject, quantity=row["quantity"], reading=50, value=Decimal(5), measure="m"))
    key = (row["system_type"], row["system_address"])
    number = int.from_bytes(bytes.fromhex(row["component_address"]), "little")
    value = component(await the_device(house), number, key)["values"][0]
    assert (Decimal(value["value"]), Decimal(value["low"]), Decimal(value["high"])) == (
        Decimal("0.5"),
        Decimal("1.5"),
        Decimal(4),
    )
    assert [each["severity"] for each in value["findings"]] == ["abnormal"]
    assert value["is_stale"] is False
    await execute("update analog_states set is_stale = true, standing = ''")
    after = component(await the_device(house), number, key)
    assert (after["tone"], after["values"][0]["is_stale"]) == ("stale", True)


async def test_a_contact_is_told_by_what_the_point_table_says_of_it(house: SimpleNamespace) -> None:
    await execute("update components set closed_means = 'automatic' where component_address = '86030000'")
    cabinet = part(902, 82, (12, 1))
    await hears(StateSaid(subject=cabinet, state=0b1))
    said = component(await the_device(house), 902, (12, 1))
    assert said["state"]["says"] == ["正常运行状态", "触点断开（闭合为自动）"]
    assert said["state"]["findings"], "an open contact of the automatic position is a finding"


async def test_the_link_tells_since_when_it_is_lost_how_far_the_clock_is_off_and_what_is_odd(
    house: SimpleNamespace,
) -> None:
    await hears(StateSaid(subject=UITD, state=0b101), deviations=("count_mismatch", "never_heard_of"))
    link = (await the_device(house))["link"]
    assert (link["is_lost"], link["clock_offset_s"]) == (False, 7)
    assert link["deviations"].keys() == {"信息对象数目不符", "never_heard_of"}
    assert (await the_device(house))["state"]["says"] == ["正常监视状态", "故障"]
    await hears(LinkSaid(is_lost=True, silent_since=SAID_AT))
    lost = await the_device(house)
    assert lost["link"]["lost_at"] == "2026-03-01T12:00:00+08:00"
    assert lost["tone"] in {"offline", "fault"}


async def test_events_that_make_no_alarm_are_listed_newest_first_and_page_by_page(house: SimpleNamespace) -> None:
    await hears(TextSaid(subject=UITD, kind="software_version", text="1.2", device_time=SAID_AT))
    await hears(OperationSaid(subject=SYSTEM, flags=0b10, operator=3))
    headers = await bearer("wang")
    first = (await house.client.get("/mp/v1/events?limit=1", headers=headers)).json()
    assert first["is_more"] is True
    [newest] = first["events"]
    assert ["操作员编号", "3"] in newest["facts"]
    rest = (await house.client.get(f"/mp/v1/events?before={newest['id']}", headers=headers)).json()
    assert [each["text"] for each in rest["events"]] == ["软件版本 1.2"]
    assert rest["events"][0]["device_time"] == "2026-03-01T12:00:00+08:00"


@pytest.mark.clause("4.2")
async def test_another_unit_s_person_sees_no_facility_and_the_provider_sees_all(house: SimpleNamespace) -> None:
    await hears(StateSaid(subject=part(1, 42), state=0b11), address="aabbccddeeff")
    device = await the_device(house)
    await add_person("stranger", "外人", "", "zh_CN")
    stranger, qian = await bearer("stranger"), await bearer("qian")
    assert (await house.client.get("/mp/v1/facilities", headers=stranger)).json()["units"] == []
    assert (await house.client.get("/mp/v1/events", headers=stranger)).json()["events"] == []
    path = f"/mp/v1/facilities?device={device['id']}"
    forbidden = await house.client.get(path, headers=stranger)
    unknown = await house.client.get(f"/mp/v1/facilities?device={new_id()}", headers=stranger)
    assert forbidden.status_code == unknown.status_code == 404
    assert forbidden.json() == unknown.json()
    assert (await house.client.get(path, headers=qian)).status_code == 200
    foreign = await the_device(house, "qian", "aabbccddeeff")
    assert foreign["systems"][0]["components"][0]["tone"] == "fire"
    pages = [(await house.client.get(f"/mp/v1/facilities?limit=1&after={n}", headers=qian)).json() for n in range(4)]
    assert [page["is_more"] for page in pages] == [True, True, True, False]


async def test_the_pages_lead_from_the_unit_to_the_component(house: SimpleNamespace) -> None:
    await execute("update components set description = '<i>走廊</i>' where component_address = '65000000'")
    await hears(StateSaid(subject=part(101, 42), state=0b11, device_time=SAID_AT))
    headers = await bearer("wang")
    assert 'href="/m/facilities"' in (await house.client.get("/m", headers=headers)).text
    overview = (await house.client.get("/m/facilities", headers=headers)).text
    assert "火灾报警系统" in overview
    device = (await the_device(house))["id"]
    assert f"/m/facilities/{device}?system=1.1" in overview
    page = (await house.client.get(f"/m/facilities/{device}", headers=headers)).text
    assert "&lt;i&gt;走廊" in page
    assert "尚无数据" in page
    assert "03-01 12:00:00" in page
    narrow = (await house.client.get(f"/m/facilities/{device}?system=1.1", headers=headers)).text
    assert narrow.count("data-find") < page.count("data-find")
    assert (await house.client.get(f"/m/facilities/{new_id()}", headers=headers)).status_code == 404
    assert (await house.client.get("/m/facilities?unit=odd", headers=headers)).status_code == 404


async def test_the_desk_reaches_all_units_and_devices_of_none(house: SimpleNamespace) -> None:
    await hears(StateSaid(subject=part(1, 42), state=0b11), address="aabbccddeeff")
    qian = await bearer("qian", SessionKind.CONSOLE)
    assert 'href="/facilities"' in (await house.client.get("/", headers=qian)).text
    units = (await house.client.get("/facilities", headers=qian)).text
    assert "烽火示范大厦" in units
    assert "/facilities?unit=none" in units
    nobody_s = (await house.client.get("/facilities?unit=none", headers=qian)).text
    assert "aabbccddeeff" in nobody_s
    assert ADDRESS not in nobody_s
    assert (await house.client.get("/facilities", headers=await bearer("wang"))).status_code == 403


async def test_a_person_who_reads_english_reads_the_facilities_in_english(house: SimpleNamespace) -> None:
    await execute("update people set language = 'en' where code = 'wang'")
    await hears(StateSaid(subject=part(101, 42), state=0b11), deviations=("count_mismatch",))
    device = await the_device(house)
    assert component(device, 101)["state"]["says"][1] == "Fire alarm"
    page = (await house.client.get(f"/m/facilities/{device['id']}", headers=await bearer("wang"))).text
    assert "尚无数据" not in page
