"""What goes over a simulated device's wire: octets both ways, its frames and their fate, and the socket's side."""

import asyncio
from datetime import datetime
from typing import Any, Protocol


class WireEntry:
    """One piece of what went over the wire; `is_sent` by the device."""

    __slots__ = ("at", "is_sent", "octets")

    def __init__(self, at: datetime, octets: bytes, *, is_sent: bool) -> None:
        self.at = at
        self.octets = octets
        self.is_sent = is_sent


class Sending:
    """A frame of the device's own and its fate. Times are `clock.monotonic()` seconds."""

    __slots__ = ("confirmed_at", "denials", "ended", "octets", "sent_at", "serial", "times_sent")

    def __init__(self, serial: int, octets: bytes, now: float) -> None:
        self.serial = serial
        self.octets = octets
        self.sent_at = now
        self.confirmed_at: float | None = None
        self.denials = 0
        self.times_sent = 0
        self.ended: asyncio.Future[None] | None = None

    @property
    def is_confirmed(self) -> bool:
        """Whether the centre has confirmed it: from then on it must never be lost."""
        return self.confirmed_at is not None

    @property
    def latency_s(self) -> float | None:
        """From the first sending to the confirm."""
        return None if self.confirmed_at is None else self.confirmed_at - self.sent_at

    def end(self) -> None:
        """Tell who waits."""
        if self.ended is not None and not self.ended.done():
            self.ended.set_result(None)


class Device(Protocol):
    """Whoever is at this end of the wire."""

    def opened(self, transport: Any) -> None:
        """The wire is there."""
        ...

    def received(self, octets: bytes) -> None:
        """Octets have come."""
        ...

    def lost(self, transport: Any) -> None:
        """The wire has gone."""
        ...


class Wire(asyncio.Protocol, asyncio.DatagramProtocol):
    """The asyncio side of a device's wire, TCP or UDP."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The wire is there."""
        self._transport = transport
        self._device.opened(transport)

    def data_received(self, data: bytes) -> None:
        """Octets over TCP."""
        self._device.received(data)

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 - asyncio's signature
        """One datagram."""
        self._device.received(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens just now: the frame stays unconfirmed and is sent again."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The wire has gone."""
        self._device.lost(self._transport)
