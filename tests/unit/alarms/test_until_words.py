"""The end of a mask as people write it, on the unit's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.alarms.masks.until_words import until_of

NOW = datetime(2026, 11, 26, 2, tzinfo=UTC)  # 10:00 in Shanghai, a Thursday
ZONE = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("2小时", "2026-11-26 12:00"),
        ("2 个小时后", "2026-11-26 12:00"),
        ("30分钟", "2026-11-26 10:30"),
        ("3天", "2026-11-29 10:00"),
        ("4h", "2026-11-26 14:00"),
        ("18:30", "2026-11-26 18:30"),
        ("18：30", "2026-11-26 18:30"),
        ("18点", "2026-11-26 18:00"),
        ("9:00", "2026-11-27 09:00"),
        ("半小时", "2026-11-26 10:30"),
        ("１８点半", "2026-11-26 18:30"),
        ("今晚8点", "2026-11-26 20:00"),
        ("今晚 20:15", "2026-11-26 20:15"),
        ("明早8点半", "2026-11-27 08:30"),
        ("今天 18:00", "2026-11-26 18:00"),
        ("今天 9:00", "2026-11-26 09:00"),
        ("明天8:00", "2026-11-27 08:00"),
        ("Tomorrow 8:00", "2026-11-27 08:00"),
        ("11-28 18:00", "2026-11-28 18:00"),
        ("2026-12-01 06:15", "2026-12-01 06:15"),
        ("1-2 08:00", "2027-01-02 08:00"),
    ],
)
def test_words_name_a_moment_on_the_units_clock(words: str, end: str) -> None:
    found = until_of(words, NOW, ZONE)
    assert found is not None
    assert f"{found.astimezone(UTC) + timedelta(hours=8):%Y-%m-%d %H:%M}" == end


@pytest.mark.parametrize("words", ["", "很快", "25:00", "02-30 10:00", "18:61", "-3天", "2", "10000小时后天", "０x"])
def test_what_is_no_moment_is_none(words: str) -> None:
    assert until_of(words, NOW, ZONE) is None


@given(st.text(max_size=20))
def test_no_words_break_it(words: str) -> None:
    found = until_of(words, NOW, ZONE)
    assert found is None or found.tzinfo is not None
