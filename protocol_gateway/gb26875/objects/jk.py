"""JK-GH2013G and clones: extension types 128 to 136, 188 and 189 (section 11.2).

In 134 to 136 the bits that are set are the ones that **ended** (恢复): never read them as a state.
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from protocol_gateway.gb26875 import bits
from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.errors import LocalProtocolError
from protocol_gateway.gb26875.labels import Label
from protocol_gateway.gb26875.layouts import (
    ADDRESS,
    TIME,
    U8,
    U16,
    ComponentAddress,
    Field,
    FixedLayout,
    Layout,
    WireObject,
    mark_time,
)
from protocol_gateway.gb26875.objects.facility import COMPONENT_STATE_FIELDS
from protocol_gateway.gb26875.objects.inquiries import ReadUitd
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TimeTag


class SystemStateRestored(WireObject, frozen=True, gc=False):
    """系统状态恢复, type 134, laid out as type 1: the bits set have ended."""

    bit_field: ClassVar[bits.BitField] = bits.SYSTEM_STATE
    system_type: int
    system_address: int
    state: int
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


class ComponentStateRestored(WireObject, frozen=True, gc=False):
    """部件状态恢复, type 135, laid out as type 2, or 15 octets without the text: the bits set have ended."""

    bit_field: ClassVar[bits.BitField] = bits.COMPONENT_STATE
    system_type: int
    system_address: int
    component_type: int
    component_address: ComponentAddress
    state: int
    description: Text | None
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd texts and times."""
        if self.description is not None:
            flags |= self.description.deviations
        mark_time(self.occurred_at, flags)


class UitdStateRestored(WireObject, frozen=True, gc=False):
    """装置状态恢复, type 136, laid out as type 21: the bits set have ended."""

    bit_field: ClassVar[bits.BitField] = bits.UITD_STATE
    state: int
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


class DeviceMoment(WireObject, frozen=True, gc=False):
    """生产日期, 报名时间, 开机/关机时间, types 128 to 131 and 189: [time 6]."""

    occurred_at: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


class SystemSwitched(WireObject, frozen=True, gc=False):
    """系统开机/关机, types 132 and 133: [system type 1][system address 1][time 6]."""

    system_type: int
    system_address: int
    occurred_at: TimeTag

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


def _no_text(_: bytes) -> None:
    return None


def _no_octets(text: Text | None) -> bytes:
    if text is not None:
        raise LocalProtocolError("the short form of type 135 carries no text")
    return b""


#: The short form of type 135 has no text; an empty field keeps the attributes in their order.
_NO_DESCRIPTION: Final = Field("0s", _no_text, _no_octets)
_MOMENT: Final = FixedLayout(DeviceMoment, TIME)
_SWITCHED: Final = FixedLayout(SystemSwitched, U8, U8, TIME)

LAYOUTS: Final[Mapping[int, tuple[Layout, ...]]] = {
    128: (_MOMENT,),
    129: (_MOMENT,),
    130: (_MOMENT,),
    131: (_MOMENT,),
    132: (_SWITCHED,),
    133: (_SWITCHED,),
    134: (FixedLayout(SystemStateRestored, U8, U8, U16, TIME, timed=True),),
    135: (
        FixedLayout(ComponentStateRestored, *COMPONENT_STATE_FIELDS, timed=True),
        FixedLayout(ComponentStateRestored, U8, U8, U8, ADDRESS, U16, _NO_DESCRIPTION, TIME, timed=True),
    ),
    136: (FixedLayout(UitdStateRestored, U8, TIME, timed=True),),
    188: (FixedLayout(ReadUitd, U8),),
    189: (_MOMENT,),
}

TYPE_FLAGS: Final[Mapping[int, Label]] = {
    128: Label("manufacture date", "生产日期"),
    129: Label("sign-up time", "报名时间"),
    130: Label("power-on time", "开机时间"),
    131: Label("power-off time", "关机时间"),
    132: Label("system on", "系统开机"),
    133: Label("system off", "系统关机"),
    134: Label("system state restored", "系统状态恢复"),
    135: Label("part state restored", "部件状态恢复"),
    136: Label("UITD state restored", "装置状态恢复"),
    188: Label("read manufacture date", "读生产日期"),
    189: Label("set sign-up time", "设置报名时间"),
}
