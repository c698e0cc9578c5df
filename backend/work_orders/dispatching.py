"""Who is asked to take an order: the maintainers on duty, then the next one, then the unit's manager and the duty desk.

The rule: time only asks more people; a person accepts, or nobody does and that is recorded and told.
"""

from datetime import datetime
from typing import Final

import msgspec

from backend.alarms.masks.releasing import Released
from backend.core.db.engine import fetch, fetch_one
from backend.core.deadlines import ACCEPT_WITHIN
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import Role
from backend.rota.queries import on_duty_of
from backend.work_orders.acting import Done, settle
from backend.work_orders.model import Act, Asked, State, Who, WorkOrder
from backend.work_orders.rows import Entry, write_entries
from backend.work_orders.rules import SERVICE, moved
from backend.work_orders.telling import MANAGERS, people_with, tell, tell_desk

#: steps of nobody accepting: one more maintainer is asked, then everybody, the manager and the duty desk hear of it
_NEXT, _EVERYBODY = 1, 2
#: in whose stead the service hands on what its maintainer left behind
_FOR_DISPATCHERS: Final = frozenset({Who.DISPATCHER})
_LEFT: Final = N_("接单人已不再负责该单位")
_SAID: Final = "select 1 from work_order_entries where work_order = $1 and kind = 'left' and at >= $2 limit 1"
_MAINTAINERS: Final = """
    select distinct p.id, p.code from grants g join people p on p.id = g.person and p.is_active
    where g.unit = $1 and g.role = $2 order by p.code"""


async def maintainers_of(unit: UnitId) -> list[PersonId]:
    """The unit's maintainers (维保人员), in one order."""
    return [PersonId(row["id"]) for row in await fetch(_MAINTAINERS, unit, str(Role.MAINTAINER))]


async def on_duty(unit: UnitId, now: datetime) -> list[PersonId]:
    """The unit's maintainers who are on duty now; where no rota names one, all of them."""
    able = await maintainers_of(unit)
    schedules = (await on_duty_of([unit], now)).get(unit, {})
    named = {person for people in schedules.values() for person in people}
    return [each for each in able if each in named] or able


async def check_can_work(unit: UnitId, people: tuple[PersonId, ...]) -> None:
    """Raises `BadInput` for somebody who is no maintainer of the unit."""
    if not set(people) <= set(await maintainers_of(unit)):
        raise BadInput(N_("只能派给本单位的维保人员"))


def within(order: WorkOrder) -> Asked:
    """Nobody yet, and how long there is to accept."""
    return Asked(accept_within=ACCEPT_WITHIN[order.severity])


async def offer_on_duty(order: WorkOrder, now: datetime, released: Released) -> WorkOrder:
    """A new order goes to whoever is on duty; one that nobody could take stays open, and the chore tells so at once."""
    people = await on_duty(order.unit, now)
    if not people:
        return order
    return await offer(order, tuple(people), now, released, step=0)


async def offer(
    order: WorkOrder, people: tuple[PersonId, ...], now: datetime, released: Released, *, step: int
) -> WorkOrder:
    """The service asks these people (too), in the caller's transaction; the last step waits for nobody any more."""
    act = Act.ASK_MORE if order.state is State.DISPATCHED else Act.DISPATCH
    limit = ACCEPT_WITHIN[order.severity] if step < _EVERYBODY else None
    after = moved(order, act, SERVICE, None, now, Asked(to=people, accept_within=limit))
    after = msgspec.structs.replace(after, accept_step=step)
    done = Done(kind=str(act), facts={"to": [str(each) for each in people], "step": step})
    after = await settle(order, after, done, now, released)
    await tell(after, people, now, released)
    return after


async def hand_on(order: WorkOrder, now: datetime, released: Released) -> tuple[WorkOrder, Done | None]:
    """Who took it works for the unit no more: it is offered anew; where nobody is left, that is told, once."""
    people = tuple(await on_duty(order.unit, now))
    knows = await people_with(order.unit, MANAGERS)
    if people:
        act = Act.DISPATCH if order.state is State.SENT_BACK else Act.REASSIGN
        asked = Asked(to=people, reason=_LEFT, accept_within=ACCEPT_WITHIN[order.severity])
        done = Done(kind=str(act), facts={"reason": _LEFT, "to": [str(each) for each in people]})
        after = moved(order, act, _FOR_DISPATCHERS, None, now, asked)
        after = await settle(order, after, done, now, released)
        await tell(after, {*people, *knows}, now, released)
        return after, done
    if await fetch_one(_SAID, order.id, order.accepted_at) is not None:
        return order, None
    done = Done(kind="left")
    after = await settle(order, msgspec.structs.replace(order, revision=order.revision + 1), done, now, released)
    await tell(after, knows, now, released)
    await tell_desk(after, now, released)
    return after, done


async def ask_further(order: WorkOrder, now: datetime, released: Released) -> WorkOrder:
    """Nobody accepted in time: the next maintainer; or else everybody who is left, the manager and the duty desk."""
    left = [
        each for each in await maintainers_of(order.unit) if each not in order.offered and each not in order.refused_by
    ]
    if left and order.accept_step < _NEXT:
        return await offer(order, (left[0],), now, released, step=_NEXT)
    if left:
        after = await offer(order, tuple(left), now, released, step=_EVERYBODY)
        await write_entries(after.id, now, [Entry("unaccepted", {})])
    else:
        after = msgspec.structs.replace(order, accept_by=None, accept_step=_EVERYBODY, revision=order.revision + 1)
        after = await settle(order, after, Done(kind="unaccepted"), now, released)
    await tell(after, await people_with(order.unit, MANAGERS), now, released)
    await tell_desk(after, now, released)
    return after
