"""Duty as pages: `/handover` and `/duty-checks` at the desk, `/m/duty` on a phone with both and the duty log."""

from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core.errors import NotAllowed, NotSignedIn, Refused
from backend.core.i18n import N_
from backend.core.ids import UnitId
from backend.core.settings import Settings
from backend.duty.log import log_for
from backend.duty.model import CHECK_MINUTES
from backend.duty.queries import checks_for, duty_units, handover_for, handovers_for, takers_for
from backend.people.model import Person, Right

AnyRequest = Request[Any, Any, Any]
_ENDED: Final = 20
_LINES: Final = 50


def _seat(request: AnyRequest, person: Person) -> dict[str, Any]:
    """Where the page stands. The desk's are the provider's only."""
    is_desk = not request.url.path.startswith("/m")
    if is_desk and not person.is_provider:
        raise NotAllowed(N_("值班台只供服务机构人员使用"))
    return {
        "seat": "desk" if is_desk else "phone",
        "home": "/" if is_desk else "/m",
        "handovers_here": "/handover" if is_desk else "/m/duty",
    }


async def _handovers(person: Person) -> dict[str, Any]:
    return {
        "open": await handovers_for(person),
        "ended": await handovers_for(person, "ended", limit=_ENDED),
        "duty_units": await duty_units(person, Right.DUTY),
        "log": await log_for(person, limit=_LINES),
    }


async def _checks(person: Person) -> dict[str, Any]:
    return {
        "checks": await checks_for(person, limit=_LINES),
        "check_units": await duty_units(person, Right.CHECK_DUTY),
        "check_minutes": CHECK_MINUTES,
    }


async def _one(
    request: AnyRequest, person: Person, settings: Settings, handover_id: UUID, *, is_demo: bool
) -> Response[str]:
    """One handover with what it says, and the acts its reader may do."""
    seat = _seat(request, person)
    line, content = await handover_for(person, handover_id)
    around = await frame(person, settings, is_demo=is_demo)
    return draw(
        "handover.html",
        **{**around, "timezone": content.timezone},
        **seat,
        line=line,
        content=content,
        takers=await takers_for(person, UnitId(line.unit) if line.unit else None) if line.may_sign else [],
    )


class PhoneDutyPages(Controller):
    """Handovers, duty checks and the duty log on a phone."""

    path = "/m/duty"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def duty(
        self,
        request: AnyRequest,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
    ) -> Response[str]:
        """What waits for this person, and what was."""
        return draw(
            "duty.html",
            **await frame(person, settings, is_demo=is_demo),
            **_seat(request, person),
            parts=("checks", "handovers", "log"),
            **await _handovers(person),
            **await _checks(person),
        )

    @get("/{handover_id:uuid}")
    async def one(
        self,
        request: AnyRequest,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        handover_id: FromPath[UUID],
    ) -> Response[str]:
        """One handover."""
        return await _one(request, person, settings, handover_id, is_demo=is_demo)


class DeskHandoverPages(Controller):
    """Handovers and the duty log at the duty desk."""

    path = "/handover"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def handovers(
        self,
        request: AnyRequest,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
    ) -> Response[str]:
        """What is open, a form to begin, and what was."""
        return draw(
            "duty.html",
            **await frame(person, settings, is_demo=is_demo),
            **_seat(request, person),
            parts=("handovers", "log"),
            **await _handovers(person),
        )

    @get("/{handover_id:uuid}")
    async def one(
        self,
        request: AnyRequest,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        handover_id: FromPath[UUID],
    ) -> Response[str]:
        """One handover."""
        return await _one(request, person, settings, handover_id, is_demo=is_demo)


@get("/duty-checks", include_in_schema=False, exception_handlers={NotSignedIn: to_the_door, Refused: draw_refusal})
async def duty_checks(
    request: AnyRequest,
    person: NamedDependency[Person],
    settings: NamedDependency[Settings],
    is_demo: NamedDependency[bool],
    unit: FromQuery[UUID | None] = None,
) -> Response[str]:
    """Duty checks at the duty desk: a form to ask, what waits, and what was; `unit` chooses it in the form."""
    return draw(
        "duty.html",
        **await frame(person, settings, is_demo=is_demo),
        **_seat(request, person),
        parts=("checks",),
        asked_unit=unit,
        **await _checks(person),
    )


DUTY: Final = [PhoneDutyPages, DeskHandoverPages, duty_checks]
