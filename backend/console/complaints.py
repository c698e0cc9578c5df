"""Complaints and feedback as pages: the provider's queue (`/complaints`), a person's own (`/m/complaints`); 5.5."""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from backend.alarms.queries import alarm_for, alarms_for
from backend.complaints.model import CAUSE_LABELS, CauseClass
from backend.complaints.queries import ClockOut, Which, complaint_story, complaints_for
from backend.complaints.reports import figures_for
from backend.complaints.routing import may_be_handed_to, may_set_duties
from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core import clock
from backend.core.clock import in_zone
from backend.core.errors import NotAllowed, NotFound, NotSignedIn, Refused
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId
from backend.core.settings import Settings
from backend.core.vocabulary import COMPLAINT_LABELS, FEEDBACK_KINDS, ComplaintKind
from backend.people.model import Person, Right
from backend.people.queries import colleagues
from backend.registry.queries import units_for
from backend.work_orders.queries import OrderLine, order_for, orders_for

WAYS: Final[tuple[Which, ...]] = ("open", "over")
_MOST_ALARMS: Final = 30
_MINUTES_AN_HOUR: Final = 60


def _is_desk(request: Request[Any, Any, Any]) -> bool:
    return not request.url.path.startswith("/m/")


def _seat(person: Person, *, is_desk: bool) -> dict[str, Any]:
    if is_desk and not person.may(Right.HANDLE_COMPLAINTS, None):
        raise NotAllowed(N_("此页只供投诉处理人、质量负责人和系统管理员使用"))
    seat = "desk" if is_desk else "phone"
    return {"seat": seat, "home": "/" if is_desk else "/m", "here": "/complaints" if is_desk else "/m/complaints"}


def left(minutes: int, language: str) -> str:
    """Working time that is left, in words."""
    hours, rest = divmod(minutes, _MINUTES_AN_HOUR)
    if hours:
        return translate(N_("工作时间还剩 {hours} 小时 {minutes} 分"), language, hours=hours, minutes=rest)
    return translate(N_("工作时间还剩 {minutes} 分"), language, minutes=rest)


def _words(language: str) -> dict[str, Any]:
    """How the pages say kinds, causes and clocks."""
    return {
        "kind_word": lambda kind: translate(COMPLAINT_LABELS[ComplaintKind(kind)], language),
        "cause_word": lambda cause: translate(CAUSE_LABELS[CauseClass(cause)], language),
        "left": lambda minutes: left(minutes, language),
        "tone": _tone,
    }


def _tone(one: ClockOut) -> str:
    """How a clock's bar is coloured; words say the same beside it."""
    if one.is_missed:
        return "late"
    if one.is_paused:
        return "rests"
    return "near" if one.share >= 0.75 and one.done_at is None else "runs"


async def _form(person: Person) -> dict[str, Any]:
    """What the form to file offers: units, kinds, recent alarms, people."""
    units = [unit for unit in await units_for(person) if person.may(Right.COMPLAIN, unit.id)]
    if not units:
        return {"filing_units": []}
    people = {each.id: each.name for unit in units for each in await colleagues(unit.id) if each.id != person.id}
    return {
        "filing_units": units,
        "complaint_kinds": [each for each in ComplaintKind if each not in FEEDBACK_KINDS],
        "feedback_kinds": [each for each in ComplaintKind if each in FEEDBACK_KINDS],
        "alarms": await alarms_for(person, "recent", _MOST_ALARMS),
        "orders": await _orders(person, {unit.id for unit in units}),
        "colleagues": people,
    }


async def _asked(person: Person, alarm: UUID | None, order: UUID | None) -> dict[str, Any]:
    """What the form is opened for, however old it is: its id, its unit, its words; nothing for what is not theirs."""
    try:
        if alarm is not None:
            of_alarm = await alarm_for(person, AlarmId(alarm))
            name = f"#{of_alarm.number} {of_alarm.title}"
            return {"asked": alarm, "asked_kind": "alarm", "asked_unit": of_alarm.unit, "asked_name": name}
        if order is not None:
            of_order = await order_for(person, order)
            name = f"#{of_order.number} {translate(of_order.what, person.language)}"
            return {"asked": order, "asked_kind": "order", "asked_unit": of_order.unit, "asked_name": name}
    except NotFound:
        pass
    return {"asked": None, "asked_kind": "", "asked_unit": None, "asked_name": ""}


async def _orders(person: Person, units: set[UUID]) -> list[OrderLine]:
    """Work orders that can be complained about: those under way first."""
    found = [
        *await orders_for(person, "open", limit=_MOST_ALARMS),
        *await orders_for(person, "ended", limit=_MOST_ALARMS),
    ]
    return [each for each in found if each.unit in units][:_MOST_ALARMS]


class ComplaintPages(Controller):
    """A person's own complaints on a phone; a manager's unit's too."""

    path = "/m/complaints"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def complaints(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        which: FromQuery[str] = WAYS[0],
        month: FromQuery[str] = "",
        alarm: FromQuery[UUID | None] = None,
        order: FromQuery[UUID | None] = None,
    ) -> Response[str]:
        """The list by deadline, the form to file one; at the provider the month's figures."""
        is_desk = _is_desk(request)
        seat = _seat(person, is_desk=is_desk)
        way: Which = "over" if which == WAYS[1] else "open"
        month = month or f"{in_zone(clock.now(), settings.provider.timezone):%Y-%m}"
        sees_figures = is_desk or person.may_anywhere(Right.SEE_COMPLAINTS)
        return draw(
            "complaints.html",
            **await frame(person, settings, is_demo=is_demo),
            **seat,
            **_words(person.language),
            which=way,
            lines=await complaints_for(person, way, limit=200),
            month=month,
            figures=await figures_for(person, month, settings.provider.timezone) if sees_figures else None,
            may_set_duties=is_desk and may_set_duties(person),
            **await _asked(person, alarm, order),
            **({"filing_units": []} if is_desk else await _form(person)),
        )

    @get("/{complaint_id:uuid}")
    async def complaint(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        complaint_id: FromPath[UUID],
    ) -> Response[str]:
        """One with its story, and what its reader may do."""
        seat = _seat(person, is_desk=_is_desk(request))
        told = await complaint_story(person, complaint_id)
        people = await may_be_handed_to(person, complaint_id) if told.line.may_handle else []
        return draw(
            "complaint.html",
            **await frame(person, settings, is_demo=is_demo),
            **seat,
            **_words(person.language),
            line=told.line,
            entries=told.entries,
            rounds=told.rounds,
            causes=list(CauseClass),
            orders=told.orders,
            may_order=told.may_order,
            orders_at="/m/orders" if seat["seat"] == "phone" else "/orders",
            is_feedback=told.line.kind in FEEDBACK_KINDS,
            people=people,
        )


class DeskComplaintPages(ComplaintPages):
    """The same at the provider: all that the reader handles."""

    path = "/complaints"
