"""A handover and a duty check on their ways: whatever people do, in whatever order and at whatever time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backend.core.errors import BadInput, Refused
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import Via
from backend.duty.model import (
    CHECK_TRANSITIONS,
    HANDOVER_TRANSITIONS,
    CheckState,
    Content,
    DutyCheck,
    Handover,
    HandoverMovedOn,
    HandoverState,
    Line,
    NotYourTurn,
    Section,
    amended,
    answered,
    check_limit,
    check_moved,
    clean_text,
    decided,
    digest,
    missed,
    moved,
    must_say,
    signed,
)

NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
OUT, IN, OTHER = (PersonId(uuid4()) for _ in range(3))
UNIT = UnitId(uuid4())
PEOPLE = st.sampled_from((OUT, IN, OTHER))
#: what ends everything must not be tried so often that nothing else is reached
SELDOM = st.sampled_from([False] * 9 + [True])


def handover(**more: object) -> Handover:
    values = {
        "id": uuid4(), "number": 1, "unit": UNIT, "state": HandoverState.DRAFT, "outgoing": OUT,
        "from_at": NOON - timedelta(hours=8), "made_at": NOON,
    }  # fmt: skip
    return Handover(**{**values, **more})


def content(of: Handover, now: datetime, alarms: int = 0) -> Content:
    lines = tuple(Line(text=f"#{n}", at=now) for n in range(alarms))
    return Content(
        handover=of.id, number=of.number, unit=of.unit, unit_name="示范大厦", timezone="Asia/Shanghai", outgoing="李",
        outgoing_code="li", from_at=of.from_at, at=now, notes=of.notes,
        sections=(Section(name="alarms", label="未关闭的报警", count=alarms, lines=lines),),
    )  # fmt: skip


class Shift(RuleBasedStateMachine):
    """One handover, and what each of three people try with it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.it = handover()
        self.seen: list[Handover] = [self.it]
        self.signatures: list[str] = []

    def attempt(self, after: Handover) -> None:
        assert after.state in HANDOVER_TRANSITIONS[self.it.state]
        assert after.revision == self.it.revision + 1
        self.it = after
        self.seen.append(after)

    @rule(minutes=st.integers(0, 600))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(by=PEOPLE, alarms=st.integers(0, 5))
    def sign(self, by: PersonId, alarms: int) -> None:
        try:
            after = signed(self.it, content(self.it, self.now, alarms), by, Via.TELEGRAM, self.now)
        except Refused:
            assert by != OUT or self.it.state is not HandoverState.DRAFT
            return
        assert by == OUT
        self.attempt(after)
        self.signatures.append(str(after.sha256))

    @rule(by=PEOPLE, to=st.sampled_from((HandoverState.TAKEN, HandoverState.REFUSED)))
    def decide(self, by: PersonId, to: HandoverState) -> None:
        try:
            after = decided(self.it, to, by, Via.PHONE, self.now, why="缺一份记录")
        except Refused:
            assert by == OUT or self.it.state is not HandoverState.SIGNED
            return
        assert by != OUT
        self.attempt(after)

    @rule(by=PEOPLE)
    def amend(self, by: PersonId) -> None:
        try:
            after = amended(self.it, by)
        except Refused:
            assert by != OUT or self.it.state is not HandoverState.REFUSED
            return
        self.attempt(after)

    @precondition(lambda self: not HANDOVER_TRANSITIONS[self.it.state])
    @rule()
    def the_next_shift(self) -> None:
        self.it = handover(made_at=self.now)
        self.seen = [self.it]

    @rule(is_sure=SELDOM)
    def cancel(self, is_sure: bool) -> None:
        if not is_sure:
            return
        try:
            after = moved(self.it, HandoverState.CANCELLED)
        except HandoverMovedOn:
            assert self.it.state in {HandoverState.TAKEN, HandoverState.CANCELLED}
            return
        self.attempt(after)

    @invariant()
    def what_was_signed_is_what_is_read(self) -> None:
        if self.it.frozen is not None:
            assert digest(self.it.frozen) == self.it.sha256 == self.signatures[-1]
            assert self.it.content is not None
            assert self.it.content.handover == self.it.id

    @invariant()
    def nobody_takes_what_is_not_signed_nor_their_own(self) -> None:
        if self.it.state is HandoverState.TAKEN:
            assert self.it.frozen is not None
            assert self.it.signed_at is not None
            assert self.it.decided_by not in {None, OUT}
        if self.it.state is HandoverState.DRAFT:
            assert self.it.sha256 is None

    @invariant()
    def what_is_over_stays_over(self) -> None:
        states = [each.state for each in self.seen]
        for over in (HandoverState.TAKEN, HandoverState.CANCELLED):
            if over in states:
                assert states.index(over) == len(states) - 1


Shift.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
test_a_handover_keeps_its_rules_whatever_people_do = Shift.TestCase


class Asked(RuleBasedStateMachine):
    """One duty check with ten minutes, and what people and the chore do with it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.begin()

    def begin(self) -> None:
        self.it = DutyCheck(
            id=uuid4(), number=1, unit=UNIT, state=CheckState.ASKED, question="请确认您在岗", asked_by=OTHER,
            asked_at=self.now, until_at=self.now + timedelta(minutes=10), people=(OUT, IN), is_by_rota=True,
        )  # fmt: skip
        self.states: list[CheckState] = [CheckState.ASKED]
        self.first_answer: tuple[PersonId, datetime] | None = None

    def became(self, after: DutyCheck) -> None:
        if after.state is not self.it.state:
            self.states.append(after.state)
        self.it = after

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(by=st.sampled_from((OUT, IN)))
    def answer(self, by: PersonId) -> None:
        try:
            after = answered(self.it, by, Via.TELEGRAM, self.now)
        except Refused:
            assert self.first_answer is not None or self.it.state is CheckState.WITHDRAWN
            return
        assert self.first_answer is None
        self.first_answer = (by, self.now)
        assert after.is_late == (self.now >= self.it.until_at)
        self.became(after)

    @rule()
    def the_chore_looks(self) -> None:
        try:
            after = missed(self.it, self.now)
        except Refused:
            assert self.now < self.it.until_at or self.it.state is not CheckState.ASKED
            return
        self.became(after)

    @precondition(lambda self: not CHECK_TRANSITIONS[self.it.state] and self.first_answer)
    @rule()
    def the_next_check(self) -> None:
        self.begin()

    @rule(is_sure=SELDOM)
    def withdraw(self, is_sure: bool) -> None:
        if not is_sure:
            return
        try:
            after = check_moved(self.it, CheckState.WITHDRAWN)
        except Refused:
            assert self.it.state is not CheckState.ASKED
            return
        self.became(after)

    @invariant()
    def it_ends_once(self) -> None:
        for before, after in zip(self.states, self.states[1:], strict=False):
            assert after in CHECK_TRANSITIONS[before]
        assert len(self.states) <= 2

    @invariant()
    def answered_means_in_time(self) -> None:
        if self.it.state is CheckState.ANSWERED:
            assert self.it.answered_at is not None
            assert self.it.answered_at < self.it.until_at
        if self.it.state is CheckState.MISSED:
            assert self.it.missed_at is not None
            assert self.it.missed_at >= self.it.until_at

    @invariant()
    def the_first_answer_stays(self) -> None:
        assert (self.it.answered_by is None) == (self.first_answer is None)
        if self.first_answer:
            assert (self.it.answered_by, self.it.answered_at) == self.first_answer


Asked.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
test_a_duty_check_keeps_its_rules_whatever_people_do = Asked.TestCase


def test_only_who_was_named_takes_a_handover_that_names_somebody() -> None:
    named = handover(incoming=IN)
    waits = signed(named, content(named, NOON), OUT, Via.CONSOLE, NOON)
    with pytest.raises(NotYourTurn):
        decided(waits, HandoverState.TAKEN, OTHER, Via.CONSOLE, NOON)
    assert decided(waits, HandoverState.TAKEN, IN, Via.CONSOLE, NOON).state is HandoverState.TAKEN


def test_the_signed_text_is_the_same_whenever_it_is_written() -> None:
    one = handover(notes="水泵房漏水")
    first, second = (signed(one, content(one, NOON, 3), OUT, Via.PHONE, NOON) for _ in range(2))
    assert first.frozen == second.frozen
    other = signed(one, content(one, NOON, 2), OUT, Via.PHONE, NOON)
    assert other.sha256 != first.sha256


@pytest.mark.parametrize("within", [timedelta(), timedelta(seconds=59), timedelta(minutes=121), timedelta(days=1)])
def test_a_limit_that_nobody_can_keep_is_refused(within: timedelta) -> None:
    with pytest.raises(BadInput):
        check_limit(within)


def test_what_people_wrote_keeps_its_lines_and_loses_its_controls() -> None:
    assert clean_text(" 第一行\n第二\x00行\x7f ") == "第一行\n第二 行"
    assert len(clean_text("长" * 5000)) == 2000
    with pytest.raises(BadInput):
        must_say(" \x00 ", "请填写原因")
