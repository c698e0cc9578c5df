"""Who hears of a work order, and where it waits for them: who lost it, who must send somebody."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.vocabulary import Via
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.work_orders.chores import look_after_orders
from backend.work_orders.model import Act, WaitReason
from backend.work_orders.opening import open_from_alarm
from backend.work_orders.queries import card_for, orders_for
from backend.work_orders.service import Said
from tests.integration.test_masks import FAULT, PUMP, keeper, manager, points, still, the_alarm
from tests.integration.test_work_orders import act, desk, opened, second, to_site

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
