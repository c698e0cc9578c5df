"""下行: what the centre asks of a device and orders it to do, types 61 to 91 (section 4)."""

from collections.abc import Mapping
from typing import Final

from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.layouts import (
    ADDRESS,
    TIME,
    U8,
    ComponentAddress,
    FixedLayout,
    Layout,
    WireObject,
    mark_time,
)
from protocol_gateway.gb26875.tables import TypeFlag
from protocol_gateway.gb26875.wall_clock import TimeTag

#: 查询操作信息记录数目 at most.
MAX_RECORDS: Final = 102


class ReadSystem(WireObject, frozen=True, gc=False):
    """Which system to read, types 61, 65, 66 and 68: [system type 1][system address 1]."""

    system_type: int
    system_address: int


class ReadComponent(WireObject, frozen=True, gc=False):
    """Which component to read, types 62, 63 and 67: [system type 1][system address 1][address 4], no type."""

    system_type: int
    system_address: int
    component_address: ComponentAddress


class ReadOperations(WireObject, frozen=True, gc=False):
    """读建筑消防设施操作信息, type 64: [system type 1][system address 1][records 1][from 6]."""

    system_type: int
    system_address: int
    records: int
    from_time: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag a start that is no date."""
        mark_time(self.from_time, flags)


class ReadUitd(WireObject, frozen=True, gc=False):
    """Types 81, 85, 86, 88 and 89, which carry one reserved octet (预留), 0."""

    reserved: int = 0


class ReadUitdOperations(WireObject, frozen=True, gc=False):
    """读用户信息传输装置操作信息记录, type 84: [records 1][from 6]."""

    records: int
    from_time: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag a start that is no date."""
        mark_time(self.from_time, flags)


class SynchroniseClock(WireObject, frozen=True, gc=False):
    """同步用户信息传输装置时钟, type 90: [the centre's time 6]."""

    center_time: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag a clock that shows no date."""
        mark_time(self.center_time, flags)


class DutyCheckCall(WireObject, frozen=True, gc=False):
    """查岗命令, type 91: [minutes allowed for the answer 1]."""

    timeout_min: int


_SYSTEM: Final = FixedLayout(ReadSystem, U8, U8)
_COMPONENT: Final = FixedLayout(ReadComponent, U8, U8, ADDRESS)
_UITD: Final = FixedLayout(ReadUitd, U8)

LAYOUTS: Final[Mapping[int, Layout]] = {
    TypeFlag.READ_SYSTEM_STATE: _SYSTEM,
    TypeFlag.READ_COMPONENT_STATE: _COMPONENT,
    TypeFlag.READ_ANALOG_VALUE: _COMPONENT,
    TypeFlag.READ_OPERATIONS: FixedLayout(ReadOperations, U8, U8, U8, TIME),
    TypeFlag.READ_SOFTWARE_VERSION: _SYSTEM,
    TypeFlag.READ_SYSTEM_CONFIGURATION: _SYSTEM,
    TypeFlag.READ_COMPONENT_CONFIGURATION: _COMPONENT,
    TypeFlag.READ_SYSTEM_CLOCK: _SYSTEM,
    TypeFlag.READ_UITD_STATE: _UITD,
    TypeFlag.READ_UITD_OPERATIONS: FixedLayout(ReadUitdOperations, U8, TIME),
    TypeFlag.READ_UITD_VERSION: _UITD,
    TypeFlag.READ_UITD_CONFIGURATION: _UITD,
    TypeFlag.READ_UITD_CLOCK: _UITD,
    TypeFlag.INITIALISE_UITD: _UITD,
    TypeFlag.SYNCHRONISE_CLOCK: FixedLayout(SynchroniseClock, TIME),
    TypeFlag.DUTY_CHECK: FixedLayout(DutyCheckCall, U8),
}
