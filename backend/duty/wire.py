"""What travels when duty is asked for over HTTP, whichever edge it comes by: bodies and answers."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from backend.core.i18n import N_, translate
from backend.core.ids import PersonId, UnitId, id_by
from backend.core.vocabulary import Via
from backend.duty.checks import ask
from backend.duty.handovers import begin, note
from backend.duty.log import log
from backend.duty.model import CHECK_LABELS, HANDOVER_LABELS, LONGEST_TEXT, Content, DutyCheck, Handover
from backend.duty.queries import HandoverLine
from backend.people.model import Person

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Said = Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]


class _In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class BeginIn(_In, frozen=True, kw_only=True):
    """Whose shift; without a unit the provider's duty desk."""

    unit: UUID | None = None


class NoteIn(_In, frozen=True, kw_only=True):
    """What the next shift should know besides, and for whom it is."""

    notes: Text
    incoming: UUID | None = None


class TakeIn(_In, frozen=True, kw_only=True):
    """The digest of what was read, where the caller knows it."""

    sha256: Annotated[str, Meta(max_length=64)] | None = None


class WhyIn(_In, frozen=True, kw_only=True):
    """Why not."""

    why: Said


class CheckIn(_In, frozen=True, kw_only=True):
    """Which unit's people on duty are asked, what, and how long they may take."""

    unit: UUID
    minutes: Annotated[int, Meta(ge=1, le=120)]
    question: Annotated[str, Meta(max_length=200)] = ""


class LogIn(_In, frozen=True, kw_only=True):
    """A line of the duty log; without a unit the provider's duty desk. `key`: of a sender who may send it twice."""

    key: UUID | None = None
    text: Said
    unit: UUID | None = None


class DutyOut(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the id, the state, and a sentence."""

    id: UUID
    number: int
    state: str
    sentence: str
    sha256: str | None = None


class SentenceOut(msgspec.Struct, frozen=True):
    """That it is done."""

    sentence: str


class HandoverOut(msgspec.Struct, frozen=True, kw_only=True):
    """One handover and what it says."""

    handover: HandoverLine
    content: Content


def _unit(unit: UUID | None) -> UnitId | None:
    return UnitId(unit) if unit is not None else None


def handover_done(handover: Handover, language: str) -> DutyOut:
    """A handover's new state in words."""
    word = translate(HANDOVER_LABELS[handover.state], language)
    sentence = translate(N_("第 {number} 号交接班：{state}"), language, number=handover.number, state=word)
    return DutyOut(
        id=handover.id,
        number=handover.number,
        state=str(handover.state),
        sentence=sentence,
        sha256=handover.sha256,
    )


def check_done(check: DutyCheck, language: str) -> DutyOut:
    """A duty check's new state in words."""
    word = translate(N_("迟到的答复") if check.is_late else CHECK_LABELS[check.state], language)
    sentence = translate(N_("第 {number} 号查岗：{state}"), language, number=check.number, state=word)
    return DutyOut(id=check.id, number=check.number, state=str(check.state), sentence=sentence)


async def log_by(person: Person, data: LogIn, via: Via) -> SentenceOut:
    """Write a line into the duty log."""
    await log(person, _unit(data.unit), data.text, via, id_by(person.id, data.key, "log"))
    return SentenceOut(translate(N_("已记入值班日志"), person.language))


async def begin_by(person: Person, data: BeginIn, via: Via) -> DutyOut:
    """Begin a handover."""
    return handover_done(await begin(person, _unit(data.unit), via), person.language)


async def note_by(person: Person, handover: UUID, data: NoteIn, via: Via) -> DutyOut:
    """Note what the next shift should know."""
    incoming = PersonId(data.incoming) if data.incoming else None
    return handover_done(await note(person, handover, data.notes, incoming, via), person.language)


async def ask_by(person: Person, data: CheckIn, via: Via) -> DutyOut:
    """Ask the people on duty."""
    within = timedelta(minutes=data.minutes)
    return check_done(await ask(person, UnitId(data.unit), within, data.question, via), person.language)
