"""Tolerant decoding, rule by rule, and its flags (section 10)."""

import pytest

from protocol_gateway.gb26875.decode import Decoded, decode
from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.frame import build_frame, read_frame
from protocol_gateway.gb26875.objects import LAYOUTS
from protocol_gateway.gb26875.profiles import PROFILES, STANDARD, Profile
from protocol_gateway.gb26875.tables import Command
from protocol_gateway.gb26875.wall_clock import WallClock

TIME = "1a090f0e0319"
SYSTEM = "01010300" + TIME
PART = "0101280a0002000300" + "00" * 31 + TIME


def decoded(adu: str, command: int = Command.SEND, profile: Profile = STANDARD) -> Decoded:
    octets = build_frame(
        serial=1,
        command=command,
        clock=WallClock(2025, 3, 14),
        source=b"\x01" * 6,
        destination=bytes(6),
        adu=bytes.fromhex(adu),
    )
    return decode(read_frame(octets), profile)


def flags(*names: str) -> frozenset[Deviation]:
    return frozenset(map(Deviation, names))


@pytest.mark.parametrize(
    ("adu", "objects", "extra", "expected"),
    [
        ("0100", 0, "", {"count_zero"}),
        ("0102" + SYSTEM * 2, 2, "", set()),
        ("0102" + "01010300" * 2, 2, "", {"object_time_missing"}),
        ("0501" + "01010304" + TIME, 1, "", {"object_time_unexpected"}),
        ("1902" + ("0101" + TIME) * 2, 2, "", {"object_time_unexpected"}),
        ("0101" + SYSTEM * 3, 3, "", {"count_mismatch"}),
        ("0100" + SYSTEM * 3, 3, "", {"count_mismatch"}),
        ("0103" + SYSTEM + "01010300" + "00" * 6, 2, "", {"count_mismatch", "object_time_invalid"}),
        ("0101" + SYSTEM + "dead", 1, "dead", {"extra_bytes"}),
        ("0101" + SYSTEM * 2 + "dead", 1, SYSTEM + "dead", {"extra_bytes"}),
        ("0100" + SYSTEM * 2 + "dead", 2, "dead", {"extra_bytes", "count_mismatch"}),
        ("0105" + SYSTEM * 2 + "dead", 2, "dead", {"extra_bytes", "count_mismatch"}),
        ("0101" + "01010300" * 3, 3, "", {"object_time_missing", "count_mismatch"}),
        ("3d01" + "0101" * 2, 2, "", {"count_mismatch", "command_type_mismatch"}),
        ("0602" + "010102c1e5", 1, "", {"count_mismatch"}),
        ("1a01" + "00", 1, "", set()),
    ],
)
def test_a_body_is_divided_by_the_first_rule_that_fits(
    adu: str,
    objects: int,
    extra: str,
    expected: set[str],
) -> None:
    result = decoded(adu)
    assert result.objects is not None
    assert len(result.objects) == objects
    assert result.extra.hex() == extra
    assert result.body is None
    assert result.deviations == expected


@pytest.mark.parametrize(
    "adu",
    [
        "010101",
        "0101" + "0101030000",
        "0101" + "01010300" + "ff" * 6 + "01",
        "0201" + PART[:-12] + "0000" + "ff" * 6,
        "1501",
        "1502" + "01" * 3,
        "0601" + "010105c1",
        "0601" + "0101",
        "0601",
        "1a01" + "05c1",
        "5a01" + "0102",
    ],
)
def test_a_body_no_rule_fits_stays_raw_and_is_unreadable(adu: str) -> None:
    result = decoded(adu, Command.CONTROL if adu.startswith("5a") else Command.SEND)
    assert result.objects is None
    assert result.is_unreadable
    assert result.body == bytes.fromhex(adu)[2:]
    assert result.deviations == {Deviation.BODY_SIZE}


def test_types_21_and_24_never_lose_their_times_and_their_count_at_once() -> None:
    assert decoded("1501" + "0101").objects is None
    assert decoded("1801" + "0101" * 2).objects is None


def test_a_48_octet_component_object_is_not_guessed_at() -> None:
    result = decoded("0202" + ("0101280a00020000000300" + "00" * 31 + TIME) * 2)
    assert result.objects is None


@pytest.mark.parametrize(
    ("command", "adu", "expected"),
    [
        (Command.SEND, "", {"empty_app_data"}),
        (Command.CONFIRM, "", set()),
        (Command.DENY, "", set()),
        (Command.CONFIRM, "17", {"short_app_data", "confirm_with_app_data"}),
        (Command.SEND, "16", {"short_app_data"}),
        (Command.SEND, "0f0101", {"reserved_type"}),
        (Command.SEND, "000101", {"reserved_type"}),
        (Command.SEND, "ff0101", {"user_type"}),
        (0, "", {"reserved_command", "empty_app_data"}),
        (127, "0101" + SYSTEM, {"reserved_command"}),
        (128, "0101" + SYSTEM, {"user_command"}),
        (Command.CONTROL, "0101" + SYSTEM, {"command_type_mismatch"}),
        (Command.RESPONSE, "0101" + SYSTEM, set()),
        (Command.SEND, "5101" + "00", {"command_type_mismatch"}),
        (Command.REQUEST, "5901" + "00", {"command_type_mismatch"}),
        (Command.CONTROL, "5901" + "00", set()),
        (Command.SEND, "0101" + "01010200" + TIME, {"state_bit0_clear"}),
        (Command.SEND, "0101" + "01010140" + TIME, {"reserved_state_bits"}),
        (Command.SEND, "0201" + PART[:14] + "0102" + PART[18:], {"reserved_state_bits"}),
        (Command.SEND, "1501" + "81" + TIME, {"reserved_state_bits"}),
        (Command.SEND, "1801" + "8001" + TIME, {"reserved_state_bits"}),
        (Command.SEND, "0101" + "01010300" + "ff" * 6, {"object_time_invalid"}),
        (Command.SEND, "1c01" + "00" * 6, {"object_time_invalid"}),
        (Command.SEND, "0301" + "01010001000100" + "06" + "e903" + TIME, {"value_out_of_range"}),
        (Command.SEND, "0301" + "01010001000100" + "06" + "e803" + TIME, set()),
        (Command.SEND, "0301" + "01010001000100" + "c8" + "ff7f" + TIME, set()),
    ],
)
def test_each_deviation_is_flagged_where_the_page_says(command: int, adu: str, expected: set[str]) -> None:
    assert decoded(adu, command).deviations == expected


def test_under_an_unknown_command_the_body_stays_raw() -> None:
    for command in (0, 7, 127, 128, 255):
        result = decoded("0101" + SYSTEM, command)
        assert (result.objects, result.body) == (None, bytes.fromhex(SYSTEM))


def test_the_frames_own_marks_are_flagged() -> None:
    octets = build_frame(
        serial=1,
        command=Command.CONFIRM,
        clock=WallClock(2025, 3, 14),
        source=bytes(6),
        destination=bytes(6),
        version=(2, 3),
    )
    assert decode(read_frame(octets)).deviations == flags("major_version_not_1")


def test_bcd_times_are_read_only_under_a_profile_that_says_so() -> None:
    bcd = PROFILES["standard"].__class__(name="bcd", title=STANDARD.title, time_bcd=True)
    adu = "0101" + "01010300" + "260915140325"
    result = decoded(adu, profile=bcd)
    assert result.objects is not None
    assert result.objects[0].occurred_at.wall_clock == WallClock(2025, 3, 14, 15, 9, 26)  # type: ignore[attr-defined]
    assert Deviation.OBJECT_TIME_INVALID in decoded("0101" + "01010300" + "999915140325").deviations


def test_every_type_of_the_standard_has_a_layout_of_the_documented_size() -> None:
    sizes = {1: 10, 2: 46, 3: 16, 4: 10, 5: 4, 7: 38, 8: 8, 21: 7, 24: 8, 25: 2, 28: 6, 61: 2, 62: 6}
    sizes |= {63: 6, 64: 9, 65: 2, 66: 2, 67: 6, 68: 2, 81: 1, 84: 7, 85: 1, 86: 1, 88: 1, 89: 1, 90: 6, 91: 1}
    assert {flag: layout.size for flag, layout in LAYOUTS.items() if flag not in (6, 26)} == sizes  # type: ignore[union-attr]
    assert set(LAYOUTS) == set(sizes) | {6, 26}
