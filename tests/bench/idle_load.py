"""Ten thousand quiet devices in one process: each keeps its connection, sends a heartbeat, answers what it is asked.

An IdlePlan as JSON on the input; a line `open` when all are connected and have been answered once; then it goes
on until its input ends, and prints an IdleOutcome.
"""

import asyncio
import itertools
import sys
import time
from typing import Any

import msgspec
import uvloop

from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.frame import answer_to, build_frame, read_frame
from protocol_gateway.gb26875.objects.uitd import UitdState
from protocol_gateway.gb26875.tables import Command, TypeFlag
from protocol_gateway.gb26875.wall_clock import TimeTag
from tests.bench.frames import CENTRE, NORMAL, Template, device_addresses, wall_clock

_MIN_FRAME = 30
_A_SOURCE = 1_900  #: connections from one loopback address; the gateway admits 2 000
_AT_ONCE = 100
_PATIENCE_S = 60.0


class IdlePlan(msgspec.Struct, kw_only=True):
    """How many devices, how often they beat (seconds), and whether a real gateway is at the other end."""

    port: int
    devices: int
    every: float
    is_gateway: bool


class IdleOutcome(msgspec.Struct, kw_only=True):
    """Since `open`: heartbeats sent, and requests and orders that came."""

    beats: int
    asked: int
    still_open: int


class Idle(asyncio.Protocol):
    """One quiet device."""

    def __init__(self, fleet: "Fleet", address: str) -> None:
        self.fleet = fleet
        self.address = bytes.fromhex(address)
        self.beat = Template(address, TypeFlag.UITD_STATE, UitdState(NORMAL, TimeTag.of(wall_clock())))
        self.serial = 0
        self.answers = 0
        self.kept = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.transport = None

    def send_beat(self) -> None:
        if self.transport is not None:
            self.serial += 1
            self.transport.write(self.beat.numbered(self.serial))

    def data_received(self, data: bytes) -> None:
        self.answers += 1
        if not self.fleet.plan.is_gateway:
            return
        octets = self.kept + data
        while len(octets) >= _MIN_FRAME and len(octets) >= (
            size := _MIN_FRAME + int.from_bytes(octets[24:26], "little")
        ):
            if octets[26] in {Command.CONTROL, Command.REQUEST}:
                self._answer(octets[:size])
            octets = octets[size:]
        self.kept = octets

    def _answer(self, octets: bytes) -> None:
        frame = read_frame(octets)
        self.fleet.asked += 1
        now = wall_clock()
        if frame.command == Command.CONTROL:
            self.transport.write(answer_to(frame, clock=now))
            return
        adu = encode_adu(TypeFlag.UITD_STATE, (UitdState(NORMAL, TimeTag.of(now)),))
        self.transport.write(
            build_frame(
                serial=frame.serial,
                command=Command.RESPONSE,
                clock=now,
                source=self.address,
                destination=CENTRE,
                adu=adu,
            )
        )


class Fleet:
    """All of them."""

    def __init__(self, plan: IdlePlan) -> None:
        self.plan = plan
        self.asked = self.beats = 0
        self.devices: list[Idle] = []

    async def open(self) -> None:
        """Connect all, each with one heartbeat, and wait until every one has been answered."""
        for chunk in self._chunks():
            await asyncio.gather(*(self._connect(address) for address in chunk))
        end = time.monotonic() + _PATIENCE_S
        while any(not each.answers for each in self.devices) and time.monotonic() < end:
            await asyncio.sleep(0.1)

    def _chunks(self) -> list[list[str]]:
        addresses = device_addresses(self.plan.devices)
        return [addresses[at : at + _AT_ONCE] for at in range(0, len(addresses), _AT_ONCE)]

    async def _connect(self, address: str) -> None:
        source = f"127.0.0.{2 + len(self.devices) // _A_SOURCE}"
        device = Idle(self, address)
        self.devices.append(device)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: device, "127.0.0.1", self.plan.port, local_addr=(source, 0))
        device.send_beat()

    async def beat(self) -> None:
        """Heartbeats, evenly spread, for ever."""
        step, due = self.plan.every / len(self.devices), time.monotonic()
        for device in itertools.cycle(self.devices):
            device.send_beat()
            self.beats += 1
            due += step
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)


async def main() -> None:
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    fleet = Fleet(msgspec.json.decode(await lines.readline(), type=IdlePlan))
    await fleet.open()
    beating = asyncio.create_task(fleet.beat())
    print("open", flush=True)
    await lines.readline()
    fleet.asked = fleet.beats = 0
    await lines.read()
    beating.cancel()
    still_open = sum(each.transport is not None for each in fleet.devices)
    print(msgspec.json.encode(IdleOutcome(beats=fleet.beats, asked=fleet.asked, still_open=still_open)).decode())


if __name__ == "__main__":
    uvloop.run(main())
