"""What a carrier lets through to one number: so many in a rolling window, counted when submitted."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec


class Cap(msgspec.Struct, frozen=True):
    """At most so many within a window, and the word that the carrier has for it."""

    most: int
    within: timedelta
    word: str


class Caps:
    """Counts by key; the widest window is what is kept."""

    def __init__(self, caps: Sequence[Cap]) -> None:
        self.caps = caps
        self._longest = max((cap.within for cap in caps), default=timedelta())
        self._times: dict[tuple[str, ...], deque[datetime]] = {}

    def exceeded(self, key: tuple[str, ...], now: datetime) -> Cap | None:
        """The first cap that another one would break."""
        times = self._times.setdefault(key, deque())
        while times and now - times[0] >= self._longest:
            times.popleft()
        return next(
            (cap for cap in self.caps if sum(1 for at in times if now - at < cap.within) >= cap.most),
            None,
        )

    def count(self, key: tuple[str, ...], now: datetime) -> None:
        """One more was let through."""
        self._times.setdefault(key, deque()).append(now)

    def in_window(self, key: tuple[str, ...], now: datetime, within: timedelta) -> int:
        """How many were let through lately; for tests of whoever keeps the caps."""
        return sum(1 for at in self._times.get(key, ()) if now - at < within)
