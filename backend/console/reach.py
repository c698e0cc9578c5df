"""Who is told and when, as pages: `/reach` at the duty desk over all units, `/m/reach` for a unit's own people.

Policies with their steps, duty schedules with who is on duty now and in the next 14 days, gaps in red; forms for those
with the right (`reach_acts`).
"""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.console.reach_view import reach_view
from backend.core.errors import NotAllowed, NotSignedIn, Refused
from backend.core.i18n import N_
from backend.core.ids import UnitId
from backend.core.settings import Settings
from backend.delivery.going_live import readiness_for
from backend.people.model import Person, Right
from backend.people.queries import quiet_hours
from backend.registry.queries import unit_for
from backend.rota.queries import open_gaps_for

AnyRequest = Request[Any, Any, Any]


def _seat(request: AnyRequest, person: Person) -> dict[str, Any]:
    """Where the page stands. The desk's are the provider's only."""
    is_desk = not request.url.path.startswith("/m")
    if is_desk and not person.is_provider:
        raise NotAllowed(N_("值班台只供服务机构人员使用"))
    return {
        "seat": "desk" if is_desk else "phone",
        "home": "/" if is_desk else "/m",
        "here": "/reach" if is_desk else "/m/reach",
    }


class ReachPages(Controller):
    """Who is told of the person's units, on a phone."""

    path = "/m/reach"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def units(
        self,
        request: AnyRequest,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
    ) -> Response[str]:
        """The units: which are in service, what they lack, and the gaps of the next days."""
        return draw(
            "reach.html",
            **await frame(person, settings, is_demo=is_demo),
            **_seat(request, person),
            readiness=await readiness_for(person),
            gaps=await open_gaps_for(person),
            quiet=await quiet_hours(person.id),
        )

    @get("/{unit_id:uuid}")
    async def unit(
        self,
        request: AnyRequest,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        unit_id: FromPath[UUID],
    ) -> Response[str]:
        """One unit's policies and duty schedules."""
        unit = await unit_for(person, UnitId(unit_id))
        values = await frame(person, settings, is_demo=is_demo)
        return draw(
            "reach_unit.html",
            **{**values, "timezone": unit.timezone},
            **_seat(request, person),
            unit=unit,
            ready=next(each for each in await readiness_for(person) if each.unit == unit.id),
            view=await reach_view(person, unit.id, unit.timezone),
            may_plan=person.may(Right.PLAN, unit.id),
            may_go_live=person.may(Right.ADOPT, unit.id),
        )


class DeskReachPages(ReachPages):
    """The same at the duty desk, over all units."""

    path = "/reach"
