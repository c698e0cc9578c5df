"""An alarm on its two axes: the condition (active, cleared) and the people (unacknowledged … verdict). Pure.

A late acknowledgement does not reopen, a clear does not acknowledge; closing needs both (house.md §3.5).
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from backend.core.errors import Conflict, NotFound
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId, DeviceId, LedgerId, PersonId, UnitId
from backend.core.vocabulary import AlarmClass, Severity, Verdict, Via
from backend.monitoring.changes import Place


class Axis(StrEnum):
    """The people's axis: what has been answered."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    JUDGED = "judged"


#: conditions no later signal can end: people end them with their verdict (GB 50440 extract, rules V and O-1)
ENDED_BY_PEOPLE: Final = frozenset({"V-1", "V-2", "O-1"})
#: raised at most once a day for a device and type (GB/T 26875.3 extract, 10.3)
ONCE_A_DAY: Final = frozenset({"V-2"})
#: the condition of a line over which many devices fell silent together
MASS_OUTAGE: Final = "mass_outage"
#: a fact that counts, "第几个/同区几个": the label under which a card says which point of a storm it is
SPOTS_FACT: Final = N_("点位")
CLEARED_BY_LABELS: Final = {
    "signal": N_("信号消失"),
    "restored": N_("设备上报恢复"),
    "reset": N_("控制器复位"),
    "link": N_("通信恢复"),
    "people": N_("人工处置"),
    "history": N_("补传记录"),
}

#: reasons people give for a false alarm, by what travels in their key
FALSE_REASONS: Final = {
    "cook": N_("厨房油烟、烹饪"),
    "steam": N_("水汽、粉尘"),
    "smoking": N_("吸烟"),
    "works": N_("施工作业"),
    "device": N_("设备误动作"),
}


def reason_words(reason: str, language: str) -> str:
    """A reason in its reader's language, where it begins with one that a key offers: they are kept in Chinese."""
    offered = next((each for each in FALSE_REASONS.values() if f"{reason} ".startswith(f"{each} ")), "")
    return translate(offered, language) + reason.removeprefix(offered)


class NoSuchAlarm(NotFound):
    """Unknown, or in a unit that is not yours."""

    code = "no_such_alarm"


class AlreadyClosed(Conflict):
    """The alarm is closed; its verdict stays."""

    code = "already_closed"


class TooLate(Conflict):
    """An answer is taken back at once or not at all."""

    code = "too_late"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One person's acknowledgement, as it is shown."""

    person: PersonId
    name: str
    via: Via
    at: datetime
    is_late: bool = False
    recorded_by: str = ""  #: the name of a colleague who recorded it for them


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as it stands (报警)."""

    id: AlarmId
    number: int
    unit: UnitId | None
    device: DeviceId
    subject: str
    condition: str
    rule: str
    alarm_class: AlarmClass
    severity: Severity
    title: str
    place: Place
    facts: tuple[tuple[str, str], ...]
    marks: tuple[str, ...]
    raised_at: datetime
    device_time: datetime | None
    repeats: int
    revision: int
    item: str | None = None
    ledger_id: LedgerId | None = None
    last_reported_at: datetime | None = None
    cleared_at: datetime | None = None
    cleared_by: str | None = None
    acknowledged_at: datetime | None = None
    verdict: Verdict | None = None
    verdict_at: datetime | None = None
    verdict_by: PersonId | None = None
    verdict_via: Via | None = None
    closed_at: datetime | None = None
    known_by: tuple[Known, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether the condition still stands."""
        return self.cleared_at is None

    @property
    def axis(self) -> Axis:
        """How far people are."""
        if self.verdict is not None:
            return Axis.JUDGED
        return Axis.ACKNOWLEDGED if self.acknowledged_at is not None else Axis.UNACKNOWLEDGED


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """What an acknowledgement came to. A second tap finds the first one: `is_new` is false, `at` is the first's."""

    alarm: AlarmId
    number: int
    is_new: bool
    at: datetime
    via: Via
    is_late: bool
    timezone: str
    known_by: tuple[Known, ...]
    is_again: bool = False  #: asked once more for want of a verdict, and said again


class HistoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an alarm's story, in the reader's language."""

    at: datetime
    text: str
    person: str = ""
    via: str = ""
