"""What people do with an alarm: acknowledge, judge, close; idempotent, by right, on two axes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from backend.alarms.model import AlreadyClosed, NoSuchAlarm
from backend.alarms.queries import alarm_for, alarms_for, card_for, history_for, status_for
from backend.alarms.service import acknowledge, judge
from backend.core.db.engine import execute, fetch
from backend.core.errors import NotAllowed
from backend.core.ids import AlarmId, PersonId, new_id
from backend.core.vocabulary import Verdict, Via
from backend.ledger.verify import verify
from backend.monitoring.model import Level, StateSaid, Subject, UnreadableSaid
from backend.people.model import Person
from backend.people.queries import person

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE = 1 << 1
Add = Callable[..., Awaitable[UUID]]


@pytest.fixture
async def manager(unit: dict[str, UUID]) -> Person:
    return await person(PersonId(unit["manager"]))


async def burning(door: Any) -> AlarmId:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    (row,) = await fetch("select id from alarms where condition = 'fire' and cleared_at is null")
    return AlarmId(row["id"])


@pytest.mark.clause("4.2")
async def test_an_acknowledgement_says_who_when_and_by_what_way(door: Any, manager: Person) -> None:
    alarm = await burning(door)
    done = await acknowledge(manager, alarm, Via.TELEGRAM)
    assert (done.is_new, done.is_late, done.via) == (True, False, Via.TELEGRAM)
    card = await card_for(manager, alarm, "zh_CN")
    assert "王经理 已确认" in card.known_by[0]
    assert "Telegram" in card.known_by[0]
    assert (await verify()).rows == 2


async def test_a_second_tap_finds_the_first(door: Any, manager: Person) -> None:
    alarm = await burning(door)
    first = await acknowledge(manager, alarm, Via.TELEGRAM)
    again = await acknowledge(manager, alarm, Via.PHONE)
    assert (again.is_new, again.at, again.via) == (False, first.at, Via.TELEGRAM)
    assert len(await fetch("select id from acknowledgements")) == 1
    assert len(await fetch("select id from alarm_entries where kind = 'acknowledged'")) == 1


async def test_two_people_at_the_same_instant_are_both_recorded(
    door: Any, manager: Person, unit: dict[str, UUID], add_person: Add
) -> None:
    other = await person(PersonId(await add_person("li", "李值班", "unit_duty", unit["unit"], app="li")))
    alarm = await burning(door)
    results = await asyncio.gather(
        *(acknowledge(each, alarm, Via.PHONE) for each in (manager, other, manager, other, manager))
    )
    assert sorted(each.is_new for each in results) == [False, False, False, True, True]
    assert {known.name for known in (await alarm_for(manager, alarm)).known_by} == {"王经理", "李值班"}


async def test_an_acknowledgement_gives_every_surface_a_new_card(door: Any, manager: Person) -> None:
    alarm = await burning(door)
    await execute("update attempts set state = 'sending'")
    await execute("update attempts set state = 'accepted', surface = '{}'")
    await acknowledge(manager, alarm, Via.PHONE)
    rows = await fetch(
        """select a.channel, a.redraw_at is not null as due, a.t7 is not null as answered, n.revision, n.cards
           from attempts a join notices n on n.id = a.notice order by a.channel"""
    )
    assert [(row["channel"], row["due"], row["answered"], row["revision"]) for row in rows] == [
        ("app", True, True, 1),
        ("telegram", True, False, 1),
    ]
    assert "王经理 已确认" in rows[0]["cards"]


async def test_the_two_axes_are_independent_and_closing_needs_both(door: Any, manager: Person) -> None:
    alarm = await burning(door)
    await judge(manager, alarm, Verdict.FALSE, Via.PHONE, "灰尘")
    assert (await alarm_for(manager, alarm)).closed_at is None
    await door.hears(StateSaid(subject=SMOKE, state=1))
    closed = await alarm_for(manager, alarm)
    assert (closed.closed_at is not None, closed.cleared_by, closed.verdict) == (True, "signal", Verdict.FALSE)


async def test_a_clear_does_not_acknowledge_and_a_late_acknowledgement_does_not_reopen(
    door: Any, manager: Person, unit: dict[str, UUID], add_person: Add
) -> None:
    alarm = await burning(door)
    await door.hears(StateSaid(subject=SMOKE, state=1))
    assert (await alarm_for(manager, alarm)).acknowledged_at is None
    await judge(manager, alarm, Verdict.TEST, Via.CONSOLE)
    before = await alarm_for(manager, alarm)
    other = await person(PersonId(await add_person("li", "李值班", "unit_duty", unit["unit"])))
    late = await acknowledge(other, alarm, Via.PHONE)
    assert (late.is_new, late.is_late) == (True, True)
    assert (await alarm_for(manager, alarm)).closed_at == before.closed_at


async def test_a_closed_alarm_keeps_its_verdict(door: Any, manager: Person) -> None:
    alarm = await burning(door)
    await door.hears(StateSaid(subject=SMOKE, state=1))
    await judge(manager, alarm, Verdict.REAL, Via.PHONE)
    await judge(manager, alarm, Verdict.REAL, Via.PHONE)
    with pytest.raises(AlreadyClosed):
        await judge(manager, alarm, Verdict.FALSE, Via.PHONE)


async def test_a_second_tap_on_a_verdict_changes_nothing_and_a_note_may_hold_anything(
    door: Any, manager: Person
) -> None:
    alarm = await burning(door)
    await judge(manager, alarm, Verdict.FALSE, Via.PHONE, "灰\0尘\n")
    first = await alarm_for(manager, alarm)
    await judge(manager, alarm, Verdict.FALSE, Via.TELEGRAM)
    assert await alarm_for(manager, alarm) == first
    (judged,) = await fetch("select facts from alarm_entries where kind = 'judged'")
    assert "灰 尘" in judged["facts"]
    await judge(manager, alarm, Verdict.TEST, Via.PHONE)
    assert (await alarm_for(manager, alarm)).verdict is Verdict.TEST


async def test_a_point_that_only_the_panel_names_shows_its_wire_key(door: Any, manager: Person) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE, description="五层走廊"))
    (alarm,) = await alarms_for(manager, "active")
    card = await card_for(manager, alarm.id, "zh_CN")
    facts = {fact.label: fact.value for fact in card.facts}
    assert card.where == "1号楼 五层走廊"
    assert (facts["上报设备"], facts["线路编号"]) == ("1号传输装置", "1-1-0a000200")


async def test_neither_axis_ever_moves_backwards(door: Any, manager: Person) -> None:
    alarm = await burning(door)
    await door.hears(StateSaid(subject=SMOKE, state=1))
    await judge(manager, alarm, Verdict.REAL, Via.PHONE)
    for statement in (
        "update alarms set cleared_at = null, closed_at = null",
        "update alarms set acknowledged_at = null",
        "update alarms set closed_at = null",
        "update alarms set verdict = 'false'",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await execute(statement)


async def test_what_no_signal_can_end_people_end(door: Any, unit: dict[str, UUID], add_person: Add) -> None:
    operator = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None, app="qian")))
    await door.hears(UnreadableSaid(type_flag=200, body="00"))
    (row,) = await fetch("select id from alarms")
    await judge(operator, AlarmId(row["id"]), Verdict.FAULT, Via.CONSOLE)
    closed = await alarm_for(operator, AlarmId(row["id"]))
    assert (closed.closed_at is not None, closed.cleared_by) == (True, "people")


@pytest.mark.clause("4.2")
async def test_another_units_manager_finds_nothing_and_can_do_nothing(door: Any, add_person: Add) -> None:
    elsewhere = new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1, 'u2', '别处', '', 'UTC', now())",
        elsewhere,
    )
    stranger = await person(PersonId(await add_person("sun", "孙经理", "unit_manager", elsewhere, app="sun")))
    alarm = await burning(door)
    assert await alarms_for(stranger, "active") == []
    assert (await status_for(stranger)).fire == 0
    for act in (
        alarm_for(stranger, alarm),
        card_for(stranger, alarm, "zh_CN"),
        history_for(stranger, alarm, "zh_CN"),
        acknowledge(stranger, alarm, Via.PHONE),
        judge(stranger, alarm, Verdict.FALSE, Via.PHONE),
        acknowledge(stranger, AlarmId(new_id()), Via.PHONE),
    ):
        with pytest.raises(NoSuchAlarm):
            await act
    assert await fetch("select id from acknowledgements") == []


async def test_who_may_see_but_not_judge_is_told_so(door: Any, unit: dict[str, UUID], add_person: Add) -> None:
    maintainer = await person(PersonId(await add_person("zhao", "赵维保", "maintainer", unit["unit"])))
    alarm = await burning(door)
    assert (await acknowledge(maintainer, alarm, Via.PHONE)).is_new
    with pytest.raises(NotAllowed):
        await judge(maintainer, alarm, Verdict.FALSE, Via.PHONE)


async def test_the_story_of_an_alarm_is_told_in_order(door: Any, manager: Person) -> None:
    alarm = await burning(door)
    await acknowledge(manager, alarm, Via.TELEGRAM)
    await door.hears(StateSaid(subject=SMOKE, state=1))
    await judge(manager, alarm, Verdict.FALSE, Via.PHONE, "厨房油烟")
    lines = [line.text for line in await history_for(manager, alarm, "zh_CN")]
    order = [
        next(n for n, line in enumerate(lines) if words in line)
        for words in ("报警产生", "确认", "信号恢复", "误报", "报警关闭")
    ]
    assert order == sorted(order)
    assert any("厨房油烟" in line for line in lines)


async def test_fire_comes_first_in_the_list(door: Any, manager: Person) -> None:
    await door.hears(StateSaid(subject=Subject(level=Level.SYSTEM, system_type=11, system_address=3), state=1 << 11))
    await burning(door)
    active = await alarms_for(manager, "active")
    assert [each.severity for each in active] == ["fire", "abnormal"]
    assert (await status_for(manager)).fire == 1
