"""The deadline ledger at the duty desk (`/deadlines`): how fast each severity was, and every breach with its cause."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core import clock
from backend.core.errors import NotAllowed, NotSignedIn, Refused
from backend.core.i18n import N_, translate
from backend.core.settings import Settings
from backend.core.vocabulary import CHANNEL_LABELS, Channel, Severity, Via
from backend.delivery.breach_model import CAUSE_LABELS, KIND_LABELS, NOTE_LABELS, BreachKind, NoteKind
from backend.delivery.breaches import say
from backend.delivery.deadlines import Stretch, breaches, causes, speeds
from backend.people.doors import units_seen
from backend.people.model import Person, Right

_MOST: Final = 200
#: what the page looks back over
SPANS: Final = {
    "day": (timedelta(hours=24), N_("近24小时")),
    "month": (timedelta(days=30), N_("近30天")),
}


class NoteIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the quality lead found out about a breach, and what is done."""

    text: str


def _kind(word: str) -> BreachKind | None:
    return BreachKind(word) if word in set(BreachKind) else None


def _severity(word: str) -> Severity | None:
    return Severity(word) if word in set(Severity) else None


def _words(language: str) -> dict[str, Any]:
    """How the page says kinds, causes, notes and channels."""
    return {
        "kind_word": lambda kind: translate(KIND_LABELS[BreachKind(kind)], language),
        "cause_word": lambda cause: translate(CAUSE_LABELS[cause], language),
        "note_word": lambda kind: translate(NOTE_LABELS[NoteKind(kind)], language),
        "channel_word": lambda name: translate(CHANNEL_LABELS[Channel(name)], language) if name in set(Channel) else "",
        "span_word": lambda span: translate(SPANS[span][1], language),
        "figure": lambda value: "—" if value is None else f"{value:.2f} s",
    }


class DeadlinePages(Controller):
    """Only for the provider's people."""

    path = "/deadlines"
    include_in_schema = False
    exception_handlers = {NotSignedIn: to_the_door, Refused: draw_refusal}  # noqa: RUF012 - Litestar's own way

    @get()
    async def page(
        self,
        *,
        person: NamedDependency[Person],
        settings: NamedDependency[Settings],
        is_demo: NamedDependency[bool],
        span: FromQuery[str] = "day",
        kind: FromQuery[str] = "",
        severity: FromQuery[str] = "",
    ) -> Response[str]:
        """Percentiles of the last day or month, and its breaches, newest first."""
        if not person.is_provider:
            raise NotAllowed(N_("值班台只供服务机构人员使用"))
        span = span if span in SPANS else "day"
        now, units = clock.now(), units_seen(person)
        stretch = Stretch(
            since=now - SPANS[span][0],
            until=now,
            units=None if units is None else list(units),
            timezone=settings.provider.timezone,
        )
        found = await breaches(stretch, kind=_kind(kind), severity=_severity(severity), limit=_MOST)
        return draw(
            "deadlines.html",
            **await frame(person, settings, is_demo=is_demo),
            **_words(person.language),
            spans=list(SPANS),
            span=span,
            kinds=list(BreachKind),
            kind=kind,
            severities=list(Severity),
            severity=severity,
            speeds=await speeds(stretch),
            causes=await causes(stretch),
            breaches=found,
            is_full=len(found) == _MOST,
            may_note=person.may(Right.IMPROVE, None),
        )


@post("/desk/breaches/{breach_id:uuid}/notes", status_code=201, include_in_schema=False)
async def note_breach(
    person: NamedDependency[Person], breach_id: FromPath[UUID], data: JSONBody[NoteIn]
) -> dict[str, str]:
    """The quality lead's note; it stands in the ledger too."""
    await say(person, breach_id, data.text, Via.CONSOLE)
    return {"sentence": translate(N_("已记录"), person.language)}
