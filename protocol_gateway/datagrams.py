"""UDP: whole frames in each datagram, answers to where it came from (GB/T 26875.3 extract, 9 and 14).

A peer that sent a good frame is remembered for five minutes, so that downlinks find it. Nothing is kept between
datagrams. UDP can't be read more slowly: beyond the rate a datagram is left out, and the device resends. Who is not
remembered is counted by host, and garbage of all such together: a port costs nothing, nor does a made-up address.
"""

import asyncio
from typing import Any, Final, cast

from backend.core import clock
from backend.core.limits import Buckets
from backend.core.settings import Gateway
from protocol_gateway.gb26875.buffer import BadOctets, read_datagram
from protocol_gateway.gb26875.profiles import Profile
from protocol_gateway.limits import Allowance, Limit, Refusals
from protocol_gateway.reception import Arrival, Reception
from protocol_gateway.sessions import Session, Sessions
from protocol_gateway.supervision import Supervision
from protocol_gateway.timers import Timers
from protocol_gateway.ways import Way, most_in_hand_in_all

REMEMBERED_S: Final = 300.0
MOST_PEERS: Final = 50_000
#: datagrams a second that hold nothing good and come from nobody we remember, of all hosts together
BAD_DATAGRAMS_PER_S: Final = 50.0
_MINUTE_S: Final = 60


class UdpWay(Way):
    """The way to one UDP address and port."""

    __slots__ = ("_datagrams", "_to")

    def __init__(self, datagrams: "Datagrams", to: tuple[Any, ...], *, rate: float, now: float) -> None:
        super().__init__(to[0], to[1], "udp", rate=rate, now=now)
        self._datagrams = datagrams
        self._to = to

    def send(self, octets: bytes) -> None:
        """Send one datagram."""
        if octets and self.is_open:
            self._datagrams.send(octets, self._to)


class Datagrams(asyncio.DatagramProtocol):
    """The gateway's UDP socket and the peers it remembers."""

    def __init__(
        self,
        *,
        settings: Gateway,
        profile: Profile,
        timers: Timers,
        refusals: Refusals,
        reception: Reception,
        sessions: Sessions,
        supervision: Supervision,
    ) -> None:
        self._settings = settings
        self._profile = profile
        self._timers = timers
        self._refusals = refusals
        self._reception = reception
        self._sessions = sessions
        self._supervision = supervision
        self._transport: asyncio.DatagramTransport | None = None
        self._ways: dict[tuple[Any, ...], UdpWay] = {}
        self._is_full = False
        self._is_stopped = False
        self._newcomers = Buckets(per_minute=settings.frames_per_second * _MINUTE_S, burst=settings.frames_per_second)
        self._bad = Allowance(BAD_DATAGRAMS_PER_S, clock.monotonic())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is bound."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """One datagram has come: its first and last octet came together."""
        if self._is_stopped:
            return
        received_at, now = clock.now(), clock.monotonic()
        way = self._ways.get(addr) or UdpWay(self, addr, rate=self._settings.frames_per_second, now=now)
        found = read_datagram(data, self._profile)
        is_good = not all(isinstance(one, BadOctets) for one in found)
        if not self._may_take(addr, way, len(found), now, is_good=is_good):
            self._refusals.note(Limit.RATE, way.host, now)
            return
        if addr not in self._ways and is_good:
            self._remember(addr, way, now)
        self._reception.take(found, way, Arrival(received_at, received_at, now))

    def _may_take(self, addr: tuple[Any, ...], way: UdpWay, frames: int, now: float, *, is_good: bool) -> bool:
        if self._reception.in_hand > most_in_hand_in_all(way):
            return False
        if addr in self._ways:
            return way.allowance.take(frames, now)
        return self._newcomers.take(way.host) if is_good else self._bad.take(frames, now)

    def pause_writing(self) -> None:
        """The socket takes no more just now: answers are left out, and devices resend."""
        self._is_full = True

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._is_full = False

    def send(self, octets: bytes, to: tuple[Any, ...]) -> None:
        """Send one datagram, unless the socket is full."""
        if self._transport is not None and not self._transport.is_closing() and not self._is_full:
            self._transport.sendto(octets, to)

    def stop(self) -> None:
        """Take no more (drain); answers still go out."""
        self._is_stopped = True

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _remember(self, addr: tuple[Any, ...], way: UdpWay, now: float) -> None:
        if len(self._ways) >= MOST_PEERS:
            self._refusals.note(Limit.DATAGRAM_PEERS, way.host, now)
            return
        self._ways[addr] = way
        self._timers.at(now + REMEMBERED_S, lambda then: self._forget(addr, way, then))

    def _forget(self, addr: tuple[Any, ...], way: UdpWay, now: float) -> None:
        if now - way.good_at < REMEMBERED_S:
            self._timers.at(way.good_at + REMEMBERED_S, lambda then: self._forget(addr, way, then))
            return
        del self._ways[addr]
        way.is_open = False
        left: list[Session] = self._sessions.leave(way)
        for session in left:
            self._supervision.left(session)
