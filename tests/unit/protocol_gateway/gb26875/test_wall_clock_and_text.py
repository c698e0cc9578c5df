"""Time tags and GB 18030 text: sections 7 and 8.1."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from protocol_gateway.gb26875.text import Text, possible_fire_text, read_text
from protocol_gateway.gb26875.wall_clock import (
    NO_TIME,
    TimeTag,
    WallClock,
    read_bcd_time_tag,
    read_time_tag,
)

CHINA = timezone(timedelta(hours=8))


def test_a_time_tag_is_binary_and_counts_from_2000() -> None:
    tag = read_time_tag(bytes.fromhex("203a091a090c"))
    assert tag.wall_clock == WallClock(2012, 9, 26, 9, 58, 32)
    assert TimeTag.of(WallClock(2012, 9, 26, 9, 58, 32)) == tag


def test_a_bcd_time_tag_is_read_so_only_when_asked() -> None:
    octets = bytes.fromhex("325809260912")
    assert read_bcd_time_tag(octets).wall_clock == WallClock(2012, 9, 26, 9, 58, 32)
    assert read_time_tag(octets).wall_clock is None
    assert read_bcd_time_tag(bytes.fromhex("3a5809260912")).wall_clock is None


@pytest.mark.parametrize(
    "octets",
    [
        NO_TIME,
        bytes((60, 0, 0, 1, 1, 25)),
        bytes((0, 60, 0, 1, 1, 25)),
        bytes((0, 0, 24, 1, 1, 25)),
        bytes((0, 0, 0, 0, 1, 25)),
        bytes((0, 0, 0, 32, 1, 25)),
        bytes((0, 0, 0, 31, 4, 25)),
        bytes((0, 0, 0, 29, 2, 25)),
        bytes((0, 0, 0, 1, 0, 25)),
        bytes((0, 0, 0, 1, 13, 25)),
        bytes((0, 0, 0, 1, 1, 100)),
    ],
)
def test_what_is_no_date_keeps_its_octets_and_has_no_wall_clock(octets: bytes) -> None:
    tag = read_time_tag(octets)
    assert (tag.octets, tag.wall_clock) == (octets, None)
    assert tag.is_plausible is (octets == NO_TIME)


def test_the_29th_of_february_exists_in_leap_years() -> None:
    assert read_time_tag(bytes((0, 0, 0, 29, 2, 24))).wall_clock == WallClock(2024, 2, 29)
    assert read_time_tag(bytes((0, 0, 0, 29, 2, 0))).wall_clock == WallClock(2000, 2, 29)


def test_a_wall_clock_becomes_a_moment_only_with_a_zone() -> None:
    shown = WallClock(2025, 3, 14, 15, 9, 26)
    moment = datetime(2025, 3, 14, 7, 9, 26, tzinfo=UTC)
    assert shown.in_zone(CHINA) == moment
    assert WallClock.of(moment, CHINA) == shown
    assert shown.isoformat() == "2025-03-14T15:09:26"
    with pytest.raises(ValueError, match="aware"):
        WallClock.of(moment.replace(tzinfo=None), CHINA)


@pytest.mark.parametrize(
    ("octets", "text", "flags"),
    [
        (b"", "", set()),
        (bytes(31), "", set()),
        (b" " * 30 + b"\0", "", set()),
        (b"\xff" * 31, "", {"text_padded_ff"}),
        ("烟感".encode("gb18030").ljust(31, b"\0"), "烟感", set()),
        ("烟感".encode("gb18030").ljust(30) + b"\0", "烟感", set()),
        (b"  A B  ", "A B", set()),
        (b"\0\0" + "厨房".encode("gb18030"), "厨房", {"leading_nul_text"}),
        (b" \0A", "A", set()),
        (b"AB\0CD\0", "AB", {"stale_bytes_after_text"}),
        (b"AB\0 \xff\0", "AB", set()),
        (b"AB\xff\xff", "AB", {"text_padded_ff"}),
        ("烟感".encode("gb18030")[:3], "烟", {"text_cut_mid_character"}),
        ("𠮷".encode("gb18030")[:3], "", {"text_cut_mid_character"}),
        (b"A\xff\x41B", "A\ufffdAB", {"text_undecodable"}),
        (b"A\xff\x41\xb2", "A\ufffdA", {"text_undecodable", "text_cut_mid_character"}),
        ("龘㐀".encode("gb18030"), "龘㐀", set()),
    ],
)
def test_text_is_trimmed_cut_and_flagged_by_section_7(octets: bytes, text: str, flags: set[str]) -> None:
    read = read_text(octets)
    assert (read.octets, read.text, read.deviations) == (octets, text, frozenset(flags))


def test_text_to_send_is_padded_and_never_cut() -> None:
    assert Text.of("烟感", 6).octets == "烟感".encode("gb18030") + b"\0\0"
    with pytest.raises(ValueError, match="holds 3"):
        Text.of("烟感", 3)


@pytest.mark.parametrize("before", [b"", b"\x01\x02", b"\x83", b"\x02\xb1\x41", b"\x00\xb0\x00"])
@pytest.mark.parametrize("said", ["002回路017地址首次火警", "火灾", "手动报警按钮 3号"])
def test_a_fire_is_read_out_of_an_unreadable_body(before: bytes, said: str) -> None:
    found = possible_fire_text(before + said.encode("gb18030") + b"\x00\x1a\x09\x0f\x0e\x03\x19")
    assert found is not None
    assert said in found


@pytest.mark.parametrize("said", ["火警恢复", "火灾报警复位", "火警测试", "火警消除", "设备故障", "", "hello"])
def test_restorations_tests_and_other_text_are_no_fire(said: str) -> None:
    assert possible_fire_text(b"\x01\x09" + said.encode("gb18030") + b"\x00\x19") is None
