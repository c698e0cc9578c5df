"""A link's month: what was lost of what was watched, on the unit's own calendar."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.monitoring.availability import Month, Outage, availability, bounds, month_of

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_hour_of_a_month_is_what_is_missing_from_a_hundred() -> None:
    first, last = bounds(Month(2026, 11), "Asia/Shanghai")
    month = availability([Outage(first + 5 * HOUR, first + 6 * HOUR)], first, last)
    assert month.watched == timedelta(days=30)
    assert month.percent == pytest.approx(100 * (1 - 1 / 720))
    assert (month.outages, month.longest) == (1, HOUR)


def test_months_are_those_of_the_unit_s_wall_clock() -> None:
    assert bounds(Month(2026, 11), "Asia/Shanghai")[0] == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert month_of(datetime(2026, 10, 31, 16, tzinfo=UTC), "Asia/Shanghai") == Month(2026, 11)
    assert month_of(datetime(2026, 10, 31, 15, 59, tzinfo=UTC), "Asia/Shanghai") == Month(2026, 10)


@pytest.mark.parametrize(("month", "hours"), [(Month(2026, 3), 31 * 24 - 1), (Month(2026, 10), 31 * 24 + 1)])
def test_a_month_with_a_change_of_summer_time_is_an_hour_shorter_or_longer(month: Month, hours: int) -> None:
    first, last = bounds(month, "Europe/Berlin")
    assert (last - first) / HOUR == hours


def test_an_outage_over_the_month_s_edge_counts_in_both_months_with_its_own_part() -> None:
    edge = bounds(Month(2026, 11), "Asia/Shanghai")[0]
    outage = [Outage(edge - HOUR, edge + 2 * HOUR)]
    october = availability(outage, *bounds(Month(2026, 10), "Asia/Shanghai"))
    november = availability(outage, *bounds(Month(2026, 11), "Asia/Shanghai"))
    assert (october.lost, november.lost) == (HOUR, 2 * HOUR)


def test_one_that_lasts_counts_until_now_and_what_was_not_watched_has_no_percentage() -> None:
    lasting = availability([Outage(START)], START, START + 4 * HOUR)
    assert lasting.percent == 0
    assert availability([], START, START).percent is None


def test_december_is_followed_by_january() -> None:
    assert (Month(2026, 12).next, Month(2027, 1).previous) == (Month(2027, 1), Month(2026, 12))
    assert str(Month(2026, 1)) == "2026-01"


@given(
    st.lists(st.tuples(st.integers(-50, 800), st.one_of(st.none(), st.integers(0, 300))), max_size=30),
    st.integers(1, 720),
)
def test_no_overlap_ever_makes_more_lost_than_was_watched(spans: list[tuple[int, int | None]], hours: int) -> None:
    outages = [
        Outage(START + begin * HOUR, None if length is None else START + (begin + length) * HOUR)
        for begin, length in spans
    ]
    month = availability(outages, START, START + hours * HOUR)
    assert timedelta() <= month.lost <= month.watched
    assert month.percent is not None
    assert 0 <= month.percent <= 100
    # hour by hour, the plain way
    down = sum(
        any(begin <= hour and (length is None or hour < begin + length) for begin, length in spans)
        for hour in range(hours)
    )
    assert month.lost == down * HOUR
