"""The complaint's machine: its clock rests only while the complainant is waited for; every closure was asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backend.complaints import model
from backend.complaints.model import (
    ASKED_STATES,
    OPEN_STATES,
    TRANSITIONS,
    UNTAKEN_STATES,
    CauseClass,
    Complaint,
    ComplaintMovedOn,
    Settlement,
    State,
    TooLateToReopen,
    new_round,
)
from backend.core.deadlines import FIRST_REPLY, SETTLEMENT
from backend.core.errors import BadInput
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import FEEDBACK_KINDS, ComplaintKind, Via
from backend.core.working_time import WorkingCalendar

CALENDAR = WorkingCalendar()
ZONE = "Asia/Shanghai"
WANG, LI, SUN = (PersonId(new_id()) for _ in range(3))
START = datetime(2026, 11, 26, 2, tzinfo=UTC)
HOW = Settlement(text="已更换", is_justified=True, cause=CauseClass.DEVICE, improvement="每月巡检")


def filed(kind: ComplaintKind = ComplaintKind.ALARM, at: datetime = START) -> Complaint:
    return Complaint(
        id=new_id(), number="TS-20261126-001", unit=UnitId(new_id()), timezone=ZONE, kind=kind, complainant=WANG,
        via=Via.TELEGRAM, text="没有通知", filed_at=at, round=new_round(kind, at, ZONE, CALENDAR),
    )  # fmt: skip


class Machine(RuleBasedStateMachine):
    """Any sequence of acts, time passing between them; a second book is kept of what the clock should show."""

    @initialize(kind=st.sampled_from(list(ComplaintKind)))
    def begin(self, kind: ComplaintKind) -> None:
        self.now = START
        self.one = filed(kind)
        self._open_books()

    def _open_books(self) -> None:
        self.used = timedelta()  #: working time that counted
        self.asked = False

    def _try(self, change: Any) -> bool:
        before = self.one
        try:
            self.one = change(before)
        except (ComplaintMovedOn, TooLateToReopen):
            assert self.one is before
            return False
        assert self.one.state is before.state or self.one.state in self._ways(before.state)
        assert self.one.revision > before.revision
        return True

    def _ways(self, state: State) -> set[State]:
        """Within two steps: who replies to what nobody has begun takes it with the reply."""
        ways = set(TRANSITIONS[state])
        return ways | (TRANSITIONS[State.IN_PROGRESS] if state in UNTAKEN_STATES else set())

    @rule(hours=st.integers(1, 200))
    def time_passes(self, hours: int) -> None:
        later = self.now + timedelta(hours=hours)
        if self.one.state in OPEN_STATES and self.one.state is not State.WAITING:
            self.used += CALENDAR.between(self.now, later, ZONE)
        self.now = later

    @rule(by=st.sampled_from([LI, SUN]))
    def take(self, by: PersonId) -> None:
        assert self._try(lambda one: model.taken(one, by)) == (self.one.state in OPEN_STATES)

    @rule(to=st.sampled_from([LI, SUN]))
    def transfer(self, to: PersonId) -> None:
        self._try(lambda one: model.assigned(one, to))

    @rule()
    def reply(self) -> None:
        self._try(lambda one: model.replied(one, LI, self.now, CALENDAR))

    @rule()
    def ask_back(self) -> None:
        self._try(lambda one: model.asked_back(one, LI, self.now))

    @rule()
    def complainant_says_something(self) -> None:
        was = self.one.state
        if self._try(lambda one: model.heard(one, self.now, CALENDAR)):
            assert was in OPEN_STATES

    @rule()
    def settle(self) -> None:
        self.asked |= self._try(lambda one: model.settled(one, LI, HOW, self.now, CALENDAR))

    @rule()
    def withdraw(self) -> None:
        self.asked |= self._try(lambda one: model.withdrawn(one, self.now, CALENDAR))

    @rule(rating=st.integers(1, 5))
    def rate(self, rating: int) -> None:
        was = self.one.state
        if self._try(lambda one: model.rated(one, rating, "好", self.now)):
            assert was in ASKED_STATES
            assert self.one.round.rating == rating

    @rule()
    def nobody_rates(self) -> None:
        was = self.one.state
        if self._try(lambda one: model.closed_unrated(one, self.now)):
            assert was in ASKED_STATES
            assert self.one.round.rating is None

    @precondition(lambda self: self.one.state not in OPEN_STATES)
    @rule()
    def reopen(self) -> None:
        asked_at, number = self.one.round.rating_asked_at, self.one.round.number
        assert asked_at is not None
        is_in_time = self.now <= asked_at + timedelta(days=15)
        assert self._try(lambda one: model.reopened(one, self.now, CALENDAR)) == is_in_time
        if is_in_time:
            assert self.one.round.number == number + 1
            assert self.one.round.replied_at is None
            self._open_books()

    @invariant()
    def the_clock_rests_only_while_the_complainant_is_waited_for(self) -> None:
        assert (self.one.round.paused_at is not None) == (self.one.state is State.WAITING)

    @invariant()
    def all_that_did_not_count_is_what_was_waited_for(self) -> None:
        """While it runs, what is left of the deadline is exactly what the second book says."""
        if self.one.state not in OPEN_STATES or self.one.state is State.WAITING:
            return
        whole = SETTLEMENT[self.one.kind].within(CALENDAR)
        due = self.one.round.settle_due_at
        if self.used >= whole:
            assert due <= self.now  # what passed stays passed
        else:
            assert CALENDAR.between(self.now, due, ZONE) == whole - self.used

    @invariant()
    def nothing_is_closed_that_was_not_asked_for_satisfaction(self) -> None:
        if self.one.round.closed_at is not None or self.one.state in {State.RATED, State.CLOSED}:
            assert self.asked
            assert self.one.round.rating_asked_at is not None
            assert self.one.round.closed_at is not None

    @invariant()
    def the_first_reply_is_the_first(self) -> None:
        if self.one.state in {State.ANSWERED, State.WAITING, State.SETTLED}:
            assert self.one.round.replied_at is not None


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=250, stateful_step_count=30, deadline=None)


@given(
    st.sampled_from(list(ComplaintKind)),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 400)), min_size=1, max_size=6),
)
def test_however_often_it_is_waited_for_what_counts_is_the_time_between(
    kind: ComplaintKind, turns: list[tuple[int, int]]
) -> None:
    one, now, used = filed(kind), START, timedelta()
    whole = SETTLEMENT[kind].within(CALENDAR)
    for working, waiting in turns:
        used += CALENDAR.between(now, now + timedelta(hours=working), ZONE)
        now += timedelta(hours=working)
        one = model.asked_back(one, LI, now)
        now += timedelta(hours=waiting)
        one = model.heard(one, now, CALENDAR)
    if used < whole:
        assert one.round.settle_due_at == CALENDAR.add(now, whole - used, ZONE)
    else:
        assert one.round.settle_due_at < now


def test_every_kind_has_both_deadlines_and_a_settlement_is_never_before_the_first_reply() -> None:
    for kind in ComplaintKind:
        round_ = filed(kind).round
        assert START < round_.reply_due_at < round_.settle_due_at
        assert FIRST_REPLY[kind].clause == SETTLEMENT[kind].clause == "ours (CQC/SC 11002-2025 5.5)"


def test_a_deadline_that_had_passed_before_the_clock_rested_stays_passed() -> None:
    late = START + timedelta(days=30)
    waiting = model.asked_back(filed(), LI, late)
    went_on = model.heard(waiting, late + timedelta(days=3), CALENDAR)
    assert went_on.round.settle_due_at == filed().round.settle_due_at < late


def test_a_justified_complaint_needs_cause_and_improvement_and_feedback_needs_neither() -> None:
    bare = Settlement(text="已处理", is_justified=True)
    for lacking in (
        bare,
        msgspec.structs.replace(bare, cause=CauseClass.DEVICE),
        msgspec.structs.replace(bare, improvement="加强"),
        Settlement(text="已处理"),
        Settlement(text="", is_justified=False),
    ):
        with pytest.raises(BadInput):
            model.settled(filed(), LI, lacking, START, CALENDAR)
    assert model.settled(filed(), LI, HOW, START, CALENDAR).state is State.SETTLED
    refuted = Settlement(text="监控录像显示已按时到场", is_justified=False)
    assert model.settled(filed(), LI, refuted, START, CALENDAR).round.is_justified is False
    for kind in FEEDBACK_KINDS:
        assert model.settled(filed(kind), LI, Settlement(text="谢谢"), START, CALENDAR).round.is_justified is None


def test_a_rating_outside_one_to_five_is_refused() -> None:
    over = model.settled(filed(), LI, HOW, START, CALENDAR)
    for rating in (0, 6, -1):
        with pytest.raises(BadInput):
            model.rated(over, rating, "好", START)


def test_opened_again_on_the_fifteenth_day_and_not_after_it() -> None:
    over = model.closed_unrated(model.settled(filed(), LI, HOW, START, CALENDAR), START + timedelta(days=5))
    last = START + timedelta(days=15)
    assert model.reopened(over, last, CALENDAR).state is State.REOPENED
    with pytest.raises(TooLateToReopen):
        model.reopened(over, last + timedelta(seconds=1), CALENDAR)
