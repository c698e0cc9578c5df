"""What goes wrong on purpose: scripted faults, and the carrier's own limits when they are enforced.

The rule: a fault strikes exactly the requests it names and as often as it says; the limits are those of
the Bots FAQ, "My bot is hitting limits" (Telegram publishes no exact numbers; bursts are a judgement).
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from backend.core import clock
from backend.demo.carriers.telegram.chats import ChatRecord
from backend.demo.carriers.telegram.refusals import (
    BLOCKED,
    INTERNAL_ERROR,
    ApiRefusal,
    forbidden,
    too_many_requests,
)
from backend.demo.carriers.telegram.wire import ChatKind


class FaultKind(StrEnum):
    """How a request is spoiled."""

    HTTP_429 = "http_429"  #: `seconds` becomes retry_after
    HTTP_403 = "http_403"  #: as if the person had blocked the bot
    HTTP_500 = "http_500"
    STALL = "stall"  #: no answer for `seconds`, then the honest one
    DROP_CONNECTION = "drop_connection"  #: the TCP connection is reset without an answer


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault to come. Without method or chat it strikes any; without times, until cleared."""

    kind: FaultKind
    method: str | None = None
    chat: int | None = None
    seconds: float = 1.0
    times: int | None = None
    #: for stall and drop_connection: the method takes effect *before* the answer is held back or lost, the
    #: case in which a client that simply tries again sends twice
    carried_out: bool = False

    def strikes(self, method: str, chat_id: int | None) -> bool:
        """Whether it is meant for this request."""
        is_method = self.method is None or self.method.lower() == method.lower()
        return is_method and self.chat in (None, chat_id) and self.times != 0


_REFUSALS: Final[dict[FaultKind, Callable[[Fault], ApiRefusal]]] = {
    FaultKind.HTTP_429: lambda fault: too_many_requests(fault.seconds),
    FaultKind.HTTP_403: lambda _: forbidden(BLOCKED),
    FaultKind.HTTP_500: lambda _: ApiRefusal(*INTERNAL_ERROR),
}


def refusal_of(fault: Fault) -> ApiRefusal | None:
    """The refusal a fault answers with; None for the two that concern time and the connection."""
    make = _REFUSALS.get(fault.kind)
    return make(fault) if make else None


class FaultPlan:
    """The faults still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plans one more."""
        self.faults.append(fault)

    def clear(self) -> None:
        """Everything works again."""
        self.faults.clear()

    def take(self, method: str, chat_id: int | None) -> Fault | None:
        """The first fault meant for this request, used up once."""
        for fault in self.faults:
            if fault.strikes(method, chat_id):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self.faults.remove(fault)
                return fault
        return None


class Limit(msgspec.Struct, frozen=True):
    """So many messages a second on average, so many at once."""

    per_second: float
    burst: int


PER_CHAT: Final = Limit(per_second=1.0, burst=3)
PER_GROUP: Final = Limit(per_second=20 / 60, burst=20)
OVERALL: Final = Limit(per_second=30.0, burst=30)


class _Bucket:
    """What is left of one limit."""

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit = limit
        self._level = float(limit.burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until one message fits; 0 if it fits now."""
        self._level = min(self._limit.burst, self._level + (now - self._at) * self._limit.per_second)
        self._at = now
        return max(0.0, (1 - self._level) / self._limit.per_second)

    def take(self) -> None:
        self._level -= 1


class RateLimits:
    """Telegram's limits, when `enforced`: 429 with the wait. A refused message costs nothing."""

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced
        self._buckets: dict[tuple[int, Limit], _Bucket] = {}

    def spend(self, record: ChatRecord) -> None:
        """Counts one message into the chat. Raises ApiRefusal 429 if it is one too many."""
        if not self.enforced:
            return
        now = clock.monotonic()
        limits = [(0, OVERALL), (record.chat.id, PER_CHAT)]
        if record.chat.type is not ChatKind.PRIVATE:
            limits.append((record.chat.id, PER_GROUP))
        buckets = [self._buckets.setdefault(key, _Bucket(key[1], now)) for key in limits]
        wait = max(bucket.wait(now) for bucket in buckets)
        if wait > 0:
            raise too_many_requests(wait)
        for bucket in buckets:
            bucket.take()
