"""Telling people of a work order by delivery's own way: `notices.alarm` holds the order's id, and no clause a deadline.

The rule: who must act hears of it; everybody who was told before sees every later state on the same card.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final

from backend.alarms.masks.releasing import Released
from backend.core.db.engine import fetch
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.core.live import Hint
from backend.core.vocabulary import Lane, Role
from backend.delivery import plan as delivery
from backend.delivery.model import Card, NoticeKind
from backend.delivery.plan import Audience, NoticeDraft
from backend.delivery.reasons import Why, written
from backend.delivery.revising import revise
from backend.people.queries import names_of
from backend.work_orders.card import Around, loudness, order_card
from backend.work_orders.model import Origin, WorkOrder

_UNIT: Final = "select name, timezone from units where id = $1"
_WITH_ROLE: Final = """
    select distinct g.person from grants g join people p on p.id = g.person and p.is_active
    where g.unit = $1 and g.role = any($2)"""
_WHY_NOT: Final = written(Why.NOT_URGENT)
MANAGERS: Final = (Role.UNIT_MANAGER,)
VERIFIERS: Final = (Role.UNIT_MANAGER, Role.UNIT_DUTY)


async def people_with(unit: UnitId, roles: Iterable[Role]) -> frozenset[PersonId]:
    """Active people who hold one of these roles in the unit."""
    return frozenset(PersonId(row["person"]) for row in await fetch(_WITH_ROLE, unit, [str(role) for role in roles]))


async def around(order: WorkOrder) -> Around:
    """The words that a card of the order needs."""
    (unit,) = await fetch(_UNIT, order.unit)
    wanted = {order.opened_by, order.assignee, order.verified_by, order.test_waived_by, *order.offered, *order.workers}
    return Around(unit=unit["name"], zone=unit["timezone"], names=await names_of(wanted))


async def drawing(order: WorkOrder) -> Callable[[str], Card]:
    """How the order's card is drawn in a language."""
    return partial(order_card, order, await around(order))


async def tell(order: WorkOrder, people: Iterable[PersonId], now: datetime, released: Released) -> None:
    """These people hear of the order as it stands, in the caller's transaction."""
    wanted = frozenset(people)
    if wanted:
        released.add(await delivery.plan([_draft(order, await drawing(order), now, order.unit, wanted)]))


async def tell_desk(order: WorkOrder, now: datetime, released: Released) -> None:
    """The provider's duty desk hears of it."""
    released.add(await delivery.plan([_draft(order, await drawing(order), now, None, frozenset())]))


async def redraw(order: WorkOrder, released: Released) -> None:
    """Whoever was told sees how it stands; pages of the unit, and its alarm's, change."""
    released.add(redraws=await revise(AlarmId(order.id), order.revision, await drawing(order)))
    is_alarms = order.origin in {Origin.ALARM, Origin.LINK}
    released.hints.append(Hint(unit=str(order.unit), alarm=str(order.about) if is_alarms else ""))


def _draft(
    order: WorkOrder,
    draw: Callable[[str], Card],
    now: datetime,
    unit: UnitId | None,
    people: frozenset[PersonId],
) -> NoticeDraft:
    return NoticeDraft(
        alarm=AlarmId(order.id),
        unit=unit,
        kind=NoticeKind.ORDER,
        severity=loudness(order),
        lane=Lane.ROUTINE,
        draw=draw,
        revision=order.revision,
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
        audience=Audience(people=people, why_not=_WHY_NOT),
    )
