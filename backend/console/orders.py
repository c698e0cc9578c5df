"""Work orders as pages: `/m/orders` on a phone, `/orders` at the duty desk; one order with all that may be done now.

The buttons are the table's (`work_orders.rules.offered_acts`): what a reader may not do is not drawn, and refused too.
"""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core.errors import NotAllowed, NotSignedIn, Refused
from backend.core.i18n import N_, translate
from backend.core.ids import UnitId, new_id
from backend.core.settings import Settings
from backend.core.vocabulary import SEVERITY_LABELS
from backend.people.model import Person, Right
from backend.work_orders.model import BY_HAND, FINAL, ORIGIN_LABELS, Act, State
from backend.work_orders.queries import maintainers_for, order_view, orders_for, wait_reasons

WHICH: Final = ("mine", "open", "ended")
#: what must be asked before an act is sent; an act that is not here is sent at once
ASKED: Final = {
    Act.DISPATCH: "to",
    Act.REASSIGN: "to reason",
    Act.ASK_MORE: "to",
    Act.DECLINE: "reason",
    Act.WAIT: "wait",
    Act.WAIVE_TEST: "reason",
    Act.FINISH: "note",
    Act.SEND_BACK: "reason",
    Act.WITHDRAW: "reason",
    Act.ARRIVE: "where",
}
PRIMARY: Final = frozenset({Act.ACCEPT, Act.ARRIVE, Act.FINISH, Act.VERIFY, Act.RESUME, Act.DISPATCH})
_TONES: Final = {
    State.OPEN: "fire",
    State.DECLINED: "fire",
    State.DISPATCHED: "abnormal",
    State.SENT_BACK: "fault",
    State.WAITING: "stale",
    State.DONE: "abnormal",
    State.VERIFIED: "well",
    State.CLOSED: "silent",
    State.WITHDRAWN: "silent",
}


def tone(state: State, *, is_overdue: bool) -> str:
    """The colour beside the word."""
    return "fire" if is_overdue and state not in FINAL else _TONES.get(state, "offline")


def _seat(request: Request[Any, Any, Any], person: Person) -> dict[str, Any]:
    """Where the page was asked for. Raises `NotAllowed` for the duty desk's pages and a person of a unit."""
    is_desk = not request.url.path.startswith("/m/")
    if is_desk and not person.is_provider:
        raise NotAllowed(N_("值班台只供服务机构人员使用"))
    here = "/orders" if is_desk else "/m/orders"
    return {"seat": "desk" if is_desk else "phone", "home": "/" if is_desk else "/m", "here": here}


class OrderPages(Controller):
    """Work orders on a phone."""

    path = "/m/orders"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def orders(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        which: FromQuery[str] = "",
        unit: FromQuery[UUID | None] = None,
    ) -> Response[str]:
        """Those to take, do or verify; all that are open; ended ones; and a form to open one by hand."""
        seat = _seat(request, person)
        chosen = which if which in WHICH else WHICH[1 if seat["seat"] == "desk" else 0]
        around = await frame(person, settings, is_demo=is_demo)
        return draw(
            "orders.html",
            **around,
            **seat,
            which=chosen,
            orders=await orders_for(person, chosen, unit=UnitId(unit) if unit else None),  # type: ignore[arg-type]
            tone=tone,
            fresh_key=new_id(),
            may_open=[each for each in around["units"] if person.may(Right.ORDER, each.id)],
            origins=[(str(each), translate(ORIGIN_LABELS[each], person.language)) for each in BY_HAND],
            severities=[(str(each), translate(label, person.language)) for each, label in SEVERITY_LABELS.items()],
        )

    @get("/{order_id:uuid}")
    async def order(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        order_id: FromPath[UUID],
    ) -> Response[str]:
        """One order: what, where, by when, who, its proof, its chain, its story; and the buttons."""
        seat = _seat(request, person)
        view = await order_view(person, order_id)
        unit = view.order.unit
        may_dispatch = any(each.act in {Act.DISPATCH, Act.REASSIGN, Act.ASK_MORE} for each in view.acts)
        return draw(
            "order.html",
            **await frame(person, settings, is_demo=is_demo),
            **seat,
            view=view,
            order=view.order,
            card=view.card,
            asked=ASKED,
            primary=PRIMARY,
            tone=tone(view.order.state, is_overdue=view.order.overdue_at is not None),
            maintainers=await maintainers_for(person, unit) if may_dispatch else [],
            wait_reasons=wait_reasons(person.language),
            may_complain=seat["seat"] == "phone" and person.may(Right.COMPLAIN, unit),
            may_add=view.order.state not in FINAL and person.may(Right.ORDER, unit),
            is_awaiting=view.order.state is State.ON_SITE
            and view.order.test_asked_at is not None
            and view.order.test_signal_at is None,
        )


class DeskOrderPages(OrderPages):
    """The same at the duty desk, over all units."""

    path = "/orders"
