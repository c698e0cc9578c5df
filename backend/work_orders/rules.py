"""Decisions about a work order: what somebody is to it, what they may do now, its next state, its clock. Pure.

The rule: what is due is the agreed finish and the pauses, and a pause is only ever as long as the wall clock ran.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from backend.core.errors import NotAllowed
from backend.core.i18n import N_
from backend.core.ids import PersonId
from backend.people.model import Person, Right
from backend.work_orders.model import (
    FINISHED,
    NOTHING,
    PAUSING,
    UNTAKEN,
    WAYS,
    Act,
    Asked,
    Incomplete,
    Need,
    OrderMovedOn,
    Origin,
    State,
    Way,
    Who,
    WorkOrder,
)

SERVICE: Final = frozenset({Who.SERVICE})
_MICROSECOND: Final = timedelta(microseconds=1)
_MISSING: Final = {
    Need.REASON: N_("请填写原因"),
    Need.WAIT_REASON: N_("请选择挂起原因"),
    Need.TO: N_("请选择维保人员"),
    Need.EVIDENCE: N_("还缺少所要求的佐证"),
    Need.TEST: N_("请先触发测试，等待该部件的信号"),
}


def standing(order: WorkOrder, person: Person) -> frozenset[Who]:
    """What a person is to an order; empty for whoever may only look."""
    is_maintainer = person.may(Right.WORK, order.unit)
    is_dispatcher = person.may(Right.DISPATCH, order.unit)
    # whoever opened it from a complaint may see no order of the unit, and who left none: its people take it back
    is_theirs = order.opened_by is None or order.opener_left or order.origin is Origin.COMPLAINT
    is_opener = order.opened_by == person.id or (is_theirs and is_dispatcher)
    found = {
        Who.OFFERED: is_maintainer and person.id in order.offered,
        Who.ASSIGNEE: is_maintainer and person.id == order.assignee,
        Who.DISPATCHER: is_dispatcher,
        Who.VERIFIER: person.may(Right.VERIFY, order.unit) and person.id not in order.workers,
        Who.OPENER: is_opener,
    }
    return frozenset(who for who, holds in found.items() if holds)


def declining(order: WorkOrder, person: PersonId) -> Act:
    """拒单 of one of several who were asked leaves the others asked; of the last one it is declined."""
    others = set(order.offered) - {person}
    return Act.STEP_ASIDE if order.state is State.DISPATCHED and others else Act.DECLINE


def offered_acts(order: WorkOrder, who: frozenset[Who], person: PersonId) -> list[Act]:
    """The acts that somebody may do now, in the order of a day's work; what they lack yet is asked for later."""
    wanted = (Act.ASK_MORE, Act.STEP_ASIDE, Act.DECLINE)
    found = [act for act in Act if act not in wanted and (way := WAYS.get((order.state, act))) and who & way.who]
    if (way := WAYS.get((order.state, declining(order, person)))) and who & way.who:
        found.append(declining(order, person))
    if order.at is None or order.test_signal_at is not None or order.test_waived_by is not None:
        found = [act for act in found if act is not Act.WAIVE_TEST]
    unfit = set()
    if order.at is None or order.test_signal_at is not None:
        unfit.add(Act.EXPECT_TEST)
    if order.arrived_at is None:
        unfit.add(Act.RESUME)  # who waits before they were there sets out first
    return [act for act in found if act not in unfit]


def the_way(order: WorkOrder, act: Act, who: frozenset[Who]) -> Way:
    """The table's row. Raises `OrderMovedOn` when there is none, `NotAllowed` when it is not theirs to go."""
    way = WAYS.get((order.state, act))
    if way is None:
        raise OrderMovedOn(N_("工单状态已改变，此操作不再适用"), state=str(order.state), act=str(act))
    if not who & way.who:
        raise NotAllowed(N_("您没有进行此操作的权限"))
    return way


def missing(order: WorkOrder, way: Way, asked: Asked) -> list[Need]:
    """What the act still lacks."""
    lacks = {
        Need.REASON: not asked.reason.strip(),
        Need.WAIT_REASON: asked.wait_reason is None,
        Need.TO: not asked.to,
        Need.EVIDENCE: not set(order.needs) <= asked.had,
        Need.TEST: order.at is not None and order.test_signal_at is None and order.test_waived_by is None,
    }
    return [need for need in Need if need in way.needs and lacks[need]]


def moved(  # noqa: PLR0917 - an act's parts
    order: WorkOrder, act: Act, who: frozenset[Who], by: PersonId | None, now: datetime, asked: Asked = NOTHING
) -> WorkOrder:
    """`order` after the act. Raises `OrderMovedOn`, `NotAllowed`, `Incomplete`; nothing else ever moves one."""
    way = the_way(order, act, who)
    if lacking := missing(order, way, asked):
        raise Incomplete(_MISSING[lacking[0]], missing=[str(each) for each in lacking])
    is_over = order.state is State.WAITING and (way.to is not State.WAITING or act is Act.WAIT)
    base = _pause_over(order, now) if is_over else order
    changes = _CHANGES[act](base, by, now, asked) if act in _CHANGES else {}
    return msgspec.structs.replace(base, state=way.to, revision=order.revision + 1, **changes)


def _pause_over(order: WorkOrder, now: datetime) -> WorkOrder:
    """The wait is over; what of it counted as a pause moves the agreed finish."""
    ran = max(now - order.paused_since, timedelta()) if order.paused_since is not None else timedelta()
    return msgspec.structs.replace(
        order, wait_reason=None, paused_since=None, paused_us=order.paused_us + ran // _MICROSECOND
    )


#: who works on it from now on tests it themselves; a waiver is of the component, and stays
_UNTESTED: Final[dict[str, Any]] = {
    "test_asked_at": None,
    "test_until_at": None,
    "test_signal_at": None,
    "test_said": "",
}


def _asked_for(order: WorkOrder, _by: PersonId | None, now: datetime, asked: Asked) -> dict[str, Any]:
    within = asked.accept_within
    return {
        "offered": tuple(dict.fromkeys(asked.to)),
        "refused_by": tuple(each for each in order.refused_by if each not in asked.to),
        "assignee": None,
        "accepted_at": None,
        "done_at": None,
        "arrived_at": None,
        "asked_at": now,
        "accept_by": now + within if within is not None else None,
        "accept_step": 0,
        **_UNTESTED,
    }


def _asked_too(order: WorkOrder, _by: PersonId | None, now: datetime, asked: Asked) -> dict[str, Any]:
    within = asked.accept_within
    return {
        "offered": tuple(dict.fromkeys((*order.offered, *asked.to))),
        "accept_by": now + within if within is not None else None,
    }


def _accepted(order: WorkOrder, by: PersonId | None, now: datetime, _: Asked) -> dict[str, Any]:
    assert by is not None
    return {
        "assignee": by,
        "offered": (by,),
        "workers": tuple(dict.fromkeys((*order.workers, by))),
        "accepted_at": now,
        "accept_by": None,
        "accept_step": 0,
    }


def _passed(order: WorkOrder, by: PersonId | None, _now: datetime, _: Asked) -> dict[str, Any]:
    assert by is not None
    return {
        "offered": tuple(each for each in order.offered if each != by),
        "refused_by": tuple(dict.fromkeys((*order.refused_by, by))),
    }


def _declined(order: WorkOrder, by: PersonId | None, now: datetime, asked: Asked) -> dict[str, Any]:
    return {**_passed(order, by, now, asked), "offered": (), "assignee": None, "accepted_at": None, "accept_by": now}


def _waits(_order: WorkOrder, _by: PersonId | None, now: datetime, asked: Asked) -> dict[str, Any]:
    return {"wait_reason": asked.wait_reason, "paused_since": now if asked.wait_reason in PAUSING else None}


def _arrived(order: WorkOrder, _by: PersonId | None, now: datetime, _: Asked) -> dict[str, Any]:
    return {"arrived_at": order.arrived_at or now}


def _sent_back(_order: WorkOrder, _by: PersonId | None, _now: datetime, _: Asked) -> dict[str, Any]:
    """The work begins anew, and so does its proof."""
    return {
        "done_at": None,
        "verified_by": None,
        "verified_at": None,
        "test_waived_by": None,
        **_UNTESTED,
    }


_Change = Callable[[WorkOrder, PersonId | None, datetime, Asked], dict[str, Any]]
_CHANGES: Final[dict[Act, _Change]] = {
    Act.DISPATCH: _asked_for,
    Act.REASSIGN: _asked_for,
    Act.ASK_MORE: _asked_too,
    Act.ACCEPT: _accepted,
    Act.STEP_ASIDE: _passed,
    Act.DECLINE: _declined,
    Act.WAIT: _waits,
    Act.ARRIVE: _arrived,
    Act.RESUME: _arrived,
    Act.WAIVE_TEST: lambda _order, by, _now, _asked: {"test_waived_by": by},
    Act.FINISH: lambda _order, _by, now, _asked: {"done_at": now},
    Act.VERIFY: lambda _order, by, now, _asked: {"verified_by": by, "verified_at": now},
    Act.SEND_BACK: _sent_back,
    Act.CLOSE: lambda _order, _by, now, _asked: {"ended_at": now},
    Act.WITHDRAW: lambda _order, _by, now, asked: {"ended_at": now, "ended_why": asked.reason, "accept_by": None},
}


def paused_for(order: WorkOrder, now: datetime) -> timedelta:
    """How long the clock stood still so far; never longer than the order has been there."""
    running = max(now - order.paused_since, timedelta()) if order.paused_since is not None else timedelta()
    return order.paused + running


def due_at(order: WorkOrder, now: datetime) -> datetime:
    """The agreed finish as it stands: moved by all pauses, the running one too."""
    return order.agreed_at + paused_for(order, now)


def is_overdue(order: WorkOrder, now: datetime) -> bool:
    """Whether the work was, or is, not finished by then."""
    if order.state is State.WITHDRAWN:
        return False
    finished = order.done_at if order.state in FINISHED else None
    return (finished or now) > due_at(order, finished or now)


def is_untaken(order: WorkOrder) -> bool:
    """Nobody works on it yet."""
    return order.state in UNTAKEN
