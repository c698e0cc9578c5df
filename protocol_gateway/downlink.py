"""What we ask of devices and order them to do: one exchange a device at a time, its contents the way of reports.

`Link` resends and matches answers; here stand the queue before it, what a device does not support, and the
serials kept over restarts. A type a device ignores three times while it speaks is not asked again until its
registration changes (GB/T 26875.3 extract, 13.4).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final

from backend.core import clock
from protocol_gateway.collaborators import DeviceStore, StoreAway
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.events import ExchangeDone, ExchangeFailed, FailureReason, LinkEvent
from protocol_gateway.gb26875.layouts import WireObject
from protocol_gateway.gb26875.tables import Command, TypeFlag
from protocol_gateway.sessions import Session

log = logging.getLogger(__name__)

#: serials are kept ahead in blocks, so that a request costs no write; after a crash the rest of one is skipped
SERIAL_BLOCK: Final = 64
_SERIALS: Final = 0x1_0000
#: a block is renewed when fewer are left than this
_RENEW_AT: Final = 16
#: a device that is asked ever more is asked no more: the queue's bound
MOST_WAITING: Final = 256


class Outcome(StrEnum):
    """How an exchange ended."""

    DONE = "done"  #: confirmed, or answered by the right type
    UNANSWERED = "unanswered"
    DENIED = "denied"
    NO_LINK = "no_link"
    UNSUPPORTED = "unsupported"  #: ignored three times before; not asked again
    TOO_MANY = "too_many"  #: too many wait for this device already


_OUTCOMES: Final = {
    FailureReason.TIMEOUT: Outcome.UNANSWERED,
    FailureReason.DENIED: Outcome.DENIED,
    FailureReason.DISCONNECTED: Outcome.NO_LINK,
}


class Ask:
    """One request or order that waits for its turn or its answer. `done` is set for who waits for it."""

    __slots__ = ("asked_at", "done", "objects", "type_flag")

    def __init__(self, type_flag: int, objects: Sequence[WireObject] = ()) -> None:
        self.type_flag = type_flag
        self.objects = objects
        self.asked_at = 0.0
        self.done: asyncio.Future[Outcome] | None = None

    def end(self, outcome: Outcome) -> None:
        """Tell who waits."""
        if self.done is not None and not self.done.done():
            self.done.set_result(outcome)

    def drop(self) -> None:
        """Nothing will answer it any more."""
        self.end(Outcome.NO_LINK)


class Downlink:
    """All our exchanges with all devices. `flush(session)` puts on the wire what its link has to send."""

    def __init__(
        self,
        *,
        store: DeviceStore,
        flush: Callable[[Session], None],
        find: Callable[[str], Session | None],
    ) -> None:
        self._store = store
        self._flush = flush
        self._find = find
        self._marks: dict[str, int] = {}

    async def request(self, address: str, type_flag: int, objects: Sequence[WireObject] = ()) -> Outcome:
        """Ask or order the device of `address`, and wait for the end. What it answers is reported as usual.

        `objects` are the type's own (`gb26875.objects.inquiries`); type 90 takes none: the time is that of
        sending. Raises LocalProtocolError for objects that do not fit. A duty check (查岗, 91) must not be
        sent to a device in fire alarm: the caller sees to it.
        """
        session = self._find(address)
        if session is None or session.way is None:
            return Outcome.NO_LINK
        if type_flag != TypeFlag.SYNCHRONISE_CLOCK:
            encode_adu(type_flag, objects, session.reading.profile)
        ask = Ask(type_flag, objects)
        ask.done = asyncio.get_running_loop().create_future()
        self.ask(session, [ask])
        return await ask.done

    def ask(self, session: Session, asks: Iterable[Ask]) -> None:
        """Put asks into the device's queue; the first starts at once when none is pending."""
        for one in asks:
            if session.way is None:
                one.end(Outcome.NO_LINK)
            elif len(session.asks) >= MOST_WAITING:
                one.end(Outcome.TOO_MANY)
            else:
                session.asks.append(one)
        self._next(session)

    def heed(self, session: Session, events: Iterable[LinkEvent]) -> None:
        """Take what the link says of exchanges."""
        for event in events:
            if isinstance(event, ExchangeDone):
                self._ended(session, event.exchange.serial, Outcome.DONE)
            elif isinstance(event, ExchangeFailed):
                self._failed(session, event)
        self._next(session)

    def drop(self, session: Session) -> None:
        """The device's way has closed: nothing asked will be answered any more."""
        waiting = [*session.asked.values(), *session.asks]
        session.link.disconnect()
        session.asked.clear()
        session.asks.clear()
        for ask in waiting:
            ask.drop()

    def note_serial(self, session: Session) -> None:
        """Keep serials ahead of the link's own."""
        left = (session.serial_mark - session.link.serial) % _SERIALS
        if left > SERIAL_BLOCK or left < _RENEW_AT:
            session.serial_mark = (session.link.serial + SERIAL_BLOCK) % _SERIALS
            self._marks[session.address] = session.serial_mark

    async def keep_serials(self) -> None:
        """Write the marks that moved since the last call. A database that is away is tried again next time."""
        if not self._marks:
            return
        marks, self._marks = self._marks, {}
        try:
            await self._store.keep_serials(marks)
        except StoreAway as error:
            self._marks = {**marks, **self._marks}
            log.warning("downlink serials not kept", extra={"reason": str(error)})

    def _next(self, session: Session) -> None:
        link = session.link
        while session.asks and link.pending is None:
            ask = session.asks.popleft()
            if ask.type_flag in session.unsupported:
                ask.end(Outcome.UNSUPPORTED)
                continue
            now = ask.asked_at = clock.monotonic()
            if ask.type_flag == TypeFlag.SYNCHRONISE_CLOCK:
                exchange = link.synchronise_clock(now)
            else:
                exchange = link.start(ask.type_flag, ask.objects, now)
            session.asked[exchange.serial] = ask
        self._flush(session)

    def _ended(self, session: Session, serial: int, outcome: Outcome) -> None:
        ask = session.asked.pop(serial, None)
        if ask is not None:
            ask.end(outcome)

    def _failed(self, session: Session, event: ExchangeFailed) -> None:
        exchange = event.exchange
        ask = session.asked.get(exchange.serial)
        if ask is not None and exchange.command is Command.REQUEST:
            # A device that is silent altogether ignores no type: it is away.
            spoke = session.heard_at is not None and session.heard_at > ask.asked_at
            if spoke or event.reason is FailureReason.DENIED:
                session.unsupported.add(exchange.type_flag)
        self._ended(session, exchange.serial, _OUTCOMES[event.reason])
