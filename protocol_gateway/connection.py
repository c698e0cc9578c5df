"""One TCP connection: octets in, frames to the reception, answers out joined in one write.

The rule: nothing here waits for a peer, and no peer waits for another. Who sends too fast is read more slowly;
who does not read, sends garbage, or says nothing for too long, is closed.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol, cast

from backend.core import clock
from backend.core.metrics import CONNECTIONS
from backend.core.settings import Gateway
from protocol_gateway.gb26875.buffer import HOLD_TOTAL, BadOctets, Found, FrameBuffer
from protocol_gateway.gb26875.profiles import Profile
from protocol_gateway.limits import FIRST_OCTETS, ConnectionCounts, Limit, Refusals
from protocol_gateway.reception import Arrival, Reception
from protocol_gateway.timers import Timers
from protocol_gateway.ways import Way, most_in_hand_in_all

#: one read takes no more, so that one busy peer can't keep the loop for long
READ_SIZE: Final = 16 * 1024
#: answers a peer has not read; beyond it the peer is closed
MOST_UNREAD: Final = 64 * 1024
#: a stranger's read while too much waits already: many of them together must not add much in one pass
_STRANGERS_READ_SIZE: Final = 512
#: frames of one peer that may wait for their commit before no more is read
MOST_IN_HAND: Final = 512
_LOOK_AGAIN_S: Final = 0.05
#: an older connection whose devices all have a newer one is closed after this long without a good frame
SUPERSEDED_S: Final = 600.0


class Shell(Protocol):
    """What a connection needs of the server around it."""

    settings: Gateway
    profile: Profile
    timers: Timers
    counts: ConnectionCounts
    refusals: Refusals
    reception: Reception
    read_into: memoryview

    def opened(self, connection: "Connection") -> None:
        """A connection is open."""
        ...

    def closed(self, connection: "Connection") -> None:
        """A connection has closed."""
        ...

    def is_superseded(self, way: Way) -> bool:
        """Whether every device of a way has a newer one."""
        ...


class Connection(asyncio.BufferedProtocol):
    """The asyncio side of a `TcpWay`. All connections read into one shared buffer: nothing is kept in it."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._begun_at: datetime | None = None
        self._is_expiry_set = False
        self._is_paused = False
        self._is_stopped = False
        self._resumed_at = float("-inf")
        self._outgoing: list[bytes] = []
        self._garbage = b""  #: the first octets since the last good frame that were none
        settings = shell.settings
        hold = settings.partial_hold_s
        self._buffer = FrameBuffer(shell.profile, hold=hold, hold_total=max(HOLD_TOTAL, hold))
        self.way: TcpWay | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the peer or close it at once."""
        self._transport = cast("asyncio.Transport", transport)
        host, port = (*(transport.get_extra_info("peername") or ("?", 0)),)[:2]
        shell, now = self._shell, clock.monotonic()
        limit = shell.counts.admit(host)
        if limit is not None:
            shell.refusals.note(limit, host, now)
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=MOST_UNREAD)
        self.way = TcpWay(self, host, port, rate=shell.settings.frames_per_second, now=now)
        CONNECTIONS.inc()
        shell.opened(self)
        shell.timers.at(now + min(shell.settings.idle_s, SUPERSEDED_S), self._look_idle)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Where the next octets go."""
        way = self.way
        if way is not None and not way.is_known and self._shell.reception.in_hand > most_in_hand_in_all(way):
            return self._shell.read_into[:_STRANGERS_READ_SIZE]
        return self._shell.read_into

    def buffer_updated(self, nbytes: int) -> None:
        """Octets have come: t1 of the frames they complete is now."""
        if self.way is None:
            return
        octets = bytes(self._shell.read_into[:nbytes])
        received_at, now = clock.now(), clock.monotonic()
        had_some = len(self._buffer) > 0
        found = self._buffer.feed(octets, now)
        begun_at = self._begun_at if had_some and self._begun_at else received_at
        if found:
            self._keep_garbage(found)
            self._shell.reception.take(found[:1], self.way, Arrival(begun_at, received_at, now))
            self._shell.reception.take(found[1:], self.way, Arrival(received_at, received_at, now))
        if len(self._buffer):
            self._begun_at = begun_at if had_some and not found else received_at
            self._set_expiry()
        self._after(len(found), now)

    def eof_received(self) -> bool:
        """The peer has nothing more to say: close, after what is in hand has been answered."""
        way = self.way
        if way is None or not way.in_hand:
            return False
        self._shell.timers.at(clock.monotonic() + _LOOK_AGAIN_S, self._close_when_answered)
        return True

    def pause_writing(self) -> None:
        """The peer does not read our answers: it is closed rather than waited for."""
        if self.way is not None:
            self._refuse(Limit.SLOW_READER, clock.monotonic())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The connection has closed, by whomever."""
        if self.way is None:
            return
        self.way.is_open = False
        self._shell.counts.leave(self.way.host)
        CONNECTIONS.dec()
        self._shell.closed(self)

    def put(self, octets: bytes) -> None:
        """Send with whatever else goes out in this pass of the loop."""
        if not octets or self.way is None or not self.way.is_open:
            return
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing.append(octets)

    def flush(self) -> None:
        """Write what waits."""
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(outgoing))

    def stop_reading(self) -> None:
        """Take no more (drain)."""
        self._is_paused = self._is_stopped = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def close(self) -> None:
        """Write what waits, and close."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what the peer has not read is lost, and it sends again."""
        if self._transport is not None:
            self._transport.abort()

    def _after(self, frames: int, now: float) -> None:
        way = self.way
        if way is None:
            return
        if self._buffer.should_close:
            self._refuse(Limit.GARBAGE, now, self._garbage)
            return
        wait = way.allowance.spend(frames, now)
        if wait > 0:
            self._shell.refusals.note(Limit.RATE, way.host, now)
        elif way.in_hand > MOST_IN_HAND or self._shell.reception.in_hand > most_in_hand_in_all(way):
            wait = _LOOK_AGAIN_S
        if wait > 0 and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
            self._shell.timers.at(now + wait, self._resume)

    def _resume(self, now: float) -> None:
        if self.way is None or not self.way.is_open or self._transport is None or self._is_stopped:
            return
        in_all = self._shell.reception.in_hand
        if self.way.in_hand > MOST_IN_HAND // 2 or in_all > most_in_hand_in_all(self.way) // 2:
            self._shell.timers.at(now + _LOOK_AGAIN_S, self._resume)
            return
        self._is_paused = False
        self._resumed_at = now
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _set_expiry(self) -> None:
        deadline = self._buffer.next_deadline()
        if deadline is not None and not self._is_expiry_set:
            self._is_expiry_set = True
            self._shell.timers.at(deadline, self._expire)

    def _expire(self, now: float) -> None:
        self._is_expiry_set = False
        if self.way is None or not self.way.is_open:
            return
        hold = self._shell.settings.partial_hold_s
        if self._is_paused or now < self._resumed_at + hold:  # the rest may be there: it is we who do not read
            self._is_expiry_set = True
            self._shell.timers.at(now + hold, self._expire)
            return
        begun_at = self._begun_at or clock.now()
        found = self._buffer.expire(now)
        self._keep_garbage(found)
        self._shell.reception.take(found, self.way, Arrival(begun_at, clock.now(), now))
        self._set_expiry()
        self._after(len(found), now)

    def _look_idle(self, now: float) -> None:
        way = self.way
        if way is None or not way.is_open:
            return
        idle_s = self._shell.settings.idle_s
        if self._shell.is_superseded(way):
            idle_s = min(idle_s, SUPERSEDED_S)
        if now - way.good_at >= idle_s:
            self._refuse(Limit.IDLE, now)
            return
        self._shell.timers.at(min(way.good_at + idle_s, now + SUPERSEDED_S), self._look_idle)

    def _close_when_answered(self, now: float) -> None:
        if self.way is None or not self.way.is_open:
            return
        if self.way.in_hand:
            self._shell.timers.at(now + _LOOK_AGAIN_S, self._close_when_answered)
        else:
            self.close()

    def _keep_garbage(self, found: Sequence[Found]) -> None:
        for one in found:
            if not isinstance(one, BadOctets):
                self._garbage = b""
            elif len(self._garbage) < FIRST_OCTETS:
                self._garbage += one.octets[:FIRST_OCTETS]

    def _refuse(self, limit: Limit, now: float, octets: bytes = b"") -> None:
        if self.way is not None:
            self._shell.refusals.note(limit, self.way.host, now, octets, peer=self.way.peer)
        self.abort()


class TcpWay(Way):
    """The way over one TCP connection."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection, host: str, port: int, *, rate: float, now: float) -> None:
        super().__init__(host, port, "tcp", rate=rate, now=now)
        self.connection = connection

    def send(self, octets: bytes) -> None:
        """Send with whatever else goes out in this pass of the loop."""
        self.connection.put(octets)
