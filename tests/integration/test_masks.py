"""Masking (屏蔽): monitoring goes on, nobody is told, two people for fire points, an end that always comes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backend.alarms.masks.chores import look_after_masks
from backend.alarms.masks.model import (
    MaskState,
    SamePerson,
    Scope,
    ScopeKind,
)
from backend.alarms.masks.service import approve, ask, extend, lift, lift_for_repair
from backend.alarms.queries import alarm_for, alarms_for, card_for, history_for
from backend.alarms.service import judge
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadInput
from backend.core.ids import AlarmId, DeviceId, PersonId, new_id
from backend.core.vocabulary import Verdict, Via
from backend.delivery.reasons import sentence
from backend.ledger.verify import verify
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people.model import Person
from backend.people.queries import person

Add = Callable[..., Awaitable[UUID]]
START = datetime(2026, 11, 25, 6, tzinfo=UTC)
SMOKE = Subject(level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200")
PUMP = Subject(level=Level.COMPONENT, system_type=11, system_address=2, component_type=91, component_address="01000000")
FIRE, FAULT, NORMAL = 1 << 1, 1 << 2, 1
DAY = timedelta(days=1)


@pytest.fixture
def still() -> Iterator[clock.StillClock]:
    with clock.use(clock.StillClock(START)) as still:
        assert isinstance(still, clock.StillClock)
        yield still


@pytest.fixture
async def points(unit: dict[str, UUID]) -> dict[str, UUID]:
    """A smoke detector and a pump in the point table, the first in a zone."""
    zone = new_id()
    await execute(
        """insert into zones (id, building, code, name, floor)
           select $1, id, 'z5', '五层走廊', '5层' from buildings""",
        zone,
    )
    for at, role, where, place in ((SMOKE, "detector", zone, "走廊感烟"), (PUMP, "pump_running", None, "1号喷淋泵")):
        await execute(
            """insert into components (id, device, zone, system_type, system_address, component_type,
                   component_address, description, role) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
            new_id(),
            unit["device"],
            where,
            at.system_type,
            at.system_address,
            at.component_type,
            at.component_address,
            place,
            role,
        )
    return {**unit, "zone": zone}


@pytest.fixture
async def manager(unit: dict[str, UUID]) -> Person:
    return await person(PersonId(unit["manager"]))


@pytest.fixture
async def keeper(unit: dict[str, UUID], add_person: Add) -> Person:
    return await person(PersonId(await add_person("zhao", "赵维保", "maintainer", unit["unit"], app="zhao")))


def scope_of(points: dict[str, UUID], at: Subject) -> Scope:
    return Scope(
        kind=ScopeKind.COMPONENT,
        device=DeviceId(points["device"]),
        system_type=at.system_type,
        system_address=at.system_address,
        component_address=at.component_address,
    )


async def attempts(alarm: AlarmId | UUID | None = None) -> list[tuple[str, str, str | None]]:
    rows = await fetch(
        """select t.channel, t.state, t.why from attempts t join notices n on n.id = t.notice
           where ($1::uuid is null or n.alarm = $1) and n.kind = 'raised' order by t.created_at, t.channel""",
        alarm,
    )
    return [(row["channel"], row["state"], row["why"]) for row in rows]


async def told(alarm: AlarmId | UUID) -> int:
    return sum(state == "pending" for _, state, _ in await attempts(alarm))


async def the_alarm() -> AlarmId:
    (row,) = await fetch("select id from alarms order by number desc limit 1")
    return AlarmId(row["id"])


async def pump_masked(points: dict[str, UUID], by: Person, *, until_repaired: bool = False) -> Any:
    return await ask(by, scope_of(points, PUMP), "检修", clock.now() + DAY, Via.PHONE, until_repaired=until_repaired)


@pytest.mark.clause("4.4.4")
async def test_a_masked_components_report_is_in_the_ledger_and_the_state_and_nobody_is_told(
    points: dict[str, UUID], door: Any, keeper: Person, manager: Person
) -> None:
    mask = await pump_masked(points, keeper)
    assert mask.state is MaskState.ACTIVE
    frame = await door.hears(StateSaid(subject=PUMP, state=FAULT))
    assert await fetch("select id from ledger where id = $1", frame)
    (state,) = await fetch("select state from facility_states where component_address = $1", PUMP.component_address)
    assert state["state"] == FAULT
    (alarm,) = await alarms_for(manager, "masked")
    told = {(state, sentence(said, "zh_CN")) for _, state, said in await attempts()}
    assert told == {("skipped", f"已被第 {mask.number} 号屏蔽屏蔽")}
    assert "屏蔽" in (await card_for(manager, alarm.id, "zh_CN")).banner
    assert f"已屏蔽，不发通知 · #{mask.number} 检修" in [
        line.text for line in await history_for(manager, alarm.id, "zh_CN")
    ]
    assert (await verify()).rows == 2


async def test_what_is_beside_the_mask_is_told(points: dict[str, UUID], door: Any, keeper: Person) -> None:
    await pump_masked(points, keeper)
    await door.hears(StateSaid(subject=SMOKE, state=FAULT))
    assert await told(await the_alarm()) > 0


@pytest.mark.clause("4.4.4")
async def test_a_fire_points_mask_needs_a_second_person_and_not_the_asker(
    points: dict[str, UUID], door: Any, manager: Person, add_person: Add
) -> None:
    operator = await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None, app="qian")))
    mask = await ask(manager, scope_of(points, SMOKE), "更换探测器", clock.now() + timedelta(hours=8), Via.PHONE)
    assert mask.state is MaskState.ASKED
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    fire = await the_alarm()
    assert await told(fire) > 0
    with pytest.raises(SamePerson):
        await approve(manager, mask.id, Via.PHONE)
    await door.hears(StateSaid(subject=SMOKE, state=NORMAL))
    assert (await approve(operator, mask.id, Via.CONSOLE)).state is MaskState.ACTIVE
    assert (await approve(operator, mask.id, Via.CONSOLE)).state is MaskState.ACTIVE
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert await the_alarm() != fire
    assert await told(await the_alarm()) == 0
    with pytest.raises(asyncpg.CheckViolationError):
        await execute("update masks set decided_by = asked_by")


async def test_who_may_approve_is_told_that_a_mask_waits(
    points: dict[str, UUID], keeper: Person, manager: Person, add_person: Add
) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    mask = await ask(keeper, scope_of(points, SMOKE), "更换", clock.now() + timedelta(hours=8), Via.PHONE)
    rows = await fetch(
        """select p.code, t.channel, n.cards from notices n join attempts t on t.notice = n.id
           join people p on p.id = t.person where n.alarm = $1 and n.kind = 'mask' order by 1, 2""",
        mask.id,
    )
    assert [(row["code"], row["channel"]) for row in rows] == [("qian", "app"), ("wang", "app"), ("wang", "telegram")]
    assert "请批准屏蔽" in rows[0]["cards"]
    await approve(manager, mask.id, Via.PHONE)
    (notice, *_) = await fetch("select cards, revision from notices where alarm = $1", mask.id)
    assert (notice["revision"], "屏蔽中" in notice["cards"]) == (1, True)


async def test_a_mask_that_one_person_made_never_silences_a_fire(
    points: dict[str, UUID], door: Any, keeper: Person
) -> None:
    await pump_masked(points, keeper)
    await door.hears(StateSaid(subject=PUMP, state=FIRE | FAULT))
    rows = await fetch("select id, severity from alarms")
    assert {row["severity"]: await told(row["id"]) > 0 for row in rows} == {"fire": True, "fault": False}


@pytest.mark.parametrize("kind", [ScopeKind.SYSTEM, ScopeKind.DEVICE, ScopeKind.ZONE])
async def test_a_wider_scope_that_holds_a_fire_point_needs_two_people_too(
    points: dict[str, UUID], door: Any, keeper: Person, manager: Person, kind: ScopeKind
) -> None:
    device = DeviceId(points["device"])
    scope = {
        ScopeKind.SYSTEM: Scope(kind=kind, device=device, system_type=1, system_address=1),
        ScopeKind.DEVICE: Scope(kind=kind, device=device),
        ScopeKind.ZONE: Scope(kind=kind, zone=points["zone"]),  # type: ignore[arg-type]
    }[kind]
    mask = await ask(keeper, scope, "装修", clock.now() + timedelta(hours=4), Via.PHONE)
    assert (mask.state, mask.is_fire) == (MaskState.ASKED, True)
    await approve(manager, mask.id, Via.PHONE)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    assert await told(await the_alarm()) == 0
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    assert (await told(await the_alarm()) == 0) == (kind is ScopeKind.DEVICE)


@pytest.mark.clause("4.4.4")
async def test_expiry_tells_what_still_stands_and_only_that(
    still: clock.StillClock, points: dict[str, UUID], door: Any, keeper: Person, manager: Person
) -> None:
    mask = await pump_masked(points, keeper)
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    fault = await the_alarm()
    await door.hears(StateSaid(subject=PUMP, state=FAULT | 1 << 5))
    running = await the_alarm()
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    still.advance(DAY)
    await look_after_masks()
    await look_after_masks()
    assert (await fetch("select state from masks where id = $1", mask.id))[0]["state"] == "expired"
    assert (await told(fault), await told(running)) == (3, 0)
    (notice, *_) = await fetch("select t1, deadline_at from notices where alarm = $1 order by created_at desc", fault)
    assert notice["deadline_at"] - notice["t1"] == timedelta(seconds=10)
    assert notice["t1"] == clock.now()
    assert (await alarm_for(manager, fault)).marks == ()
    assert await alarms_for(manager, "masked") == [await alarm_for(manager, running)]
    assert "不再屏蔽，现在通知" in [line.text for line in await history_for(manager, fault, "zh_CN")]


async def test_no_mask_goes_beyond_the_policys_longest_time_or_lacks_a_reason(
    points: dict[str, UUID], keeper: Person
) -> None:
    second = timedelta(seconds=1)
    for at, longest in ((SMOKE, DAY), (PUMP, 30 * DAY)):
        with pytest.raises(BadInput):
            await ask(keeper, scope_of(points, at), "检修", clock.now() + longest + 60 * second, Via.PHONE)
        await ask(keeper, scope_of(points, at), "检修", clock.now() + longest - second, Via.PHONE)
    for reason, until in (("检修", clock.now()), (" \0 ", clock.now() + DAY)):
        with pytest.raises(BadInput):
            await ask(keeper, scope_of(points, PUMP), reason, until, Via.PHONE)


async def test_people_are_reminded_once_before_each_of_the_policys_times(
    still: clock.StillClock, points: dict[str, UUID], keeper: Person, add_person: Add
) -> None:
    await add_person("qian", "钱值班员", "provider_operator", None, app="qian")
    await ask(keeper, scope_of(points, PUMP), "检修", clock.now() + 3 * DAY, Via.PHONE)

    async def reminded() -> int:
        await look_after_masks()
        await look_after_masks()
        rows = await fetch("select distinct n.created_at from notices n where n.kind = 'mask'")
        return len(rows)

    assert await reminded() == 0
    still.advance(2 * DAY)
    assert await reminded() == 1
    rows = await fetch("select distinct p.code from attempts t join people p on p.id = t.person order by 1")
    assert [row["code"] for row in rows] == ["qian", "wang", "zhao"]
    still.advance(timedelta(hours=21))
    assert await reminded() == 1
    still.advance(timedelta(hours=1))
    assert await reminded() == 2


async def test_a_repaired_component_is_unmasked_by_its_own_word_when_that_was_asked_for(
    points: dict[str, UUID], door: Any, keeper: Person
) -> None:
    mask = await pump_masked(points, keeper, until_repaired=True)
    await look_after_masks()
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    await look_after_masks()
    assert (await fetch("select state from masks"))[0]["state"] == "active"
    await door.hears(StateSaid(subject=PUMP, state=NORMAL))
    await look_after_masks()
    (row,) = await fetch("select state, ended_why from masks where id = $1", mask.id)
    assert (row["state"], row["ended_why"]) == ("lifted", "repaired")
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    assert await told(await the_alarm()) > 0


async def test_a_finished_repair_lifts_the_components_own_mask(
    points: dict[str, UUID], door: Any, keeper: Person
) -> None:
    mask = await pump_masked(points, keeper)
    key = (DeviceId(points["device"]), 11, 2, "01000000")
    assert [each.id for each in await lift_for_repair(keeper, *key, "工单 12 完成", Via.PHONE)] == [mask.id]
    assert await lift_for_repair(keeper, *key, "工单 12 完成", Via.PHONE) == []


async def test_what_stands_already_rings_no_more_but_a_fire_that_burns_is_never_masked(
    points: dict[str, UUID], door: Any, keeper: Person, manager: Person
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE | FAULT))
    mask = await ask(keeper, scope_of(points, SMOKE), "更换", clock.now() + timedelta(hours=4), Via.PHONE)
    await approve(manager, mask.id, Via.PHONE)
    rows = await fetch("select id, severity from alarms")
    assert {row["severity"]: await told(row["id"]) > 0 for row in rows} == {"fire": True, "fault": False}
    await lift(keeper, mask.id, "", Via.PHONE)
    (fault,) = (row["id"] for row in rows if row["severity"] == "fault")
    assert await told(fault) > 0


async def test_what_was_raised_while_its_mask_was_ending_is_found_and_told(
    points: dict[str, UUID], door: Any, keeper: Person
) -> None:
    mask = await pump_masked(points, keeper)
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    # as when the lifting did not see the alarm, whose transaction was still open
    await execute("update masks set state = 'lifted', ended_at = now() where id = $1", mask.id)
    assert await told(await the_alarm()) == 0
    await look_after_masks()
    assert await told(await the_alarm()) == 3


@pytest.mark.told_apart
async def test_a_mask_that_is_lifted_amid_a_burst_leaves_nothing_untold(
    points: dict[str, UUID], door: Any, keeper: Person
) -> None:
    mask = await ask(
        keeper,
        Scope(kind=ScopeKind.SYSTEM, device=DeviceId(points["device"]), system_type=11, system_address=2),
        "检修",
        clock.now() + DAY,
        Via.PHONE,
    )

    async def burst() -> None:
        for n in range(20):
            at = msgspec.structs.replace(PUMP, component_address=f"{n:02x}00000a")
            await door.hears(StateSaid(subject=at, state=FAULT))

    await asyncio.gather(burst(), lift(keeper, mask.id, "修好", Via.PHONE))
    await look_after_masks()
    rows = await fetch("select id from alarms")
    assert len(rows) == 20
    assert [await told(row["id"]) > 0 for row in rows] == [True] * 20


async def test_a_real_verdict_on_a_masked_fire_tells_everybody(
    points: dict[str, UUID], door: Any, keeper: Person, manager: Person
) -> None:
    mask = await ask(keeper, scope_of(points, SMOKE), "更换", clock.now() + timedelta(hours=4), Via.PHONE)
    await approve(manager, mask.id, Via.PHONE)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    fire = await the_alarm()
    await judge(manager, fire, Verdict.REAL, Via.PHONE)
    assert await told(fire) == 3
    assert (await alarm_for(manager, fire)).marks == ()
    await look_after_masks()
    (row,) = await fetch("select state, ended_why from masks where id = $1", mask.id)
    assert (row["state"], row["ended_why"]) == ("lifted", "real fire")


async def test_an_extended_mask_hands_over_what_it_holds_and_nobody_is_told_between(
    still: clock.StillClock, points: dict[str, UUID], door: Any, keeper: Person
) -> None:
    mask = await pump_masked(points, keeper)
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    longer = await extend(keeper, mask.id, "等待配件", clock.now() + 5 * DAY, Via.PHONE)
    rows = await fetch("select number, state from masks order by number")
    assert [row["state"] for row in rows] == ["lifted", "active"]
    still.advance(2 * DAY)
    await look_after_masks()
    assert await told(await the_alarm()) == 0
    await lift(keeper, longer.id, "修好", Via.PHONE)
    assert await told(await the_alarm()) > 0
