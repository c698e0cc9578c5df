"""Working time: the mainland's days, the unit's hours, and clocks that are put forward and back."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import BadSettings
from backend.core.settings import load
from backend.core.working_time import CalendarSection, WorkingCalendar, calendar_of, span_of

ZONES = ("Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Beirut", "Pacific/Apia")
#: night hours lie where the clocks jump; the last two touch each other
NIGHT = WorkingCalendar(spans=((0, 150), (180, 300), (1200, 1320), (1320, 1440)), days_off=frozenset())
CALENDARS = st.sampled_from([WorkingCalendar(), NIGHT])
MOMENTS = st.integers(0, 545 * 86_400).map(lambda each: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=each))
SPANS = st.timedeltas(timedelta(), timedelta(hours=60))
SHANGHAI = "Asia/Shanghai"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


@given(CALENDARS, MOMENTS, SPANS, SPANS, st.sampled_from(ZONES))
def test_time_adds_up_whatever_the_clocks_do(
    calendar: WorkingCalendar, start: datetime, first: timedelta, then: timedelta, zone: str
) -> None:
    whole = calendar.add(start, first + then, zone)
    assert calendar.add(calendar.add(start, first, zone), then, zone) == whole
    assert calendar.between(start, whole, zone) == first + then


@given(CALENDARS, MOMENTS, MOMENTS, SPANS, st.sampled_from(ZONES))
def test_who_begins_later_is_never_due_earlier(
    calendar: WorkingCalendar, one: datetime, other: datetime, span: timedelta, zone: str
) -> None:
    earlier, later = sorted((one, other))
    assert calendar.add(earlier, span, zone) <= calendar.add(later, span, zone)
    assert calendar.between(earlier, later, zone) <= later - earlier
    assert calendar.between(later, earlier, zone) == timedelta()


@given(CALENDARS, MOMENTS, MOMENTS, MOMENTS, st.sampled_from(ZONES))
def test_stretches_join_without_gap_or_overlap(
    calendar: WorkingCalendar, a: datetime, b: datetime, c: datetime, zone: str
) -> None:
    first, second, third = sorted((a, b, c))
    joined = calendar.between(first, second, zone) + calendar.between(second, third, zone)
    assert joined == calendar.between(first, third, zone)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-26T10:00", 2, "2026-11-26T12:00"),
        ("2026-11-26T11:00", 2, "2026-11-26T14:30"),  # over noon
        ("2026-11-27T17:00", 1, "2026-11-30T09:30"),  # over a weekend
        ("2026-11-28T10:00", 7, "2026-11-30T17:30"),  # filed on a Saturday
        ("2026-09-30T17:00", 1, "2026-10-08T09:30"),  # over National Day
        ("2026-10-09T17:30", 7, "2026-10-10T17:30"),  # a Saturday that is worked
        ("2026-02-13T17:30", 7, "2026-02-14T17:30"),  # before Spring Festival
        ("2026-02-14T17:30", 7, "2026-02-24T17:30"),
    ],
)
def test_mainland_days_off_and_worked_weekends_count(start: str, hours: int, due: str) -> None:
    assert WorkingCalendar().add(at(start), timedelta(hours=hours), SHANGHAI) == at(due)


def test_the_settings_add_days_off_and_worked_days() -> None:
    calendar = calendar_of(
        CalendarSection(hours=("08:00-16:00",), days_off=("2026-11-27",), work_days=("2026-11-28", "2027-02-08"))
    )
    assert calendar.day == timedelta(hours=8)
    assert [calendar.is_working_day(date(2026, 11, day)) for day in (26, 27, 28, 29)] == [True, False, True, False]
    assert calendar.is_working_day(date(2027, 2, 8))
    assert not WorkingCalendar().is_working_day(date(2027, 2, 8))


@pytest.mark.parametrize("hours", ["", "9-12", "12:00-09:00", "09:00-12:00,11:00-17:00", "09:00-25:00"])
def test_bad_hours_stop_the_start_and_are_named(hours: str) -> None:
    with pytest.raises(BadSettings, match=r"\[calendar\]"):
        load(None, {"FENGHUO_CALENDAR_HOURS": hours})


def test_a_bad_date_stops_the_start() -> None:
    with pytest.raises(BadSettings, match=r"\[calendar\]"):
        load(None, {"FENGHUO_CALENDAR_DAYS_OFF": "2026-02-30"})


def test_midnight_is_the_end_of_a_day() -> None:
    assert span_of("22:00-24:00") == (1320, 1440)


def test_a_calendar_in_which_nobody_works_is_refused_rather_than_searched_for_ever() -> None:
    off = frozenset(date(2026, 1, 1) + timedelta(days=each) for each in range(800))
    idle = WorkingCalendar(days_off=off, work_days=frozenset())
    with pytest.raises(ValueError, match="nobody works"):
        idle.add(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1), SHANGHAI)
