"""Detectors of one system that fail together: alarms of their own, one message that lists them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from backend.alarms.storm_tending import tend
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.settings import Storms
from backend.delivery.reasons import sentence
from backend.intake import Committed, Intake
from backend.monitoring.model import Level, StateSaid, Subject
from backend.registry.directory import Directory
from tests.integration.conftest import Door

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
    with clock.use(StillClock(START + timedelta(seconds=9))):
        await tend(Storms())
    facts = await facts_of_first()
    assert facts["同时报警数"] == "7"
    assert facts["同时报警的点位"] == "、".join(f"{number}号感烟" for number in range(1, 8))
    (notice, *_) = await fetch("select cards, revision from notices order by created_at")
    assert ("7号感烟" in notice["cards"], notice["revision"]) == (True, 1)


async def test_a_batch_of_many_faults_is_grouped_the_same_way_and_names_are_not_endless(door: Any) -> None:
    await asyncio.gather(*(fails(door, number, 0) for number in range(1, 31)))
    whys = [why for _, why in await told()]
    assert [place for place, why in enumerate(whys, start=1) if why is None] == [1, 2, 3, 4, 10, 20]
    with clock.use(StillClock(START + timedelta(seconds=9))):
        await tend(Storms())
    (row,) = await fetch("select facts from alarms order by number offset 19 limit 1")
    facts = dict(msgspec.json.decode(row["facts"], type=list[tuple[str, str]]))
    assert (facts["点位"], facts["同时报警数"]) == ("20/20", "30")
    assert facts["同时报警的点位"].endswith("、20号感烟、…")


async def test_faults_of_other_systems_and_slow_ones_are_told_one_by_one(door: Any) -> None:
    for number in range(1, 7):
        await fails(door, number, 3 * number)
        await fails(door, number, 3 * number, system_address=2)
    assert all(why is None for _, why in await told())


async def test_a_storm_that_lasts_is_told_anew_at_doubling_counts(door: Any) -> None:
    for number in range(1, 31):
        await fails(door, number, number)
    alone = [place for place, why in await told() if why is None]
    assert alone == [1, 2, 3, 4, 10, 20]


async def test_a_card_that_grew_is_drawn_once_a_pass_and_not_again_while_nothing_new_comes(door: Any) -> None:
    for number in range(1, 8):
        await fails(door, number, 0)
    with clock.use(StillClock(START + timedelta(seconds=5))):
        assert len((await tend(Storms())).touched) == 1
        assert (await tend(Storms())).touched == []


async def digests() -> list[Any]:
    return await fetch(
        "select n.cards, a.number from notices n join alarms a on a.id = n.alarm where n.kind = 'digest'"
    )


async def test_at_the_end_of_a_storm_one_digest_says_how_many_and_what_still_stands(door: Any) -> None:
    with clock.use(StillClock(START)) as still:
        for number in range(1, 8):
            await fails(door, number, 0)
        await door.hears(StateSaid(subject=detector(7), state=1), at=START + timedelta(seconds=1))
        still.advance(timedelta(seconds=9))
        await tend(Storms())
        assert await digests() == []
        still.advance(timedelta(seconds=2))
        await tend(Storms())
        await tend(Storms())
        (digest,) = await digests()
        assert all(words in digest["cards"] for words in ("本轮报警已停止增加", '"value": "7"', '"value": "6"'))
        for number in range(1, 7):
            await door.hears(StateSaid(subject=detector(number), state=1), at=START + timedelta(seconds=30))
        await tend(Storms())
        await tend(Storms())
    assert ["全部恢复" in each["cards"] for each in await digests()] == [True, True]
    assert await fetch("select from storms where settled_at is null and is_storm") == []


async def test_a_leader_that_people_have_judged_speaks_for_nobody(door: Any) -> None:
    for number in range(1, 6):
        await fails(door, number, 0)
    await execute("update alarms set verdict = 'fault' where number = (select min(number) from alarms)")
    await fails(door, 6, 1)
    assert (await told())[-1] == (6, None)
    await fails(door, 7, 1)
    sixth = (await fetch("select number from alarms order by number offset 5 limit 1"))[0]["number"]
    assert (await told())[-1] == (7, f"已与第 {sixth} 号报警合并通知")


async def test_with_grouping_off_every_alarm_is_told_by_itself(unit: Any) -> None:
    directory = Directory()
    await directory.start()
    async with Intake(directory, _hush, storms=Storms(is_on=False)) as intake:
        door = Door(intake, [])
        await asyncio.gather(*(fails(door, number, 0) for number in range(1, 31)))
    assert all(why is None for _, why in await told())


async def _hush(_: Committed) -> None:
    """Nobody listens."""


@pytest.mark.clause("4.3.1")
async def test_the_points_of_one_zone_on_fire_go_on_its_card_and_a_second_one_is_told_at_once(door: Any) -> None:
    for number in range(1, 8):
        said = StateSaid(subject=detector(number), state=1 << 1, description=f"{number}号感烟")
        await door.hears(said, at=START + timedelta(seconds=number))
    alone = [place for place, why in await told() if why is None]
    assert alone == [1, 2, 4]
    with clock.use(StillClock(START + timedelta(seconds=9))):
        await tend(Storms())
    (fourth,) = await fetch("select facts from alarms order by number offset 3 limit 1")
    facts = dict(msgspec.json.decode(fourth["facts"], type=list[tuple[str, str]]))
    assert (facts["点位"], facts["同时报警数"]) == ("4/4", "7")
    await door.hears(StateSaid(subject=detector(1, 2), state=1 << 1), at=START + timedelta(seconds=9))
    assert (await told())[-1] == (8, None)


@pytest.mark.clause("4.3.1")
async def test_a_fire_inside_a_fault_storm_is_told_by_itself_on_two_kinds_in_time(door: Any) -> None:
    faults = [fails(door, number, number % 3) for number in range(1, 200)]
    fire = door.hears(StateSaid(subject=detector(200), state=1 << 1), at=START + timedelta(seconds=1))
    await asyncio.gather(*faults[:100], fire, *faults[100:])
    rows = await fetch(
        """select t.channel, t.state, t.lane, t.due_at = t.created_at as is_now, t.deadline_at - n.t1 as within
           from attempts t join notices n on n.id = t.notice where n.severity = 'fire' order by t.channel"""
    )
    seen = [(row["channel"], row["state"], row["lane"], row["is_now"], row["within"]) for row in rows]
    in_time = timedelta(seconds=3)
    assert seen == [("app", "pending", "fire", True, in_time), ("telegram", "pending", "fire", True, in_time)]
    (others,) = await fetch(
        """select count(distinct n.id) as n from attempts t join notices n on n.id = t.notice
           where n.severity = 'fault' and t.state = 'pending'"""
    )
    assert others["n"] < 15


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
