"""A work order outlives whoever had it: another is asked, its clock runs again, and somebody can still take it back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import NotAllowed
from backend.people.model import Person
from backend.work_orders.chores import look_after_orders
from backend.work_orders.model import Act, State, WaitReason, WorkOrder
from backend.work_orders.queries import order_for, order_view
from backend.work_orders.service import Said
from tests.integration.test_masks import keeper, manager, points, still
from tests.integration.test_work_orders import act, desk, opened, second, to_site

__all__ = ["desk", "keeper", "manager", "points", "second", "still"]
Later = Callable[[], Any]


async def leaves(who: Person) -> None:
    await execute("delete from grants where person = $1", who.id)


async def told_since(order: WorkOrder) -> list[str]:
    """Codes of who was told at this moment."""
    rows = await fetch(
        """select distinct p.code from notices n join attempts t on t.notice = n.id join people p on p.id = t.person
           where n.alarm = $1 and n.created_at >= $2 and t.state <> 'skipped' order by p.code""",
        order.id,
        clock.now(),
    )
    return [row["code"] for row in rows]


async def test_an_order_whose_maintainer_left_is_offered_to_another_and_no_clock_rests_for_it(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    await to_site(order, keeper)
    await act(order, Act.WAIT, keeper, Said(wait_reason=WaitReason.PARTS))
    still.advance(timedelta(hours=2))
    await leaves(keeper)
    assert [await look_after_orders(), await look_after_orders()] == [1, 0]
    after = await order_for(manager, order.id)
    assert (after.state, after.offered, after.assignee) == (State.DISPATCHED, (second.id,), None)
    assert (after.paused_since, after.paused) == (None, timedelta(hours=2))
    assert await told_since(order) == ["sun", "wang"]
    story = [line.text for line in (await order_view(manager, order.id)).story]
    assert any("接单人已不再负责该单位" in text for text in story), story
    await act(order, Act.ACCEPT, second)


async def test_where_no_maintainer_is_left_the_manager_and_the_desk_hear_so_once(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, desk: Person
) -> None:
    order = await opened(points, manager)
    await to_site(order, keeper)
    still.advance(timedelta(hours=1))
    await execute("update people set is_active = false where id = $1", keeper.id)
    assert [await look_after_orders(), await look_after_orders()] == [1, 0]
    assert await told_since(order) == ["qian", "wang"]
    assert (await order_for(manager, order.id)).state is State.ON_SITE
    await execute("update people set is_active = true where id = $1", keeper.id)
    assert (await act(order, Act.FINISH, keeper)).state is State.DONE


async def test_what_was_sent_back_to_who_left_meanwhile_is_offered_to_another(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    await to_site(order, keeper)
    await act(order, Act.FINISH, keeper)
    await leaves(keeper)
    assert await look_after_orders() == 0
    await act(order, Act.SEND_BACK, manager, Said(reason="仍有异响"))
    assert await look_after_orders() == 1
    assert (await order_for(manager, order.id)).offered == (second.id,)


@pytest.mark.parametrize("gone", ["update people set is_active = false", "delete from grants"])
async def test_whoever_can_send_somebody_takes_back_what_was_opened_by_who_left(
    gone: str, points: dict[str, UUID], manager: Person, keeper: Person, desk: Person
) -> None:
    order = await opened(points, keeper)
    with pytest.raises(NotAllowed):
        await act(order, Act.WITHDRAW, manager, Said(reason="重复"))
    await execute(f"{gone} where {'id' if 'people' in gone else 'person'} = $1", keeper.id)
    assert Act.WITHDRAW in [each.act for each in (await order_view(manager, order.id)).acts]
    assert (await act(order, Act.WITHDRAW, manager, Said(reason="重复"))).state is State.WITHDRAWN
    assert desk
