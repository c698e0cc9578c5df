"""`/api/v1/deadlines` and `/api/v1/breaches`: how fast people were told, and what was not kept, for programs."""

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from backend.core import clock
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.vocabulary import Severity, Via
from backend.delivery import deadlines
from backend.delivery.breach_model import BreachKind
from backend.delivery.breaches import say
from backend.delivery.deadlines import BreachLine, CauseCount, Speed, Stretch
from backend.people.doors import units_seen
from backend.people.model import Person

_MOST: Final = 1000
_LONGEST: Final = timedelta(days=366)
_BY_DEFAULT: Final = timedelta(hours=24)
Moment = Annotated[datetime | None, QueryParameter()]


class DeadlinesOut(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a stretch of time, half-open."""

    since: datetime
    until: datetime
    speeds: list[Speed]
    causes: list[CauseCount]


class NoteIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found out about a breach, and what is done."""

    text: Annotated[str, Meta(min_length=1, max_length=1000)]


def _stretch(person: Person, since: datetime | None, until: datetime | None) -> Stretch:
    """Of the units the caller may see; the last 24 hours unless it says otherwise."""
    end = until or clock.now()
    begin = since or end - _BY_DEFAULT
    if begin.tzinfo is None or end.tzinfo is None:
        raise BadInput(N_("时间须带时区"))
    if not timedelta() < end - begin <= _LONGEST:
        raise BadInput(N_("时间范围须大于零且不超过366天"))
    units = units_seen(person)
    return Stretch(since=begin, until=end, units=None if units is None else list(units))


class Deadlines(Controller):
    """Figures of the deadline ledger."""

    path = "/api/v1"
    tags = ("operator",)

    @get("/deadlines")
    async def figures(
        self, operator: NamedDependency[Person], since: Moment = None, until: Moment = None
    ) -> DeadlinesOut:
        """Per severity p50, p99 and maximum in seconds, and how many breaches had which cause."""
        stretch = _stretch(operator, since, until)
        return DeadlinesOut(
            since=stretch.since,
            until=stretch.until,
            speeds=await deadlines.speeds(stretch),
            causes=await deadlines.causes(stretch),
        )

    @get("/breaches")
    async def breaches(
        self,
        *,
        operator: NamedDependency[Person],
        since: Moment = None,
        until: Moment = None,
        kind: Annotated[BreachKind | None, QueryParameter()] = None,
        severity: Annotated[Severity | None, QueryParameter()] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=_MOST)] = 100,
    ) -> list[BreachLine]:
        """Breaches (不符合项) of the stretch with their causes and notes, newest first."""
        stretch = _stretch(operator, since, until)
        return await deadlines.breaches(stretch, kind=kind, severity=severity, limit=limit)

    @post("/breaches/{breach_id:uuid}/notes", status_code=204)
    async def note(self, operator: NamedDependency[Person], breach_id: FromPath[UUID], data: JSONBody[NoteIn]) -> None:
        """The quality lead's note beside a breach."""
        await say(operator, breach_id, data.text, Via.API)


DEADLINES: Final = [Deadlines]
