"""Dahua (大华) supplement, versions 1.02 to 1.04: types 0x84 to 0x87, 0xF9, and registration (section 11.4).

The layout of 0x87 rests on one reading of one document; what does not fit it stays raw and is reported as
unreadable, never guessed at.
"""

from collections.abc import Mapping
from struct import Struct
from typing import ClassVar, Final

import msgspec

from protocol_gateway.gb26875 import bits
from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.errors import LocalProtocolError
from protocol_gateway.gb26875.layouts import (
    ADDRESS,
    DESCRIPTION,
    I16,
    TIME,
    U8,
    U16,
    U32,
    U64,
    ComponentAddress,
    FixedLayout,
    Layout,
    WalkedLayout,
    WireObject,
    mark_time,
    octet_field,
    text_field,
)
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TIME_TAG_SIZE, TimeTag, read_time_tag

_HEAD: Final = Struct("<BBB4s")
_PAIR: Final = Struct("<Hh")
_TLV: Final = Struct("<HH")
#: First-level TLV type 1 is an event: event type 2, event value 2.
_EVENT: Final = 1
_EVENT_BODY: Final = Struct("<HH")


class SystemAnalog(WireObject, frozen=True, gc=False):
    """系统模拟量, type 0x84: [system type 1][system address 1][analog 2][raw 2][time 6]."""

    system_type: int
    system_address: int
    analog_type: int
    raw: int
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


class ComponentStateExtended(WireObject, frozen=True, gc=False):
    """部件状态(8字节), type 0x85: as type 2, but the state word has eight octets."""

    bit_field: ClassVar[bits.BitField] = bits.COMPONENT_STATE
    system_type: int
    system_address: int
    component_type: int
    component_address: ComponentAddress
    state: int
    description: Text
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd texts and times."""
        flags |= self.description.deviations
        mark_time(self.occurred_at, flags)


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One analog type and its raw value."""

    analog_type: int
    raw: int


class ComponentAnalogs(WireObject, frozen=True, gc=False):
    """部件模拟量, type 0x86: [system 2][type 1][address 4][k 1][k readings of 4][time 6]."""

    system_type: int
    system_address: int
    component_type: int
    component_address: ComponentAddress
    analogs: tuple[Reading, ...]
    occurred_at: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


class Tlv(msgspec.Struct, frozen=True, gc=False):
    """One first-level item of type 0x87: its kind and its octets."""

    kind: int
    octets: bytes

    @property
    def event(self) -> tuple[int, int] | None:
        """Event type and event value, where the item is an event."""
        if self.kind != _EVENT or len(self.octets) != _EVENT_BODY.size:
            return None
        kind, value = _EVENT_BODY.unpack(self.octets)
        return kind, value


class GeneralReport(WireObject, frozen=True, gc=False):
    """通用数据, type 0x87: [system 2][type 1][address 4][length 2][items][time 6]."""

    system_type: int
    system_address: int
    component_type: int
    component_address: ComponentAddress
    items: tuple[Tlv, ...]
    occurred_at: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


class RemoteMute(WireObject, frozen=True, gc=False):
    """远程消音, type 0xF9, down: [system 2][type 1][address 4][seconds 4]."""

    system_type: int
    system_address: int
    component_type: int
    component_address: ComponentAddress
    seconds: int


class Registration(WireObject, frozen=True, gc=False):
    """注册, command 0, type 0: 110 octets on who the device is; BCD and reserved fields stay octets."""

    protocol_version: int
    imei: bytes
    keep_alive_s: int
    software_version: int
    tau: int
    serial_number: Text
    ccid: bytes
    rated_voltage: int
    low_voltage: int
    nb_band: int
    imsi: bytes
    cell_id: bytes
    apn: Text
    reserved_1: bytes
    system_type: int
    reconnects: int
    model: Text
    reserved_2: bytes


def _walk_analogs(body: bytes, offset: int) -> tuple[WireObject, int] | None:
    first = offset + _HEAD.size + 1
    if first > len(body):
        return None
    time_at = first + body[first - 1] * _PAIR.size
    end = time_at + TIME_TAG_SIZE
    if end > len(body):
        return None
    head = _HEAD.unpack_from(body, offset)
    readings = tuple(Reading(*pair) for pair in _PAIR.iter_unpack(body[first:time_at]))
    when = read_time_tag(body[time_at:end])
    thing = ComponentAnalogs(head[0], head[1], head[2], ComponentAddress(head[3]), readings, when)
    return thing, end


def _write_head(thing: ComponentAnalogs | GeneralReport) -> bytes:
    if not all(0 <= v <= 0xFF for v in (thing.system_type, thing.system_address, thing.component_type)):
        raise LocalProtocolError("system type, system address and component type are one octet each")
    return _HEAD.pack(
        thing.system_type,
        thing.system_address,
        thing.component_type,
        thing.component_address.octets,
    )


def _write_analogs(thing: ComponentAnalogs) -> bytes:
    if len(thing.analogs) > 0xFF:
        raise LocalProtocolError("a report holds 255 readings at most")
    pairs = b"".join(_PAIR.pack(one.analog_type, one.raw) for one in thing.analogs)
    return _write_head(thing) + bytes((len(thing.analogs),)) + pairs + thing.occurred_at.octets


def _read_items(octets: bytes) -> tuple[Tlv, ...] | None:
    items: list[Tlv] = []
    at = 0
    while at < len(octets):
        if at + _TLV.size > len(octets):
            return None
        kind, length = _TLV.unpack_from(octets, at)
        at += _TLV.size + length
        if at > len(octets):
            return None
        items.append(Tlv(kind, octets[at - length : at]))
    return tuple(items)


def _walk_general(body: bytes, offset: int) -> tuple[WireObject, int] | None:
    first = offset + _HEAD.size + 2
    if first > len(body):
        return None
    time_at = first + int.from_bytes(body[first - 2 : first], "little")
    end = time_at + TIME_TAG_SIZE
    items = _read_items(body[first:time_at]) if end <= len(body) else None
    if items is None:
        return None
    head = _HEAD.unpack_from(body, offset)
    when = read_time_tag(body[time_at:end])
    thing = GeneralReport(head[0], head[1], head[2], ComponentAddress(head[3]), items, when)
    return thing, end


def _write_general(thing: GeneralReport) -> bytes:
    items = b"".join(_TLV.pack(item.kind, len(item.octets)) + item.octets for item in thing.items)
    return _write_head(thing) + len(items).to_bytes(2, "little") + items + thing.occurred_at.octets


LAYOUTS: Final[Mapping[int, tuple[Layout, ...]]] = {
    0x84: (FixedLayout(SystemAnalog, U8, U8, U16, I16, TIME, timed=True),),
    0x85: (FixedLayout(ComponentStateExtended, U8, U8, U8, ADDRESS, U64, DESCRIPTION, TIME, timed=True),),
    0x86: (WalkedLayout(ComponentAnalogs, _walk_analogs, _write_analogs),),
    0x87: (WalkedLayout(GeneralReport, _walk_general, _write_general),),
    0xF9: (FixedLayout(RemoteMute, U8, U8, U8, ADDRESS, U32),),
}

REGISTRATION: Final[Mapping[int, tuple[Layout, ...]]] = {
    0: (
        FixedLayout(
            Registration,
            U16,  # protocol version
            octet_field(8),  # IMEI, BCD
            U32,  # keep-alive, seconds
            U16,  # software version
            U16,  # TAU
            text_field(16),  # serial number, ASCII
            octet_field(10),  # CCID, BCD
            U16,  # rated voltage, 0.1 V
            U16,  # low voltage, 0.1 V
            U8,  # NB band
            octet_field(8),  # IMSI, BCD
            octet_field(5),  # cell id
            text_field(10),  # APN
            octet_field(4),
            U8,  # system type
            U8,  # reconnect flag
            text_field(16),  # model, ASCII
            octet_field(16),
        ),
    ),
}
