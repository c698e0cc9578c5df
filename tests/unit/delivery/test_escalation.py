"""The escalation as a state machine: whatever people do and when, somebody is told, nobody twice, and it ends once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from backend.core.ids import PersonId
from backend.core.vocabulary import Role, Severity
from backend.delivery.escalation import (
    TRANSITIONS,
    Escalation,
    Event,
    State,
    Taken,
    acknowledged,
    begun,
    ended,
    is_still_to_tell,
    next_step,
)
from backend.delivery.policy import DESK, POLICIES, Policy, PolicyRefused, Step, TargetKind, require_sound

START = datetime(2026, 11, 25, tzinfo=UTC)
MANAGER, GUARD = frozenset({Role.UNIT_MANAGER}), frozenset({Role.UNIT_DUTY})
BOTH = MANAGER | GUARD
PEOPLE = {PersonId(UUID(int=1)): MANAGER, PersonId(UUID(int=2)): GUARD, PersonId(UUID(int=3)): BOTH}
WANG, LI, _ = PEOPLE


def steps_until(escalation: Escalation, end: datetime, every: timedelta = timedelta(seconds=1)) -> list[Taken]:
    taken: list[Taken] = []
    now = START
    while now <= end:
        step = next_step(escalation, now)
        if step is not None:
            taken.append(step)
            escalation = step.after
        now += every
    return taken


@pytest.mark.parametrize("severity", Severity)
def test_the_policies_that_hold_everywhere_are_sound(severity: Severity) -> None:
    require_sound(POLICIES[severity], severity)


FIRE_POLICY = POLICIES[Severity.FIRE]


@pytest.mark.parametrize(
    "unsound",
    [
        msgspec.structs.replace(FIRE_POLICY, steps=FIRE_POLICY.steps[:2]),
        msgspec.structs.replace(FIRE_POLICY, steps=()),
        msgspec.structs.replace(FIRE_POLICY, steps=(Step(after=timedelta(), targets=(DESK,)),)),
        msgspec.structs.replace(FIRE_POLICY, steps=(FIRE_POLICY.steps[0], *FIRE_POLICY.steps[::-1])),
        msgspec.structs.replace(FIRE_POLICY, rounds=0),
        msgspec.structs.replace(FIRE_POLICY, ack_timeout=timedelta(hours=1)),
        msgspec.structs.replace(FIRE_POLICY, repeat_gap=timedelta()),
    ],
)
def test_a_policy_that_might_leave_somebody_untold_is_refused(unsound: Policy) -> None:
    with pytest.raises(PolicyRefused):
        require_sound(unsound, Severity.FIRE)


def test_every_step_comes_at_its_time_and_the_last_is_the_duty_desk() -> None:
    taken = steps_until(begun(FIRE_POLICY, Severity.FIRE, START), START + timedelta(hours=1))
    minutes = [(each.at - START).total_seconds() / 60 for each in taken]
    assert minutes == [1, 2, 5, 6, 7, 10, 11, 12, 15]
    assert [(each.after.round, each.after.step) for each in taken][:-1] == [
        (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2),
    ]  # fmt: skip
    assert taken[-1].event is Event.SPENT
    assert taken[-2].step is not None
    assert [target.kind for target in taken[-2].step.targets] == [TargetKind.DESK]


def test_steps_that_were_missed_while_we_were_away_do_not_come_all_at_once() -> None:
    escalation = begun(FIRE_POLICY, Severity.FIRE, START)
    late = START + timedelta(minutes=30)
    first = next_step(escalation, late)
    assert first is not None
    assert first.at == START + timedelta(minutes=1)
    assert next_step(first.after, late) is None
    assert first.after.due_at == late + timedelta(minutes=1)


def test_a_fire_is_held_only_when_every_role_has_answered() -> None:
    escalation = begun(FIRE_POLICY, Severity.FIRE, START)
    one = acknowledged(escalation, WANG, MANAGER, BOTH, START)
    assert one.state is State.RUNNING
    assert not is_still_to_tell(one, WANG, MANAGER)
    assert not is_still_to_tell(one, PersonId(UUID(int=9)), MANAGER)
    assert is_still_to_tell(one, LI, GUARD)
    both = acknowledged(one, LI, GUARD, BOTH, START + timedelta(seconds=20))
    assert (both.state, both.due_at) == (State.HELD, START + timedelta(minutes=5, seconds=20))
    alone = acknowledged(escalation, WANG, MANAGER, MANAGER, START)
    assert alone.state is State.HELD, "the unit has nobody else who must know"


def test_anybodys_answer_holds_a_fault() -> None:
    fault = acknowledged(begun(POLICIES[Severity.FAULT], Severity.FAULT, START), LI, GUARD, BOTH, START)
    assert (fault.state, fault.due_at) == (State.HELD, START + timedelta(hours=4))


def test_without_a_verdict_it_begins_again_and_tells_those_who_had_acknowledged() -> None:
    held = acknowledged(begun(FIRE_POLICY, Severity.FIRE, START), WANG, MANAGER, MANAGER, START)
    again = next_step(held, START + timedelta(minutes=5))
    assert again is not None
    assert (again.event, again.after.round, again.after.step) == (Event.UNJUDGED, 1, 0)
    assert again.also == {WANG}
    assert is_still_to_tell(again.after, WANG, MANAGER)
    held_again = acknowledged(again.after, WANG, MANAGER, MANAGER, START + timedelta(minutes=6))
    assert held_again.due_at == START + timedelta(minutes=11)


def test_what_has_ended_is_not_reopened_by_a_late_answer() -> None:
    over = ended(begun(FIRE_POLICY, Severity.FIRE, START), "judged")
    assert acknowledged(over, WANG, MANAGER, BOTH, START) is over
    assert ended(over, "masked") is over
    assert next_step(over, START + timedelta(days=9)) is None


class Life(RuleBasedStateMachine):
    """People answer, time passes, somebody judges, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.told: list[tuple[int, int]] = [(0, 0)]
        self.has_ended = False

    @initialize(severity=st.sampled_from(Severity), present=st.sampled_from([MANAGER, GUARD, BOTH]))
    def raised(self, severity: Severity, present: frozenset[Role]) -> None:
        self.present = present
        self.one = begun(POLICIES[severity], severity, self.now)

    @rule(seconds=st.sampled_from([1, 59, 60, 61, 300, 900, 4000, 20_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        while (taken := next_step(self.one, self.now)) is not None:
            assert not self.has_ended
            assert (self.one.state, taken.event) in TRANSITIONS
            if taken.step is not None:
                self.told.append((taken.after.round, taken.after.step))
                assert taken.at <= self.now
            if taken.event is Event.UNJUDGED:
                assert taken.also == self.one.acked_by
                assert taken.after.answers == ()
            self.one = taken.after

    @rule(person=st.sampled_from(list(PEOPLE)))
    def somebody_acknowledges(self, person: PersonId) -> None:
        before = self.one
        self.one = acknowledged(self.one, person, PEOPLE[person], self.present, self.now)
        if person in before.acked_by or self.has_ended:
            assert self.one == before
        else:
            assert self.one.due_at is not None

    @rule()
    def somebody_judges(self) -> None:
        self.one, self.has_ended = ended(self.one, "judged"), True

    @invariant()
    def no_step_is_taken_twice_and_none_goes_back(self) -> None:
        assert self.told == sorted(set(self.told))

    @invariant()
    def while_it_is_open_something_is_due_or_all_rounds_are_through(self) -> None:
        if not hasattr(self, "one"):
            return
        if self.has_ended:
            assert (self.one.state, self.one.due_at) == (State.ENDED, None)
        elif self.one.state is State.RUNNING:
            assert self.one.due_at is not None
            missing = (self.one.policy.required_roles & self.present) - self.one.acked_roles
            assert missing or not self.one.answers
        elif self.one.due_at is None:
            assert self.one.why == Event.SPENT
            assert not self.one.answers

    @invariant()
    def a_verdict_is_waited_for_no_longer_than_the_policy_says(self) -> None:
        if hasattr(self, "one") and self.one.state is State.HELD and self.one.due_at is not None:
            first = min(answer.at for answer in self.one.answers)
            last = max(answer.at for answer in self.one.answers)
            assert first <= self.one.due_at <= max(last + self.one.policy.ack_timeout, self.now)


Life.TestCase.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
