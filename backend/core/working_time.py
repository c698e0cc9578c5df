"""Working time (工作时间): how much of it lies between two moments, and when so much of it has passed. Pure.

The rule: hours and days are the unit's own, by its wall clock; moments stay UTC. Days off and worked weekends of the
mainland are data below, as the State Council's office published them; `[calendar]` in the settings adds to them.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from backend.core.settings_types import Section

_FRIDAY: Final = 4
_MINUTES_A_DAY: Final = 24 * 60
#: a calendar in which nobody works for so long is no calendar
_LONGEST_IDLE: Final = timedelta(days=366)


def _days(first: str, last: str) -> set[date]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return {begin + timedelta(days=each) for each in range((end - begin).days + 1)}


#: 国办发明电〔2025〕, the arrangement for 2026 (2025-11-04)
_OFF_2026: Final = (
    _days("2026-01-01", "2026-01-03")
    | _days("2026-02-15", "2026-02-23")
    | _days("2026-04-04", "2026-04-06")
    | _days("2026-05-01", "2026-05-05")
    | _days("2026-06-19", "2026-06-21")
    | _days("2026-09-25", "2026-09-27")
    | _days("2026-10-01", "2026-10-07")
)
_WORKED_2026: Final = {"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"}
#: for 2027 only the days that 全国年节及纪念日放假办法 (2024) itself gives; moved weekends come by the settings
_OFF_2027: Final = (
    _days("2027-01-01", "2027-01-01")
    | _days("2027-02-05", "2027-02-08")
    | _days("2027-04-05", "2027-04-05")
    | _days("2027-05-01", "2027-05-02")
    | _days("2027-06-09", "2027-06-09")
    | _days("2027-09-15", "2027-09-15")
    | _days("2027-10-01", "2027-10-03")
)
HOLIDAYS: Final = frozenset(_OFF_2026 | _OFF_2027)
WORKED_WEEKENDS: Final = frozenset(date.fromisoformat(each) for each in _WORKED_2026)


class CalendarSection(Section, frozen=True):
    """The provider's working hours, and days that the built-in list does not know."""

    hours: tuple[str, ...] = ("09:00-12:00", "13:30-17:30")
    days_off: tuple[str, ...] = ()  #: "2027-02-09": nobody works, whatever the built-in list says
    work_days: tuple[str, ...] = ()  #: "2027-02-20": worked, though a weekend or a built-in holiday


class WorkingCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """Hours of a working day in minutes from midnight, days off, and days that are worked all the same."""

    spans: tuple[tuple[int, int], ...] = ((9 * 60, 12 * 60), (13 * 60 + 30, 17 * 60 + 30))
    days_off: frozenset[date] = HOLIDAYS
    work_days: frozenset[date] = WORKED_WEEKENDS

    @property
    def day(self) -> timedelta:
        """The working time of one day."""
        return timedelta(minutes=sum(until - since for since, until in self.spans))

    @property
    def known_until(self) -> int:
        """The last year of which days off are known; after it only weekends are."""
        return max((day.year for day in self.days_off), default=0)

    def is_working_day(self, day: date) -> bool:
        """Whether people work that day (工作日)."""
        if day in self.work_days:
            return True
        return day not in self.days_off and day.weekday() <= _FRIDAY

    def add(self, start: datetime, span: timedelta, timezone: str) -> datetime:
        """The first moment at which `span` of working time has passed since `start`."""
        left = span
        if left <= timedelta():
            return start
        for since, until in self._stretches(start, ZoneInfo(timezone)):
            if until - since >= left:
                return since + left
            left -= until - since
        raise AssertionError("the stretches never end")

    def between(self, start: datetime, end: datetime, timezone: str) -> timedelta:
        """The working time from `start` to `end`; none when `end` is not later."""
        found = timedelta()
        if end <= start:
            return found
        for since, until in self._stretches(start, ZoneInfo(timezone)):
            if since >= end:
                break
            found += min(until, end) - since
        return found

    def _stretches(self, start: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Working stretches from `start` on, in UTC, in order and without overlap, whatever the clocks do."""
        day, reached = start.astimezone(zone).date(), start.astimezone(UTC)
        idle_since = day
        while day - idle_since < _LONGEST_IDLE:
            for since, until in self.spans if self.is_working_day(day) else ():
                begin, end = max(_moment(day, since, zone), reached), _moment(day, until, zone)
                if end > begin:
                    yield begin, end
                    reached, idle_since = end, day
            day += timedelta(days=1)
        raise ValueError(f"nobody works in the year after {idle_since}")


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    if minute == _MINUTES_A_DAY:
        day, minute = day + timedelta(days=1), 0
    return datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone).astimezone(UTC)


def span_of(text: str) -> tuple[int, int]:
    """Minutes from midnight for "09:00-12:00". Raises ValueError."""
    since, _, until = text.partition("-")
    begin, end = (_minute(each.strip()) for each in (since, until))
    if begin >= end:
        raise ValueError(f"{text} ends before it begins")
    return begin, end


def _minute(text: str) -> int:
    if text == "24:00":
        return _MINUTES_A_DAY
    at = time.fromisoformat(text)
    return at.hour * 60 + at.minute


def calendar_of(section: CalendarSection) -> WorkingCalendar:
    """The calendar that the settings ask for. Raises ValueError for hours that overlap."""
    spans = tuple(sorted(span_of(each) for each in section.hours))
    if not spans or any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise ValueError("working hours are missing or overlap")
    off, worked = _dates(section.days_off), _dates(section.work_days)
    return WorkingCalendar(spans=spans, days_off=(HOLIDAYS | off) - worked, work_days=(WORKED_WEEKENDS - off) | worked)


def _dates(texts: Iterable[str]) -> frozenset[date]:
    return frozenset(date.fromisoformat(each) for each in texts)


class _Current:
    calendar: WorkingCalendar = WorkingCalendar()


def calendar() -> WorkingCalendar:
    """This process's calendar."""
    return _Current.calendar


@contextmanager
def use(calendar: WorkingCalendar) -> Iterator[WorkingCalendar]:
    """Work by another calendar for the length of a `with` block: a process's own, from its settings."""
    before, _Current.calendar = _Current.calendar, calendar
    try:
        yield calendar
    finally:
        _Current.calendar = before
