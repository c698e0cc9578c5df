"""The one source of time. UTC inside, aware always; the unit's zone only at the edge.

`now()` is wall-clock time for records; `monotonic()` is for durations and deadlines inside one process.
Tests move time by `use(…)`, never by sleeping.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Something that tells the time."""

    def now(self) -> datetime:
        """Aware UTC time of day."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Aware UTC time of day."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()


class StillClock:
    """A clock that moves only when told to; for tests."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.seconds = 0.0

    def now(self) -> datetime:
        """The moment last set."""
        return self.at

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self.seconds

    def advance(self, by: timedelta) -> None:
        """Let `by` pass."""
        self.at += by
        self.seconds += by.total_seconds()


class _Current:
    clock: Clock = SystemClock()


def now() -> datetime:
    """Aware UTC time of day."""
    return _Current.clock.now()


def monotonic() -> float:
    """Seconds that never run backwards."""
    return _Current.clock.monotonic()


@contextmanager
def use(clock: Clock) -> Iterator[Clock]:
    """Replace the clock for the length of a `with` block."""
    before, _Current.clock = _Current.clock, clock
    try:
        yield clock
    finally:
        _Current.clock = before


def in_zone(moment: datetime, timezone: str) -> datetime:
    """The same moment on the wall clock of `timezone` (an IANA name such as Asia/Shanghai)."""
    return moment.astimezone(ZoneInfo(timezone))
