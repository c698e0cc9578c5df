"""Token buckets: how often one address may do something. In this process only, bounded in memory.

The rule: a limit slows one caller down and never another; a full table forgets the longest idle first.
"""

from collections import OrderedDict

from backend.core import clock


class Buckets:
    """One bucket a key: `burst` tokens at first, `per_minute` new ones each minute; `take` asks for one."""

    def __init__(self, *, per_minute: float, burst: float | None = None, keys: int = 10_000) -> None:
        self._rate = per_minute / 60
        self._burst = burst if burst is not None else per_minute
        self._keys = keys
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Whether `key` may go on now; if so, one token is gone."""
        now = clock.monotonic()
        left, at = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        may = left >= 1
        self._left[key] = (left - 1 if may else left, now)
        if len(self._left) > self._keys:
            self._left.popitem(last=False)
        return may
