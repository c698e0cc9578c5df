"""Frames for load: built once by the codec, then only their serial, tag and checksum change."""

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.frame import build_frame
from protocol_gateway.gb26875.layouts import ComponentAddress, WireObject
from protocol_gateway.gb26875.objects.facility import ComponentState, SystemState
from protocol_gateway.gb26875.objects.uitd import UitdState
from protocol_gateway.gb26875.tables import Command, TypeFlag
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock

CENTRE: Final = bytes.fromhex("640000000000")
NORMAL, FIRE, FAULT = 1, 3, 5
SMOKE_DETECTOR: Final = 40
TAG_MARK: Final = "bench-"
_TAG_DIGITS: Final = 8
_SERIAL_AT: Final = slice(2, 4)
_ADDRESS_AT: Final = slice(32, 36)
_TEXT_AT: Final = slice(38, 38 + len(TAG_MARK) + _TAG_DIGITS)
_COMPONENTS: Final = 12


def device_addresses(many: int) -> list[str]:
    """Source addresses, as the registry writes them."""
    return [f"b0{number:08x}01" for number in range(many)]


def wall_clock() -> WallClock:
    return WallClock.of(datetime.now(UTC), ZoneInfo("Asia/Shanghai"))


class Template:
    """A frame whose serial, and for a component's state whose address and text, are filled in."""

    __slots__ = ("_octets", "_rest", "_sum")

    def __init__(self, source: str, type_flag: int, thing: WireObject) -> None:
        self._octets = build_frame(
            serial=0,
            command=Command.SEND,
            clock=wall_clock(),
            source=bytes.fromhex(source),
            destination=CENTRE,
            adu=encode_adu(type_flag, (thing,)),
        )
        self._rest = self._octets[4:-3]
        self._sum = sum(self._rest)

    def numbered(self, serial: int) -> bytes:
        low, high = serial & 0xFF, serial >> 8 & 0xFF
        return b"@@%c%c%b%c##" % (low, high, self._rest, (self._sum + low + high) & 0xFF)

    def tagged(self, serial: int, tag: int) -> bytes:
        """A state of a component of its own, whose text names it."""
        octets = bytearray(self._octets)
        octets[_SERIAL_AT] = (serial & 0xFFFF).to_bytes(2, "little")
        octets[_ADDRESS_AT] = tag.to_bytes(4, "little")
        octets[_TEXT_AT] = f"{TAG_MARK}{tag:0{_TAG_DIGITS}}".encode()
        octets[-3] = sum(octets[2:-3]) & 0xFF
        return bytes(octets)


def component_state(state: int, number: int) -> ComponentState:
    text = Text.of("感烟探测器".ljust(8), 31)
    now = TimeTag.of(wall_clock())
    return ComponentState(1, 1, SMOKE_DETECTOR, ComponentAddress.of_int(number), state, text, now)


def normal_templates(source: str) -> list[Template]:
    """A device's quiet day: six states of detectors, two of its panel, two heartbeats (用户信息传输装置状态)."""
    now = TimeTag.of(wall_clock())
    component = [
        Template(source, TypeFlag.COMPONENT_STATE, component_state(NORMAL, number))
        for number in range(1, _COMPONENTS + 1)
    ]
    system = Template(source, TypeFlag.SYSTEM_STATE, SystemState(1, 1, NORMAL, now))
    uitd = Template(source, TypeFlag.UITD_STATE, UitdState(NORMAL, now))
    half = _COMPONENTS // 2
    return [*component[:half], system, uitd, system, uitd, *component[half:], system, uitd, system, uitd]


def tagged_template(source: str, state: int) -> Template:
    return Template(source, TypeFlag.COMPONENT_STATE, component_state(state, 1))
