"""`/api/v1/handovers`, `/api/v1/duty-checks`: duty for programs, with a token of kind `api`."""

from typing import Annotated, Final, Literal
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from backend.core.vocabulary import Via
from backend.duty.checks import answer, withdraw
from backend.duty.handovers import amend, cancel, refuse, sign, take
from backend.duty.log import LogLine, log_for
from backend.duty.queries import CheckLine, HandoverLine, checks_for, handover_for, handovers_for
from backend.duty.wire import (
    BeginIn,
    CheckIn,
    DutyOut,
    HandoverOut,
    NoteIn,
    TakeIn,
    WhyIn,
    ask_by,
    begin_by,
    check_done,
    handover_done,
    note_by,
)
from backend.people.model import Person

_MOST: Final = 300
Which = Literal["open", "ended"]
Limit = Annotated[int, QueryParameter(ge=1, le=_MOST)]
Operator = NamedDependency[Person]
Id = FromPath[UUID]


class Handovers(Controller):
    """Handovers (交接班) of the caller's units, and of the provider's desk."""

    path = "/api/v1/handovers"
    tags = ("operator",)

    @get()
    async def list_handovers(
        self, operator: Operator, which: FromQuery[Which] = "open", limit: Limit = 100
    ) -> list[HandoverLine]:
        """Those that are open; or those that are over, newest first."""
        return await handovers_for(operator, which, limit=limit)

    @get("/{handover_id:uuid}")
    async def one(self, operator: Operator, handover_id: Id) -> HandoverOut:
        """One with what it says: as it was signed, or as things stand now."""
        line, content = await handover_for(operator, handover_id)
        return HandoverOut(handover=line, content=content)

    @post(status_code=200)
    async def begin(self, operator: Operator, data: JSONBody[BeginIn]) -> DutyOut:
        """A draft of one's own shift; a second time finds the first."""
        return await begin_by(operator, data, Via.API)

    @post("/{handover_id:uuid}/notes", status_code=200)
    async def note(self, operator: Operator, handover_id: Id, data: JSONBody[NoteIn]) -> DutyOut:
        """What the next shift should know besides."""
        return await note_by(operator, handover_id, data, Via.API)

    @post("/{handover_id:uuid}/signature", status_code=200)
    async def sign(self, operator: Operator, handover_id: Id) -> DutyOut:
        """The outgoing person signs: frozen, hashed, in the ledger."""
        return handover_done(await sign(operator, handover_id, Via.API), operator.language)

    @post("/{handover_id:uuid}/taking", status_code=200)
    async def take(self, operator: Operator, handover_id: Id, data: JSONBody[TakeIn]) -> DutyOut:
        """The incoming person signs; with the digest of what they read."""
        return handover_done(await take(operator, handover_id, Via.API, sha256=data.sha256), operator.language)

    @post("/{handover_id:uuid}/refusal", status_code=200)
    async def refuse(self, operator: Operator, handover_id: Id, data: JSONBody[WhyIn]) -> DutyOut:
        """The incoming person does not take it, and says why."""
        return handover_done(await refuse(operator, handover_id, data.why, Via.API), operator.language)

    @post("/{handover_id:uuid}/amendment", status_code=200)
    async def amend(self, operator: Operator, handover_id: Id) -> DutyOut:
        """What was refused is a draft again."""
        return handover_done(await amend(operator, handover_id, Via.API), operator.language)

    @post("/{handover_id:uuid}/cancellation", status_code=200)
    async def cancel(self, operator: Operator, handover_id: Id) -> DutyOut:
        """It is void."""
        return handover_done(await cancel(operator, handover_id, Via.API), operator.language)


class DutyChecks(Controller):
    """Duty checks (查岗) of the caller's units."""

    path = "/api/v1/duty-checks"
    tags = ("operator",)

    @get()
    async def list_checks(self, operator: Operator, limit: Limit = 100) -> list[CheckLine]:
        """The one that waits first, then the newest."""
        return await checks_for(operator, limit=limit)

    @post(status_code=200)
    async def ask(self, operator: Operator, data: JSONBody[CheckIn]) -> DutyOut:
        """Ask whoever is on duty now."""
        return await ask_by(operator, data, Via.API)

    @post("/{check_id:uuid}/answer", status_code=200)
    async def answer(self, operator: Operator, check_id: Id) -> DutyOut:
        """I am here."""
        return check_done(await answer(operator, check_id, Via.API), operator.language)

    @post("/{check_id:uuid}/withdrawal", status_code=200)
    async def withdraw(self, operator: Operator, check_id: Id) -> DutyOut:
        """It is asked no longer."""
        return check_done(await withdraw(operator, check_id, Via.API), operator.language)


class DutyLog(Controller):
    """The duty log (值班日志)."""

    path = "/api/v1/duty-log"
    tags = ("operator",)

    @get()
    async def list_lines(self, operator: Operator, limit: Limit = 100) -> list[LogLine]:
        """Newest first."""
        return await log_for(operator, limit=limit)


DUTY: Final = [Handovers, DutyChecks, DutyLog]
