"""Choosing among vendors of one kind: in order, each within its share of the time, the silent ones left alone.

The rule: a message is lost to a vendor only when no vendor of its kind takes it, and every vendor that was asked or
left out leaves its word: in the refusal when all failed, in the receipt's surface when a later one took it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from backend.core import clock, metrics
from backend.core.beats import ail
from backend.core.vocabulary import Channel as ChannelName
from backend.core.vocabulary import Severity
from backend.delivery.model import PERHAPS, Delivery, Receipt, Refusal, RefusalKind
from workers.channels.breaker import BreakerState, CircuitBreaker, Pass, Signal
from workers.channels.ports import PERMANENT, Taken, Vendor, VendorRefusal

log = logging.getLogger(__name__)
V = TypeVar("V", bound=Vendor)

#: what of the channel's time its vendors may use; the rest is for writing down what they said
_SHARE_OF_TIME: Final = 0.85
#: how long a receipt may take to say that a message arrived whose sending nobody answered for
_UNKNOWN_REST_S: Final = 5.0
#: from which try on the next vendor is asked although one may have sent it: two texts about a fire are better than none
TRIES_BEFORE_DOUBLING: Final = {Severity.FIRE: 1, Severity.FAULT: 2, Severity.ABNORMAL: 2, Severity.OFFLINE: 2}
_PERHAPS: Final = RefusalKind.UNKNOWN
_BEFORE: Final = "may have sent it before, not asked again"
#: what a refusal says about the vendor's health; any other is a healthy vendor's answer
_ILL: Final = frozenset({RefusalKind.AWAY, RefusalKind.UNKNOWN})
#: what somebody at the provider must mend
_PLATFORM: Final = frozenset({RefusalKind.MONEY, RefusalKind.CONFIGURATION})
_GAUGE: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class Word(msgspec.Struct, frozen=True):
    """What one vendor said, or why it was not asked (`kind` is None)."""

    vendor: str
    kind: RefusalKind | None
    reason: str
    wait_s: float | None = None  #: after which it may be asked again

    def __str__(self) -> str:
        return self.reason if self.reason.startswith(f"{self.vendor}:") else f"{self.vendor}: {self.reason}"


class Guarded(Generic[V]):
    """A vendor behind its breaker."""

    def __init__(self, kind: ChannelName, vendor: V, breaker: CircuitBreaker | None = None) -> None:
        self.kind = kind
        self.vendor = vendor
        self.breaker = breaker or CircuitBreaker()
        self._shown = BreakerState.CLOSED

    async def ask(self, act: Callable[[V], Awaitable[Taken]], seconds: float) -> Taken | Word:
        """The vendor's answer within `seconds`, or its word."""
        given = self.breaker.admit(clock.monotonic())
        self._show()
        if given is None:
            wait = self.breaker.wait_s(clock.monotonic())
            return Word(self.vendor.name, None, f"did not answer before, asked again in {wait:.0f} s", wait)
        signal = Signal.ILL  # what it is when the question is cut off
        try:
            async with asyncio.timeout(seconds):
                answer: Taken | Word = await act(self.vendor)
            signal = Signal.WELL
        except VendorRefusal as refusal:
            signal = Signal.ILL if refusal.kind in _ILL else Signal.WELL
            answer = self._word(refusal)
        except TimeoutError:
            reason = f"no answer within {seconds:.1f} s, it may have been sent"
            answer = self._word(VendorRefusal(RefusalKind.UNKNOWN, reason))
        finally:
            self._told(given, signal)
        return answer

    def _told(self, given: Pass, signal: Signal) -> None:
        self.breaker.tell(given, signal, clock.monotonic())
        self._show()

    def _show(self) -> None:
        state = self.breaker.state
        metrics.BREAKERS.labels(self.kind, self.vendor.name).set(_GAUGE[state])
        if state is not self._shown:
            ail(f"{self.kind}/{self.vendor.name}", is_ill=state is not BreakerState.CLOSED)
            level = logging.WARNING if state is BreakerState.OPEN else logging.INFO
            facts = {"kind": str(self.kind), "vendor": self.vendor.name, "breaker": str(state)}
            log.log(level, "a vendor's breaker moved", extra=facts)
            self._shown = state

    def _word(self, refusal: VendorRefusal) -> Word:
        metrics.VENDOR_REFUSALS.labels(self.kind, self.vendor.name, refusal.kind).inc()
        if refusal.kind in _PLATFORM:
            facts = {"kind": str(self.kind), "vendor": self.vendor.name, "why": str(refusal.kind), "code": refusal.code}
            log.error("a vendor does not carry for us: %s", refusal.reason, extra=facts)
        return Word(self.vendor.name, refusal.kind, refusal.reason, refusal.retry_after)


class Line(Generic[V]):
    """The vendors of one kind for one part of the world, in the order in which they are asked."""

    def __init__(self, vendors: Sequence[Guarded[V]], timeout_s: float) -> None:
        self._vendors = vendors
        self._seconds = timeout_s * _SHARE_OF_TIME

    async def carry(self, delivery: Delivery, act: Callable[[V], Awaitable[Taken]]) -> Receipt:
        """Ask one after the other. Raises Refusal when none took it.

        A later try begins with the next vendor, and one who may have sent it already is asked no more: neither texts
        nor calls are idempotent, and what it owes is a receipt.
        """
        known = str((delivery.surface or {}).get(PERHAPS, "")).split(",")
        words = [Word(each.vendor.name, _PERHAPS, _BEFORE) for each in self._vendors if each.vendor.name in known]
        before = len(words)
        until = clock.monotonic() + self._seconds
        first = (delivery.tries - 1) % max(len(self._vendors), 1)
        in_order = [each for each in (*self._vendors[first:], *self._vendors[:first]) if each.vendor.name not in known]
        for index, each in enumerate(in_order):
            answer = await each.ask(act, _share(until - clock.monotonic(), in_order[index:]))
            if isinstance(answer, Taken):
                return _receipt(answer, words)
            words.append(answer)
            if answer.kind is RefusalKind.CONTACT or _must_wait(answer, delivery):
                break
        raise refusal_of(words, before, is_everybody=len(words) == len(self._vendors))


def _share(left_s: float, to_ask: "Sequence[Guarded[V]]") -> float:
    """The time for the next vendor, so that those after it have as much; those that are left alone need none."""
    now = clock.monotonic()
    others = sum(each.breaker.wait_s(now) == 0 for each in to_ask[1:])
    return max(left_s, 0.01) / (others + 1)


def _must_wait(word: Word, delivery: Delivery) -> bool:
    """Whether to wait for a receipt before another vendor says it a second time."""
    return word.kind is RefusalKind.UNKNOWN and delivery.tries < TRIES_BEFORE_DOUBLING[delivery.severity]


def _receipt(taken: Taken, words: Sequence[Word]) -> Receipt:
    surface: dict[str, str | int] = {"vendor": taken.vendor, "id": taken.id}
    if words:
        surface["after"] = "; ".join(map(str, words))
    return Receipt(surface=surface)


def refusal_of(words: Sequence[Word], before: int = 0, *, is_everybody: bool = True) -> Refusal:
    """What no vendor took: for good when no repetition can mend it, else to be tried when the first may be asked.

    The first `before` words are of earlier tries; `is_everybody`: each vendor has its word.
    """
    reason = "; ".join(map(str, words)) or "no vendor is configured for this country"
    is_dead = any(word.kind is RefusalKind.CONTACT for word in words)
    if is_dead or all(word.kind in PERMANENT for word in words):
        return Refusal(reason, permanent=True, contact_is_dead=is_dead)
    if is_everybody and all(word.kind in PERMANENT or word.kind is _PERHAPS for word in words):
        return Refusal(reason, kind=_PERHAPS)
    mendable = [word for word in words[before:] if word.kind not in PERMANENT]
    waits = [wait for word in mendable for wait in [_wait_of(word)] if wait is not None]
    perhaps = [word.vendor for word in words if word.kind is _PERHAPS]
    return Refusal(reason, permanent=False, retry_after=min(waits, default=None), perhaps=perhaps)


def _wait_of(word: Word) -> float | None:
    return _UNKNOWN_REST_S if word.kind is RefusalKind.UNKNOWN else word.wait_s
