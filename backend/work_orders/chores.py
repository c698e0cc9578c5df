"""What time does with work orders: more are asked, overdue is recorded, signals are noted, verified ones close.

Several workers may do this at once: each order is taken by one of them in a transaction of its own, and the others pass
over it. Idempotent: a pass that finds nothing due changes nothing.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec

from backend.alarms.masks.releasing import Released
from backend.alarms.masks.releasing import tell as ring
from backend.core import clock
from backend.core.db.engine import SERVER_AWAY, fetch, fetch_one, transaction
from backend.core.deadlines import ORDER_CLOSES_AFTER, ORDER_VERIFIED_WITHIN
from backend.work_orders.acting import Done, settle, to_ledger
from backend.work_orders.dispatching import ask_further, hand_on
from backend.work_orders.model import Act, WorkOrder
from backend.work_orders.rows import COLUMNS, order_of
from backend.work_orders.rules import SERVICE, is_overdue, moved
from backend.work_orders.telling import VERIFIERS, people_with, tell, tell_desk
from backend.work_orders.testing import take_signal

log = logging.getLogger(__name__)
Step = Callable[[WorkOrder, datetime, Released], Awaitable[tuple[WorkOrder, Done | None]]]

_MOST: Final = 100
_UNACCEPTED: Final = "o.state in ('open', 'dispatched', 'declined') and o.accept_by <= $1"
_OVERDUE: Final = """o.overdue_at is null and o.due_at < $1 and o.paused_since is null
    and o.state not in ('done', 'verified', 'closed', 'withdrawn')"""
_SPOKEN: Final = """o.state = 'on_site' and o.test_asked_at <= $1 and o.test_signal_at is null
    and exists (select from work_order_signals s where s.work_order = o.id and s.at >= o.test_asked_at)"""
_UNVERIFIED: Final = """o.state = 'done' and o.done_at <= $1 and not exists (
    select from work_order_entries e where e.work_order = o.id and e.kind = 'unverified' and e.at > o.done_at)"""
#: whoever took it takes orders of the unit no more
_LEFT: Final = """o.assignee is not null and o.state in ('accepted', 'on_the_way', 'on_site', 'waiting', 'sent_back')
    and o.accepted_at <= $1 and not exists (
        select from people p join grants g on g.person = p.id and g.role = 'maintainer'
            and (g.unit = o.unit or g.unit is null)
        where p.id = o.assignee and p.is_active)"""
_OLD: Final = "o.state = 'verified' and o.verified_at <= $1"


async def look_after_orders() -> int:
    """One pass over all that is due; answers how many orders it moved or noted something on."""
    now = clock.now()
    taken = 0
    for which, at, step in (
        (_SPOKEN, now, take_signal),
        (_LEFT, now, hand_on),
        (_UNACCEPTED, now, _further),
        (_OVERDUE, now, _overdue),
        (_UNVERIFIED, now - ORDER_VERIFIED_WITHIN, _remind),
        (_OLD, now - ORDER_CLOSES_AFTER, _close),
    ):
        for row in await fetch(f"select o.id from work_orders o where {which} order by o.id limit {_MOST}", at):
            taken += await _alone(row["id"], which, at, step)
    return taken


async def _alone(order_id: object, which: str, at: datetime, step: Step) -> int:
    """One order in its own transaction, looked at again under its lock; one that fails never keeps the others."""
    try:
        return await _take(order_id, which, at, step)
    except SERVER_AWAY:
        raise
    except Exception:
        # one order that can't be moved must not keep all others (house.md §6: this is the sweeper's pass)
        log.exception("work order not looked after", extra={"order": str(order_id)})
        return 0


async def _take(order_id: object, which: str, at: datetime, step: Step) -> int:
    released = Released()
    query = f"select {COLUMNS} from work_orders o where o.id = $2 and {which} for no key update skip locked"
    async with transaction():
        row = await fetch_one(query, at, order_id)
        if row is None:
            return 0
        before = order_of(row)
        after, done = await step(before, clock.now(), released)
        if done is None:
            return 0
        await to_ledger(before, after, done)
    await ring(released)
    return 1


async def _further(order: WorkOrder, now: datetime, released: Released) -> tuple[WorkOrder, Done | None]:
    after = await ask_further(order, now, released)
    facts = {"step": after.accept_step, "to": [str(each) for each in after.offered]}
    return after, Done(kind="unaccepted", facts=facts)


async def _overdue(order: WorkOrder, now: datetime, released: Released) -> tuple[WorkOrder, Done | None]:
    """The row says so, its story, its cards, a breach; who must hear of it does (see `acting.settle`)."""
    if not is_overdue(order, now):
        return order, None
    after = msgspec.structs.replace(order, revision=order.revision + 1)
    done = Done(kind="found_overdue")
    return await settle(order, after, done, now, released), done


async def _remind(order: WorkOrder, now: datetime, released: Released) -> tuple[WorkOrder, Done | None]:
    """Done for a day and nobody looked at it: whoever may verify it is told again, and the duty desk, once."""
    done = Done(kind="unverified")
    after = await settle(order, msgspec.structs.replace(order, revision=order.revision + 1), done, now, released)
    await tell(after, await people_with(after.unit, VERIFIERS) - set(after.workers), now, released)
    await tell_desk(after, now, released)
    return after, done


async def _close(order: WorkOrder, now: datetime, released: Released) -> tuple[WorkOrder, Done | None]:
    done = Done(kind=str(Act.CLOSE))
    return await settle(order, moved(order, Act.CLOSE, SERVICE, None, now), done, now, released), done
