"""Detectors of one system that fail together: alarms of their own, one message that lists them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from backend.core.db.engine import execute, fetch
from backend.delivery.reasons import sentence
from backend.monitoring.model import Level, StateSaid, Subject

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
FAULT = 1 << 2


def detector(number: int, system_address: int = 1) -> Subject:
    return Subject(
        level=Level.COMPONENT,
        system_type=1,
        system_address=system_address,
        component_type=40,
        component_address=f"{number:02x}000200",
    )


async def fails(door: Any, number: int, after_s: float, system_address: int = 1) -> None:
    at = START + timedelta(seconds=after_s)
    said = StateSaid(subject=detector(number, system_address), state=FAULT, description=f"{number}号感烟")
    await door.hears(said, at=at)


async def told() -> list[tuple[int, str | None]]:
    """Each alarm in its order, and why it was not told by itself."""
    rows = await fetch(
        """select a.id, min(t.why) as why from alarms a join notices n on n.alarm = a.id
           join attempts t on t.notice = n.id where n.kind = 'raised' group by a.id, a.number order by a.number"""
    )
    return [(place, sentence(row["why"], "zh_CN") or None) for place, row in enumerate(rows, start=1)]


async def facts_of_first() -> dict[str, str]:
    (row, *_) = await fetch("select facts from alarms order by number")
    return dict(msgspec.json.decode(row["facts"], type=list[tuple[str, str]]))


@pytest.mark.clause("4.3.2")
async def test_from_the_fifth_fault_on_the_first_ones_card_lists_them(door: Any) -> None:
    for number in range(1, 8):
        await fails(door, number, number)
    first = (await fetch("select number from alarms order by number"))[0]["number"]
    assert await told() == [(1, None), (2, None), (3, None), (4, None)] + [
        (place, f"已与第 {first} 号报警合并通知") for place in (5, 6, 7)
    ]
    facts = await facts_of_first()
    assert facts["同时故障的探测器数"] == "7"
    assert facts["同时故障的探测器"] == "、".join(f"{number}号感烟" for number in range(1, 8))
    (notice, *_) = await fetch("select cards, revision from notices order by created_at")
    assert ("7号感烟" in notice["cards"], notice["revision"]) == (True, 3)


async def test_a_batch_of_many_faults_is_grouped_the_same_way_and_names_are_not_endless(door: Any) -> None:
    await asyncio.gather(*(fails(door, number, 0) for number in range(1, 31)))
    whys = [why for _, why in await told()]
    assert [why is None for why in whys] == [True] * 4 + [False] * 26
    facts = await facts_of_first()
    assert facts["同时故障的探测器数"] == "30"
    assert facts["同时故障的探测器"].endswith("、20号感烟、…")
    (notice,) = await fetch("select cards from notices n join alarms a on a.id = n.alarm order by a.number limit 1")
    assert "20号感烟" in notice["cards"]


async def test_faults_of_other_systems_and_slow_ones_are_told_one_by_one(door: Any) -> None:
    for number in range(1, 7):
        await fails(door, number, 3 * number)
        await fails(door, number, 3 * number, system_address=2)
    assert all(why is None for _, why in await told())


async def test_a_storm_that_lasts_is_told_anew_every_ten_seconds(door: Any) -> None:
    for number in range(1, 31):
        await fails(door, number, number)
    alone = [place for place, why in await told() if why is None]
    assert alone == [1, 2, 3, 4, 15, 26]


async def test_a_card_that_grows_is_drawn_again_once_a_second(door: Any) -> None:
    for number in range(1, 6):
        await fails(door, number, 0)
    await execute("update attempts set state = 'sending' where state = 'pending'")
    await execute("update attempts set state = 'accepted', redraw_at = null where state = 'sending'")
    await fails(door, 6, 0)
    (due,) = {row["redraw_at"] for row in await fetch("select redraw_at from attempts where redraw_at is not null")}
    await fails(door, 7, 0)
    again = {row["redraw_at"] for row in await fetch("select redraw_at from attempts where redraw_at is not null")}
    assert again == {due}


async def test_that_a_grouped_fault_is_over_is_no_message_either(door: Any) -> None:
    for number in range(1, 6):
        await fails(door, number, 0)
    at = START + timedelta(seconds=60)
    for number in (1, 5):
        await door.hears(StateSaid(subject=detector(number), state=1), at=at)
    rows = await fetch(
        """select t.state, t.why from attempts t join notices n on n.id = t.notice join alarms a on a.id = n.alarm
           where n.kind = 'restored' order by a.number"""
    )
    assert [row["state"] for row in rows] == ["pending", "skipped"]
    assert sentence(rows[1]["why"], "zh_CN").endswith("合并通知")
