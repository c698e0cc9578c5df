"""Breaches (不符合项): what can be found, why it came to be, and in which words it is shown. Pure.

A breach is a fact: which deadline, whose, when it was due, when it was found, and the cause that the rows themselves
show. What becomes of it later (repaired, completed late, a measure) is a note beside it.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from backend.core.i18n import N_
from backend.core.ids import AttemptId, NoticeId
from backend.core.vocabulary import Lane, Severity


class BreachKind(StrEnum):
    """What was found. The value stands in rows and exports and is never reused."""

    ALARM_UNTOLD = "alarm_untold"  #: an alarm without a notice
    NOTICE_UNATTEMPTED = "notice_unattempted"  #: a notice that nobody was to be sent
    ATTEMPT_LATE = "attempt_late"  #: not accepted by its deadline
    ATTEMPT_STUCK = "attempt_stuck"  #: due for long, and in nobody's hands
    ESCALATION_LATE = "escalation_late"  #: a step of the policy that nobody took
    LINK_LATE = "link_late"  #: a dead link was recognised too late (4.4.2)
    LINK_UNSEEN = "link_unseen"  #: a link is silent for longer, and nothing says so
    KINDS_SHORT = "kinds_short"  #: fewer than two kinds of contact within the deadline (4.3.3)
    ORDER_UNACCEPTED = "order_unaccepted"  #: a work order that nobody accepted in time; `alarm` is the order's id
    ORDER_OVERDUE = "order_overdue"  #: a work order beyond its agreed finish; `alarm` is the order's id


class CauseCode(StrEnum):
    """Why, as far as the rows show it."""

    ROWS_MISSING = "rows_missing"  #: what was committed together is not there
    NOBODY = "nobody"  #: no person with a contact point, not even at the duty desk
    ONE_KIND = "one_kind"  #: the people of the unit have one kind of contact only
    DATABASE_AWAY = "database_away"
    PLANNED_LATE = "planned_late"  #: the notice was planned when little or nothing of its time was left
    NOT_CONFIGURED = "not_configured"  #: a contact point of a channel this house does not have
    CONTACT_DEAD = "contact_dead"  #: the carrier calls the address dead
    CARRIER_REFUSED = "carrier_refused"  #: for good
    BUDGET = "budget"  #: the carrier asked us to wait, or a budget was used up
    CARRIER_STALLED = "carrier_stalled"  #: no answer within our patience
    CARRIER_FAILING = "carrier_failing"  #: refused for now, tried again
    WORKER_DEAD = "worker_dead"  #: no worker of the lane lives
    WORKER_DIED = "worker_died"  #: the worker that held it died in the middle
    GATEWAY_AWAY = "gateway_away"  #: the gateway was not there to see it
    BACKLOG = "backlog"  #: nobody took it, though workers live
    CARRIER_SLOW = "carrier_slow"  #: it was taken, and too late
    NOT_ACCEPTED = "not_accepted"  #: those who were asked did not accept
    NOT_FINISHED = "not_finished"  #: the work was not done by the agreed time
    UNKNOWN = "unknown"


class NoteKind(StrEnum):
    """What a note beside a breach says."""

    REPAIRED = "repaired"
    COMPLETED = "completed"  #: it was accepted after all; how late stands in its facts
    NOTE = "note"  #: the quality lead's


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why, with what shows it."""

    code: CauseCode
    facts: dict[str, str | int | None] = {}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found, before it is recorded. `subject` is the most specific of attempt, notice and alarm.

    A breach that is about none of them names it in `about`; its `alarm` is the alarm it led to, else the device. One
    about a single step of an escalation names the step there.
    """

    kind: BreachKind
    clause: str | None
    alarm: UUID
    severity: Severity
    unit: UUID | None
    due_at: datetime
    cause: Cause
    notice: UUID | None = None
    attempt: UUID | None = None
    late_ms: int | None = None
    about: UUID | None = None

    @property
    def subject(self) -> UUID:
        """What the breach is about."""
        return self.about or self.attempt or self.notice or self.alarm


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair did: attempts to ring for and notices to stamp after the commit, and words by subject."""

    attempts: dict[Lane, list[AttemptId]] = {}
    notices: list[NoticeId] = []
    done: dict[UUID, str] = {}


class AttemptSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt as the auditor sees it, with its notice's stamps; what a cause is read from."""

    id: UUID
    state: str
    channel: str
    lane: str
    tries: int
    due_at: datetime
    why: str | None = None
    t4: datetime | None = None
    t5: datetime | None = None
    lease_until: datetime | None = None
    contact_failure: str | None = None


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """The moment of a pass: which lanes have a living worker, and when the database was away."""

    now: datetime
    living: frozenset[str] = frozenset()
    outages: Sequence[tuple[datetime, datetime]] = ()

    def was_away(self, begin: datetime, end: datetime) -> bool:
        """Whether the database was away at some time between the two."""
        return any(since <= end and until >= begin for since, until in self.outages)


class Window(NamedTuple):
    """From (inclusive) and to (exclusive) which time a check looks."""

    since: datetime
    until: datetime


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing the auditor looks for. `at_once` is how many are recorded and repaired in one transaction.

    A search is a pure read that leaves out what was recorded before; a repair runs in the recording transaction.
    """

    name: str
    find: Callable[[Window, Scene], Awaitable[list[Finding]]]
    repair: Callable[[Sequence[Finding]], Awaitable[Repair]] | None = None
    at_once: int = 500


KIND_LABELS: Final = {
    BreachKind.ALARM_UNTOLD: N_("报警没有通知"),
    BreachKind.NOTICE_UNATTEMPTED: N_("通知没有发送对象"),
    BreachKind.ATTEMPT_LATE: N_("超过时限未送达"),
    BreachKind.ATTEMPT_STUCK: N_("到时未发送"),
    BreachKind.ESCALATION_LATE: N_("升级步骤未按时进行"),
    BreachKind.LINK_LATE: N_("通信中断识别过晚"),
    BreachKind.LINK_UNSEEN: N_("通信中断未识别"),
    BreachKind.KINDS_SHORT: N_("时限内少于两种联络方式"),
    BreachKind.ORDER_UNACCEPTED: N_("工单无人按时接单"),
    BreachKind.ORDER_OVERDUE: N_("工单超过约定完成时间"),
}
CAUSE_LABELS: Final = {
    CauseCode.ROWS_MISSING: N_("通知记录缺失"),
    CauseCode.NOBODY: N_("没有可通知的人员"),
    CauseCode.ONE_KIND: N_("单位只有一种联络方式"),
    CauseCode.DATABASE_AWAY: N_("数据库中断"),
    CauseCode.PLANNED_LATE: N_("通知生成过晚"),
    CauseCode.NOT_CONFIGURED: N_("通知方式未配置"),
    CauseCode.CONTACT_DEAD: N_("联络方式已失效"),
    CauseCode.CARRIER_REFUSED: N_("运营商拒绝"),
    CauseCode.BUDGET: N_("运营商限流或额度用完"),
    CauseCode.CARRIER_STALLED: N_("运营商无应答"),
    CauseCode.CARRIER_FAILING: N_("运营商暂时失败"),
    CauseCode.WORKER_DEAD: N_("没有运行的发送进程"),
    CauseCode.WORKER_DIED: N_("发送进程中途退出"),
    CauseCode.GATEWAY_AWAY: N_("接入网关中断"),
    CauseCode.BACKLOG: N_("发送积压"),
    CauseCode.CARRIER_SLOW: N_("运营商接收过慢"),
    CauseCode.NOT_ACCEPTED: N_("被派人员未接单"),
    CauseCode.NOT_FINISHED: N_("未在约定时间内完成"),
    CauseCode.UNKNOWN: N_("原因不明"),
}
NOTE_LABELS: Final = {
    NoteKind.REPAIRED: N_("已补救"),
    NoteKind.COMPLETED: N_("已补送达"),
    NoteKind.NOTE: N_("质量负责人记录"),
}
