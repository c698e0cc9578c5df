"""What the gateway refuses, and how it says so: each refusal is counted, and logged once per peer and minute.

Refusing a peer never delays another: a refused one is closed or read more slowly, and nothing waits for it.
"""

import logging
from collections import Counter, OrderedDict, deque
from enum import StrEnum
from typing import Final

from backend.core.metrics import REFUSED_PEERS

log = logging.getLogger(__name__)

_LOG_EVERY_S: Final = 60.0
#: peers whose last log line is remembered; beyond it the memory starts anew, which only logs more
_REMEMBERED_PEERS: Final = 10_000
FIRST_OCTETS: Final = 64
#: addresses nobody knows that one host may bring in within a minute
MOST_NEWCOMERS: Final = 32
_MINUTE_S: Final = 60.0


class Limit(StrEnum):
    """What a peer ran into; the label of the metric."""

    CONNECTIONS = "connections"  #: too many in all
    CONNECTIONS_PER_ADDRESS = "connections_per_address"
    RATE = "rate"  #: read more slowly (TCP), or left unanswered (UDP)
    PARTIAL_FRAME = "partial_frame"  #: the rest of a frame did not come within the hold time
    FRAME_LENGTH = "frame_length"  #: the length field says more than 1024
    GARBAGE = "garbage"  #: 64 kB or 20 bad frames in a row without a good one
    IDLE = "idle"  #: no good frame for too long
    SLOW_READER = "slow_reader"  #: does not read our answers
    DENIES = "denies"  #: more than one deny a second was owed
    UNREGISTERED_DATAGRAM = "unregistered_datagram"  #: a bad frame from an unknown UDP peer
    DATAGRAM_PEERS = "datagram_peers"  #: too many UDP peers remembered
    STRANGERS = "strangers"  #: too many unknown source addresses from one host within a minute


class Refusals:
    """Counts refusals by limit, and logs the first of each peer and limit in a minute."""

    def __init__(self) -> None:
        self._logged: dict[tuple[str, Limit], float] = {}

    def note(self, limit: Limit, host: str, now: float, octets: bytes = b"", *, peer: str = "") -> None:
        """Count a refusal of `host`; `octets` are what it sent, of which the first 64 are logged.

        `peer` is the host with its port, where one connection is meant.
        """
        REFUSED_PEERS.labels(limit).inc()
        if now - self._logged.get((host, limit), -_LOG_EVERY_S) < _LOG_EVERY_S:
            return
        if len(self._logged) >= _REMEMBERED_PEERS:
            self._logged.clear()
        self._logged[host, limit] = now
        facts = {"peer": peer or host, "limit": str(limit)}
        if octets:
            facts["octets"] = octets[:FIRST_OCTETS].hex()
        log.warning("peer refused", extra=facts)


class ConnectionCounts:
    """How many connections are open, in all and by peer host."""

    def __init__(self, in_all: int, per_address: int) -> None:
        self._in_all = in_all
        self._per_address = per_address
        self._open: Counter[str] = Counter()
        self.total = 0

    def admit(self, host: str) -> Limit | None:
        """Count one more of `host`, or say which limit refuses it (then nothing is counted)."""
        if self.total >= self._in_all:
            return Limit.CONNECTIONS
        if self._open[host] >= self._per_address:
            return Limit.CONNECTIONS_PER_ADDRESS
        self._open[host] += 1
        self.total += 1
        return None

    def leave(self, host: str) -> None:
        """One of `host` has closed."""
        self.total -= 1
        self._open[host] -= 1
        if not self._open[host]:
            del self._open[host]


class Newcomers:
    """How many addresses nobody knows each host has brought in within the last minute.

    Source addresses cost nothing to make up: without a bound one host could fill the registry with devices.
    """

    def __init__(self) -> None:
        self._came: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, host: str, now: float) -> bool:
        """Whether `host` may bring in one more; if so, it is counted."""
        came = self._came.pop(host, None) or deque(maxlen=MOST_NEWCOMERS)
        self._came[host] = came
        if len(self._came) > _REMEMBERED_PEERS:
            self._came.popitem(last=False)
        if len(came) == MOST_NEWCOMERS and now - came[0] < _MINUTE_S:
            return False
        came.append(now)  # the oldest gives way
        return True


class Allowance:
    """A token bucket: `rate` frames a second, and a burst of two and a half seconds' worth on top."""

    __slots__ = ("_at", "_left", "_rate", "_size")
    _BURST_S: Final = 2.5

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._size = rate * self._BURST_S
        self._left = self._size
        self._at = now

    def spend(self, frames: int, now: float) -> float:
        """Take `frames`; answers for how many seconds nothing more should be read (0: go on)."""
        self._refill(now)
        self._left -= frames
        return max(0.0, -self._left / self._rate)

    def take(self, frames: int, now: float) -> bool:
        """Take `frames` if there are any left; what is refused leaves no debt (UDP can't be read more slowly)."""
        self._refill(now)
        may = self._left >= 1
        if may:
            self._left -= frames
        return may

    def _refill(self, now: float) -> None:
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now


class DenyLimit:
    """At most one deny a second on a link (GB/T 26875.3 extract, 9)."""

    __slots__ = ("_last",)
    _EVERY_S: Final = 1.0

    def __init__(self) -> None:
        self._last = -self._EVERY_S

    def allows(self, now: float) -> bool:
        """Whether a deny may go out now; if so, it is counted."""
        if now - self._last < self._EVERY_S:
            return False
        self._last = now
        return True
