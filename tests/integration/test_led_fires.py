"""A fire that another fire's card told of is told by itself when that card no longer speaks for it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.queries import history_for
from backend.alarms.service import judge
from backend.alarms.unled import tell_unled
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import fetch
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import Verdict, Via
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.queries import person

START = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
FIRE, WELL = 1 << 1, 1


def detector(number: int) -> Subject:
    return Subject(
        level=Level.COMPONENT,
        system_type=1,
        system_address=1,
        component_type=40,
        component_address=f"{number:02x}000200",
    )


@pytest.fixture
def still() -> Iterator[StillClock]:
    with clock.use(StillClock(START)) as one:
        assert isinstance(one, StillClock)
        yield one


async def told() -> dict[int, bool]:
    """By each detector's place: whether somebody is told of it by itself."""
    rows = await fetch(
        """select a.number, bool_or(t.state <> 'skipped') as is_told from alarms a
           join notices n on n.alarm = a.id and n.kind = 'raised' join attempts t on t.notice = n.id
           group by a.number order by a.number"""
    )
    return {place: row["is_told"] for place, row in enumerate(rows, start=1)}


async def burn(door: Any, still: StillClock, numbers: range) -> list[AlarmId]:
    for number in numbers:
        still.advance(timedelta(seconds=5))
        await door.hears(StateSaid(subject=detector(number), state=FIRE))
    return [AlarmId(row["id"]) for row in await fetch("select id from alarms order by number")]


async def test_a_fire_whose_leader_was_a_false_alarm_is_told_by_itself(
    door: Any, still: StillClock, unit: dict[str, UUID]
) -> None:
    manager = await person(PersonId(unit["manager"]))
    alarms = await burn(door, still, range(1, 4))
    assert await told() == {1: True, 2: True, 3: False}
    for alarm in alarms[:2]:
        await judge(manager, alarm, Verdict.FALSE, Via.PHONE)
    still.advance(timedelta(seconds=20))
    assert [await tell_unled() for _ in range(2)] == [1, 0]
    assert await told() == {1: True, 2: True, 3: True}
    (row,) = await fetch("select state from escalations where alarm = $1", alarms[2])
    assert row["state"] == "running"
    (notice,) = await fetch("select t1, deadline_at from notices where alarm = $1 and t1 = $2", alarms[2], still.at)
    assert notice["deadline_at"] - still.at == timedelta(seconds=3)
    story = [line.text for line in await history_for(manager, alarms[2], "zh_CN")]
    assert "合并通知的报警已处置或恢复，现在单独通知" in story


async def test_a_fire_whose_leader_cleared_is_told_by_itself(door: Any, still: StillClock) -> None:
    await burn(door, still, range(1, 4))
    assert await told() == {1: True, 2: True, 3: False}
    for number in (1, 2):
        await door.hears(StateSaid(subject=detector(number), state=WELL))
    assert await tell_unled() == 1
    assert await told() == {1: True, 2: True, 3: True}


async def test_of_many_behind_one_card_the_first_is_told_and_speaks_for_the_others(
    door: Any, still: StillClock, unit: dict[str, UUID]
) -> None:
    manager = await person(PersonId(unit["manager"]))
    alarms = await burn(door, still, range(1, 8))
    assert await told() == {1: True, 2: True, 3: False, 4: True, 5: False, 6: False, 7: False}
    await judge(manager, alarms[3], Verdict.FALSE, Via.PHONE)
    assert await tell_unled() == 3
    assert await told() == {1: True, 2: True, 3: False, 4: True, 5: True, 6: False, 7: False}
    rows = await fetch("select led_by from alarms order by number")
    assert [row["led_by"] for row in rows[4:]] == [None, alarms[4], alarms[4]]


async def test_behind_a_real_fire_nobody_is_told_again(door: Any, still: StillClock, unit: dict[str, UUID]) -> None:
    manager = await person(PersonId(unit["manager"]))
    alarms = await burn(door, still, range(1, 4))
    for alarm in alarms[:2]:
        await judge(manager, alarm, Verdict.REAL, Via.PHONE)
    assert await tell_unled() == 0
