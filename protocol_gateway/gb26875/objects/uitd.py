"""用户信息传输装置: the objects a device sends about itself, types 21 to 28 (section 4)."""

from collections.abc import Mapping
from typing import ClassVar, Final

from protocol_gateway.gb26875 import bits
from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.layouts import (
    TIME,
    U8,
    FixedLayout,
    Layout,
    WalkedLayout,
    WireObject,
    mark_time,
)
from protocol_gateway.gb26875.objects.facility import counted_text, mark_state, write_counted_text
from protocol_gateway.gb26875.tables import TypeFlag
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TimeTag


class UitdState(WireObject, frozen=True, gc=False):
    """用户信息传输装置运行状态, type 21: [state 1][time 6]."""

    bit_field: ClassVar[bits.BitField] = bits.UITD_STATE
    state: int
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd bits and times."""
        mark_state(self.state, self.bit_field, flags)
        mark_time(self.occurred_at, flags)


class UitdOperation(WireObject, frozen=True, gc=False):
    """用户信息传输装置操作信息, type 24: [operation 1][operator 1][time 6]; bit 5 answers a post check."""

    bit_field: ClassVar[bits.BitField] = bits.UITD_OPERATION
    operation: int
    operator: int
    operated_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag the reserved bit and odd times."""
        if self.operation & self.bit_field.reserved:
            flags.add(Deviation.RESERVED_STATE_BITS)
        mark_time(self.operated_at, flags)


class UitdVersion(WireObject, frozen=True, gc=False):
    """用户信息传输装置软件版本, type 25: [major 1][minor 1]; Hikvision adds a time."""

    major: int
    minor: int
    extra_time: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag a time that is not only unexpected but no date."""
        mark_time(self.extra_time, flags)


class UitdConfiguration(WireObject, frozen=True, gc=False):
    """用户信息传输装置配置情况, type 26: [length 1][text L]."""

    text: Text

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd text."""
        flags |= self.text.deviations


class UitdClock(WireObject, frozen=True, gc=False):
    """用户信息传输装置系统时间, type 28: [time 6]."""

    system_time: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag a clock that shows no date."""
        mark_time(self.system_time, flags)


def _walk_configuration(body: bytes, offset: int) -> tuple[WireObject, int] | None:
    counted = counted_text(body, offset)
    return (UitdConfiguration(counted[0]), counted[1]) if counted else None


def _write_configuration(thing: UitdConfiguration) -> bytes:
    return write_counted_text(thing.text)


LAYOUTS: Final[Mapping[int, Layout]] = {
    TypeFlag.UITD_STATE: FixedLayout(UitdState, U8, TIME, timed=True),
    TypeFlag.UITD_OPERATION: FixedLayout(UitdOperation, U8, U8, TIME, timed=True),
    TypeFlag.UITD_VERSION: FixedLayout(UitdVersion, U8, U8, optional_time=True),
    TypeFlag.UITD_CONFIGURATION: WalkedLayout(UitdConfiguration, _walk_configuration, _write_configuration),
    TypeFlag.UITD_CLOCK: FixedLayout(UitdClock, TIME),
}
