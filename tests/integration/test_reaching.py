"""People are reached whoever does not answer: each step at its time, each role for itself, and nobody for nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backend.alarms.escalating import escalate
from backend.alarms.queries import history_for
from backend.alarms.service import acknowledge, judge
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.errors import Conflict, NotAllowed, NotFound
from backend.core.ids import AlarmId, PersonId, UnitId, new_id
from backend.core.vocabulary import Channel, Role, Severity, Verdict, Via
from backend.delivery.escalating import is_told_again
from backend.delivery.policies import set_policy
from backend.delivery.policy import DESK, EVERYBODY, POLICIES, PolicyRefused, Step, Target, TargetKind
from backend.delivery.reasons import Why, written
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.model import Person
from backend.people.queries import person
from backend.people.service import set_quiet_hours
from backend.rota.model import Rotation
from backend.rota.service import add_schedule

pytestmark = pytest.mark.told_apart

SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
FIRE, FAULT, WELL = 1 << 1, 1 << 2, 1
#: noon in Shanghai
NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
Add = Callable[..., Awaitable[UUID]]


class Crew:
    """王经理 answers for the building, 李值班 sits on the spot, 钱值班员 at the provider's duty desk."""

    def __init__(self, unit: UUID, manager: Person, guard: Person, desk: Person) -> None:
        self.unit = UnitId(unit)
        self.manager = manager
        self.guard = guard
        self.desk = desk


@pytest.fixture
def still() -> Iterator[StillClock]:
    with clock.use(StillClock(NOON)) as one:
        assert isinstance(one, StillClock)
        yield one


@pytest.fixture
async def crew(still: StillClock, unit: dict[str, UUID], add_person: Add) -> Crew:
    guard = await add_person("li", "李值班", "unit_duty", unit["unit"], app="li", telegram="100002")
    desk = await add_person("qian", "钱值班员", "provider_operator", None, app="qian", telegram="100004")
    people = [await person(PersonId(each)) for each in (unit["manager"], guard, desk)]
    return Crew(unit["unit"], *people)


async def raised(door: Any, state: int = FIRE) -> AlarmId:
    await door.hears(StateSaid(subject=SMOKE, state=state))
    (row,) = await fetch("select id from alarms where cleared_at is null")
    return AlarmId(row["id"])


async def told(round_: int, step: int) -> set[str]:
    rows = await fetch(
        """select distinct p.code from attempts a join people p on p.id = a.person join notices n on n.id = a.notice
           where n.kind = 'raised' and a.round = $1 and a.step = $2 and a.state <> 'skipped'""",
        round_,
        step,
    )
    return {row["code"] for row in rows}


async def pass_(still: StillClock, by: timedelta) -> int:
    still.advance(by)
    return await escalate()


async def test_nobody_answers_and_each_step_comes_on_time(door: Any, crew: Crew, still: StillClock) -> None:
    alarm = await raised(door)
    assert await told(0, 0) == {"wang", "li"}
    assert await pass_(still, timedelta(seconds=59)) == 0
    assert await pass_(still, timedelta(seconds=1)) == 1
    assert await told(0, 1) == {"wang", "li"}
    assert await pass_(still, timedelta(minutes=1)) == 1
    assert await told(0, 2) == {"qian"}
    assert await pass_(still, timedelta(minutes=3)) == 1
    assert await told(1, 0) == {"wang", "li"}
    rows = await fetch("select due_at, deadline_at, lane, channel from attempts where step = 2 order by channel")
    assert [(row["due_at"], row["lane"], row["channel"]) for row in rows] == [
        (NOON + timedelta(minutes=2), "fire", "app"),
        (NOON + timedelta(minutes=2), "fire", "telegram"),
    ]
    assert {row["deadline_at"] - row["due_at"] for row in rows} == {timedelta(seconds=3)}
    story = [line.text for line in await history_for(crew.manager, alarm, "zh_CN")]
    assert "升级至第 2 步（第 1 轮）：通知 2 人" in story
    assert "升级至第 3 步（第 1 轮）：通知 1 人" in story
    assert "无人答复，开始第 2 轮通知：通知 2 人" in story


async def test_a_fire_stops_escalating_for_the_role_that_acknowledged_and_goes_on_for_the_other(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await acknowledge(crew.manager, alarm, Via.PHONE)
    await pass_(still, timedelta(minutes=1))
    assert await told(0, 1) == {"li"}
    await acknowledge(crew.guard, alarm, Via.PHONE)
    assert await pass_(still, timedelta(minutes=1)) == 0
    assert await told(0, 2) == set()


async def test_who_acknowledged_alone_owes_the_verdict_after_five_minutes_too(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await acknowledge(crew.manager, alarm, Via.PHONE)
    for _ in range(4):
        await pass_(still, timedelta(minutes=1))
    assert await told(1, 0) == set()
    assert await pass_(still, timedelta(minutes=1)) == 1
    assert await told(1, 0) == {"wang", "li"}
    assert await is_told_again(alarm, crew.manager.id)


@pytest.mark.parametrize("roles", [frozenset(), frozenset({Role.UNIT_DUTY}), frozenset({Role.MAINTAINER})])
async def test_a_fires_policy_can_not_do_without_the_manager_and_the_unit_s_duty(
    crew: Crew, roles: frozenset[Role]
) -> None:
    policy = msgspec.structs.replace(POLICIES[Severity.FIRE], required_roles=roles)
    with pytest.raises(PolicyRefused):
        await set_policy(crew.manager, crew.unit, Severity.FIRE, policy, 0)


async def test_a_fires_policy_can_not_keep_the_duty_desk_waiting(crew: Crew) -> None:
    fire = POLICIES[Severity.FIRE]
    late = msgspec.structs.replace(fire.steps[-1], after=timedelta(minutes=11))
    slow = msgspec.structs.replace(fire, steps=(*fire.steps[:-1], late))
    rare = msgspec.structs.replace(fire, repeat_gap=timedelta(minutes=11))
    for policy in (slow, rare):
        with pytest.raises(PolicyRefused):
            await set_policy(crew.manager, crew.unit, Severity.FIRE, policy, 0)


async def test_a_desk_that_acknowledged_is_left_alone_and_the_unit_is_not(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await acknowledge(crew.desk, alarm, Via.CONSOLE)
    await pass_(still, timedelta(minutes=1))
    assert await told(0, 1) == {"wang", "li"}
    await pass_(still, timedelta(minutes=1))
    assert await told(0, 2) == set()


async def test_acknowledged_but_without_a_verdict_it_starts_again_after_five_minutes(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    for each in (crew.manager, crew.guard):
        await acknowledge(each, alarm, Via.PHONE)
    assert await pass_(still, timedelta(minutes=4, seconds=59)) == 0
    assert await pass_(still, timedelta(seconds=1)) == 1
    assert await told(1, 0) == {"wang", "li"}
    assert await is_told_again(alarm, crew.manager.id)
    again = await acknowledge(crew.manager, alarm, Via.PHONE)
    assert (again.is_new, again.is_again) == (False, True)
    assert not await is_told_again(alarm, crew.manager.id)
    assert not (await acknowledge(crew.manager, alarm, Via.PHONE)).is_again
    await acknowledge(crew.guard, alarm, Via.PHONE)
    assert await pass_(still, timedelta(minutes=4)) == 0
    story = [line.text for line in await history_for(crew.manager, alarm, "zh_CN")]
    assert "已确认但未处置，重新开始第 2 轮通知：通知 2 人" in story
    assert story.count("再次确认") == 2
    assert await pass_(still, timedelta(minutes=1)) == 1
    await judge(crew.manager, alarm, Verdict.FALSE, Via.PHONE)
    assert await pass_(still, timedelta(days=1)) == 0


async def test_a_verdict_ends_it_and_a_late_acknowledgement_does_not_reopen_it(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await judge(crew.manager, alarm, Verdict.FALSE, Via.PHONE)
    await acknowledge(crew.guard, alarm, Via.PHONE)
    assert await pass_(still, timedelta(hours=9)) == 0
    (row,) = await fetch("select state, why, due_at from escalations")
    assert (row["state"], row["why"], row["due_at"]) == ("ended", "judged", None)
    with pytest.raises(asyncpg.RestrictViolationError):
        await execute("update escalations set state = 'running'")


async def test_a_fault_that_is_over_is_not_escalated_and_a_fire_is_until_somebody_judged_it(
    door: Any, crew: Crew, still: StillClock
) -> None:
    await raised(door, FAULT)
    await door.hears(StateSaid(subject=SMOKE, state=WELL))
    assert await pass_(still, timedelta(hours=2)) == 0
    await raised(door, FIRE)
    await door.hears(StateSaid(subject=SMOKE, state=WELL))
    assert await pass_(still, timedelta(minutes=1)) == 1


async def test_a_step_that_would_tell_nobody_goes_to_the_desk_but_not_to_who_knows_there(
    door: Any, crew: Crew, still: StillClock, add_person: Add
) -> None:
    await add_person("sun", "孙值班员", "complaint_handler", None, app="sun", telegram="100009")
    await execute("delete from contact_points where person = any($1)", [crew.manager.id, crew.guard.id])
    alarm = await raised(door)
    assert await told(0, 0) == {"qian"}
    await acknowledge(crew.desk, alarm, Via.CONSOLE)
    await pass_(still, timedelta(minutes=1))
    assert await told(0, 1) == set()


async def test_two_chores_at_the_same_moment_take_a_step_once(door: Any, crew: Crew, still: StillClock) -> None:
    await raised(door)
    still.advance(timedelta(minutes=1))
    assert sum(await asyncio.gather(*(escalate() for _ in range(6)))) == 1
    assert len(await fetch("select id from attempts where step = 1")) == 4
    assert len(await fetch("select id from alarm_entries where kind = 'escalated_step'")) == 1


async def test_what_a_carrier_has_not_taken_yet_gives_way_to_the_later_step(
    door: Any, crew: Crew, still: StillClock
) -> None:
    await raised(door)
    await execute("update attempts set state = 'sending', tries = 1")
    await execute("update attempts set state = 'accepted' where channel = 'app'")
    await execute("update attempts set state = 'pending', due_at = $1 where channel = 'telegram'", clock.now())
    await pass_(still, timedelta(minutes=1))
    rows = await fetch("select channel, step, state from attempts group by 1, 2, 3 order by 1, 2")
    assert [(row["channel"], row["step"], row["state"]) for row in rows] == [
        ("app", 0, "accepted"),
        ("app", 1, "pending"),
        ("telegram", 0, "skipped"),
        ("telegram", 1, "pending"),
    ]


async def test_one_escalation_that_can_not_be_read_does_not_keep_the_others(
    door: Any, crew: Crew, still: StillClock
) -> None:
    points = [msgspec.structs.replace(SMOKE, component_address=f"{number:02x}000200") for number in range(3)]
    await door.hears(*(StateSaid(subject=point, state=FIRE) for point in points))
    await execute("update escalations set answers = '{}' where id = (select id from escalations limit 1)")
    assert await pass_(still, timedelta(minutes=1)) == 2


async def test_an_answer_and_a_step_of_one_alarm_at_once_do_not_wait_for_each_other_in_a_ring(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    still.advance(timedelta(minutes=1))
    await asyncio.gather(
        escalate(), acknowledge(crew.manager, alarm, Via.PHONE), escalate(), acknowledge(crew.guard, alarm, Via.PHONE)
    )
    await escalate()
    (row,) = await fetch("select state from escalations")
    assert row["state"] == "held"


async def test_quiet_hours_hold_a_fault_and_not_a_fire(door: Any, crew: Crew, still: StillClock) -> None:
    await set_quiet_hours(crew.manager, 11 * 60, 13 * 60)
    await raised(door, FAULT)
    assert await told(0, 0) == {"li"}
    rows = await fetch("select why, state from attempts a where person = $1", crew.manager.id)
    assert {(row["state"], row["why"]) for row in rows} == {("skipped", written(Why.QUIET, hours="11:00–13:00"))}
    await door.hears(StateSaid(subject=SMOKE, state=FAULT | FIRE))
    rows = await fetch(
        """select distinct p.code from attempts a join notices n on n.id = a.notice join people p on p.id = a.person
           where n.severity = 'fire' and a.state = 'pending'"""
    )
    assert {row["code"] for row in rows} == {"wang", "li"}


async def test_quiet_hours_never_leave_an_alarm_with_nobody(door: Any, crew: Crew) -> None:
    for each in (crew.manager, crew.guard):
        await set_quiet_hours(each, 11 * 60, 13 * 60)
    await raised(door, FAULT)
    assert await told(0, 0) == {"qian"}


async def test_where_everybody_is_quiet_and_there_is_no_desk_they_are_woken(door: Any, crew: Crew) -> None:
    await execute("delete from grants where unit is null")
    for each in (crew.manager, crew.guard):
        await set_quiet_hours(each, 11 * 60, 13 * 60)
    await raised(door, FAULT)
    assert await told(0, 0) == {"wang", "li"}


async def test_a_units_own_policy_holds_from_the_next_alarm_on_and_may_name_a_schedule(
    door: Any, crew: Crew, still: StillClock, add_person: Add
) -> None:
    zhao = PersonId(await add_person("zhao", "赵维保", "maintainer", crew.unit, app="zhao", telegram="100003"))
    first = datetime(2026, 11, 25, 8)  # noqa: DTZ001 - the unit's wall clock
    schedule = await add_schedule(crew.manager, crew.unit, "维保", [Rotation(people=(zhao,), first=first)])
    on_duty = Target(kind=TargetKind.SCHEDULE, id=schedule)
    policy = msgspec.structs.replace(
        POLICIES[Severity.FAULT],
        steps=(
            Step(after=timedelta(), targets=(on_duty,)),
            Step(after=timedelta(minutes=3), targets=(Target(kind=TargetKind.ROLE, role=Role.UNIT_MANAGER),)),
            Step(after=timedelta(minutes=6), targets=(DESK,)),
        ),
    )
    assert await set_policy(crew.manager, crew.unit, Severity.FAULT, policy, 0) == 1
    await raised(door, FAULT)
    assert await told(0, 0) == {"zhao"}
    await pass_(still, timedelta(minutes=3))
    assert await told(0, 1) == {"wang"}
    with pytest.raises(Conflict):
        await set_policy(crew.manager, crew.unit, Severity.FAULT, policy, 0)
    acts = await fetch("select facts::jsonb ->> 'what' as what from ledger where kind = 'action' order by seq")
    assert [row["what"] for row in acts] == ["schedule.added", "policy.changed"]


async def test_a_policy_that_leaves_one_kind_is_widened_at_once(door: Any, crew: Crew) -> None:
    by_chat = Step(
        after=timedelta(),
        targets=(Target(kind=TargetKind.PERSON, id=crew.guard.id),),
        ways=(Channel.TELEGRAM,),
    )
    steps = (by_chat, Step(after=timedelta(minutes=9), targets=(DESK,)))
    policy = msgspec.structs.replace(POLICIES[Severity.FAULT], steps=steps)
    await set_policy(crew.manager, crew.unit, Severity.FAULT, policy, 0)
    await raised(door, FAULT)
    assert await told(0, 0) == {"wang", "li"}


async def test_policies_are_for_those_with_the_right_and_always_end_at_the_desk(crew: Crew) -> None:
    fire = POLICIES[Severity.FIRE]
    with pytest.raises(NotAllowed):
        await set_policy(crew.guard, crew.unit, Severity.FIRE, fire, 0)
    with pytest.raises(NotFound):
        await set_policy(crew.manager, UnitId(new_id()), Severity.FIRE, fire, 0)
    endless = msgspec.structs.replace(fire, steps=(Step(after=timedelta(), targets=(EVERYBODY,)),))
    with pytest.raises(PolicyRefused, match="值班台"):
        await set_policy(crew.manager, crew.unit, Severity.FIRE, endless, 0)


async def test_a_storm_of_notices_begins_its_escalations_in_one_statement(door: Any, crew: Crew) -> None:
    points = [msgspec.structs.replace(SMOKE, component_address=f"{number:02x}000200") for number in range(40)]
    await door.hears(*(StateSaid(subject=point, state=FIRE) for point in points))
    (row,) = await fetch("select count(*) as n, count(distinct cmin::text) as statements from escalations")
    assert (row["n"], row["statements"]) == (40, 1)
