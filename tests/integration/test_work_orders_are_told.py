"""Who hears of a work order, and where it waits for them: who lost it, who must send somebody."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.chat.service import Conversation
from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.vocabulary import Via
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.work_orders.chat import WORK_ORDERS
from backend.work_orders.chores import look_after_orders
from backend.work_orders.model import Act, WaitReason
from backend.work_orders.opening import open_from_alarm
from backend.work_orders.queries import card_for, orders_for
from backend.work_orders.service import Said
from tests.integration.test_masks import FAULT, PUMP, keeper, manager, points, still, the_alarm
from tests.integration.test_work_orders import act, desk, opened, second, to_site
from tests.integration.test_work_orders_in_chat import Chat

__all__ = ["desk", "keeper", "manager", "points", "second", "still"]


async def test_who_is_under_way_hears_that_the_order_was_given_to_another(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    await act(order, Act.ACCEPT, keeper)
    await act(order, Act.SET_OUT, keeper)
    still.advance(timedelta(minutes=1))
    await act(order, Act.REASSIGN, manager, Said(reason="孙师傅更近", to=(second.id,)))
    rows = await fetch(
        """select p.code from notices n join attempts t on t.notice = n.id join people p on p.id = t.person
           where n.alarm = $1 and n.created_at >= $2 and t.state <> 'skipped' order by p.code""",
        order.id,
        clock.now(),
    )
    assert [row["code"] for row in rows] == ["sun", "zhao"]


async def test_who_hands_their_own_order_on_is_not_told_so(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    await to_site(order, keeper)
    still.advance(timedelta(minutes=1))
    await act(order, Act.REASSIGN, keeper, Said(reason="另有任务", to=(second.id,)))
    rows = await fetch(
        """select p.code from notices n join attempts t on t.notice = n.id join people p on p.id = t.person
           where n.alarm = $1 and n.created_at >= $2""",
        order.id,
        clock.now(),
    )
    assert [row["code"] for row in rows] == ["sun"]


async def test_an_order_that_nobody_was_sent_for_waits_for_who_can_send_somebody(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, desk: Person
) -> None:
    order = await opened(points, desk, to=(keeper.id,))
    assert await orders_for(manager, "mine") == []
    await act(order, Act.DECLINE, keeper, Said(reason="在外地"))
    await look_after_orders()
    assert [each.id for each in await orders_for(manager, "mine")] == [order.id]
    assert await orders_for(keeper, "mine") == []


async def test_what_nobody_else_looks_after_is_the_duty_desks_to_do(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, desk: Person
) -> None:
    untaken, done = await opened(points, manager), await opened(points, manager, where="泵房")
    await to_site(done, keeper)
    await act(done, Act.FINISH, keeper)
    assert await orders_for(desk, "mine") == []
    still.advance(timedelta(minutes=16))
    await look_after_orders()
    assert [each.id for each in await orders_for(desk, "mine")] == [untaken.id]
    still.advance(timedelta(hours=24))
    assert [each.id for each in await orders_for(desk, "mine")] == [untaken.id, done.id]
    await act(done, Act.VERIFY, desk)
    await act(untaken, Act.ACCEPT, keeper)
    assert await orders_for(desk, "mine") == []


@pytest.mark.parametrize(
    ("why", "told"), [(WaitReason.UNIT, ["wang"]), (WaitReason.SHUTDOWN, ["wang"]), (WaitReason.PARTS, [])]
)
async def test_a_unit_that_is_waited_for_hears_so(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, why: WaitReason, told: list[str]
) -> None:
    assert manager
    order = await opened(points, keeper, to=())
    await to_site(order, keeper)
    still.advance(timedelta(minutes=1))
    await act(order, Act.WAIT, keeper, Said(wait_reason=why))
    rows = await fetch(
        """select distinct p.code from notices n join attempts t on t.notice = n.id join people p on p.id = t.person
           where n.alarm = $1 and n.created_at >= $2""",
        order.id,
        clock.now(),
    )
    assert [row["code"] for row in rows] == told


async def test_an_order_from_an_alarm_is_told_in_its_readers_language(
    points: dict[str, UUID], door: Any, manager: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE, "泵房漏水：很多")
    reader = msgspec.structs.replace(manager, language="en")
    what = (await card_for(reader, order.id)).what
    assert what.endswith(": 泵房漏水：很多")
    assert not [each for each in what.removesuffix("泵房漏水：很多") if "一" <= each <= "鿿"], what
    assert (await orders_for(reader, "open"))[0].what == what
    assert (await card_for(manager, order.id)).what == order.what


async def test_work_that_nobody_verifies_is_told_once_more_and_to_the_desk(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, desk: Person
) -> None:
    assert desk
    order = await opened(points, manager)
    await to_site(order, keeper)
    await act(order, Act.FINISH, keeper)
    still.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert await look_after_orders() == 0
    still.advance(timedelta(seconds=1))
    assert [await look_after_orders(), await look_after_orders()] == [1, 0]
    rows = await fetch(
        """select distinct p.code from notices n join attempts t on t.notice = n.id join people p on p.id = t.person
           where n.alarm = $1 and n.created_at >= $2 order by p.code""",
        order.id,
        clock.now(),
    )
    assert [row["code"] for row in rows] == ["qian", "wang"]
    await act(order, Act.SEND_BACK, manager, Said(reason="还有异响"))
    await act(order, Act.ARRIVE, keeper)
    await act(order, Act.FINISH, keeper)
    still.advance(timedelta(hours=24))
    assert await look_after_orders() == 1


async def test_a_long_list_in_a_chat_says_that_there_is_more(
    points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    chat = Chat(keeper, Conversation([WORK_ORDERS]))
    for _ in range(12):
        await opened(points, manager)
    assert "只列出" not in await chat.says("工单")
    await opened(points, manager)
    assert "只列出最紧急的 12 张" in await chat.says("工单")
    assert len(chat.keys) == 12
