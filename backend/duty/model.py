"""A handover (交接班) and a duty check (查岗) on their ways, and a line of the duty log. Pure.

The rules: who hands over signs first and what they sign is frozen; another person takes it or says why not; a duty
check that nobody answered in time is missed for good, whatever is said later.
"""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from backend.core.errors import BadInput, Conflict, NotAllowed, NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import Via

LONGEST_TEXT: Final = 2000


class NoSuchHandover(NotFound):
    """Unknown, or of a unit that is not yours."""

    code = "no_such_handover"


class HandoverMovedOn(Conflict):
    """The handover is no longer what the caller saw."""

    code = "handover_moved_on"


class NotYourTurn(NotAllowed):
    """Somebody else signs here."""

    code = "not_your_turn"


class NoSuchCheck(NotFound):
    """Unknown, or of a unit that is not yours."""

    code = "no_such_duty_check"


class CheckMovedOn(Conflict):
    """The duty check is over already."""

    code = "duty_check_moved_on"


class HandoverState(StrEnum):
    """Where a handover stands."""

    DRAFT = "draft"  #: being written; it shows how things stand at this moment
    SIGNED = "signed"  #: the outgoing person signed: frozen
    TAKEN = "taken"  #: the incoming person signed: over
    REFUSED = "refused"  #: the incoming person said why not
    CANCELLED = "cancelled"


#: from → to; the database refuses anything else (a test compares the two)
HANDOVER_TRANSITIONS: Final = {
    HandoverState.DRAFT: {HandoverState.SIGNED, HandoverState.CANCELLED},
    HandoverState.SIGNED: {HandoverState.TAKEN, HandoverState.REFUSED, HandoverState.CANCELLED},
    HandoverState.REFUSED: {HandoverState.DRAFT, HandoverState.CANCELLED},
    HandoverState.TAKEN: set[HandoverState](),
    HandoverState.CANCELLED: set[HandoverState](),
}
HANDOVER_LABELS: Final = {
    HandoverState.DRAFT: N_("待交班人签字"),
    HandoverState.SIGNED: N_("待接班人签字"),
    HandoverState.TAKEN: N_("已交接"),
    HandoverState.REFUSED: N_("接班人未接"),
    HandoverState.CANCELLED: N_("已作废"),
}
OPEN_HANDOVERS: Final = (HandoverState.DRAFT, HandoverState.SIGNED, HandoverState.REFUSED)
#: a handover that nobody moved for so long keeps nobody else who is on duty from handing over
ABANDONED_AFTER: Final = timedelta(hours=24)
#: how far back a handover looks when none was made before
FIRST_SHIFT: Final = timedelta(hours=24)
LONGEST_SHIFT: Final = timedelta(days=7)


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that the next shift must know."""

    text: str
    at: datetime | None = None
    tone: str = ""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Things of one kind: all are counted, the first are named. `label` is a message id."""

    name: str
    label: str
    count: int
    lines: tuple[Line, ...] = ()


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a shift hands over, as both sign it. Names and titles are in Chinese, the language of the record."""

    handover: UUID
    number: int
    unit: UnitId | None
    unit_name: str
    timezone: str
    outgoing: str
    outgoing_code: str
    from_at: datetime
    at: datetime
    notes: str
    sections: tuple[Section, ...]


_encode = msgspec.json.Encoder(order="deterministic").encode
decode_content = msgspec.json.Decoder(Content).decode


def frozen_text(content: Content) -> str:
    """The very text that is signed and hashed."""
    return _encode(content).decode()


def digest(text: str) -> str:
    """Its SHA-256 as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """A shift's handover (交接班); `unit` None is the provider's duty desk."""

    id: UUID
    number: int
    unit: UnitId | None
    state: HandoverState
    outgoing: PersonId
    from_at: datetime
    made_at: datetime
    notes: str = ""
    incoming: PersonId | None = None
    frozen: str | None = None
    sha256: str | None = None
    signed_at: datetime | None = None
    signed_via: Via | None = None
    decided_by: PersonId | None = None
    decided_at: datetime | None = None
    decided_via: Via | None = None
    why: str | None = None
    revision: int = 0

    @property
    def content(self) -> Content | None:
        """What was signed."""
        return decode_content(self.frozen) if self.frozen is not None else None


def moved(handover: Handover, to: HandoverState) -> Handover:
    """`handover` in its next state. Raises `HandoverMovedOn` when the table has no such way."""
    if to not in HANDOVER_TRANSITIONS[handover.state]:
        raise HandoverMovedOn(N_("该交接班的状态已改变"))
    return msgspec.structs.replace(handover, state=to, revision=handover.revision + 1)


def is_abandoned(handover: Handover, now: datetime) -> bool:
    """Whether nobody has moved it for a day: who handed over has gone home, or who was named never came."""
    moments = (handover.made_at, handover.signed_at, handover.decided_at)
    return now - max(each for each in moments if each is not None) >= ABANDONED_AFTER


def only_outgoing(handover: Handover, by: PersonId) -> None:
    """Raises `NotYourTurn` for anybody but who hands over."""
    if by != handover.outgoing:
        raise NotYourTurn(N_("只有交班人可以这样做"))


def only_incoming(handover: Handover, by: PersonId) -> None:
    """Raises `NotYourTurn` for who hands over, and where somebody was named for everybody else."""
    if by == handover.outgoing:
        raise NotYourTurn(N_("交班人不能替接班人签字"))
    if handover.incoming is not None and by != handover.incoming:
        raise NotYourTurn(N_("此班次指定由另一人接班"))


def signed(handover: Handover, content: Content, by: PersonId, via: Via, now: datetime) -> Handover:
    """The outgoing person signs: from here on nothing changes. Raises `NotYourTurn`, `HandoverMovedOn`."""
    only_outgoing(handover, by)
    text = frozen_text(content)
    return msgspec.structs.replace(
        moved(handover, HandoverState.SIGNED),
        frozen=text,
        sha256=digest(text),
        signed_at=now,
        signed_via=via,
        decided_by=None,
        decided_at=None,
        decided_via=None,
        why=None,
    )


def decided(handover: Handover, to: HandoverState, by: PersonId, via: Via, now: datetime, *, why: str = "") -> Handover:
    """The incoming person takes it or not. Raises `NotYourTurn`, `HandoverMovedOn`."""
    only_incoming(handover, by)
    return msgspec.structs.replace(moved(handover, to), decided_by=by, decided_at=now, decided_via=via, why=why or None)


def amended(handover: Handover, by: PersonId) -> Handover:
    """What was refused is written anew: the outgoing person's signature is gone. Raises as `signed` does."""
    only_outgoing(handover, by)
    return msgspec.structs.replace(
        moved(handover, HandoverState.DRAFT), frozen=None, sha256=None, signed_at=None, signed_via=None
    )


class CheckState(StrEnum):
    """Where a duty check stands."""

    ASKED = "asked"
    ANSWERED = "answered"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


CHECK_TRANSITIONS: Final = {
    CheckState.ASKED: {CheckState.ANSWERED, CheckState.MISSED, CheckState.WITHDRAWN},
    CheckState.ANSWERED: set[CheckState](),
    CheckState.MISSED: set[CheckState](),
    CheckState.WITHDRAWN: set[CheckState](),
}
CHECK_LABELS: Final = {
    CheckState.ASKED: N_("等待答复"),
    CheckState.ANSWERED: N_("在岗"),
    CheckState.MISSED: N_("未应答"),
    CheckState.WITHDRAWN: N_("已撤回"),
}
#: how long the person on duty may take, in minutes
CHECK_MINUTES: Final = (5, 10, 15, 30)
_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(minutes=120)
DEFAULT_QUESTION: Final = N_("请确认您在岗")


class DutyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A duty check (查岗): a question to the people on duty, with a time limit."""

    id: UUID
    number: int
    unit: UnitId
    state: CheckState
    question: str
    asked_by: PersonId
    asked_at: datetime
    until_at: datetime
    people: tuple[PersonId, ...]
    is_by_rota: bool  #: they are on duty by the rota; else: everybody with the duty role
    answered_by: PersonId | None = None
    answered_at: datetime | None = None
    answered_via: Via | None = None
    missed_at: datetime | None = None
    revision: int = 0

    @property
    def is_late(self) -> bool:
        """Whether somebody answered when it was missed already."""
        return self.state is CheckState.MISSED and self.answered_at is not None


def check_limit(within: timedelta) -> None:
    """Raises `BadInput` for a limit nobody can keep, or that checks nothing."""
    if not _SHORTEST <= within <= _LONGEST:
        raise BadInput(N_("查岗时限应为 1 到 120 分钟"))


def check_moved(check: DutyCheck, to: CheckState) -> DutyCheck:
    """`check` in its next state. Raises `CheckMovedOn`."""
    if to not in CHECK_TRANSITIONS[check.state]:
        raise CheckMovedOn(N_("该查岗已结束"))
    return msgspec.structs.replace(check, state=to, revision=check.revision + 1)


def answered(check: DutyCheck, by: PersonId, via: Via, now: datetime) -> DutyCheck:
    """Somebody is there. One that is missed stays missed; the late answer stands beside it. Raises `CheckMovedOn`."""
    if check.state is CheckState.ASKED and now >= check.until_at:
        check = missed(check, now)
    if check.state is CheckState.MISSED and check.answered_by is None:
        after = msgspec.structs.replace(check, revision=check.revision + 1)
    else:
        after = check_moved(check, CheckState.ANSWERED)
    return msgspec.structs.replace(after, answered_by=by, answered_at=now, answered_via=via)


def missed(check: DutyCheck, now: datetime) -> DutyCheck:
    """Its time is over. Raises `CheckMovedOn`, also before that."""
    if now < check.until_at:
        raise CheckMovedOn(N_("查岗时限还没有到"))
    return msgspec.structs.replace(check_moved(check, CheckState.MISSED), missed_at=now)


class LogKind(StrEnum):
    """What a line of the duty log speaks of."""

    NOTE = "note"
    HANDOVER = "handover"
    CHECK = "check"


LOG_LABELS: Final = {LogKind.NOTE: N_("记事"), LogKind.HANDOVER: N_("交接班"), LogKind.CHECK: N_("查岗")}
_CONTROLS: Final = dict.fromkeys((*range(0x0A), *range(0x0B, 0x20), 0x7F), " ")


def clean_text(text: str) -> str:
    """What somebody wrote, as it is kept: lines stay, other controls go."""
    return text.translate(_CONTROLS).strip()[:LONGEST_TEXT]


def must_say(text: str, sentence: str) -> str:
    """The same, where something must be said. Raises `BadInput`, also for too much: nothing is cut off unsaid."""
    cleaned = clean_text(text)
    if not cleaned:
        raise BadInput(sentence)
    if len(text.strip()) > LONGEST_TEXT:
        raise BadInput(N_("文字过长，请控制在 2000 字以内"))
    return cleaned
