"""A storm and the links as pages: leaders instead of thousands of lines, and each device's month."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import LedgerId, new_id
from backend.intake import Incoming, Intake
from backend.ledger.model import Entry
from backend.monitoring.model import Level, LinkSaid, Report, Statement, StateSaid, Subject
from backend.people.model import SessionKind
from backend.registry.directory import Directory
from tests.integration.test_pages import cookie, house_with
from tests.patience import PATIENCE_S

DEVICE = "790300000000"
DESK = "qian"


@pytest.fixture
async def house(database: str, redis_url: str) -> AsyncIterator[SimpleNamespace]:
    assert database
    async with house_with(redis_url, demo=False) as house:
        yield house


async def hear(*said: Statement) -> None:
    """The device says all of these, one frame each."""
    directory = Directory()
    await directory.start()

    async def nobody(_: object) -> None:
        """Nobody listens."""

    async with Intake(directory, nobody) as intake:
        await asyncio.gather(*(intake.take(_incoming(each)) for each in said))


def _incoming(said: Statement) -> Incoming:
    now, ledger_id = clock.now(), LedgerId(new_id())
    report = Report(
        address=DEVICE,
        ledger_id=ledger_id,
        received_at=now,
        first_octet_at=now,
        statements=(said,),
        fingerprint=ledger_id.bytes,
        sent_at=now,
        peer="10.0.0.1:5001",
    )
    return Incoming(
        entry=Entry(id=ledger_id, kind="frame_in", received_at=now, octets=b"@@##", address=DEVICE), report=report
    )


def fault(number: int) -> StateSaid:
    address = number.to_bytes(4, "little").hex()
    subject = Subject(
        level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address=address
    )
    return StateSaid(subject=subject, state=1 << 2)


async def test_a_storm_stands_on_the_desk_by_its_leaders_and_each_opens(house: Any) -> None:
    await hear(*(fault(number) for number in range(1, 301)))
    headers = await cookie(DESK, SessionKind.CONSOLE)
    page = await house.client.get("/", headers=headers)
    assert page.status_code == 200
    assert page.text.count('class="desk-line"') < 15
    (leader,) = await fetch(
        "select led_by, count(*) as n from alarms where led_by is not null group by 1 order by 2 desc limit 1"
    )
    assert f'data-together="{leader["n"]}"' in page.text
    first = await house.client.get(f"/?led_by={leader['led_by']}", headers=headers)
    assert first.text.count('class="desk-line"') == 100
    assert f"/?after=100&amp;led_by={leader['led_by']}" in first.text
    phone = await house.client.get("/m", headers=await cookie("wang"))
    assert f'data-together="{leader["n"]}"' in phone.text


async def test_what_a_closed_leader_told_of_stands_by_itself(house: Any) -> None:
    await hear(*(fault(number) for number in range(1, 31)))
    await execute("update alarms set verdict = 'fault', cleared_at = now(), closed_at = now() where led_by is null")
    page = await house.client.get("/", headers=await cookie(DESK, SessionKind.CONSOLE))
    (left,) = await fetch("select count(*) as n from alarms where closed_at is null")
    assert page.text.count('class="desk-line"') == left["n"]


async def test_pages_open_with_ten_thousand_open_alarms(house: Any) -> None:
    await hear(fault(1))
    await execute(
        """insert into alarms (id, unit, device, subject, condition, rule, alarm_class, severity, item, title, place,
               facts, marks, device_time, raised_at, ledger_id, repeats, last_reported_at, revision)
           select gen_random_uuid(), unit, device, subject || '-' || n, condition, rule, alarm_class, severity, item,
               title, place, facts, marks, device_time, raised_at, ledger_id, 0, last_reported_at, 0
           from alarms, generate_series(1, 10000) n"""
    )
    for path, headers in (("/", await cookie(DESK, SessionKind.CONSOLE)), ("/m", await cookie("wang"))):
        async with asyncio.timeout(PATIENCE_S):  # a runaway; the figure is measured by tests/bench/storm.py
            answer = await house.client.get(path, headers=headers)
        assert answer.status_code == 200


@pytest.mark.clause("4.4.2")
async def test_the_page_of_links_says_how_available_each_device_was(house: Any) -> None:
    await hear(LinkSaid(is_lost=True, silent_since=clock.now()))
    for path, headers in (("/links", await cookie(DESK, SessionKind.CONSOLE)), ("/m/links", await cookie("wang"))):
        page = await house.client.get(path, headers=headers)
        assert page.status_code == 200
        assert all(words in page.text for words in (DEVICE, "可用率", "尚未恢复", "巡检无应答", "巡检周期 30 分钟"))
        assert (await house.client.get(f"{path}?month=2026-99", headers=headers)).status_code == 400
    refused = await house.client.get("/links", headers=await cookie("wang", SessionKind.CONSOLE))
    assert refused.status_code == 403
