"""The gateway's shell: sockets, one ticker, and the wiring of its parts. TCP and UDP on one port.

octets ─▶ Connection/Datagrams ─▶ Reception ─▶ intake ─▶ COMMIT ─▶ confirm
one heap of deadlines ─▶ Supervision, Downlink ─▶ the device's newest way
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from backend.core import clock, settings
from backend.monitoring.model import LinkSaid, TextSaid
from protocol_gateway.audit import Audit
from protocol_gateway.collaborators import DatabaseDeviceStore, DeviceStore, Directory, Intake, StoreAway
from protocol_gateway.connection import READ_SIZE, Connection
from protocol_gateway.datagrams import Datagrams
from protocol_gateway.downlink import Downlink
from protocol_gateway.gb26875.profiles import PROFILES
from protocol_gateway.limits import ConnectionCounts, Refusals
from protocol_gateway.patrols import Patrols
from protocol_gateway.reception import Reception
from protocol_gateway.sessions import Session, Sessions
from protocol_gateway.supervision import Supervision
from protocol_gateway.timers import Timers
from protocol_gateway.ways import Way

log = logging.getLogger(__name__)

TICK_S: Final = 0.05
_HOUSEKEEPING_EVERY_S: Final = 1.0
#: a tick so late means that this process stood still
_PAUSE_S: Final = 10.0
_BACKLOG: Final = 4096
#: what the kernel keeps of a peer that does not read, or that we do not read; frames are small
_KERNEL_BUFFER: Final = 64 * 1024
#: (level, option, value): TCP keep-alive 30/10/3, user timeout 60 s (extract, 14); accepted sockets inherit them
_TCP_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER),
    (socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000),
)
#: frames in hand beyond which no audit adds to them
_BUSY: Final = 200
_UDP_BUFFER: Final = 4 * 1024 * 1024
#: with port 0 the TCP socket picks a port that the UDP socket may find taken
_TRIES_FOR_A_PORT: Final = 20


class GatewayServer:
    """The protocol gateway. `start()`, then `stop` by `drain()`; `run()` does both around an event."""

    def __init__(
        self,
        settings: settings.Gateway,
        intake: Intake,
        directory: Directory,
        *,
        store: DeviceStore | None = None,
    ) -> None:
        centre = bytes.fromhex(settings.centre_address)
        self.settings = settings
        self.profile = PROFILES[settings.profile]
        self.timers = Timers()
        self.refusals = Refusals()
        self.counts = ConnectionCounts(settings.connections, settings.connections_per_address)
        self.read_into = memoryview(bytearray(READ_SIZE))
        self.sessions = self._make_sessions(directory, centre)
        self._store = store or DatabaseDeviceStore()
        self.downlink = Downlink(store=self._store, flush=self._flush, find=self.sessions.get)
        self.audit = Audit(timers=self.timers, downlink=self.downlink, store=self._store, is_busy=self._is_busy)
        self.supervision = Supervision(
            timers=self.timers,
            sessions=self.sessions,
            downlink=self.downlink,
            directory=directory,
            store=self._store,
            flush=self._flush,
            say=self._say,
            audit=self.audit,
            closed_s=settings.closed_s,
            slot_s=settings.slot_s,
        )
        self.patrols = Patrols(settings.name, self.sessions, self._store)
        self.reception = self._make_reception(intake, centre)
        self.datagrams = self._make_datagrams()
        self._connections: set[Connection] = set()
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._listener: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._housekept_at = 0.0
        self._directory = directory
        self._watched_version = directory.version
        self._ticked_at: float | None = None
        self.port = settings.port

    def _make_sessions(self, directory: Directory, centre: bytes) -> Sessions:
        return Sessions(
            directory,
            profile=self.settings.profile,
            timezone=self.settings.timezone,
            centre=centre,
            patrol_after_s=self.settings.patrol_after_s,
            slot_s=self.settings.slot_s,
        )

    def _make_reception(self, intake: Intake, centre: bytes) -> Reception:
        return Reception(
            intake=intake,
            sessions=self.sessions,
            downlink=self.downlink,
            supervision=self.supervision,
            refusals=self.refusals,
            gateway=self.settings.name,
            centre=centre,
            default_profile=self.profile,
        )

    def _make_datagrams(self) -> Datagrams:
        return Datagrams(
            settings=self.settings,
            profile=self.profile,
            timers=self.timers,
            refusals=self.refusals,
            reception=self.reception,
            sessions=self.sessions,
            supervision=self.supervision,
        )

    async def start(self) -> None:
        """Bind TCP and UDP and begin to serve. Raises OSError when the port is taken."""
        contacts: Mapping[str, datetime] = {}
        away_since: datetime | None = None
        try:
            self.sessions.start_from(await self._store.serials())
            contacts = await self._store.last_contacts()
            away_since = await self._store.begin_run(self.settings.name, clock.now())
        except StoreAway as error:
            log.warning("downlink serials start anew", extra={"reason": str(error)})
        loop = asyncio.get_running_loop()
        tcp, udp = _bind(self.settings.host, self.settings.port)
        self.port = tcp.getsockname()[1]
        self._watched_version = self._directory.version
        self.supervision.watch_registered(clock.monotonic(), contacts, away_since)
        await loop.create_datagram_endpoint(lambda: self.datagrams, sock=udp)
        self._listener = await loop.create_server(lambda: Connection(self), sock=tcp, backlog=_BACKLOG)
        self._ticker = loop.create_task(self._tick_forever(), name="gateway-ticker")
        log.info("gateway listens", extra={"port": self.port})

    async def drain(self) -> None:
        """Stop accepting, finish and answer what is in hand, close; within `drain_s` seconds."""
        if self._listener is not None:
            self._listener.close()
        self.datagrams.stop()
        await self.supervision.stop()
        for connection in tuple(self._connections):
            connection.stop_reading()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finish(), self.settings.drain_s)
        for connection in tuple(self._connections):
            connection.abort()
        self.datagrams.close()
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        await self._housekeep()
        await self.patrols.write()
        await asyncio.sleep(0)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then drain."""
        await self.start()
        try:
            await stop.wait()
        finally:
            await self.drain()

    def tick(self) -> None:
        """Meet the deadlines that have come; the ticker's step, called by tests that move the clock."""
        now = clock.monotonic()
        before, self._ticked_at = self._ticked_at, now
        if before is not None and now - before > _PAUSE_S:
            self.supervision.paused(now - before)
        if self._directory.version != self._watched_version:  # a device must be watched though it never calls
            self._watched_version = self._directory.version
            self.supervision.watch_registered(now)
        self.timers.run_due(now)

    def opened(self, connection: Connection) -> None:
        """A connection is open."""
        self._connections.add(connection)
        self._all_closed.clear()

    def closed(self, connection: Connection) -> None:
        """A connection has closed: its devices are away, and their silence counts."""
        self._connections.discard(connection)
        if not self._connections:
            self._all_closed.set()
        if connection.way is not None:
            for session in self.sessions.leave(connection.way):
                self.supervision.left(session)

    def is_superseded(self, way: Way) -> bool:
        """Whether every device of a way has a newer one."""
        return self.sessions.is_superseded(way)

    async def _finish(self) -> None:
        await self.reception.finish()
        await asyncio.sleep(0)  # the answers of this pass go out
        for connection in tuple(self._connections):
            connection.close()
        await self._all_closed.wait()

    def _flush(self, session: Session) -> None:
        """Send what the device's link has to send, and record it: it is our word to the device."""
        frames = session.link.frames_to_send()
        way = session.way
        if frames and way is not None:
            for octets in frames:
                way.send(octets)
                self.reception.record_sent(session, octets, way)
            self.downlink.note_serial(session)
        elif frames:  # a patrol of a device that is away: its serial must not stand in the way when it is back
            self.downlink.drop(session)
        self.supervision.arm(session)

    def _say(self, session: Session, said: LinkSaid | TextSaid, sent_at: datetime | None = None) -> None:
        self.reception.say(session, said, sent_at)

    def _is_busy(self) -> bool:
        return self.reception.in_hand > _BUSY

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()
            now = clock.monotonic()
            if now - self._housekept_at >= _HOUSEKEEPING_EVERY_S:
                self._housekept_at = now
                await self._housekeep()

    async def _housekeep(self) -> None:
        self.reception.flush_counts()
        self.reception.say_again()
        await self.downlink.keep_serials()
        await self.patrols.keep(clock.monotonic())


def _bind(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for tries_left in range(_TRIES_FOR_A_PORT, 0, -1):
        tcp = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.bind((host, tcp.getsockname()[1]))
        except OSError:
            tcp.close()
            udp.close()
            if port or tries_left == 1:
                raise
            continue
        for level, option, value in _TCP_OPTIONS:
            tcp.setsockopt(level, option, value)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER)
        udp.setblocking(False)
        return tcp, udp
    raise OSError(f"no port is free for TCP and UDP on {host}")
