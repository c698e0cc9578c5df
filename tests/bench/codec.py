"""(a) The codec alone, in this process: frames a second and core, beside what the octets alone must cost."""

import struct
import time
from collections.abc import Callable

from protocol_gateway.gb26875.buffer import FrameBuffer
from protocol_gateway.gb26875.decode import decode
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.frame import Frame, build_frame
from protocol_gateway.gb26875.tables import Command, TypeFlag
from tests.bench.figures import Table, count, load_average
from tests.bench.frames import CENTRE, NORMAL, Template, component_state, device_addresses, wall_clock
from tests.bench.stage import Stage

_FRAMES = 2_000
_HEAD = struct.Struct("<2sHBB6s6s6sHB")
_STATE = struct.Struct("<BBBBB4sH31s6s")


async def run(_: Stage, *, is_quick: bool) -> list[Table]:
    seconds = 0.6 if is_quick else 2.0
    (address,) = device_addresses(1)
    template = Template(address, TypeFlag.COMPONENT_STATE, component_state(NORMAL, 1))
    frames = [template.tagged(number, number) for number in range(_FRAMES)]
    stream = b"".join(frames)
    source, now = bytes.fromhex(address), wall_clock()
    things = [component_state(NORMAL, number) for number in range(_FRAMES)]

    def decode_all() -> None:
        buffer = FrameBuffer()
        for at in range(0, len(stream), 1460):
            for found in buffer.feed(stream[at : at + 1460], 0.0):
                assert isinstance(found, Frame)
                decode(found)

    def decode_floor() -> None:
        for octets in frames:
            _HEAD.unpack_from(octets)
            _STATE.unpack_from(octets, _HEAD.size)
            assert sum(octets[2:-3]) & 0xFF == octets[-3]

    def encode_all() -> None:
        for serial, thing in enumerate(things):
            adu = encode_adu(TypeFlag.COMPONENT_STATE, (thing,))
            build_frame(serial=serial, command=Command.SEND, clock=now, source=source, destination=CENTRE, adu=adu)

    def encode_floor() -> None:
        time_tag = now.octets
        for serial, thing in enumerate(things):
            body = _STATE.pack(2, 1, 1, 1, 40, thing.component_address.octets, 1, thing.description.octets, time_tag)
            head = _HEAD.pack(b"@@", serial, 1, 1, time_tag, source, CENTRE, len(body), 2)
            b"".join((head, body, bytes((sum(head[2:] + body) & 0xFF,)), b"##"))

    table = Table(title="(a) Codec, one core", columns=("what", "frames/s", "of the floor"))
    for name, work, floor in (("decode", decode_all, decode_floor), ("encode", encode_all, encode_floor)):
        rate, least = _rate(work, seconds), _rate(floor, seconds)
        table.add(name, count(rate), f"{rate / least:.2f}")
        table.add("  floor: struct and checksum of the same octets", count(least), "")
    table.notes.append(f"component states of {len(frames[0])} octets, in reads of 1460; load average {load_average()}")
    return [table]


def _rate(work: Callable[[], None], seconds: float) -> float:
    work()
    best, began = 0.0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        start = time.perf_counter()
        work()
        best = max(best, _FRAMES / (time.perf_counter() - start))
    return best
