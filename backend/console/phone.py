"""The phone page: status and list at `/m`, one alarm at `/m/alarms/{id}`. Live without a reload."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from backend.alarms.card import alarm_card
from backend.alarms.glance import glance
from backend.alarms.masks.queries import masks_for, windows_for
from backend.alarms.queries import alarm_for, history_for
from backend.alarms.showing import pieces_for
from backend.console.answering import answers
from backend.console.lines import LINES_A_PAGE, Line, lines_of
from backend.console.pages import channel_words, draw, draw_refusal
from backend.console.queries import has_telegram, latest_seq, unstamped
from backend.core.errors import NotSignedIn, Refused
from backend.core.ids import AlarmId
from backend.core.settings import Settings
from backend.core.vocabulary import Severity
from backend.delivery.escalating import is_told_again
from backend.duty.queries import checks_for
from backend.evidence.model import MEDIA_LABELS
from backend.people.contacts import contacts_of
from backend.people.model import Person, Right
from backend.registry.queries import units_for
from backend.rota.queries import first_gaps, open_gaps_for
from backend.work_orders.model import STATE_LABELS
from backend.work_orders.queries import orders_of_alarm

WAYS: Final = ("active", "recent", "masked")
#: no list is longer
MOST_AFTER: Final = 1_000_000
_MOST_CHECKS: Final = 5


def pages_of(lines: list[Line], after: int, leader: AlarmId | None, *, is_open: bool) -> dict[str, Any]:
    """What a list needs to lead to its next page: None when this is the last."""
    is_full = is_open and len(lines) == LINES_A_PAGE
    return {"next_lines": after + len(lines) if is_full else None, "led_by": leader, "is_paged": after > 0}


def to_the_door(request: Request[Any, Any, Any], _: Exception) -> Response[Any]:
    """Whoever is not signed in is led to where they can."""
    return Redirect("/m/enter" if request.url.path.startswith("/m") else "/enter", status_code=303)


async def frame(person: Person, settings: Settings, *, is_demo: bool) -> dict[str, Any]:
    """What each page of a signed-in person needs around it."""
    units = await units_for(person)
    timezone = units[0].timezone if len(units) == 1 else settings.provider.timezone
    return {
        "language": person.language,
        "timezone": timezone,
        "person": person,
        "units": units,
        "is_demo": is_demo,
        "provider": settings.provider.name,
        "after": await latest_seq(person.id),
        "unstamped": msgspec.json.encode(await unstamped(person.id)).decode(),
    }


async def alarm_page(
    person: Person, settings: Settings, alarm_id: AlarmId, *, is_demo: bool, seat: Literal["phone", "desk"]
) -> Response[str]:
    """An alarm's page with its story, at the seat it was asked from. Raises NoSuchAlarm."""
    alarm = await alarm_for(person, alarm_id)
    orders = await orders_of_alarm(person, alarm.id)
    return draw(
        "alarm.html",
        **await frame(person, settings, is_demo=is_demo),
        seat=seat,
        home="/m" if seat == "phone" else "/",
        alarm=alarm,
        card=alarm_card(alarm, person.language),
        orders=orders,
        order_words=STATE_LABELS,
        may_order=alarm.unit is not None
        and person.may(Right.ORDER, alarm.unit)
        and all(each.is_final for each in orders),
        may_complain=seat == "phone" and alarm.unit is not None and person.may(Right.COMPLAIN, alarm.unit),
        answers=answers(alarm, person, is_told_again=await is_told_again(alarm.id, person.id)),
        history=await history_for(person, alarm.id, person.language),
        pieces=await pieces_for(person, alarm.id),
        media_words=MEDIA_LABELS,
    )


class PhonePages(Controller):
    """What a person in a unit sees on a phone."""

    path = "/m"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def home(
        self,
        *,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        which: Annotated[str, QueryParameter()] = "active",
        after: Annotated[int, QueryParameter()] = 0,
        led_by: Annotated[UUID | None, QueryParameter()] = None,
    ) -> Response[str]:
        """The unit at a glance and its alarms."""
        which = which if which in WAYS else WAYS[0]
        after, leader, is_open = max(0, min(after, MOST_AFTER)), AlarmId(led_by) if led_by else None, which == WAYS[0]
        lines = await lines_of(person, which, after=after, led_by=leader)
        return draw(
            "phone.html",
            **await frame(person, settings, is_demo=is_demo),
            glance=await glance(person),
            severities=list(Severity),
            lines=lines,
            which=which,
            **pages_of(lines, after, leader, is_open=is_open),
            masks=await masks_for(person),
            windows=await windows_for(person),
            asked=[each for each in await checks_for(person, limit=_MOST_CHECKS) if each.may_answer],
            gaps=first_gaps(await open_gaps_for(person)) if person.may_anywhere(Right.PLAN) else [],
            has_telegram=await has_telegram(person.id),
            failing=[each for each in await contacts_of(person.id) if each.failing_since is not None],
            channels=channel_words(person.language),
        )

    @get("/alarms/{alarm_id:uuid}")
    async def alarm(
        self,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        alarm_id: FromPath[UUID],
    ) -> Response[str]:
        """One alarm: what, where, since when, who knows; and the buttons."""
        return await alarm_page(person, settings, AlarmId(alarm_id), is_demo=is_demo, seat="phone")
