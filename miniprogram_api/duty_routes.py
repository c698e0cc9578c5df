"""`/mp/v1/handovers`, `/mp/v1/duty-checks`, `/mp/v1/duty-log`: duty for the phone page and the duty desk's page."""

from typing import Final
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

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
    LogIn,
    NoteIn,
    SentenceOut,
    TakeIn,
    WhyIn,
    ask_by,
    begin_by,
    check_done,
    handover_done,
    log_by,
    note_by,
)
from backend.people.model import Person

Reader = NamedDependency[Person]
By = NamedDependency[Via]
Id = FromPath[UUID]


class Handovers(Controller):
    """Handovers (交接班)."""

    path = "/mp/v1/handovers"
    tags = ("phone",)

    @get()
    async def list_handovers(self, person: Reader) -> list[HandoverLine]:
        """Those that are open."""
        return await handovers_for(person)

    @get("/{handover_id:uuid}")
    async def one(self, person: Reader, handover_id: Id) -> HandoverOut:
        """One with what it says."""
        line, content = await handover_for(person, handover_id)
        return HandoverOut(handover=line, content=content)

    @post(status_code=200)
    async def begin(self, person: Reader, via: By, data: JSONBody[BeginIn]) -> DutyOut:
        """A draft of one's own shift; a second time finds the first."""
        return await begin_by(person, data, via)

    @post("/{handover_id:uuid}/notes", status_code=200)
    async def note(self, person: Reader, via: By, handover_id: Id, data: JSONBody[NoteIn]) -> DutyOut:
        """What the next shift should know besides."""
        return await note_by(person, handover_id, data, via)

    @post("/{handover_id:uuid}/signature", status_code=200)
    async def sign(self, person: Reader, via: By, handover_id: Id) -> DutyOut:
        """The outgoing person signs."""
        return handover_done(await sign(person, handover_id, via), person.language)

    @post("/{handover_id:uuid}/taking", status_code=200)
    async def take(self, person: Reader, via: By, handover_id: Id, data: JSONBody[TakeIn]) -> DutyOut:
        """The incoming person signs what they read."""
        return handover_done(await take(person, handover_id, via, sha256=data.sha256), person.language)

    @post("/{handover_id:uuid}/refusal", status_code=200)
    async def refuse(self, person: Reader, via: By, handover_id: Id, data: JSONBody[WhyIn]) -> DutyOut:
        """The incoming person does not take it."""
        return handover_done(await refuse(person, handover_id, data.why, via), person.language)

    @post("/{handover_id:uuid}/amendment", status_code=200)
    async def amend(self, person: Reader, via: By, handover_id: Id) -> DutyOut:
        """What was refused is a draft again."""
        return handover_done(await amend(person, handover_id, via), person.language)

    @post("/{handover_id:uuid}/cancellation", status_code=200)
    async def cancel(self, person: Reader, via: By, handover_id: Id) -> DutyOut:
        """It is void."""
        return handover_done(await cancel(person, handover_id, via), person.language)


class DutyChecks(Controller):
    """Duty checks (查岗)."""

    path = "/mp/v1/duty-checks"
    tags = ("phone",)

    @get()
    async def list_checks(self, person: Reader) -> list[CheckLine]:
        """The one that waits first, then the newest."""
        return await checks_for(person)

    @post(status_code=200)
    async def ask(self, person: Reader, via: By, data: JSONBody[CheckIn]) -> DutyOut:
        """Ask whoever is on duty now."""
        return await ask_by(person, data, via)

    @post("/{check_id:uuid}/answer", status_code=200)
    async def answer(self, person: Reader, via: By, check_id: Id) -> DutyOut:
        """I am here."""
        return check_done(await answer(person, check_id, via), person.language)

    @post("/{check_id:uuid}/withdrawal", status_code=200)
    async def withdraw(self, person: Reader, via: By, check_id: Id) -> DutyOut:
        """It is asked no longer."""
        return check_done(await withdraw(person, check_id, via), person.language)


class DutyLog(Controller):
    """The duty log (值班日志)."""

    path = "/mp/v1/duty-log"
    tags = ("phone",)

    @get()
    async def list_lines(self, person: Reader) -> list[LogLine]:
        """Newest first."""
        return await log_for(person)

    @post(status_code=200)
    async def log(self, person: Reader, via: By, data: JSONBody[LogIn]) -> SentenceOut:
        """Write a line."""
        return await log_by(person, data, via)


DUTY: Final = [Handovers, DutyChecks, DutyLog]
