"""A complaint on its way: filed, assigned, answered, settled, rated; its rounds and their clocks. Pure.

The rules: the clock of a settlement rests only while the complainant is waited for; nothing is closed before it was
asked how satisfied they are; opening again begins a new round and leaves the old one as it was (CQC/SC 11002, 5.5).
"""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from backend.core.deadlines import FIRST_REPLY, REOPENED_WITHIN, SETTLEMENT
from backend.core.errors import BadInput, Conflict, NotAllowed, NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import FEEDBACK_KINDS, ComplaintKind, Via
from backend.core.working_time import WorkingCalendar

LONGEST_TEXT: Final = 2000
LONGEST_ABOUT: Final = 120
LEAST_RATING: Final = 1
MOST_RATING: Final = 5


class NoSuchComplaint(NotFound):
    """Unknown, or not yours to see."""

    code = "no_such_complaint"


class ComplaintMovedOn(Conflict):
    """The complaint is no longer what the caller saw."""

    code = "complaint_moved_on"


class TooLateToReopen(NotAllowed):
    """More than 15 days have gone by."""

    code = "too_late_to_reopen"


class State(StrEnum):
    """Where a complaint stands."""

    FILED = "filed"  #: nobody has it
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"  #: for the complainant
    ANSWERED = "answered"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"
    RATED = "rated"
    CLOSED = "closed"  #: not rated
    REOPENED = "reopened"  #: and nobody has it yet


#: from → to; the database refuses anything else (a test compares the two)
TRANSITIONS: Final = {
    State.FILED: {State.ASSIGNED, State.IN_PROGRESS, State.WITHDRAWN},
    State.ASSIGNED: {State.IN_PROGRESS, State.WITHDRAWN},
    State.IN_PROGRESS: {State.ASSIGNED, State.WAITING, State.ANSWERED, State.SETTLED, State.WITHDRAWN},
    State.WAITING: {State.IN_PROGRESS, State.ANSWERED, State.SETTLED, State.WITHDRAWN},
    State.ANSWERED: {State.ASSIGNED, State.IN_PROGRESS, State.WAITING, State.SETTLED, State.WITHDRAWN},
    State.SETTLED: {State.RATED, State.CLOSED, State.REOPENED},
    State.WITHDRAWN: {State.RATED, State.CLOSED, State.REOPENED},
    State.RATED: {State.REOPENED},
    State.CLOSED: {State.REOPENED},
    State.REOPENED: {State.ASSIGNED, State.IN_PROGRESS, State.WITHDRAWN},
}
#: a handler still owes something
OPEN_STATES: Final = frozenset(
    {State.FILED, State.ASSIGNED, State.IN_PROGRESS, State.WAITING, State.ANSWERED, State.REOPENED}
)
#: nobody has begun
UNTAKEN_STATES: Final = frozenset({State.FILED, State.ASSIGNED, State.REOPENED})
#: the complainant is asked how satisfied they are
ASKED_STATES: Final = frozenset({State.SETTLED, State.WITHDRAWN})
STATE_LABELS: Final = {
    State.FILED: N_("待分派"),
    State.ASSIGNED: N_("已分派"),
    State.IN_PROGRESS: N_("处理中"),
    State.WAITING: N_("等待投诉人补充"),
    State.ANSWERED: N_("已答复"),
    State.SETTLED: N_("已办结，待评价"),
    State.WITHDRAWN: N_("已撤回，待评价"),
    State.RATED: N_("已评价"),
    State.CLOSED: N_("已关闭（未评价）"),
    State.REOPENED: N_("已重新打开"),
}


class CauseClass(StrEnum):
    """Why it came to a complaint (原因类别)."""

    DEVICE = "device"
    PLATFORM = "platform"
    NOTICE = "notice"
    RESPONSE = "response"
    SKILL = "skill"
    MANNER = "manner"
    CARRIER = "carrier"
    UNIT = "unit"
    OTHER = "other"


CAUSE_LABELS: Final = {
    CauseClass.DEVICE: N_("设备质量"),
    CauseClass.PLATFORM: N_("平台功能"),
    CauseClass.NOTICE: N_("通知不及时"),
    CauseClass.RESPONSE: N_("响应或到场慢"),
    CauseClass.SKILL: N_("业务能力"),
    CauseClass.MANNER: N_("服务态度"),
    CauseClass.CARRIER: N_("通信或第三方"),
    CauseClass.UNIT: N_("联网单位自身"),
    CauseClass.OTHER: N_("其他原因"),
}


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How a handler settles it: what the complainant is told; whether they were right; cause and improvement."""

    text: str
    is_justified: bool | None = None
    cause: CauseClass | None = None
    improvement: str = ""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One way from filing or reopening to the closure, with its deadlines and what was done when."""

    number: int = 0
    began_at: datetime
    reply_due_at: datetime
    settle_due_at: datetime  #: as it stands; while the clock rests it moves when it goes on
    replied_at: datetime | None = None
    paused_at: datetime | None = None
    settled_at: datetime | None = None
    is_justified: bool | None = None
    cause: CauseClass | None = None
    improvement: str = ""
    rating_asked_at: datetime | None = None
    rating: int | None = None
    rating_reason: str = ""
    closed_at: datetime | None = None


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint or feedback: whose, about what, by which way it came, who handles it, and its present round."""

    id: UUID
    number: str  #: "TS-20261126-001"
    unit: UnitId
    timezone: str
    kind: ComplaintKind
    complainant: PersonId
    via: Via
    text: str
    about: UUID | None = None  #: the alarm or order
    about_person: PersonId | None = None
    about_words: str = ""  #: what it is about, as it was when it was filed
    named: tuple[PersonId, ...] = ()  #: several whom its words name: one of them may be whom it is about
    is_flagged: bool = False  #: abusive words were found; it is handled like any other
    state: State = State.FILED
    assignee: PersonId | None = None
    filed_at: datetime
    revision: int = 0
    round: Round

    @property
    def concerned(self) -> frozenset[PersonId | None]:
        """Who never reads, gets or handles it: whom it is, or may be, about."""
        return frozenset({self.about_person, *self.named} - {None})

    @property
    def is_feedback(self) -> bool:
        """Whether it is no complaint."""
        return self.kind in FEEDBACK_KINDS


def new_round(kind: ComplaintKind, now: datetime, timezone: str, calendar: WorkingCalendar, number: int = 0) -> Round:
    """A round that begins now, with its deadlines on the unit's working days."""
    return Round(
        number=number,
        began_at=now,
        reply_due_at=calendar.add(now, FIRST_REPLY[kind].within(calendar), timezone),
        settle_due_at=calendar.add(now, SETTLEMENT[kind].within(calendar), timezone),
    )


def moved(complaint: Complaint, to: State, round_: Round | None = None, **changes: object) -> Complaint:
    """`complaint` in its next state. Raises `ComplaintMovedOn` when the table has no such way."""
    if to is not complaint.state and to not in TRANSITIONS[complaint.state]:
        raise ComplaintMovedOn(N_("该投诉的状态已改变，请刷新后重试"))
    changes |= {"state": to, "revision": complaint.revision + 1}
    return msgspec.structs.replace(complaint, round=round_ or complaint.round, **changes)


def assigned(complaint: Complaint, to: PersonId) -> Complaint:
    """Handed to `to`. One that waits for the complainant goes on waiting, or its clock would begin to run."""
    if complaint.state not in OPEN_STATES:
        raise ComplaintMovedOn(N_("该投诉已办结"))
    state = State.WAITING if complaint.state is State.WAITING else State.ASSIGNED
    return moved(complaint, state, assignee=to)


def taken(complaint: Complaint, by: PersonId) -> Complaint:
    """A handler begins, or takes it over from another; what was begun stays where it stands."""
    if complaint.state not in OPEN_STATES:
        raise ComplaintMovedOn(N_("该投诉已办结"))
    state = State.IN_PROGRESS if complaint.state in UNTAKEN_STATES else complaint.state
    return moved(complaint, state, assignee=by)


def replied(complaint: Complaint, by: PersonId, now: datetime, calendar: WorkingCalendar) -> Complaint:
    """An answer to the complainant: the first one stops the first clock, and the second goes on."""
    begun = _begun(complaint, by)
    return moved(begun, State.ANSWERED, _resumed(_spoken(begun.round, now), now, calendar, begun.timezone))


def asked_back(complaint: Complaint, by: PersonId, now: datetime) -> Complaint:
    """A question to the complainant: it counts as a first reply, and the settlement's clock rests till they answer."""
    begun = _begun(complaint, by)
    round_ = _spoken(begun.round, now)
    return moved(begun, State.WAITING, msgspec.structs.replace(round_, paused_at=round_.paused_at or now))


def unasked(complaint: Complaint, now: datetime, calendar: WorkingCalendar) -> Complaint:
    """The question reached nobody: the complainant is not waited for, and the clock goes on."""
    if complaint.state is not State.WAITING:
        raise ComplaintMovedOn(N_("该投诉的状态已改变，请刷新后重试"))
    round_ = _resumed(complaint.round, now, calendar, complaint.timezone)
    return moved(complaint, State.IN_PROGRESS, round_)


def asked_later(complaint: Complaint, at: datetime) -> Complaint:
    """The first question reached nobody and one at `at` did: the clock rests from that one on."""
    return moved(complaint, State.WAITING, msgspec.structs.replace(complaint.round, paused_at=at))


def unanswered(complaint: Complaint, replied_at: datetime | None) -> Complaint:
    """The first reply reached nobody: its clock was stopped by a later one (`replied_at`), or goes on."""
    is_answered = complaint.state is State.ANSWERED and replied_at is not None
    state = State.IN_PROGRESS if complaint.state is State.ANSWERED and not is_answered else complaint.state
    return moved(complaint, state, msgspec.structs.replace(complaint.round, replied_at=replied_at))


def heard(complaint: Complaint, now: datetime, calendar: WorkingCalendar) -> Complaint:
    """The complainant says something: a clock that rested goes on, and what was answered is in progress again."""
    if complaint.state not in OPEN_STATES:
        raise ComplaintMovedOn(N_("该投诉已办结，如不满意可以重新打开"))
    state = complaint.state if complaint.state in UNTAKEN_STATES else State.IN_PROGRESS
    return moved(complaint, state, _resumed(complaint.round, now, calendar, complaint.timezone))


def settled(complaint: Complaint, by: PersonId, how: Settlement, now: datetime, calendar: WorkingCalendar) -> Complaint:
    """Settled (办结), and its complainant is asked how satisfied they are. Raises `BadInput` where something lacks."""
    check_settlement(complaint.kind, how)
    begun = _begun(complaint, by)
    round_ = msgspec.structs.replace(
        _resumed(_spoken(begun.round, now), now, calendar, begun.timezone),
        settled_at=now,
        is_justified=None if complaint.is_feedback else how.is_justified,
        cause=how.cause,
        improvement=how.improvement,
        rating_asked_at=now,
    )
    return moved(begun, State.SETTLED, round_)


def withdrawn(complaint: Complaint, now: datetime, calendar: WorkingCalendar) -> Complaint:
    """Taken back by its complainant, who is asked all the same: it is a closure like any other."""
    if complaint.state not in OPEN_STATES:
        raise ComplaintMovedOn(N_("该投诉已办结"))
    round_ = _resumed(complaint.round, now, calendar, complaint.timezone)
    return moved(complaint, State.WITHDRAWN, msgspec.structs.replace(round_, rating_asked_at=now))


def rated(complaint: Complaint, rating: int, reason: str, now: datetime) -> Complaint:
    """How satisfied they are, 1 to 5, and why; this closes it. Raises `BadInput`, `ComplaintMovedOn`."""
    if not LEAST_RATING <= rating <= MOST_RATING:
        raise BadInput(N_("满意度为 1 到 5 分"))
    round_ = msgspec.structs.replace(complaint.round, rating=rating, rating_reason=reason, closed_at=now)
    return _once(complaint, State.RATED, round_)


def closed_unrated(complaint: Complaint, now: datetime) -> Complaint:
    """Nobody said how satisfied they are: closed as not rated (未评价)."""
    return _once(complaint, State.CLOSED, msgspec.structs.replace(complaint.round, closed_at=now))


def _once(complaint: Complaint, to: State, round_: Round) -> Complaint:
    if complaint.state in OPEN_STATES:
        raise ComplaintMovedOn(N_("该投诉尚未办结"))
    if complaint.state not in ASKED_STATES:
        raise ComplaintMovedOn(N_("该投诉已评价或已关闭"))
    return moved(complaint, to, round_)


def reopened(complaint: Complaint, now: datetime, calendar: WorkingCalendar) -> Complaint:
    """Opened again within 15 days: a new round with new deadlines. Raises `TooLateToReopen`, `ComplaintMovedOn`."""
    if complaint.state is State.REOPENED or State.REOPENED not in TRANSITIONS[complaint.state]:
        raise ComplaintMovedOn(N_("该投诉尚未办结"))
    if now > reopened_until(complaint):
        raise TooLateToReopen(N_("办结已超过 15 天，请重新提交投诉"))
    round_ = new_round(complaint.kind, now, complaint.timezone, calendar, complaint.round.number + 1)
    return moved(complaint, State.REOPENED, round_, assignee=None)


def reopened_until(complaint: Complaint) -> datetime:
    """Until when it may be opened again: 15 days from when its complainant was told that it is over."""
    assert complaint.round.rating_asked_at is not None, "asked for satisfaction"
    return complaint.round.rating_asked_at + REOPENED_WITHIN


def may_reopen(complaint: Complaint, now: datetime) -> bool:
    """Whether its complainant may open it again."""
    return State.REOPENED in TRANSITIONS[complaint.state] and now <= reopened_until(complaint)


def check_settlement(kind: ComplaintKind, how: Settlement) -> None:
    """Raises `BadInput` when words lack; or, of a complaint, whether it is justified, its cause or the improvement."""
    if not how.text:
        raise BadInput(N_("请填写办结说明"))
    if kind in FEEDBACK_KINDS:
        return
    if how.is_justified is None:
        raise BadInput(N_("请选择投诉是否成立"))
    if how.is_justified and (how.cause is None or not how.improvement):
        raise BadInput(N_("成立的投诉须填写原因类别和改进措施"))


def _begun(complaint: Complaint, by: PersonId) -> Complaint:
    """Whoever answers what nobody has begun takes it with the answer."""
    if complaint.state not in OPEN_STATES:
        raise ComplaintMovedOn(N_("该投诉已办结"))
    return taken(complaint, by) if complaint.state in UNTAKEN_STATES or complaint.assignee is None else complaint


def _spoken(round_: Round, now: datetime) -> Round:
    return round_ if round_.replied_at else msgspec.structs.replace(round_, replied_at=now)


def _resumed(round_: Round, now: datetime, calendar: WorkingCalendar, timezone: str) -> Round:
    """The clock goes on with what working time was left when it began to rest; a deadline that had passed stays."""
    if round_.paused_at is None:
        return round_
    due = round_.settle_due_at
    if due > round_.paused_at:
        due = calendar.add(now, calendar.between(round_.paused_at, due, timezone), timezone)
    return msgspec.structs.replace(round_, paused_at=None, settle_due_at=due)
