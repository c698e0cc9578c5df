"""A verdict that is taken back: what it held back goes on, unless an earlier verdict holds it back still."""

from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from backend.alarms.queries import alarm_for
from backend.alarms.service import judge
from backend.alarms.undoing import undo_verdict
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId
from backend.core.vocabulary import Role, Verdict, Via
from backend.delivery.audit_checks import CHECKS
from backend.delivery.auditor import Auditor
from backend.delivery.reasons import Why, written
from backend.delivery.sweep import mark_breaches
from backend.monitoring.model import StateSaid
from backend.people.model import Grant, Person
from tests.integration.test_chat_alarms import Chat, at, escalations, fire, li, smoke, wang
from tests.integration.test_reaching import Crew, crew, raised, still
from tests.integration.test_waiting_attempts import held_back, sent, waits

__all__ = ["crew", "fire", "li", "still", "waits", "wang"]
SECONDS = timedelta(seconds=1)


async def test_a_verdict_undone_while_an_earlier_one_stands_rings_nobody(
    fire: AlarmId, wang: Person, li: Person
) -> None:
    now = clock.now()
    with at(now):
        await judge(wang, fire, Verdict.FALSE, Via.TELEGRAM, "水汽")
    with at(now + timedelta(minutes=3)):
        await judge(li, fire, Verdict.REAL, Via.TELEGRAM)
        await undo_verdict(li, fire, Via.TELEGRAM)
    assert (await alarm_for(wang, fire)).verdict is Verdict.FALSE
    assert {state for state, _ in await escalations()} == {"ended"}


@pytest.mark.told_apart
@pytest.mark.usefixtures("waits")
async def test_a_message_that_a_verdict_held_back_goes_out_at_its_time_when_the_verdict_is_undone(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await held_back()
    await judge(crew.guard, alarm, Verdict.FALSE, Via.PHONE)
    still.advance(5 * SECONDS)
    await undo_verdict(crew.guard, alarm, Via.PHONE)
    assert await sent(still) == (1, [("accepted", "")])


@pytest.mark.told_apart
@pytest.mark.usefixtures("waits")
async def test_the_deadline_that_passed_while_a_verdict_held_a_message_back_is_counted_as_broken(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await held_back()
    await judge(crew.guard, alarm, Verdict.TEST, Via.PHONE)
    still.advance(5 * SECONDS)
    assert await mark_breaches() == len(await fetch("select 1 from attempts where state = 'pending'"))
    await undo_verdict(crew.guard, alarm, Via.PHONE)
    assert await mark_breaches() == 1
    assert await fetch("select is_held from attempts where channel = 'sms'") == [{"is_held": False}]


@pytest.mark.told_apart
@pytest.mark.usefixtures("waits")
async def test_a_false_verdict_undone_under_a_real_one_lets_the_message_out_and_not_the_other_way_round(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await held_back()
    await judge(crew.guard, alarm, Verdict.REAL, Via.PHONE)
    await judge(crew.guard, alarm, Verdict.FALSE, Via.PHONE)
    await judge(crew.guard, alarm, Verdict.REAL, Via.PHONE)
    await undo_verdict(crew.guard, alarm, Via.PHONE)
    assert await fetch("select state from attempts where channel = 'sms'") == [{"state": "skipped"}]
    await undo_verdict(crew.guard, alarm, Via.PHONE)
    count, _ = await sent(still)
    assert count == 1, "a real fire stands again, and is told"


@pytest.mark.told_apart
@pytest.mark.usefixtures("waits")
async def test_a_fire_that_is_judged_real_after_all_is_told_to_those_whose_messages_were_held_back(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await held_back()
    await judge(crew.guard, alarm, Verdict.FALSE, Via.PHONE)
    still.advance(30 * SECONDS)
    await judge(crew.manager, alarm, Verdict.REAL, Via.PHONE)
    count, _ = await sent(still)
    assert count == 1


async def test_a_verdict_is_changed_in_the_chat_when_it_can_not_be_taken_back_any_more(
    fire: AlarmId, wang: Person, li: Person
) -> None:
    now, chat = clock.now(), Chat(wang)
    with at(now):
        await chat.press("ack", fire)
        await chat.press("v-test", fire)
    with at(now + timedelta(minutes=1)):
        assert "重新选择结论" in await chat.tap("撤销")
        await chat.press("a-more", fire)
        asked = await chat.tap("更改结论")
        assert "测试/检修" in asked
        assert [key.label for row in chat.shown[-1].keys for key in row] == ["真实火警", "误报", "设备故障"]
        assert "请再点一次" in await chat.tap("真实火警")
        assert "已记录：真实火警" in await chat.tap("再点一次确认")
    assert (await alarm_for(wang, fire)).verdict is Verdict.REAL
    maintainer = Chat(msgspec.structs.replace(li, grants=(Grant(Role.MAINTAINER, li.grants[0].unit),)))
    await maintainer.press("a-more", fire)
    assert "更改结论" not in str(maintainer.shown[-1].keys)
    assert "没有进行此操作的权限" in await maintainer.press("a-verdict", fire)


async def test_a_verdict_of_a_closed_alarm_is_not_offered_to_be_changed(door: Any, fire: AlarmId, wang: Person) -> None:
    chat = Chat(wang)
    await door.hears(StateSaid(subject=smoke(1), state=0))
    await judge(wang, fire, Verdict.FALSE, Via.TELEGRAM)
    await chat.press("a-more", fire)
    assert "更改结论" not in str(chat.shown[-1].keys)
    assert "不再更改" in await chat.press("a-verdict", fire)


@pytest.mark.told_apart
@pytest.mark.usefixtures("waits", "crew")
async def test_only_what_a_verdict_held_back_begins_again(door: Any) -> None:
    await raised(door)
    await held_back()
    await execute("update attempts set state = 'skipped', why = $1", written(Why.MASKED, number=1))
    for why in (written(Why.UNDONE), None):
        with pytest.raises(asyncpg.RestrictViolationError):
            await execute("update attempts set state = 'pending', why = $1", why)


@pytest.mark.told_apart
async def test_a_deadline_that_passed_while_a_verdict_held_messages_back_is_a_breach_however_late_it_is_changed(
    door: Any, crew: Crew, still: StillClock
) -> None:
    """Both carriers fail, somebody says that it is false, and ten minutes later somebody else that it is real."""
    auditor = Auditor(CHECKS)
    alarm = await raised(door)
    await execute(
        "update attempts set state = 'sending', tries = 1, t4 = $1, lease_until = $1, lease_by = 'w'", clock.now()
    )
    await execute("update attempts set state = 'pending', due_at = due_at + interval '8 seconds', why = 'busy'")
    await judge(crew.guard, alarm, Verdict.FALSE, Via.CONSOLE)
    for _ in range(20):
        still.advance(30 * SECONDS)
        await auditor.look()
    assert await fetch("select 1 from breaches") == [], "nothing was to be told"
    await judge(crew.manager, alarm, Verdict.REAL, Via.CONSOLE)
    for _ in range(3):
        still.advance(10 * SECONDS)
        await auditor.look()
    found = await fetch(
        """select kind, count(*) as n from breaches where kind in ('attempt_late', 'kinds_short')
           group by kind order by kind"""
    )
    late = len(await fetch("select 1 from attempts where is_held is false and tries > 0"))
    assert late
    assert [tuple(row.values()) for row in found] == [("attempt_late", late), ("kinds_short", 1)]


@pytest.mark.parametrize(("state", "goes_on"), [(1 << 1, {"held"}), (1 << 2, {"ended"})])
async def test_a_verdict_is_taken_back_although_the_point_was_reset_meanwhile(
    door: Any, wang: Person, state: int, goes_on: set[str]
) -> None:
    """It had closed the alarm, and its undo was refused by the database: the person read that the system is busy."""
    now = clock.now()
    with at(now):
        await door.hears(StateSaid(subject=smoke(9), state=state))
        (row,) = await fetch("select id from alarms")
        alarm = AlarmId(row["id"])
        await judge(wang, alarm, Verdict.FALSE, Via.TELEGRAM, "水汽")
    with at(now + 3 * SECONDS):
        await door.hears(StateSaid(subject=smoke(9), state=1))
        assert (await alarm_for(wang, alarm)).closed_at is not None
    with at(now + 6 * SECONDS):
        await undo_verdict(wang, alarm, Via.TELEGRAM)
    after = await alarm_for(wang, alarm)
    assert (after.verdict, after.closed_at, after.cleared_at) == (None, None, now + 3 * SECONDS)
    assert {each for each, _ in await escalations()} == goes_on
    await judge(wang, alarm, Verdict.TEST, Via.TELEGRAM)
    assert (await alarm_for(wang, alarm)).closed_at is not None


@pytest.mark.told_apart
@pytest.mark.usefixtures("waits")
async def test_a_fire_that_was_judged_wrongly_twice_before_it_was_judged_real_is_told_all_the_same(
    door: Any, crew: Crew, still: StillClock
) -> None:
    """The first verdict held the message back, whose turn came before the second one."""
    alarm = await raised(door)
    await held_back()
    await judge(crew.guard, alarm, Verdict.FALSE, Via.PHONE)
    still.advance(90 * SECONDS)
    await judge(crew.manager, alarm, Verdict.TEST, Via.PHONE)
    await judge(crew.guard, alarm, Verdict.REAL, Via.PHONE)
    count, _ = await sent(still)
    assert count == 1
