"""Who takes a work order: of two at once one, nobody of another unit, and what happens when nobody does."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadInput, NotFound
from backend.core.ids import UnitId, new_id
from backend.core.vocabulary import Via
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.people.queries import person
from backend.work_orders.chores import look_after_orders
from backend.work_orders.model import (
    Act,
    AlreadyTaken,
    Incomplete,
    NoSuchOrder,
    Part,
    State,
    WorkOrder,
)
from backend.work_orders.opening import Opening, open_from_alarm, open_order
from backend.work_orders.queries import order_view, orders_for, orders_of_alarm
from backend.work_orders.service import Said, add_evidence, add_parts, perform
from tests.integration.test_masks import (
    FAULT,
    PUMP,
    keeper,
    manager,
    points,
    still,
    the_alarm,
)
from tests.integration.test_work_orders import act, breaches, desk, opened, second, stranger, told

__all__ = ["desk", "keeper", "manager", "points", "second", "still", "stranger"]


async def test_two_maintainers_who_accept_at_the_same_instant_one_wins_and_the_other_is_told_who(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager)
    assert set(order.offered) == {keeper.id, second.id}
    answers = await asyncio.gather(
        act(order, Act.ACCEPT, keeper), act(order, Act.ACCEPT, second), return_exceptions=True
    )
    won = [each for each in answers if isinstance(each, WorkOrder)]
    lost = [each for each in answers if not isinstance(each, WorkOrder)]
    assert (len(won), len(lost)) == (1, 1)
    winner = keeper if won[0].assignee == keeper.id else second
    assert isinstance(lost[0], AlreadyTaken)
    assert lost[0].sentence == f"已由{winner.name}接单"
    again = await act(order, Act.ACCEPT, winner)
    assert again.revision == won[0].revision


async def test_who_reports_the_same_alarm_at_the_same_instant_finds_one_order(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    alarm = await the_alarm()
    both = await asyncio.gather(
        open_from_alarm(manager, alarm, Via.PHONE), open_from_alarm(keeper, alarm, Via.TELEGRAM)
    )
    assert sorted(is_new for _, is_new in both) == [False, True]
    assert both[0][0].id == both[1][0].id
    assert len(await fetch("select id from work_orders")) == 1


async def test_a_person_of_another_unit_finds_no_order_by_any_door(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person, stranger: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    alarm = await the_alarm()
    order, _ = await open_from_alarm(manager, alarm, Via.PHONE)
    for known in (order.id, new_id()):
        for what in Act:
            with pytest.raises(NoSuchOrder):
                await perform(stranger, known, what, Via.API, Said(reason="x", to=(stranger.id,)))
        with pytest.raises(NoSuchOrder):
            await order_view(stranger, known)
        with pytest.raises(NoSuchOrder):
            await add_parts(stranger, known, [Part(name="x")], Via.API)
        with pytest.raises(NoSuchOrder):
            await add_evidence(stranger, known, [], Via.API)
    with pytest.raises(NotFound):
        await open_from_alarm(stranger, alarm, Via.API)
    with pytest.raises(NotFound):
        await opened(points, stranger)
    own = Opening(unit=UnitId(next(iter(stranger.units))), what="x", where="y", at=order.at)
    with pytest.raises(NotFound):
        await open_order(stranger, own, Via.API)
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'unit_manager', $3, now())",
        new_id(),
        manager.id,
        own.unit,
    )
    with pytest.raises(NotFound):  # who is of both units ties neither's component to the other's order
        await open_order(await person(manager.id), own, Via.API)
    assert await orders_for(stranger, "open") == []
    assert await orders_of_alarm(stranger, alarm) == []
    with pytest.raises(BadInput):
        await act(order, Act.REASSIGN, manager, Said(reason="x", to=(stranger.id,)))


async def test_when_nobody_accepts_the_next_is_asked_then_the_manager_and_the_desk_and_it_is_recorded(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, second: Person, desk: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    assert await told(order) == ["zhao"]
    still.advance(timedelta(minutes=14))
    assert await look_after_orders() == 0
    still.advance(timedelta(minutes=1))
    assert await look_after_orders() == 1
    assert await look_after_orders() == 0
    assert await told(order) == ["zhao", "sun"]
    still.advance(timedelta(minutes=15))
    await look_after_orders()
    assert await told(order) == ["zhao", "sun", "wang", "qian"]
    assert await breaches(order) == ["order_unaccepted"]
    still.advance(timedelta(hours=2))
    assert await look_after_orders() == 0
    view = await order_view(desk, order.id)
    assert "无人接单" in view.card.banner
    assert "无人接单，已通知消防安全管理人和服务机构值班台" in [line.text for line in view.story]
    assert (await act(order, Act.ACCEPT, second)).assignee == second.id


async def test_an_order_that_nobody_can_take_is_the_managers_and_the_desks_at_once(
    points: dict[str, UUID], manager: Person, desk: Person
) -> None:
    order = await opened(points, manager)
    assert order.state is State.OPEN
    await look_after_orders()
    assert await told(order) == ["wang", "qian"]
    assert await breaches(order) == ["order_unaccepted"]


async def test_the_last_one_who_declines_lets_the_next_be_asked_at_once(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    with pytest.raises(Incomplete):
        await act(order, Act.DECLINE, keeper)
    declined = await act(order, Act.DECLINE, keeper, Said(reason="在外地"))
    assert declined.state is State.DECLINED
    await look_after_orders()
    view = await order_view(manager, order.id)
    assert (view.order.state, view.order.offered) == (State.DISPATCHED, (second.id,))
    assert "拒单 · 在外地" in [line.text for line in view.story]
