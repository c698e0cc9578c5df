"""The devices' links as pages: `/links` at the duty desk, `/m/links` on phones (CQC/SC 11002, 4.4.2).

A month of each device: how available, how often and why it was lost, and what the patrol's record says.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from backend.console.pages import draw, draw_refusal
from backend.console.phone import MOST_AFTER, frame, to_the_door
from backend.core.clock import in_zone
from backend.core.errors import NotAllowed, NotSignedIn, Refused
from backend.core.i18n import N_
from backend.core.ids import UnitId
from backend.core.settings import Settings
from backend.monitoring.link_queries import CAUSE_LABELS, LINKS_A_PAGE, availability_for, month_asked
from backend.people.model import Person

_MOST_OUTAGES: Final = 20


def _local(moment: datetime, timezone: str) -> str:
    return in_zone(moment, timezone).strftime("%m-%d %H:%M:%S")


class LinkPages(Controller):
    """Links, on a phone."""

    path = "/m/links"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def links(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        month: FromQuery[str] = "",
        unit: FromQuery[UUID | None] = None,
        after: FromQuery[int] = 0,
    ) -> Response[str]:
        """A page of devices with their month."""
        is_desk = not request.url.path.startswith("/m")
        if is_desk and not person.is_provider:
            raise NotAllowed(N_("值班台只供服务机构人员使用"))
        after = max(0, min(after, MOST_AFTER))
        asked = month_asked(month, settings.provider.timezone)
        links = await availability_for(person, asked, unit=UnitId(unit) if unit else None, after=after)
        return draw(
            "links.html",
            **await frame(person, settings, is_demo=is_demo),
            seat="desk" if is_desk else "phone",
            home="/" if is_desk else "/m",
            here="/links" if is_desk else "/m/links",
            month=asked,
            links=links,
            causes=CAUSE_LABELS,
            most_outages=_MOST_OUTAGES,
            local=_local,
            next_after=after + len(links) if len(links) == LINKS_A_PAGE else None,
        )


class DeskLinkPages(LinkPages):
    """The same at the duty desk, over all units."""

    path = "/links"
