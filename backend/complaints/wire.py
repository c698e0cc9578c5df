"""What travels when complaints are filed and handled over HTTP, whichever edge it comes by: bodies and answers."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from backend.complaints.filing import Filing, file
from backend.complaints.model import STATE_LABELS, CauseClass, Complaint, Settlement
from backend.complaints.ordering import open_order
from backend.core.clock import in_zone
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import ComplaintKind, Via
from backend.evidence.model import EvidenceId
from backend.people.model import Person
from backend.work_orders.wire import OrderDone
from backend.work_orders.wire import done as order_done

_FORM: Final = "%m-%d %H:%M"
Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Maybe = Annotated[str, Meta(max_length=2000)]
Pieces = Annotated[tuple[UUID, ...], Meta(max_length=10)]


class _In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class FileIn(_In, frozen=True, kw_only=True):
    """What is filed."""

    unit: UUID
    kind: ComplaintKind
    text: Text
    about: UUID | None = None
    about_person: UUID | None = None
    about_words: Annotated[str, Meta(max_length=120)] = ""
    evidence: Pieces = ()


class WordsIn(_In, frozen=True, kw_only=True):
    """Words: a reply, a question, an answer, a note, a reason to reopen."""

    text: Text
    evidence: Pieces = ()


class WhyIn(_In, frozen=True, kw_only=True):
    """Why; may be empty."""

    text: Maybe = ""


class OrderOfIn(_In, frozen=True, kw_only=True):
    """What a work order from a complaint is to mend."""

    text: Annotated[str, Meta(min_length=1, max_length=500)]


class TransferIn(_In, frozen=True, kw_only=True):
    """To whom, and why."""

    to: UUID
    text: Maybe = ""


class SettleIn(_In, frozen=True, kw_only=True):
    """How it is settled."""

    text: Text
    is_justified: bool | None = None
    cause: CauseClass | None = None
    improvement: Maybe = ""

    @property
    def settlement(self) -> Settlement:
        """As the use case takes it."""
        return Settlement(
            text=self.text, is_justified=self.is_justified, cause=self.cause, improvement=self.improvement
        )


class RatingIn(_In, frozen=True, kw_only=True):
    """How satisfied, 1 to 5, and why."""

    rating: Annotated[int, Meta(ge=1, le=5)]
    reason: Text


class DutiesIn(_In, frozen=True, kw_only=True):
    """Which kinds a handler is there for; none: all."""

    kinds: Annotated[tuple[ComplaintKind, ...], Meta(max_length=7)] = ()


class KeptOut(msgspec.Struct, frozen=True):
    """A file that was kept: filing or answering names it by this."""

    id: UUID


class DoneOut(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands now, its deadlines, and a sentence to show."""

    id: UUID
    number: str
    state: str
    reply_due_at: datetime
    settle_due_at: datetime
    sentence: str


def done(complaint: Complaint, language: str, sentence: str = "") -> DoneOut:
    """A complaint's answer."""
    words = translate(
        N_("{number}：{state}"),
        language,
        number=complaint.number,
        state=translate(STATE_LABELS[complaint.state], language),
    )
    return DoneOut(
        id=complaint.id,
        number=complaint.number,
        state=str(complaint.state),
        reply_due_at=in_zone(complaint.round.reply_due_at, complaint.timezone),
        settle_due_at=in_zone(complaint.round.settle_due_at, complaint.timezone),
        sentence=sentence or words,
    )


def promised(complaint: Complaint, language: str) -> str:
    """What is said at once when something was filed: its number and both deadlines."""
    round_, zone = complaint.round, complaint.timezone
    return translate(
        N_("已受理，编号 {number}。我们将在 {reply} 前首次答复，{settle} 前办结。"),
        language,
        number=complaint.number,
        reply=in_zone(round_.reply_due_at, zone).strftime(_FORM),
        settle=in_zone(round_.settle_due_at, zone).strftime(_FORM),
    )


async def file_by(person: Person, data: FileIn, via: Via) -> DoneOut:
    """`filing.file` with a body's words."""
    filing = Filing(
        unit=UnitId(data.unit),
        kind=data.kind,
        text=data.text,
        about=data.about,
        about_person=PersonId(data.about_person) if data.about_person else None,
        about_words=data.about_words,
    )
    complaint = await file(person, filing, via, pieces(data.evidence))
    return done(complaint, person.language, promised(complaint, person.language))


def pieces(ids: tuple[UUID, ...]) -> tuple[EvidenceId, ...]:
    """Evidence that a body names; whose it is, is asked when it is bound."""
    return tuple(map(EvidenceId, ids))


async def order_by(person: Person, complaint_id: UUID, data: OrderOfIn, via: Via) -> OrderDone:
    """`ordering.open_order` with a body's words."""
    order, is_new = await open_order(person, complaint_id, data.text, via)
    words = N_("已开工单 {number}：{state}") if is_new else N_("已有工单 {number}：{state}")
    return order_done(order, person.language, words)
