"""A circuit breaker (熔断器) for one vendor: who is silent is left alone for a while, then tried by one message. Pure.

The rule: only what says something about the vendor's health counts. A refusal of a number or a text is a healthy
vendor's answer. Time is an argument, in seconds that never run backwards; whoever is let through gets a `Pass`, and
what came of it counts only while the breaker is still where it gave the pass out.
"""

from enum import StrEnum
from typing import Final

import msgspec


class BreakerState(StrEnum):
    """Whether a vendor is used."""

    CLOSED = "closed"  #: it is
    OPEN = "open"  #: it is not, until its pause is over
    HALF_OPEN = "half_open"  #: one message is on its way to find out


class Signal(StrEnum):
    """What moves a breaker."""

    WELL = "well"  #: the vendor answered, whatever it said
    ILL = "ill"  #: no answer, or one that says it is broken
    ILL_AGAIN = "ill_again"  #: that often in a row that it is enough
    PAUSE_OVER = "pause_over"


#: from, signal → to; a signal that is not listed changes nothing
TRANSITIONS: Final = {
    (BreakerState.CLOSED, Signal.ILL_AGAIN): BreakerState.OPEN,
    (BreakerState.OPEN, Signal.PAUSE_OVER): BreakerState.HALF_OPEN,
    (BreakerState.HALF_OPEN, Signal.WELL): BreakerState.CLOSED,
    (BreakerState.HALF_OPEN, Signal.ILL): BreakerState.OPEN,
    (BreakerState.HALF_OPEN, Signal.ILL_AGAIN): BreakerState.OPEN,
}


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How patient a breaker is.

    Two failures in a row: with time-outs under a second a vendor that went silent is left alone within 2 s of the
    first message that it kept waiting.
    """

    failures: int = 2  #: in a row, that open it
    first_pause_s: float = 2.0
    longest_pause_s: float = 30.0  #: each pause is twice the one before, up to this
    probe_patience_s: float = 5.0  #: a probe nobody reported back is given up


class Pass(msgspec.Struct, frozen=True):
    """Leave to try the vendor; `era` counts the breaker's moves so far."""

    era: int


class CircuitBreaker:
    """One vendor's breaker."""

    def __init__(self, habits: Habits | None = None) -> None:
        self._habits = habits or Habits()
        self._state = BreakerState.CLOSED
        self._era = 0
        self._failures = 0
        self._pauses = 0  #: since it was closed last
        self._until = 0.0  #: open: when the pause is over; half-open: when the probe is given up

    @property
    def state(self) -> BreakerState:
        """Where it is."""
        return self._state

    @property
    def pause_s(self) -> float:
        """How long the present pause is in all; 0 when there is none."""
        if not self._pauses:
            return 0.0
        # doubled no further than it takes to pass any longest pause: a vendor may be away for months
        return min(self._habits.first_pause_s * 2.0 ** min(self._pauses - 1, 32), self._habits.longest_pause_s)

    def wait_s(self, now: float) -> float:
        """How long until it may let somebody through; 0 when it does so now."""
        return 0.0 if self._state is BreakerState.CLOSED else max(self._until - now, 0.0)

    def admit(self, now: float) -> Pass | None:
        """A pass, or None: leave the vendor alone."""
        if self._state is BreakerState.HALF_OPEN and now >= self._until:
            self._move(Signal.ILL, now)  # the probe was lost: as good as no answer
        if self._state is BreakerState.OPEN and now >= self._until:
            self._move(Signal.PAUSE_OVER, now)
            return Pass(self._era)
        return Pass(self._era) if self._state is BreakerState.CLOSED else None

    def tell(self, given: Pass, signal: Signal, now: float) -> None:
        """What came of it. A word from before the last move changes nothing."""
        if given.era != self._era:
            return
        self._failures = 0 if signal is Signal.WELL else self._failures + 1
        is_enough = signal is Signal.ILL and self._failures >= self._habits.failures
        self._move(Signal.ILL_AGAIN if is_enough else signal, now)

    def _move(self, signal: Signal, now: float) -> None:
        after = TRANSITIONS.get((self._state, signal))
        if after is None:
            return
        self._state = after
        self._era += 1
        self._failures = 0
        if after is BreakerState.CLOSED:
            self._pauses = 0
        elif after is BreakerState.OPEN:
            self._pauses += 1
            self._until = now + self.pause_s
        else:
            self._until = now + self._habits.probe_patience_s
