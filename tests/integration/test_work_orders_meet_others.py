"""Work orders beside rotas, the front door, other workers and other people's evidence."""

import asyncio
import contextvars
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.core import clock
from backend.core.db.engine import fetch, transaction
from backend.core.errors import Conflict, NotAllowed, NotFound
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import Via
from backend.evidence.model import MediaKind
from backend.evidence.service import keep
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.people.queries import person
from backend.rota.model import Rotation
from backend.rota.service import add_schedule
from backend.work_orders.chores import look_after_orders
from backend.work_orders.model import Act, OrderMovedOn, Origin, State, WaitReason
from backend.work_orders.opening import Opening, open_for_service, open_from_alarm, open_order
from backend.work_orders.queries import order_view, orders_for
from backend.work_orders.service import Said, add_evidence
from backend.work_orders.showing import piece_for
from tests.integration.test_masks import FAULT, NORMAL, PUMP, keeper, manager, points, still, the_alarm
from tests.integration.test_work_orders import (
    JPEG,
    act,
    breaches,
    desk,
    kinds,
    opened,
    second,
    stranger,
    to_site,
    told,
)
from tests.patience import PATIENCE_S

__all__ = ["desk", "keeper", "manager", "points", "second", "still", "stranger"]


async def test_a_card_that_was_told_shows_every_later_state(
    points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    order = await opened(points, manager)
    await act(order, Act.ACCEPT, keeper)
    (notice,) = await fetch("select cards::text as cards, revision from notices where alarm = $1", order.id)
    card = msgspec.json.decode(notice["cards"])["zh_CN"]
    assert (card["status"], card["about"]) == ("已接单", "order")
    assert [key["verb"] for row in card["keys"] for key in row] == [
        "o-go",
        "o-arrive",
        "o-wait",
        "o-reassign",
        "o-show",
    ]


async def test_two_workers_ask_the_next_one_once(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    still.advance(timedelta(minutes=15))
    assert sum(await asyncio.gather(*(look_after_orders() for _ in range(4)))) == 1
    assert (await kinds(order)).count("ask_more") == 1
    assert await told(order) == ["zhao", "sun"]


async def test_the_front_door_waits_for_nobody_who_holds_an_order(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    order, _ = await open_from_alarm(manager, await the_alarm(), Via.PHONE)
    await to_site(order, keeper)
    await act(order, Act.EXPECT_TEST, keeper)
    async with transaction():
        await fetch("select id from work_orders where id = $1 for update", order.id)
        heard = asyncio.create_task(door.hears(StateSaid(subject=PUMP, state=NORMAL)), context=contextvars.Context())
        await asyncio.wait_for(heard, PATIENCE_S)
    assert len(await fetch("select id from work_order_signals")) == 1


async def test_anothers_piece_and_a_used_one_are_no_evidence_of_mine(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person, stranger: Person
) -> None:
    first, other = await opened(points, manager), await opened(points, manager)
    mine = await keep(keeper, MediaKind.PHOTO, "a.jpg", JPEG)
    with pytest.raises(NotFound):
        await add_evidence(second, first.id, [mine], Via.PHONE)
    await add_evidence(keeper, first.id, [mine], Via.PHONE)
    with pytest.raises((Conflict, NotFound)):
        await add_evidence(keeper, other.id, [mine], Via.PHONE)
    assert (await piece_for(manager, first.id, mine))[1] == JPEG
    for who, order in ((manager, other), (stranger, first)):
        with pytest.raises(NotFound):
            await piece_for(who, order.id, mine)


async def test_a_reassigned_order_is_told_to_the_new_one_and_waits_anew(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    order = await opened(points, manager, to=(keeper.id,))
    await to_site(order, keeper)
    await act(order, Act.WAIT, keeper, Said(wait_reason=WaitReason.PARTS))
    still.advance(timedelta(hours=1))
    moved = await act(order, Act.REASSIGN, manager, Said(reason="换人", to=(second.id,)))
    assert (moved.state, moved.assignee, moved.paused) == (State.DISPATCHED, None, timedelta(hours=1))
    assert "sun" in await told(order)
    with pytest.raises(OrderMovedOn):
        await act(order, Act.ARRIVE, keeper)
    await act(order, Act.ACCEPT, second)
    assert (await order_view(manager, order.id)).order.workers == (keeper.id, second.id)


async def test_orders_are_listed_for_whom_they_wait(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person, desk: Person
) -> None:
    order = await opened(points, desk, to=(keeper.id,))
    assert [len(await orders_for(each, "mine")) for each in (keeper, second, desk, manager)] == [1, 0, 1, 0]
    await to_site(order, keeper)
    await act(order, Act.FINISH, keeper)
    assert [len(await orders_for(each, "mine")) for each in (keeper, second, manager)] == [1, 0, 1]
    await act(order, Act.VERIFY, manager)
    await act(order, Act.CLOSE, desk)
    assert [len(await orders_for(manager, which)) for which in ("open", "ended")] == [0, 1]


async def test_a_maintainer_on_duty_is_asked_and_the_others_are_not(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person
) -> None:
    assert keeper
    unit = UnitId(points["unit"])
    always = Rotation(people=(second.id,), first=datetime(2026, 1, 1))  # noqa: DTZ001 - the unit's wall clock
    await add_schedule(manager, unit, "维保", [always])
    order = await open_order(manager, Opening(unit=unit, what="水泵异响"), Via.PHONE)
    assert order.offered == (second.id,)
    assert await breaches(order) == []


async def test_a_complaints_handler_opens_no_order_by_a_unit_and_the_service_one_for_an_inspection(
    points: dict[str, UUID], manager: Person, keeper: Person, add_person: Any
) -> None:
    handler = await person(PersonId(await add_person("he", "何投诉", "complaint_handler", None, app="he")))
    unit = UnitId(points["unit"])
    with pytest.raises(NotFound):
        await open_order(handler, Opening(unit=unit, what="漏水", origin=Origin.COMPLAINT, about=new_id()), Via.CONSOLE)
    assert await orders_for(handler, "open") == []
    found = await open_for_service(Opening(unit=unit, what="灭火器过期", where="3层", origin=Origin.INSPECTION))
    view = await order_view(manager, found.id)
    assert [each.value for each in view.card.facts if each.label == "来源"] == ["巡查"]
    with pytest.raises(NotAllowed):
        await act(found, Act.WITHDRAW, keeper, Said(reason="x"))
    assert (await act(found, Act.WITHDRAW, manager, Said(reason="误报"))).state is State.WITHDRAWN
