"""What an observation means for alarms: the hand-over from monitoring to alarms. Pure."""

from datetime import datetime

import msgspec

from backend.core.ids import DeviceId, LedgerId, UnitId
from backend.monitoring.model import Report
from backend.monitoring.rules import Reset, Standing, is_history


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where something is, in words; stored with the alarm, so that it reads the same years later."""

    unit_name: str = ""
    timezone: str = "Asia/Shanghai"
    building: str = ""
    zone: str = ""
    floor: str = ""
    description: str = ""
    device_name: str = ""
    wire_key: str = ""  #: shown where the point table has no such point
    system_type: int | None = None
    component_type: int | None = None
    profile: str = ""  #: of the device: what a vendor's own codes mean


class Mark:
    """What is to be said of an alarm besides its condition; shown as a banner."""

    UNIDENTIFIED = "unidentified"  #: 未登记设备
    FROM_TEXT = "from_text"  #: 由文字识别
    TEST = "test"  #: 测试
    HISTORY = "history"  #: 补传记录
    UNKNOWN_POINT = "unknown_point"  #: 点表中没有的部件
    MASKED = "masked"  #: 屏蔽: nobody is told
    DRILL = "drill"  #: 演练: told inside the house only
    TEST_WINDOW = "test_window"  #: 测试: the same


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One subject's word: which conditions stand, which of those it governs, and what it resets.

    An active alarm of the subject whose condition is in `governed` and not in `standing` has ended. A `reset` ends
    earlier signals of the same device, as its scope says.
    """

    report: Report
    ledger_id: LedgerId
    device: DeviceId
    unit: UnitId | None
    subject: str
    place: Place
    standing: tuple[Standing, ...] = ()
    governed: frozenset[str] = frozenset()
    ended_by: str = "signal"  #: why governed conditions end: "signal", "restored", "link"
    reset: Reset | None = None
    is_history: bool = False
    marks: tuple[str, ...] = ()
    device_time: datetime | None = None

    def is_older_than(self, device_time: datetime | None) -> bool:
        """Whether it is a stored record from before what was said at `device_time`: then it ends nothing of it."""
        return is_history(device_time, self.device_time, self.report.sent_at, self.report.received_at)
