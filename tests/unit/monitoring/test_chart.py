"""The picture of a day: a valid PNG of one size, whose pixels follow the values, the limits and the clock."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from backend.monitoring.chart import _LIMIT, _LINE, SIZE, Chart, _runs, draw_chart
from backend.monitoring.history import Sample

UNTIL = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
SINCE = UNTIL - timedelta(hours=24)


def sample(minutes: int, value: str | int | Decimal, low: str | None = None, high: str | None = None) -> Sample:
    at, it = SINCE + timedelta(minutes=minutes), Decimal(value)
    return Sample(at=at, value=it, low=Decimal(low) if low else it, high=Decimal(high) if high else it)


def chart(*samples: Sample, **more: object) -> Chart:
    values = {"samples": samples, "since": SINCE, "until": UNTIL, "timezone": "Asia/Shanghai", "measure": "m"}
    return Chart(**{**values, **more})


def pixels(octets: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(octets))
    image.load()
    assert (image.format, image.size, image.mode) == ("PNG", SIZE, "RGB")
    return image


def where(image: Image.Image, colour: str) -> list[tuple[int, int]]:
    wanted = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return [(x, y) for x in range(SIZE[0]) for y in range(SIZE[1]) if image.getpixel((x, y)) == wanted]


def test_the_line_rises_with_the_values() -> None:
    rising = where(pixels(draw_chart(chart(*(sample(60 * n, n) for n in range(24))))), _LINE)
    left = [y for x, y in rising if x < 120]
    right = [y for x, y in rising if x > 640 and y > 40]
    assert min(left) > max(right)


def test_another_value_makes_another_picture_and_the_same_the_same() -> None:
    one = chart(sample(0, 1), sample(30, 2))
    assert draw_chart(one) == draw_chart(one)
    assert draw_chart(one) != draw_chart(chart(sample(0, 1), sample(30, 3)))
    assert draw_chart(one) != draw_chart(chart(sample(0, 1), sample(30, 2), timezone="Asia/Tokyo"))


def test_limits_are_drawn_where_they_are_and_only_when_there_are_any() -> None:
    assert where(pixels(draw_chart(chart(sample(0, 5), sample(30, 5)))), _LIMIT) == []
    both = where(pixels(draw_chart(chart(sample(0, 5), sample(30, 5), low=Decimal(4), high=Decimal(6)))), _LIMIT)
    rows = {y for _, y in both}
    line = [y for x, y in where(pixels(draw_chart(chart(sample(0, 5), low=Decimal(4), high=Decimal(6)))), _LINE)]
    assert min(rows) < min(line) < max(line) < max(rows)


@pytest.mark.parametrize("minutes", [1, 10, 30])
def test_the_last_hour_is_written_whole(minutes: int) -> None:
    """Of a picture that ends just after 12:00 the edge cut half of the hour off."""
    late = timedelta(minutes=minutes)
    image = pixels(draw_chart(chart(sample(60, 5), since=SINCE + late, until=UNTIL + late)))
    edge = SIZE[0] - 1
    assert {image.getpixel((edge, y)) for y in range(SIZE[1])} == {(255, 255, 255)}, "nothing is cut off there"


def test_a_stretch_without_values_is_a_gap() -> None:
    runs = list(_runs([sample(0, 1), sample(1, 1), sample(2, 1), sample(600, 1), sample(601, 1)]))
    assert [len(run) for run in runs] == [3, 2]
    seldom = [sample(120 * n, 1) for n in range(12)]
    assert len(list(_runs(seldom))) == 1  # it reports every two hours: that is no gap


@pytest.mark.parametrize("samples", [(), (sample(5, "0"),), (sample(0, "-3.5"), sample(1439, "1e9"))])
def test_odd_days_are_drawn_too(samples: tuple[Sample, ...]) -> None:
    pixels(draw_chart(chart(*samples, measure="℃")))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1439), st.decimals(-10000, 10000, places=3)), max_size=60, unique_by=lambda x: x[0]
    )
)
def test_whatever_was_measured_is_a_picture(values: list[tuple[int, Decimal]]) -> None:
    samples = [sample(minutes, value) for minutes, value in sorted(values)]
    pixels(draw_chart(chart(*samples, low=Decimal(-1), high=Decimal(1))))
