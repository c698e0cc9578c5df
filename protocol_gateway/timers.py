"""One heap of deadlines for the whole gateway, so that ten thousand idle links cost no timer each.

A deadline is never cancelled: whoever set it looks again when it comes, and sets the next one when it is not
due yet. So a heartbeat touches nothing here. Times are `clock.monotonic()` seconds.
"""

import heapq
import logging
from collections.abc import Callable
from itertools import count

log = logging.getLogger(__name__)


class Timers:
    """Deadlines in order; `run_due` calls those that have come. No I/O and no clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, when: float, call: Callable[[float], None]) -> None:
        """Call `call(now)` in the first pass at or after `when`."""
        heapq.heappush(self._heap, (when, next(self._numbers), call))

    def run_due(self, now: float) -> None:
        """Call what is due, oldest first. A callback that fails is logged and stops no other."""
        while self._heap and self._heap[0][0] <= now:
            _, _, call = heapq.heappop(self._heap)
            try:
                call(now)
            except Exception:  # one of the loops that must not die: a link's bug delays no other link
                log.exception("a deadline failed")
