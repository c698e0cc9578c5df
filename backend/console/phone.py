"""The phone page: status and list at `/m`, one alarm at `/m/alarms/{id}`. Live without a reload."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect

from backend.alarms.card import alarm_card
from backend.alarms.model import Alarm
from backend.alarms.queries import alarm_for, history_for
from backend.console.lines import open_lines, recent_lines
from backend.console.pages import draw, draw_refusal
from backend.console.queries import glance, latest_seq, unstamped
from backend.core.errors import NotSignedIn, Refused
from backend.core.i18n import N_
from backend.core.ids import AlarmId
from backend.core.settings import Settings
from backend.core.vocabulary import Severity, Verdict
from backend.delivery.model import Verb
from backend.people.model import Person, Right
from backend.registry.queries import units_for

WAYS: Final = ("active", "recent")


#: what a button does and its words on the phone, by the card's verb (experience.md, the phone alarm card)
BUTTONS: Final = {
    Verb.ACKNOWLEDGE: ("acknowledge", "", N_("我已知晓")),
    Verb.VERDICT_REAL: ("verdict", Verdict.REAL, N_("真实火警")),
    Verb.VERDICT_FALSE: ("verdict", Verdict.FALSE, N_("误报")),
    Verb.VERDICT_TEST: ("verdict", Verdict.TEST, N_("测试/检修")),
    Verb.VERDICT_FAULT: ("verdict", Verdict.FAULT, N_("报修")),
}
_RIGHT_FOR: Final = {"acknowledge": Right.ACKNOWLEDGE, "verdict": Right.JUDGE}


class Answer(msgspec.Struct, frozen=True):
    """A button at the bottom of the alarm page."""

    does: str
    verdict: str
    label: str


def answers(alarm: Alarm, person: Person) -> list[Answer]:
    """The buttons this person gets: not what they said already, nor what they have no right to."""
    knows = any(known.person == person.id for known in alarm.known_by)
    offered = [BUTTONS[each.verb] for each in alarm_card(alarm, person.language).actions if each.verb in BUTTONS]
    return [
        Answer(does, verdict, label)
        for does, verdict, label in offered
        if person.may(_RIGHT_FOR[does], alarm.unit) and not (knows and does == "acknowledge")
    ]


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


class PhonePages(Controller):
    """What a person in a unit sees on a phone."""

    path = "/m"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def home(
        self,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        which: Annotated[str, QueryParameter()] = "active",
    ) -> Response[str]:
        """The unit at a glance and its alarms."""
        which = which if which in WAYS else WAYS[0]
        return draw(
            "phone.html",
            **await frame(person, settings, is_demo=is_demo),
            glance=await glance(person),
            severities=list(Severity),
            lines=await (open_lines if which == "active" else recent_lines)(person),
            which=which,
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
        alarm = await alarm_for(person, AlarmId(alarm_id))
        return draw(
            "alarm.html",
            **await frame(person, settings, is_demo=is_demo),
            alarm=alarm,
            card=alarm_card(alarm, person.language),
            answers=answers(alarm, person),
            history=await history_for(person, alarm.id, person.language),
        )
