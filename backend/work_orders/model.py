"""A work order (工单) on its way, as one table: (state, act) → state, who may, what is required. Pure.

The rule: nobody moves an order but by a row of `WAYS`; closed and withdrawn are final; no one verifies their own work.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

import msgspec

from backend.core.errors import BadInput, Conflict, NotFound
from backend.core.i18n import N_
from backend.core.ids import DeviceId, PersonId, UnitId
from backend.core.vocabulary import Severity

WorkOrderId = NewType("WorkOrderId", UUID)


class NoSuchOrder(NotFound):
    """Unknown, or in a unit that is not yours."""

    code = "no_such_order"


class OrderMovedOn(Conflict):
    """The order is no longer where that act begins."""

    code = "order_moved_on"


class AlreadyTaken(Conflict):
    """Somebody else accepted it first; the sentence says who."""

    code = "already_taken"


class Incomplete(BadInput):
    """What the act requires is missing; `missing` names it."""

    code = "incomplete"


class State(StrEnum):
    """Where an order stands (工单状态)."""

    OPEN = "open"
    DISPATCHED = "dispatched"
    DECLINED = "declined"
    ACCEPTED = "accepted"
    ON_THE_WAY = "on_the_way"
    ON_SITE = "on_site"
    WAITING = "waiting"
    DONE = "done"
    SENT_BACK = "sent_back"
    VERIFIED = "verified"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


STATE_LABELS: Final = {
    State.OPEN: N_("待派工"),
    State.DISPATCHED: N_("待接单"),
    State.DECLINED: N_("已拒单"),
    State.ACCEPTED: N_("已接单"),
    State.ON_THE_WAY: N_("前往中"),
    State.ON_SITE: N_("处理中"),
    State.WAITING: N_("已挂起"),
    State.DONE: N_("待验收"),
    State.SENT_BACK: N_("已退回"),
    State.VERIFIED: N_("已验收"),
    State.CLOSED: N_("已关闭"),
    State.WITHDRAWN: N_("已撤回"),
}
#: nothing leads out of these
FINAL: Final = frozenset({State.CLOSED, State.WITHDRAWN})
#: the work is done, or will not be: the agreed finish is no longer waited for
FINISHED: Final = FINAL | {State.DONE, State.VERIFIED}
#: nobody has taken it
UNTAKEN: Final = frozenset({State.OPEN, State.DISPATCHED, State.DECLINED})


class Act(StrEnum):
    """What can be done with an order. The value travels in buttons and stands in records; it is never reused."""

    DISPATCH = "dispatch"
    REASSIGN = "reassign"
    ASK_MORE = "ask_more"  #: nobody accepted: the next one is asked too
    ACCEPT = "accept"
    STEP_ASIDE = "step_aside"  #: declined by one of several who were asked
    DECLINE = "decline"
    SET_OUT = "set_out"
    ARRIVE = "arrive"
    WAIT = "wait"
    RESUME = "resume"
    EXPECT_TEST = "expect_test"
    WAIVE_TEST = "waive_test"
    FINISH = "finish"
    VERIFY = "verify"
    SEND_BACK = "send_back"
    CLOSE = "close"
    WITHDRAW = "withdraw"


ACT_LABELS: Final = {
    Act.DISPATCH: N_("派工"),
    Act.REASSIGN: N_("改派"),
    Act.ASK_MORE: N_("加派"),
    Act.ACCEPT: N_("接单"),
    Act.STEP_ASIDE: N_("拒单"),
    Act.DECLINE: N_("拒单"),
    Act.SET_OUT: N_("出发"),
    Act.ARRIVE: N_("到场"),
    Act.WAIT: N_("挂起"),
    Act.RESUME: N_("恢复处理"),
    Act.EXPECT_TEST: N_("触发测试"),
    Act.WAIVE_TEST: N_("免测"),
    Act.FINISH: N_("完成"),
    Act.VERIFY: N_("验收通过"),
    Act.SEND_BACK: N_("退回"),
    Act.CLOSE: N_("关闭"),
    Act.WITHDRAW: N_("撤回"),
}


class Who(StrEnum):
    """What somebody is to an order; a person may be several at once."""

    OFFERED = "offered"  #: a maintainer who was asked to take it
    ASSIGNEE = "assignee"  #: the maintainer who took it
    DISPATCHER = "dispatcher"  #: unit manager, unit duty, the provider's operator
    VERIFIER = "verifier"  #: the unit or the duty desk; never who worked on it
    OPENER = "opener"
    SERVICE = "service"  #: the service itself: time, a rota


class Need(StrEnum):
    """What an act requires besides the right."""

    REASON = "reason"
    WAIT_REASON = "wait_reason"
    TO = "to"  #: whom it goes to
    EVIDENCE = "evidence"  #: every kind that the order asks for
    TEST = "test"  #: the component's own word on the wire, where the order concerns one


class WaitReason(StrEnum):
    """Why work waits (挂起原因). The value stands in rows and is never reused."""

    PARTS = "parts"
    UNIT = "unit"
    SHUTDOWN = "shutdown"
    WEATHER = "weather"
    HELP = "help"
    OTHER_JOB = "other_job"
    OTHER = "other"


WAIT_LABELS: Final = {
    WaitReason.PARTS: N_("等待配件"),
    WaitReason.UNIT: N_("等待单位配合"),
    WaitReason.SHUTDOWN: N_("等待停机窗口"),
    WaitReason.WEATHER: N_("天气原因"),
    WaitReason.HELP: N_("等待增援"),
    WaitReason.OTHER_JOB: N_("处理其他工单"),
    WaitReason.OTHER: N_("其他原因"),
}
#: the clock pauses for what the maintainer can't hasten; for everything else it runs on
PAUSING: Final = frozenset({WaitReason.PARTS, WaitReason.UNIT, WaitReason.SHUTDOWN})


class Origin(StrEnum):
    """What an order came from."""

    ALARM = "alarm"
    LINK = "link"  #: a silent link: the alarm of its device
    COMPLAINT = "complaint"
    INSPECTION = "inspection"
    HAND = "hand"


#: what a person may say that an order came from; the others are known by what it is opened with
BY_HAND: Final = (Origin.HAND, Origin.INSPECTION)
ORIGIN_LABELS: Final = {
    Origin.ALARM: N_("报警报修"),
    Origin.LINK: N_("通信中断"),
    Origin.COMPLAINT: N_("投诉"),
    Origin.INSPECTION: N_("巡查"),
    Origin.HAND: N_("人工登记"),
}


class Proof(StrEnum):
    """A kind of evidence that an order may ask for (佐证)."""

    PHOTO = "photo"
    VOICE = "voice"
    LOCATION = "location"


PROOF_LABELS: Final = {Proof.PHOTO: N_("照片"), Proof.VOICE: N_("语音"), Proof.LOCATION: N_("到场位置")}


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table."""

    to: State
    who: frozenset[Who]
    needs: frozenset[Need] = frozenset()


def _ways(
    froms: Iterable[State], act: Act, to: State | None, who: set[Who], *needs: Need
) -> dict[tuple[State, Act], Way]:
    """Rows of one act; `to` None: it moves nothing."""
    return {(each, act): Way(to=to or each, who=frozenset(who), needs=frozenset(needs)) for each in froms}


_S, _A, _W, _N = State, Act, Who, Need
_UNDER_WAY: Final = (_S.ACCEPTED, _S.ON_THE_WAY, _S.ON_SITE, _S.WAITING)
_BEFORE_DONE: Final = (_S.OPEN, _S.DISPATCHED, _S.DECLINED, *_UNDER_WAY, _S.SENT_BACK)
#: the table: (state, act) → where to, who may, what is required; the database refuses any other change of state
WAYS: Final[dict[tuple[State, Act], Way]] = {
    **_ways((_S.OPEN, _S.DECLINED, _S.SENT_BACK), _A.DISPATCH, _S.DISPATCHED, {_W.DISPATCHER, _W.SERVICE}, _N.TO),
    **_ways((_S.DISPATCHED,), _A.ASK_MORE, None, {_W.DISPATCHER, _W.SERVICE}, _N.TO),
    **_ways((_S.DISPATCHED, *_UNDER_WAY), _A.REASSIGN, _S.DISPATCHED, {_W.DISPATCHER, _W.ASSIGNEE}, _N.TO, _N.REASON),
    **_ways((_S.DISPATCHED,), _A.ACCEPT, _S.ACCEPTED, {_W.OFFERED}),
    **_ways((_S.DISPATCHED,), _A.STEP_ASIDE, None, {_W.OFFERED}, _N.REASON),
    **_ways((_S.DISPATCHED,), _A.DECLINE, _S.DECLINED, {_W.OFFERED}, _N.REASON),
    **_ways((_S.ACCEPTED, _S.ON_THE_WAY), _A.DECLINE, _S.DECLINED, {_W.ASSIGNEE}, _N.REASON),
    **_ways((_S.ACCEPTED, _S.WAITING, _S.SENT_BACK), _A.SET_OUT, _S.ON_THE_WAY, {_W.ASSIGNEE}),
    **_ways((_S.ACCEPTED, _S.ON_THE_WAY, _S.SENT_BACK), _A.ARRIVE, _S.ON_SITE, {_W.ASSIGNEE}),
    # who waits already waits for another reason from now on, and the clock with it
    **_ways((_S.ACCEPTED, _S.ON_SITE, _S.WAITING), _A.WAIT, _S.WAITING, {_W.ASSIGNEE}, _N.WAIT_REASON),
    **_ways((_S.WAITING,), _A.RESUME, _S.ON_SITE, {_W.ASSIGNEE}),
    **_ways((_S.ON_SITE,), _A.EXPECT_TEST, None, {_W.ASSIGNEE}),
    **_ways((_S.ON_SITE, _S.WAITING), _A.WAIVE_TEST, None, {_W.VERIFIER}, _N.REASON),
    **_ways((_S.ON_SITE,), _A.FINISH, _S.DONE, {_W.ASSIGNEE}, _N.EVIDENCE, _N.TEST),
    **_ways((_S.DONE,), _A.VERIFY, _S.VERIFIED, {_W.VERIFIER}),
    **_ways((_S.DONE, _S.VERIFIED), _A.SEND_BACK, _S.SENT_BACK, {_W.VERIFIER}, _N.REASON),
    **_ways((_S.VERIFIED,), _A.CLOSE, _S.CLOSED, {_W.VERIFIER, _W.SERVICE}),
    **_ways(_BEFORE_DONE, _A.WITHDRAW, _S.WITHDRAWN, {_W.OPENER}, _N.REASON),
}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part that was used (更换配件)."""

    name: str
    quantity: int = 1


class WireAt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The component that an order concerns, by its wire key."""

    device: DeviceId
    system_type: int
    system_address: int
    component_address: str

    @property
    def subject(self) -> str:
        """Its name in `facility_states` and in alarms."""
        return f"{self.device}/{self.system_type}.{self.system_address}/{self.component_address}"


class WorkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A work order as it stands (工单)."""

    id: WorkOrderId
    number: int
    unit: UnitId
    origin: Origin
    about: UUID | None  #: the alarm, complaint or inspection it came from
    severity: Severity
    what: str
    where: str
    since_at: datetime
    opened_by: PersonId | None  #: None: the service
    opener_left: bool = False  #: whoever opened it is nobody of the unit's any more
    opened_at: datetime
    agreed_at: datetime  #: finish by the service agreement, before pauses
    agreed_by: str  #: the agreement's number; empty: the house's own default
    needs: tuple[Proof, ...] = ()
    device: DeviceId | None = None
    at: WireAt | None = None
    state: State = State.OPEN
    offered: tuple[PersonId, ...] = ()
    refused_by: tuple[PersonId, ...] = ()
    workers: tuple[PersonId, ...] = ()  #: everybody who ever took it
    assignee: PersonId | None = None
    asked_at: datetime | None = None
    accept_by: datetime | None = None
    accept_step: int = 0
    accepted_at: datetime | None = None
    arrived_at: datetime | None = None
    wait_reason: WaitReason | None = None
    paused_since: datetime | None = None
    paused_us: int = 0  #: microseconds of all pauses that are over
    done_at: datetime | None = None
    verified_by: PersonId | None = None
    verified_at: datetime | None = None
    ended_at: datetime | None = None
    ended_why: str = ""
    test_asked_at: datetime | None = None
    test_until_at: datetime | None = None
    test_window: UUID | None = None
    test_signal_at: datetime | None = None
    test_said: str = ""  #: what the component said, in the catalogue's words
    test_waived_by: PersonId | None = None
    overdue_at: datetime | None = None  #: when it was recorded that the agreed finish had passed
    revision: int = 0

    @property
    def is_final(self) -> bool:
        """Nothing more happens to it."""
        return self.state in FINAL

    @property
    def paused(self) -> timedelta:
        """Pauses that are over."""
        return timedelta(microseconds=self.paused_us)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What came with an act: as much of it as the act requires."""

    reason: str = ""
    wait_reason: WaitReason | None = None
    to: tuple[PersonId, ...] = ()
    had: frozenset[Proof] = frozenset()  #: kinds of evidence that are bound to the order
    accept_within: timedelta | None = None


NOTHING: Final = Asked()
LONGEST_WORDS: Final = 500
