"""How available a link was (可用率): lost time against watched time, by the month of the unit's own calendar. Pure.

The rule: only what we saw counts. A device is watched from the day it was registered, or first heard, and never
beyond now; an outage that is still open lasts until now. Months are the wall clock's: one with a change to summer
time is an hour shorter, and the percentage knows it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

_DECEMBER: Final = 12


class Month(msgspec.Struct, frozen=True, order=True):
    """A month of some calendar."""

    year: int
    month: int

    @property
    def next(self) -> "Month":
        """The one after it."""
        return Month(self.year + 1, 1) if self.month == _DECEMBER else Month(self.year, self.month + 1)

    @property
    def previous(self) -> "Month":
        """The one before it."""
        return Month(self.year - 1, _DECEMBER) if self.month == 1 else Month(self.year, self.month - 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


class Outage(msgspec.Struct, frozen=True):
    """One loss of a link; `restored_at` None: it lasts."""

    lost_at: datetime
    restored_at: datetime | None = None


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """A link's month."""

    watched: timedelta
    lost: timedelta
    outages: int
    longest: timedelta

    @property
    def percent(self) -> float | None:
        """Of the watched time, how much the link was there; None when it was not watched."""
        if not self.watched:
            return None
        return 100 * (1 - self.lost / self.watched)


def month_of(moment: datetime, timezone: str) -> Month:
    """The month a moment lies in, on the wall clock of `timezone`."""
    local = moment.astimezone(ZoneInfo(timezone))
    return Month(local.year, local.month)


def bounds(month: Month, timezone: str) -> tuple[datetime, datetime]:
    """A month's first moment and the next one's, in UTC."""
    zone = ZoneInfo(timezone)
    first, last = (datetime(each.year, each.month, 1, tzinfo=zone).astimezone(UTC) for each in (month, month.next))
    return first, last


def availability(outages: Sequence[Outage], since: datetime, until: datetime) -> Availability:
    """Of the time between the two, how much lies in outages; overlapping ones count once."""
    if until <= since:
        return Availability(watched=timedelta(), lost=timedelta(), outages=0, longest=timedelta())
    lost, count, longest, covered_until = timedelta(), 0, timedelta(), since
    for outage in sorted(outages, key=lambda each: each.lost_at):
        begin, end = max(outage.lost_at, since), min(outage.restored_at or until, until)
        if end <= begin:
            continue
        count += 1
        longest = max(longest, end - begin)
        lost += max(timedelta(), end - max(begin, covered_until))
        covered_until = max(covered_until, end)
    return Availability(watched=until - since, lost=lost, outages=count, longest=longest)
