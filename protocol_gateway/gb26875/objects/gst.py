"""GST-type (海湾) clients: extension types 130, 131, 200, 201, 204, 205 and 206 (sections 11.2 and 11.7)."""

from collections.abc import Mapping
from typing import Final

from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.labels import Label
from protocol_gateway.gb26875.layouts import TIME, U8, U16, FixedLayout, Layout, WireObject, mark_time
from protocol_gateway.gb26875.objects.facility import COMPONENT_STATE_FIELDS, ComponentState
from protocol_gateway.gb26875.wall_clock import TimeTag


class LineState(WireObject, frozen=True, gc=False):
    """线路状态 and its end, types 200 and 201; power on and off, 130 and 131: [value 1][time 6]."""

    value: int
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


class Linkage(WireObject, frozen=True, gc=False):
    """联动, type 205: [system type 1][system address 1][value 2][time 6]."""

    system_type: int
    system_address: int
    value: int
    occurred_at: TimeTag | None = None

    def mark(self, flags: set[Deviation]) -> None:
        """Flag odd times."""
        mark_time(self.occurred_at, flags)


_LINE: Final = FixedLayout(LineState, U8, TIME, timed=True)
_COMPONENT: Final = FixedLayout(ComponentState, *COMPONENT_STATE_FIELDS, timed=True)

LAYOUTS: Final[Mapping[int, tuple[Layout, ...]]] = {
    130: (_LINE,),
    131: (_LINE,),
    200: (_LINE,),
    201: (_LINE,),
    204: (_COMPONENT,),
    205: (FixedLayout(Linkage, U8, U8, U16, TIME, timed=True),),
    206: (_COMPONENT,),
}

TYPE_FLAGS: Final[Mapping[int, Label]] = {
    130: Label("power-on time", "开机时间"),
    131: Label("power-off time", "关机时间"),
    200: Label("line state", "线路状态"),
    201: Label("line state ended", "线路状态恢复"),
    204: Label("part state 204", "部件状态204"),
    205: Label("linkage", "联动"),
    206: Label("part state 206", "部件状态206"),
}
