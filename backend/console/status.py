"""The status review as pages: `/status` at the duty desk, `/m/status` on a phone; and a day of a quantity as a picture.

They show what a chat answers to 状态, 离线, 屏蔽, 今天 and 本周, from the same queries (`alarms.status_review`).
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from backend.alarms.digests.service import digest_wish
from backend.alarms.status_drill import chart_for
from backend.alarms.status_keys import Part
from backend.alarms.status_review import SPAN_LABELS, Span, period_for, review_for
from backend.alarms.status_words import figure, tone_word
from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core.errors import NotAllowed, NotFound, NotSignedIn, Refused
from backend.core.i18n import N_, translate
from backend.core.ids import DeviceId, UnitId
from backend.core.settings import Settings
from backend.core.vocabulary import VERDICT_LABELS, Severity
from backend.people.model import Person

_OCTET: Final = 255
_ICONS: Final = {"stale": "offline", "silent": "offline"}


class StatusPages(Controller):
    """The status review on a phone."""

    path = "/m/status"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def review(
        self,
        *,
        request: Request[Any, Any, Any],
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        unit: FromQuery[UUID | None] = None,
    ) -> Response[str]:
        """A unit as it stands, today and this week; without `unit` all of the person's together."""
        is_desk = not request.url.path.startswith("/m")
        if is_desk and not person.is_provider:
            raise NotAllowed(N_("值班台只供服务机构人员使用"))
        asked = UnitId(unit) if unit else None
        review = await review_for(person, asked)
        around = await frame(person, settings, is_demo=is_demo)
        return draw(
            "status.html",
            **{**around, "timezone": review.timezone},
            seat="desk" if is_desk else "phone",
            home="/" if is_desk else "/m",
            here="/status" if is_desk else "/m/status",
            facilities_here="/facilities" if is_desk else "/m/facilities",
            asked=asked,
            review=review,
            periods=[
                (translate(SPAN_LABELS[span], person.language), await period_for(person, span, asked)) for span in Span
            ],
            wish=await digest_wish(person),
            severities=list(Severity),
            figure=figure,
            short=_short,
            tone_word=lambda tone: tone_word(tone, person.language),
            tone_icon=lambda tone: _ICONS.get(tone, tone),
            verdict_word=lambda verdict: translate(VERDICT_LABELS[verdict], person.language),
        )


def _short(moment: datetime) -> str:
    return moment.strftime("%m-%d %H:%M")


class DeskStatusPages(StatusPages):
    """The same at the duty desk, over all units."""

    path = "/status"


def _part(system: str, component: str, quantity: int) -> Part:
    """What a picture's address names. Raises `NotFound` for what names nothing."""
    system_type, _, system_address = system.partition(".")
    numbers = (system_type, system_address)
    if not all(each.isdecimal() and int(each) <= _OCTET for each in numbers) or not 0 <= quantity <= _OCTET:
        raise NotFound(N_("没有找到"))
    return Part(system=(int(system_type), int(system_address)), component=component, quantity=quantity)


@get(
    ["/m/facilities/{device_id:uuid}/chart", "/facilities/{device_id:uuid}/chart"],
    include_in_schema=False,
    exception_handlers={NotSignedIn: to_the_door},
)
async def chart(
    person: NamedDependency[Person],
    device_id: FromPath[UUID],
    component: FromQuery[str],
    quantity: FromQuery[int],
    system: FromQuery[str],
) -> Response[bytes]:
    """A day of one quantity, the very picture that a chat sends."""
    octets = await chart_for(person, DeviceId(device_id), _part(system, component, quantity))
    return Response(octets, media_type="image/png", headers={"Cache-Control": "no-store"})
