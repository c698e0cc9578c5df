"""Every number the specification sets, with its clause. No other file holds such a number."""

from datetime import timedelta
from typing import Final

import msgspec

from backend.core.vocabulary import ComplaintKind, Severity
from backend.core.working_time import WorkingCalendar


class Deadline(msgspec.Struct, frozen=True):
    """A time within which something must have happened, and the clause that says so."""

    within: timedelta
    clause: str


#: 火灾报警信息 to the unit, from receipt (CQC/SC 11002-2025, 4.3.1)
FIRE: Final = Deadline(timedelta(seconds=3), "CQC/SC 11002-2025 4.3.1")
#: 异常状态、故障 to the unit, from receipt (4.3.2)
ABNORMAL: Final = Deadline(timedelta(seconds=10), "CQC/SC 11002-2025 4.3.2")
#: 通信故障 recognised and told, from the loss of the link (4.4.2)
LINK_LOSS: Final = Deadline(timedelta(seconds=100), "CQC/SC 11002-2025 4.4.2")

NOTICE_DEADLINES: Final = {
    Severity.FIRE: FIRE,
    Severity.FAULT: ABNORMAL,
    Severity.ABNORMAL: ABNORMAL,
    Severity.OFFLINE: ABNORMAL,
}

#: least kinds of contact for an alarm (4.3.3)
LEAST_CONTACT_KINDS: Final = 2
CONTACT_KINDS_CLAUSE: Final = "CQC/SC 11002-2025 4.3.3"
#: patrol cycle of mains-powered devices (4.4.2)
MAINS_PATROL_CYCLE: Final = Deadline(timedelta(minutes=30), "CQC/SC 11002-2025 4.4.2")
#: patrol cycle of battery-powered devices (4.4.2)
BATTERY_PATROL_CYCLE: Final = Deadline(timedelta(hours=24), "CQC/SC 11002-2025 4.4.2")
#: records are kept (5.2.3)
RECORDS_KEPT: Final = Deadline(timedelta(days=365), "CQC/SC 11002-2025 5.2.3")
#: a device's frame counts as a repeat within (GB/T 26875.3 extract 13.3: four resends of 30 s and a margin)
REPEAT_WINDOW: Final = timedelta(seconds=130)
#: a stored record of a fire still makes an alarm when it is younger than this (GB 50440 extract, 7)
HISTORIC_FIRE: Final = timedelta(hours=24)
#: an attempt on the fire lane that nobody rang for is found within (house.md §3.2)
UNRUNG_FIRE: Final = timedelta(milliseconds=500)
#: an attempt on the routine lane that nobody rang for is found within
UNRUNG_ROUTINE: Final = timedelta(seconds=2)
#: how long a worker may hold an attempt without renewing (shorter than the fire deadline leaves)
LEASE: Final = timedelta(milliseconds=550)
#: acknowledged, and still without a verdict after this: people are told anew (the provider's own default policies)
VERDICT_WITHIN: Final = {
    Severity.FIRE: timedelta(minutes=5),
    Severity.FAULT: timedelta(hours=4),
    Severity.ABNORMAL: timedelta(hours=1),
    Severity.OFFLINE: timedelta(hours=4),
}
#: a fire that nobody answers is the provider's duty desk's within, and told again within (our own rule; no clause)
FIRE_DESK_WITHIN: Final = timedelta(minutes=10)
#: a duty schedule's gap is warned of so long before it begins
GAP_WARNING: Final = timedelta(days=7)
#: a work order without a service agreement is finished within (our own rule; no clause)
REPAIR_WITHIN: Final = {
    Severity.FIRE: timedelta(hours=4),
    Severity.ABNORMAL: timedelta(hours=24),
    Severity.FAULT: timedelta(hours=24),
    Severity.OFFLINE: timedelta(hours=24),
}
#: somebody must have accepted a work order within, or the next one is asked (our own rule)
ACCEPT_WITHIN: Final = {
    Severity.FIRE: timedelta(minutes=5),
    Severity.ABNORMAL: timedelta(minutes=15),
    Severity.FAULT: timedelta(minutes=15),
    Severity.OFFLINE: timedelta(minutes=15),
}
#: how long a work order's test of a component is expected on the wire, and kept inside the house (our own rule)
TEST_SIGNAL_WITHIN: Final = timedelta(minutes=15)
#: work that is done and that nobody verified within this is told again (our own rule)
ORDER_VERIFIED_WITHIN: Final = timedelta(hours=24)
#: a verified work order is closed after this, unless somebody sends it back (our own rule)
ORDER_CLOSES_AFTER: Final = timedelta(hours=24)
#: an attempt that is this much overdue and in nobody's hands is taken up by the auditor (our own rule; no clause)
OVERDUE_FIRE: Final = timedelta(seconds=1.5)
OVERDUE_ROUTINE: Final = timedelta(seconds=10)
#: the auditor's pass over deadlines that ran out waits this long for outcomes that are still being written
AUDIT_GRACE: Final = timedelta(seconds=1)


class WorkingDeadline(msgspec.Struct, frozen=True, kw_only=True):
    """So many working days and hours, and who says so."""

    days: int = 0
    hours: int = 0
    clause: str

    def within(self, calendar: WorkingCalendar) -> timedelta:
        """As working time: a day is as long as the calendar's."""
        return self.days * calendar.day + timedelta(hours=self.hours)


#: 5.5 wants limits (时限要求) and sets none: these figures are the provider's own, and are told with each number
_OURS: Final = "ours (CQC/SC 11002-2025 5.5)"
#: the first word of a handler (首次回复), in working time from filing
FIRST_REPLY: Final = {
    ComplaintKind.ALARM: WorkingDeadline(hours=2, clause=_OURS),
    ComplaintKind.ORDER: WorkingDeadline(hours=4, clause=_OURS),
    ComplaintKind.PERSON: WorkingDeadline(days=1, clause=_OURS),
    ComplaintKind.OTHER: WorkingDeadline(days=1, clause=_OURS),
    ComplaintKind.PRAISE: WorkingDeadline(days=3, clause=_OURS),
    ComplaintKind.QUESTION: WorkingDeadline(days=1, clause=_OURS),
    ComplaintKind.SUGGESTION: WorkingDeadline(days=3, clause=_OURS),
}
#: settled (办结), in working time from filing; time in which the complainant is waited for does not count
SETTLEMENT: Final = {
    ComplaintKind.ALARM: WorkingDeadline(days=3, clause=_OURS),
    ComplaintKind.ORDER: WorkingDeadline(days=5, clause=_OURS),
    ComplaintKind.PERSON: WorkingDeadline(days=7, clause=_OURS),
    ComplaintKind.OTHER: WorkingDeadline(days=7, clause=_OURS),
    ComplaintKind.PRAISE: WorkingDeadline(days=10, clause=_OURS),
    ComplaintKind.QUESTION: WorkingDeadline(days=3, clause=_OURS),
    ComplaintKind.SUGGESTION: WorkingDeadline(days=15, clause=_OURS),
}
#: a handler is reminded when so much working time is left at most: of the first reply, of the settlement
COMPLAINT_REMINDERS: Final = (timedelta(hours=1), timedelta(hours=7))
#: a settled complaint may be opened again for so many days
REOPENED_WITHIN: Final = timedelta(days=15)
#: who does not say how satisfied they are is no longer waited for after this
RATING_AWAITED: Final = timedelta(days=5)
