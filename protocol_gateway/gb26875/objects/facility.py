"""建筑消防设施: the objects a device sends about fire protection facilities, types 1 to 8 (section 4)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final

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
    ComponentAddress,
    FixedLayout,
    Layout,
    WalkedLayout,
    WireObject,
    mark_time,
)
from protocol_gateway.gb26875.tables import ANALOG_TYPES, TypeFlag
from protocol_gateway.gb26875.text import Text, read_text
from protocol_gateway.gb26875.wall_clock import TimeTag


def mark_state(state: int, field: bits.BitField, flags: set[Deviation]) -> None:
    """Flag a state word whose bit 0 is clear, or that sets bits the standard reserves (10.2)."""
    if not state & 1:
        flags.add(Deviation.STATE_BIT0_CLEAR)
    if state & field.reserved:
        flags.add(Deviation.RESERVED_STATE_BITS)


class SystemState(WireObject, frozen=True, gc=False):
    """建筑消防设施系统状态, type 1: [system type 1][system address 1][state 2][time 6]."""

    bit_field: ClassVar[bits.BitField] = bits.SYSTEM_STATE
    system_type: int
    system_address: int
    state: int
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd bits and times."""
        mark_state(self.state, self.bit_field, flags)
        mark_time(self.occurred_at, flags)


class ComponentState(WireObject, frozen=True, gc=False):
    """部件运行状态, type 2: [system type 1][address 1][type 1][address 4][state 2][text 31][time 6]."""

    bit_field: ClassVar[bits.BitField] = bits.COMPONENT_STATE
    system_type: int
    system_address: int
    component_type: int
    component_address: ComponentAddress
    state: int
    description: Text
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd bits, texts and times."""
        mark_state(self.state, self.bit_field, flags)
        flags |= self.description.deviations
        mark_time(self.occurred_at, flags)


class AnalogValue(WireObject, frozen=True, gc=False):
    """部件模拟量值, type 3: [system type 1][system address 1][type 1][address 4][analog 1][raw 2][time 6]."""

    system_type: int
    system_address: int
    component_type: int
    component_address: ComponentAddress
    analog_type: int
    raw: int
    sampled_at: TimeTag | None = None

    @property
    def value(self) -> Decimal | None:
        """The physical value by table 6, None for a type it lacks; a point's own scale comes first (11.5)."""
        row = ANALOG_TYPES.get(self.analog_type)
        return row.value(self.raw) if row else None

    @property
    def unit(self) -> str | None:
        """The unit by table 6."""
        row = ANALOG_TYPES.get(self.analog_type)
        return row.unit if row else None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag values outside the valid range, and odd times. A value is never clipped."""
        row = ANALOG_TYPES.get(self.analog_type)
        if row and not row.holds(self.raw):
            flags.add(Deviation.VALUE_OUT_OF_RANGE)
        mark_time(self.sampled_at, flags)


class FacilityOperation(WireObject, frozen=True, gc=False):
    """建筑消防设施操作信息, type 4: [system type 1][system address 1][operation 1][operator 1][time 6]."""

    bit_field: ClassVar[bits.BitField] = bits.OPERATION
    system_type: int
    system_address: int
    operation: int
    operator: int
    operated_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag the reserved bit and odd times."""
        if self.operation & self.bit_field.reserved:
            flags.add(Deviation.RESERVED_STATE_BITS)
        mark_time(self.operated_at, flags)


class SoftwareVersion(WireObject, frozen=True, gc=False):
    """建筑消防设施软件版本, type 5: [system type 1][system address 1][major 1][minor 1]."""

    system_type: int
    system_address: int
    major: int
    minor: int
    extra_time: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag a time that is not only unexpected but no date."""
        mark_time(self.extra_time, flags)


class SystemConfiguration(WireObject, frozen=True, gc=False):
    """系统配置情况, type 6: [system type 1][system address 1][length 1][text L]."""

    system_type: int
    system_address: int
    text: Text

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd text."""
        flags |= self.text.deviations


class ComponentConfiguration(WireObject, frozen=True, gc=False):
    """部件配置情况, type 7: [system type 1][system address 1][type 1][address 4][text 31]."""

    system_type: int
    system_address: int
    component_type: int
    component_address: ComponentAddress
    description: Text

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd text."""
        flags |= self.description.deviations


class SystemClock(WireObject, frozen=True, gc=False):
    """建筑消防设施系统时间, type 8: [system type 1][system address 1][time 6]."""

    system_type: int
    system_address: int
    system_time: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag a clock that shows no date."""
        mark_time(self.system_time, flags)


def counted_text(body: bytes, offset: int) -> tuple[Text, int] | None:
    """A text behind its length octet and where it ends, or None when it runs past the end."""
    if offset >= len(body):
        return None
    end = offset + 1 + body[offset]
    return (read_text(body[offset + 1 : end]), end) if end <= len(body) else None


def write_counted_text(text: Text) -> bytes:
    """The length octet and the text. Raises LocalProtocolError beyond 255 octets."""
    if len(text.octets) > 0xFF:
        raise LocalProtocolError(f"a counted text holds 255 octets, not {len(text.octets)}")
    return bytes((len(text.octets),)) + text.octets


def _walk_configuration(body: bytes, offset: int) -> tuple[WireObject, int] | None:
    counted = counted_text(body, offset + 2)
    if counted is None:
        return None
    return SystemConfiguration(body[offset], body[offset + 1], counted[0]), counted[1]


def _write_configuration(thing: SystemConfiguration) -> bytes:
    if not (0 <= thing.system_type <= 0xFF and 0 <= thing.system_address <= 0xFF):
        raise LocalProtocolError("a system type and address are one octet each")
    return bytes((thing.system_type, thing.system_address)) + write_counted_text(thing.text)


COMPONENT_STATE_FIELDS: Final = (U8, U8, U8, ADDRESS, U16, DESCRIPTION, TIME)

LAYOUTS: Final[Mapping[int, Layout]] = {
    TypeFlag.SYSTEM_STATE: FixedLayout(SystemState, U8, U8, U16, TIME, timed=True),
    TypeFlag.COMPONENT_STATE: FixedLayout(ComponentState, *COMPONENT_STATE_FIELDS, timed=True),
    TypeFlag.ANALOG_VALUE: FixedLayout(AnalogValue, U8, U8, U8, ADDRESS, U8, I16, TIME, timed=True),
    TypeFlag.FACILITY_OPERATION: FixedLayout(FacilityOperation, U8, U8, U8, U8, TIME, timed=True),
    TypeFlag.SOFTWARE_VERSION: FixedLayout(SoftwareVersion, U8, U8, U8, U8, optional_time=True),
    TypeFlag.SYSTEM_CONFIGURATION: WalkedLayout(
        SystemConfiguration,
        _walk_configuration,
        _write_configuration,
    ),
    TypeFlag.COMPONENT_CONFIGURATION: FixedLayout(ComponentConfiguration, U8, U8, U8, ADDRESS, DESCRIPTION),
    TypeFlag.SYSTEM_CLOCK: FixedLayout(SystemClock, U8, U8, TIME),
}
