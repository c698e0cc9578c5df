"""A gateway on real sockets, with an intake, a directory and a store that a test holds in its hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.ids import DeviceId, UnitId, new_id
from backend.core.settings import Gateway
from backend.core.vocabulary import DeviceKind, Power
from backend.intake import Incoming, NotDurable
from backend.ledger.model import Entry
from backend.monitoring.model import Report, Statement
from backend.registry.model import DeviceFacts
from protocol_gateway.collaborators import LinkCheck, Point
from protocol_gateway.gb26875.buffer import FrameBuffer
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.frame import Frame, answer_to, build_frame
from protocol_gateway.gb26875.layouts import ComponentAddress
from protocol_gateway.gb26875.objects import facility, uitd
from protocol_gateway.gb26875.tables import Command, TypeFlag
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock
from protocol_gateway.server import GatewayServer
from tests.patience import PATIENCE_S

NOON = datetime(2026, 11, 22, 4, 0, 0, tzinfo=UTC)  # 12:00 in Shanghai
SHOWN = WallClock(2026, 11, 22, 12, 0, 0)
CENTRE = bytes.fromhex("640000000000")


class HeldIntake:
    """An intake in memory: durable at once, held until released, or refused."""

    def __init__(self) -> None:
        self.taken: list[Incoming] = []
        self.is_held = False
        self.is_refusing = False
        self._waiting: list[asyncio.Future[None]] = []

    def post(self, incoming: Incoming) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.is_refusing:
            future.set_exception(NotDurable())
            return future
        self.taken.append(incoming)
        if self.is_held:
            self._waiting.append(future)
        else:
            future.set_result(None)
        return future

    def release(self) -> None:
        self.is_held = False
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.set_result(None)

    def entries(self, kind: str) -> list[Entry]:
        return [one.entry for one in self.taken if one.entry.kind == kind]

    @property
    def reports(self) -> list[Report]:
        return [one.report for one in self.taken if one.report is not None]

    def said(self, kind: type[Statement]) -> list[Statement]:
        return [said for report in self.reports for said in report.statements if isinstance(said, kind)]


class PlainDirectory:
    """The registry as a dict."""

    def __init__(self) -> None:
        self.facts: dict[str, DeviceFacts] = {}
        self.version = 0

    def add(self, address: str, *, power: Power = Power.MAINS, profile: str = "standard") -> None:
        self.facts[address] = DeviceFacts(
            id=DeviceId(new_id()),
            address=address,
            unit=UnitId(new_id()),
            building=None,
            kind=DeviceKind.UITD,
            power=power,
            profile=profile,
            name="1号楼",
            timezone="Asia/Shanghai",
        )
        self.version += 1

    def change(self, address: str, **changed: object) -> None:
        self.facts[address] = msgspec.structs.replace(self.facts[address], **changed)
        self.version += 1

    def device(self, address: str) -> DeviceFacts | None:
        return self.facts.get(address)

    def devices(self) -> Mapping[DeviceId, DeviceFacts]:
        return {one.id: one for one in self.facts.values()}


class PlainStore:
    """Serials and points in memory."""

    def __init__(self) -> None:
        self.marks: dict[str, int] = {}
        self.known: dict[str, list[Point]] = {}
        self.contacts: dict[str, datetime] = {}
        self.alive_at: datetime | None = None
        self.checks: list[LinkCheck] = []

    async def serials(self) -> Mapping[str, int]:
        return dict(self.marks)

    async def keep_serials(self, marks: Mapping[str, int]) -> None:
        self.marks.update(marks)

    async def last_contacts(self) -> Mapping[str, datetime]:
        return dict(self.contacts)

    async def begin_run(self, _gateway: str, at: datetime) -> datetime | None:
        before, self.alive_at = self.alive_at, at
        return before

    async def keep_alive(self, _gateway: str, at: datetime) -> None:
        self.alive_at = at

    async def keep_checks(self, checks: Sequence[LinkCheck]) -> None:
        self.checks += checks

    async def points(self, address: str) -> Sequence[Point]:
        return self.known.get(address, [])


class Peer:
    """A raw device end: sends octets, reads frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._buffer = FrameBuffer()
        self._read: list[Frame] = []

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def frame(self) -> Frame:
        """The next frame from the gateway."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._read:
                octets = await self.reader.read(4096)
                assert octets, "the gateway hung up"
                self._read += [one for one in self._buffer.feed(octets, 0.0) if isinstance(one, Frame)]
        return self._read.pop(0)

    async def frames(self, count: int) -> list[Frame]:
        return [await self.frame() for _ in range(count)]

    async def hears_nothing(self) -> bool:
        """Whether nothing is on its way: a moment of real time, for silence can't be awaited."""
        if self._read:
            return False
        try:
            async with asyncio.timeout(0.15):
                octets = await self.reader.read(4096)
        except TimeoutError:
            return True
        self._read += [one for one in self._buffer.feed(octets, 0.0) if isinstance(one, Frame)]
        return not self._read

    async def is_hung_up_on(self) -> bool:
        """Whether the gateway closes the connection."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.reader.read(4096):
                    pass
            except ConnectionError:
                pass
        return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


class Speech:
    """Frames as devices build them."""

    def frame(
        self,
        adu: bytes = b"",
        *,
        address: str = "790300000000",
        serial: int = 1,
        command: int = Command.SEND,
        shown: WallClock = SHOWN,
        destination: bytes = CENTRE,
    ) -> bytes:
        return build_frame(
            serial=serial,
            command=command,
            clock=shown,
            source=bytes.fromhex(address),
            destination=destination,
            adu=adu,
        )

    def fire(self, *, address: str = "790300000000", serial: int = 1, node: int = 2) -> bytes:
        thing = facility.ComponentState(
            1, 1, 40, ComponentAddress.of_words(10, node), 3, Text.of("三层东走廊", 31), TimeTag.of(SHOWN)
        )
        return self.frame(encode_adu(TypeFlag.COMPONENT_STATE, (thing,)), address=address, serial=serial)

    def uitd_state(self, asked: Frame) -> bytes:
        adu = encode_adu(TypeFlag.UITD_STATE, (uitd.UitdState(1, TimeTag.of(SHOWN)),))
        return answer_to(asked, Command.RESPONSE, clock=SHOWN, adu=adu)

    def confirm(self, asked: Frame) -> bytes:
        return answer_to(asked, Command.CONFIRM, clock=SHOWN)

    def damaged(self, octets: bytes) -> bytes:
        return octets[:-3] + bytes(((octets[-3] + 1) & 0xFF,)) + octets[-2:]


class Stand:
    """The gateway under test and what a test does with it."""

    def __init__(self, settings: Gateway, time: StillClock | None) -> None:
        self.intake = HeldIntake()
        self.directory = PlainDirectory()
        self.store = PlainStore()
        self.settings = settings
        self.time = time
        self.server = self._server()
        self._peers: list[Peer] = []

    def _server(self) -> GatewayServer:
        return GatewayServer(self.settings, self.intake, self.directory, store=self.store)

    async def peer(self) -> Peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        peer = Peer(reader, writer)
        self._peers.append(peer)
        return peer

    async def quiet_peer(self, speech: Speech, address: str = "790300000000") -> Peer:
        """A registered device that has called, been asked everything once, and answered."""
        peer = await self.peer()
        peer.send(speech.frame(address=address))
        owed = {Command.CONFIRM, Command.REQUEST}
        while owed:
            frame = await peer.frame()
            owed.discard(frame.command)
            if frame.command == Command.CONTROL:
                peer.send(speech.confirm(frame))
            elif frame.command == Command.REQUEST:
                before = len(self.intake.taken)
                peer.send(speech.uitd_state(frame))
                await self.until(lambda before=before: len(self.intake.taken) > before)
        return peer

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await asyncio.sleep(0.002)

    async def advance(self, seconds: float) -> None:
        """Let the gateway's time pass, second by second, and meet its deadlines."""
        assert self.time is not None
        while seconds > 0:
            step = min(1.0, seconds)
            seconds -= step
            self.time.advance(timedelta(seconds=step))
            self.server.tick()
            await asyncio.sleep(0)

    async def restart(self) -> None:
        await self.server.drain()
        self.server = self._server()
        await self.server.start()

    async def close(self) -> None:
        for peer in self._peers:
            await peer.close()
        await self.server.drain()


@pytest.fixture
def speech() -> Speech:
    return Speech()


@pytest.fixture
def time() -> Iterator[StillClock]:
    """The gateway's time stands still at noon in Shanghai, until a test moves it."""
    still = StillClock(NOON)
    with clock.use(still):
        yield still


@pytest.fixture
def limits() -> dict[str, object]:
    """Settings a test changes by overriding this fixture or by `@pytest.mark.parametrize`."""
    return {}


@pytest.fixture
async def stand(time: StillClock, limits: dict[str, object]) -> AsyncIterator[Stand]:
    settings = msgspec.structs.replace(Gateway(host="127.0.0.1", port=0, drain_s=1.0), **limits)
    one = Stand(settings, time)
    await one.server.start()
    yield one
    await one.close()


@pytest.fixture
async def live_stand() -> AsyncIterator[Stand]:
    """As `stand`, on the machine's own clock, for simulated devices."""
    one = Stand(Gateway(host="127.0.0.1", port=0, drain_s=1.0), None)
    await one.server.start()
    yield one
    await one.close()
