"""The clock of a work order: the agreed finish, pauses, what is late and recorded."""

from datetime import timedelta
from uuid import UUID

from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import new_id
from backend.people.model import Person
from backend.work_orders.chores import look_after_orders
from backend.work_orders.model import (
    Act,
    WaitReason,
)
from backend.work_orders.queries import order_view
from backend.work_orders.service import Said
from tests.integration.test_masks import (
    keeper,
    manager,
    points,
    still,
)
from tests.integration.test_work_orders import act, breaches, desk, opened, to_site, told

__all__ = ["desk", "keeper", "manager", "points", "still"]


async def test_an_overdue_order_is_recorded_once_in_the_ledger_and_told_and_a_pause_moves_it(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, desk: Person
) -> None:
    order, hour = await opened(points, manager), timedelta(hours=1)
    assert order.agreed_at - order.opened_at == 24 * hour
    await to_site(order, keeper)
    await act(order, Act.WAIT, keeper, Said(wait_reason=WaitReason.PARTS))
    still.advance(30 * hour)
    assert await look_after_orders() == 0
    await act(order, Act.RESUME, keeper)
    still.advance(23 * hour)
    assert await look_after_orders() == 0
    still.advance(2 * hour)
    assert await look_after_orders() == 1
    assert await look_after_orders() == 0
    assert await breaches(order) == ["order_overdue"]
    (due,) = await fetch("select due_at from breaches where subject = $1", order.id)
    assert due["due_at"] == order.agreed_at + 30 * hour
    assert {"wang", "qian"} <= set(await told(order))
    rows = await fetch("select facts::text as facts from ledger where kind = 'action'")
    assert any("breach.found" in row["facts"] and "order_overdue" in row["facts"] for row in rows)
    assert "已超过约定完成时间" in (await order_view(desk, order.id)).card.banner
    done = await act(order, Act.FINISH, keeper)
    assert done.overdue_at is not None


async def test_late_work_is_recorded_even_when_no_chore_looked(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    order = await opened(points, manager)
    await to_site(order, keeper)
    still.advance(timedelta(hours=25))
    await act(order, Act.FINISH, keeper)
    assert await breaches(order) == ["order_overdue"]


async def test_the_agreements_repair_time_is_what_is_agreed(points: dict[str, UUID], manager: Person) -> None:
    for number, hours, active in (("A-1", 8, True), ("A-2", 48, True), ("A-0", 2, False)):
        await execute(
            """insert into service_agreements (id, unit, number, scope, repair_hours, starts_on, is_active)
               values ($1, $2, $3, '', $4, now() - interval '1 day', $5)""",
            new_id(),
            points["unit"],
            number,
            hours,
            active,
        )
    order = await opened(points, manager)
    assert (order.agreed_at - order.opened_at, order.agreed_by) == (timedelta(hours=8), "A-1")
