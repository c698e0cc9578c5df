"""A second tap of the same person changes nothing and tells nobody again, whichever act it is."""

from datetime import timedelta
from uuid import UUID

import pytest

from backend.core import clock
from backend.core.db.engine import fetch
from backend.people.model import Person
from backend.work_orders.model import Act, OrderMovedOn, State, WaitReason, WorkOrder
from backend.work_orders.service import SILENT, Said
from tests.integration.test_masks import keeper, manager, points, still
from tests.integration.test_work_orders import act, desk, kinds, opened, second, to_site

__all__ = ["desk", "keeper", "manager", "points", "second", "still"]


async def twice(order: WorkOrder, what: Act, by: Person, said: Said = SILENT) -> WorkOrder:
    """The act, and the same again; the second time leaves everything as it was."""
    first = await act(order, what, by, said)
    before = await kinds(order), await notices(order)
    assert await act(order, what, by, said) == first
    assert (await kinds(order), await notices(order)) == before
    return first


async def notices(order: WorkOrder) -> int:
    (row,) = await fetch("select count(*) as n from notices where alarm = $1", order.id)
    return int(row["n"])


@pytest.mark.usefixtures("still")
async def test_every_act_of_an_orders_way_may_be_tapped_twice(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person, desk: Person
) -> None:
    assert desk
    order = await opened(points, manager, to=(keeper.id, second.id))
    await twice(order, Act.DECLINE, second, Said(reason="在外地"))
    await twice(order, Act.DECLINE, keeper, Said(reason="也在外地"))
    await twice(order, Act.DISPATCH, manager, Said(to=(keeper.id,)))
    await to_site(order, keeper)
    await twice(order, Act.WAIT, keeper, Said(wait_reason=WaitReason.UNIT))
    await twice(order, Act.RESUME, keeper)
    await act(order, Act.FINISH, keeper)
    await twice(order, Act.SEND_BACK, manager, Said(reason="仍有异响"))


async def test_another_reason_or_another_person_is_no_second_tap(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    with pytest.raises(OrderMovedOn):
        await act(order, Act.DISPATCH, manager, Said(to=(second.id,)))
    await act(order, Act.REASSIGN, manager, Said(reason="太忙", to=(second.id,)))
    again = await act(order, Act.REASSIGN, manager, Said(reason="太忙", to=(keeper.id,)))
    assert again.offered == (keeper.id,)
    await to_site(order, keeper)
    await act(order, Act.WAIT, keeper, Said(wait_reason=WaitReason.UNIT))
    still.advance(timedelta(minutes=1))
    changed = await act(order, Act.WAIT, keeper, Said(wait_reason=WaitReason.WEATHER))
    assert (changed.state, changed.paused_since) == (State.WAITING, None)
