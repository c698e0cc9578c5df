"""The circuit breaker: opens soon, pauses longer each time, lets one through to find out."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from workers.channels.breaker import TRANSITIONS, BreakerState, CircuitBreaker, Habits, Pass, Signal

HABITS = Habits(failures=2, first_pause_s=2, longest_pause_s=10, probe_patience_s=5)


def ill(breaker: CircuitBreaker, now: float) -> None:
    given = breaker.admit(now)
    assert given is not None
    breaker.tell(given, Signal.ILL, now)


def test_the_breaker_opens_within_two_seconds_of_a_vendor_going_silent() -> None:
    breaker, now = CircuitBreaker(), 0.0
    for _ in range(2):  # each message waits 0.9 s for an answer, the next one comes at once
        given = breaker.admit(now)
        assert given is not None
        now += 0.9
        breaker.tell(given, Signal.ILL, now)
    assert (breaker.state, now) == (BreakerState.OPEN, pytest.approx(1.8))
    assert breaker.admit(now) is None


def test_one_failure_between_good_answers_opens_nothing() -> None:
    breaker = CircuitBreaker(HABITS)
    for signal in (Signal.ILL, Signal.WELL, Signal.ILL, Signal.WELL, Signal.ILL):
        given = breaker.admit(0)
        assert given is not None
        breaker.tell(given, signal, 0)
    assert breaker.state is BreakerState.CLOSED


def test_after_the_pause_one_message_finds_out_and_the_others_still_go_round() -> None:
    breaker = CircuitBreaker(HABITS)
    ill(breaker, 0)
    ill(breaker, 0)
    assert breaker.admit(1.9) is None
    probe = breaker.admit(2)
    assert probe is not None
    assert breaker.admit(2) is None
    breaker.tell(probe, Signal.WELL, 2.1)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.admit(2.1) is not None


def test_each_pause_is_twice_the_one_before_up_to_its_longest() -> None:
    breaker, now, pauses = CircuitBreaker(HABITS), 0.0, []
    ill(breaker, now)
    ill(breaker, now)
    for _ in range(5):
        pauses.append(breaker.pause_s)
        now += breaker.wait_s(now)
        ill(breaker, now)
    assert pauses == [2, 4, 8, 10, 10]


def test_a_word_from_before_the_breaker_moved_changes_nothing() -> None:
    breaker = CircuitBreaker(HABITS)
    early, late = breaker.admit(0), breaker.admit(0)
    assert early is not None
    assert late is not None
    ill(breaker, 0)
    ill(breaker, 0)
    breaker.tell(early, Signal.WELL, 0.1)
    assert breaker.state is BreakerState.OPEN
    assert breaker.admit(2) is not None
    breaker.tell(late, Signal.ILL, 2.1)
    assert breaker.state is BreakerState.HALF_OPEN


def test_a_probe_that_never_comes_back_is_given_up() -> None:
    breaker = CircuitBreaker(HABITS)
    ill(breaker, 0)
    ill(breaker, 0)
    assert breaker.admit(2) is not None
    assert breaker.admit(6.9) is None
    assert breaker.admit(7) is None  # given up: the next pause begins
    assert breaker.admit(11) is not None


class BreakerMachine(RuleBasedStateMachine):
    """Messages come, answers come in any order or never, time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker(HABITS)
        self.now = 0.0
        self.out: list[Pass] = []
        self.before = BreakerState.CLOSED
        self.let_through_half_open = 0
        self.refused_since = 0.0

    def _moved(self) -> None:
        after = self.breaker.state
        if after is not self.before:
            allowed = {to for (start, _), to in TRANSITIONS.items() if start is self.before}
            lost_probe = self.before is BreakerState.HALF_OPEN and after is BreakerState.OPEN
            assert after in allowed or lost_probe
        self.before = after

    @rule()
    def ask(self) -> None:
        was = self.breaker.state
        given = self.breaker.admit(self.now)
        if was is BreakerState.CLOSED:
            assert given is not None
        if given is not None:
            assert self.breaker.state is not BreakerState.OPEN
            self.out.append(given)
        self._moved()

    @rule(signal=st.sampled_from([Signal.WELL, Signal.ILL]), which=st.integers(0, 20))
    def answer(self, signal: Signal, which: int) -> None:
        if self.out:
            self.breaker.tell(self.out.pop(which % len(self.out)), signal, self.now)
        self._moved()

    @rule(seconds=st.floats(0, 12))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def only_one_is_let_through_to_find_out(self) -> None:
        if self.breaker.state is BreakerState.HALF_OPEN and self.breaker.wait_s(self.now) > 0:
            assert self.breaker.admit(self.now) is None

    @invariant()
    def a_wait_never_exceeds_the_longest_pause(self) -> None:
        assert 0 <= self.breaker.wait_s(self.now) <= HABITS.longest_pause_s
        assert 0 <= self.breaker.pause_s <= HABITS.longest_pause_s

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        """From any state a vendor that is well again is used again after one pause and one good answer."""
        twin = CircuitBreaker(HABITS)
        twin.__dict__.update(self.breaker.__dict__)
        now = self.now
        for _ in range(3):
            now += twin.wait_s(now)
            given = twin.admit(now)
            if given is not None:
                twin.tell(given, Signal.WELL, now)
        assert twin.state is BreakerState.CLOSED


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
