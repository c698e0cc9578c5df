"""Work orders (工单): from the alarm to the close, dispatched, tested on the wire, verified by another."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from backend.alarms.masks.service import ask
from backend.alarms.queries import alarm_for, history_for
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import NotAllowed
from backend.core.ids import AlarmId, PersonId, UnitId, new_id
from backend.core.vocabulary import Severity, Via
from backend.evidence.model import MediaKind
from backend.evidence.service import keep
from backend.ledger.verify import verify
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.people.queries import person
from backend.work_orders.chores import look_after_orders
from backend.work_orders.model import (
    WAYS,
    Act,
    Incomplete,
    OrderMovedOn,
    Origin,
    Part,
    State,
    WaitReason,
    WorkOrder,
)
from backend.work_orders.opening import Opening, open_from_alarm, open_order
from backend.work_orders.queries import order_view, orders_of_alarm
from backend.work_orders.service import SILENT, Said, Where, add_evidence, add_parts, perform
from tests.integration.test_masks import (
    FAULT,
    FIRE,
    NORMAL,
    PUMP,
    SMOKE,
    keeper,
    manager,
    points,
    scope_of,
    still,
    the_alarm,
)

__all__ = ["keeper", "manager", "points", "still"]
Add = Callable[..., Awaitable[UUID]]
JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 20


@pytest.fixture
async def second(unit: dict[str, UUID], add_person: Add) -> Person:
    return await person(PersonId(await add_person("sun", "孙维保", "maintainer", unit["unit"], app="sun")))


@pytest.fixture
async def desk(add_person: Add) -> Person:
    return await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None, app="qian")))


@pytest.fixture
async def stranger(add_person: Add) -> Person:
    other = new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, 'u2', '别的单位', '', 'Asia/Shanghai', now())""",
        other,
    )
    return await person(PersonId(await add_person("li", "李外人", "maintainer", other, app="li")))


async def opened(points: dict[str, UUID], by: Person, **given: Any) -> WorkOrder:
    return await open_order(by, Opening(unit=UnitId(points["unit"]), what="水泵异响", needs=(), **given), Via.PHONE)


async def act(order: WorkOrder, what: Act, by: Person, said: Said = SILENT) -> WorkOrder:
    return await perform(by, order.id, what, Via.PHONE, said)


async def to_site(order: WorkOrder, by: Person) -> WorkOrder:
    await act(order, Act.ACCEPT, by)
    return await act(order, Act.ARRIVE, by)


async def told(order: WorkOrder) -> list[str]:
    """Codes of who was told of it anew, in order."""
    rows = await fetch(
        """select p.code, n.created_at, n.id from notices n join attempts t on t.notice = n.id
           join people p on p.id = t.person where n.alarm = $1 and n.kind = 'order' and t.state <> 'skipped'
           order by n.created_at, n.id, p.code""",
        order.id,
    )
    found: list[str] = []
    for row in rows:
        if row["code"] not in found:
            found.append(row["code"])
    return found


async def kinds(order: WorkOrder) -> list[str]:
    rows = await fetch("select kind from work_order_entries where work_order = $1 order by at, id", order.id)
    return [row["kind"] for row in rows]


async def breaches(order: WorkOrder) -> list[str]:
    rows = await fetch("select kind from breaches where subject = $1 order by found_at, kind", order.id)
    return [row["kind"] for row in rows]


async def test_the_chain_from_the_alarm_to_the_close_is_seen_from_either_end(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    alarm = await the_alarm()
    mask = await ask(keeper, scope_of(points, PUMP), "等待维修", clock.now() + timedelta(days=1), Via.PHONE)
    order, is_new = await open_from_alarm(manager, alarm, Via.PHONE, "请尽快")
    assert is_new
    assert (order.origin, order.state, order.offered) == (Origin.ALARM, State.DISPATCHED, (keeper.id,))
    assert await told(order) == ["zhao"]
    still.advance(timedelta(minutes=5))
    await act(order, Act.ACCEPT, keeper)
    await act(order, Act.SET_OUT, keeper)
    await act(order, Act.ARRIVE, keeper, Said(where=Where(latitude=31.2, longitude=121.5)))
    with pytest.raises(Incomplete) as refused:
        await act(order, Act.FINISH, keeper)
    assert refused.value.facts["missing"] == ["evidence", "test"]
    await add_evidence(keeper, order.id, [await keep(keeper, MediaKind.PHOTO, "泵.jpg", JPEG)], Via.PHONE)
    await add_parts(keeper, order.id, [Part(name="机械密封", quantity=2)], Via.PHONE)
    still.advance(timedelta(minutes=5))
    await act(order, Act.EXPECT_TEST, keeper)
    with pytest.raises(Incomplete):
        await act(order, Act.FINISH, keeper)
    still.advance(timedelta(seconds=7))
    heard_at = clock.now()
    await door.hears(StateSaid(subject=PUMP, state=NORMAL))
    still.advance(timedelta(seconds=30))
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    await look_after_orders()
    view = await order_view(keeper, order.id)
    assert view.order.test_signal_at == heard_at
    assert ("测试信号", "已收到 14:10:07 正常") in [(each.label, each.value) for each in view.card.facts]
    done = await act(order, Act.FINISH, keeper, Said(note="已更换"))
    assert done.state is State.DONE
    assert "wang" in await told(order)
    verified = await act(order, Act.VERIFY, manager)
    assert verified.state is State.VERIFIED
    (lifted,) = await fetch("select state, ended_why from masks where id = $1", mask.id)
    assert (lifted["state"], lifted["ended_why"]) == ("lifted", f"工单 #{order.number} 已验收")
    assert [row["state"] for row in await fetch("select state from test_windows")] == ["ended"]
    still.advance(timedelta(hours=24))
    await look_after_orders()
    view = await order_view(manager, order.id)
    assert view.order.state is State.CLOSED
    chain = view.chain
    assert (chain.alarm, [each.number for each in chain.masks]) == (alarm, [mask.number])
    assert chain.window is not None
    assert chain.test_signal_at == heard_at
    assert chain.closed_at is not None
    (from_alarm,) = await orders_of_alarm(manager, alarm)
    assert from_alarm.id == order.id
    lines = [line.text for line in await history_for(manager, alarm, "zh_CN")]
    for words in ("已报修，生成工单", "工单已接单", "工单测试信号已收到", "工单处理完成", "工单已验收", "工单关闭"):
        assert f"{words} · #{order.number}" in lines
    assert await kinds(order) == [
        "opened", "dispatch", "accept", "set_out", "arrive", "location", "evidence", "parts", "expect_test",
        "test_signal", "finish", "verify", "close",
    ]  # fmt: skip
    assert (await verify()).rows > 0


async def test_the_test_of_a_detector_rings_nowhere_as_a_fire_and_one_beside_it_does(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    for channel in ("sms", "voice"):
        await execute(
            """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
               values ($1, $2, $3, '13800000001', 1, now(), now())""",
            new_id(),
            manager.id,
            channel,
        )
    await door.hears(StateSaid(subject=SMOKE, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    await to_site(order, keeper)
    await act(order, Act.EXPECT_TEST, keeper)
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    ways = await fetch(
        """select t.channel, t.state from attempts t join notices n on n.id = t.notice join alarms a on a.id = n.alarm
           where a.severity = 'fire' order by 1"""
    )
    assert {row["channel"]: row["state"] for row in ways} == {
        "app": "pending", "telegram": "pending", "sms": "skipped", "voice": "skipped",
    }  # fmt: skip
    (window,) = await fetch("select scope, component_address, state from test_windows")
    assert tuple(window.values()) == ("component", SMOKE.component_address, "open")
    await look_after_orders()
    view = await order_view(keeper, order.id)
    assert view.order.test_said == "火灾报警"
    beside = msgspec.structs.replace(SMOKE, component_address="0b000200")
    await door.hears(StateSaid(subject=beside, state=FIRE))
    burning = await the_alarm()
    rows = await fetch(
        "select t.state from attempts t join notices n on n.id = t.notice where n.alarm = $1 and t.channel = 'sms'",
        burning,
    )
    assert [row["state"] for row in rows] == ["pending"]


async def test_a_word_from_before_the_test_or_of_another_component_is_no_test_signal(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    await to_site(order, keeper)
    await door.hears(StateSaid(subject=PUMP, state=NORMAL))
    still.advance(timedelta(seconds=1))
    await act(order, Act.EXPECT_TEST, keeper)
    await door.hears(StateSaid(subject=PUMP, state=FAULT), at=clock.now() - timedelta(milliseconds=1))
    await door.hears(StateSaid(subject=SMOKE, state=NORMAL))
    still.advance(timedelta(minutes=16))
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    assert await fetch("select * from work_order_signals") == []
    await look_after_orders()
    assert (await order_view(keeper, order.id)).order.test_signal_at is None


async def test_a_finish_right_after_the_signal_needs_no_chore(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    await to_site(order, keeper)
    await add_evidence(keeper, order.id, [await keep(keeper, MediaKind.PHOTO, "a.jpg", JPEG)], Via.PHONE)
    await act(order, Act.EXPECT_TEST, keeper)
    await door.hears(StateSaid(subject=PUMP, state=NORMAL))
    assert (await act(order, Act.FINISH, keeper)).state is State.DONE
    assert (await order_view(keeper, order.id)).order.test_signal_at is not None


async def test_nobody_verifies_their_own_work_and_the_database_says_so_too(
    points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'unit_manager', $3, now())",
        new_id(),
        keeper.id,
        points["unit"],
    )
    both = await person(keeper.id)
    order = await opened(points, manager)
    await to_site(order, both)
    await act(order, Act.FINISH, both)
    with pytest.raises(NotAllowed):
        await act(order, Act.VERIFY, both)
    with pytest.raises(asyncpg.CheckViolationError):
        await execute("update work_orders set state = 'verified', verified_by = assignee")
    back = await act(order, Act.SEND_BACK, manager, Said(reason="仍有异响"))
    assert back.state is State.SENT_BACK
    await act(order, Act.ARRIVE, both)
    await act(order, Act.FINISH, both)
    await act(order, Act.VERIFY, manager)
    closed = await act(order, Act.CLOSE, manager)
    for what in set(Act) - {Act.CLOSE}:
        with pytest.raises(OrderMovedOn):
            await act(closed, what, manager, Said(reason="x", to=(both.id,), wait_reason=WaitReason.PARTS))


async def test_who_opened_it_withdraws_it_with_a_reason_and_nobody_else(
    points: dict[str, UUID], manager: Person, keeper: Person, desk: Person
) -> None:
    order = await opened(points, manager)
    for other in (desk, keeper):
        with pytest.raises(NotAllowed):
            await act(order, Act.WITHDRAW, other, Said(reason="不要了"))
    with pytest.raises(Incomplete):
        await act(order, Act.WITHDRAW, manager)
    assert (await act(order, Act.WITHDRAW, manager, Said(reason="重复"))).ended_why == "重复"


async def test_the_database_knows_the_same_table(points: dict[str, UUID], manager: Person) -> None:
    order = await opened(points, manager)
    allowed = {(state, way.to) for (state, _), way in WAYS.items()} | {(each, each) for each in State}
    for before in State:
        for after in State:
            new = new_id()
            await execute(
                """insert into work_orders (id, number, unit, origin, severity, what, place, since_at, opened_at,
                       agreed_at, agreed_by, needs, state, offered, refused_by, workers, paused_us, due_at, ended_why,
                       test_said, accept_step, revision)
                   select $1, number + 1000, unit, origin, severity, what, place, since_at, opened_at, agreed_at,
                       agreed_by, needs, $2, offered, refused_by, workers, 0, due_at, '', '', 0, 0
                   from work_orders where id = $3""",
                new,
                str(before),
                order.id,
            )
            try:
                await execute("update work_orders set state = $2 where id = $1", new, str(after))
                went = True
            except asyncpg.RestrictViolationError:
                went = False
            assert went == ((before, after) in allowed), (before, after)


async def test_a_client_that_saw_an_older_order_is_told_so(
    points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    order = await opened(points, manager)
    with pytest.raises(OrderMovedOn):
        await act(order, Act.ACCEPT, keeper, Said(revision=order.revision - 1))
    assert (await act(order, Act.ACCEPT, keeper, Said(revision=order.revision))).state is State.ACCEPTED


async def test_a_silent_links_order_says_so(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    from backend.monitoring.model import LinkSaid

    await door.hears(LinkSaid(is_lost=True))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    assert (order.origin, order.severity, order.at) == (Origin.LINK, Severity.OFFLINE, None)
    assert (await alarm_for(manager, AlarmId(order.about or new_id()))).number
