"""What vendors do otherwise, and what each frame is owed (sections 11 and 13.1)."""

import pytest

from protocol_gateway.gb26875.answers import Answer, answer_owed, build_answer
from protocol_gateway.gb26875.decode import Decoded, decode
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.errors import LocalProtocolError
from protocol_gateway.gb26875.frame import Frame, build_frame, read_frame
from protocol_gateway.gb26875.layouts import ComponentAddress, WireObject
from protocol_gateway.gb26875.objects.dahua import (
    ComponentAnalogs,
    GeneralReport,
    Reading,
    Registration,
    RemoteMute,
    Tlv,
)
from protocol_gateway.gb26875.objects.facility import ComponentState, SystemConfiguration, SystemState
from protocol_gateway.gb26875.objects.gst import LineState, Linkage
from protocol_gateway.gb26875.objects.inquiries import DutyCheckCall, ReadUitd
from protocol_gateway.gb26875.objects.jk import (
    ComponentStateRestored,
    DeviceMoment,
    SystemStateRestored,
    SystemSwitched,
    UitdStateRestored,
)
from protocol_gateway.gb26875.objects.printer import PrinterLine
from protocol_gateway.gb26875.objects.uitd import UitdVersion
from protocol_gateway.gb26875.profiles import PROFILES, STANDARD, Profile
from protocol_gateway.gb26875.tables import Command, TypeFlag
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock

CLOCK = WallClock(2025, 3, 14, 15, 9, 26)
NOW = TimeTag.of(CLOCK)
PLACE = ComponentAddress.of_words(10, 2)
CENTRE = bytes.fromhex("385b01000000")


def frame(adu: bytes = b"", command: int = Command.SEND, destination: bytes = b"\x09" * 6) -> Frame:
    return read_frame(
        build_frame(
            serial=9,
            command=command,
            clock=WallClock(2001, 1, 1),
            source=b"\x01" * 6,
            destination=destination,
            adu=adu,
        ),
    )


def decoded(adu: bytes, profile: Profile, command: int = Command.SEND) -> Decoded:
    return decode(frame(adu, command), profile)


@pytest.mark.parametrize(
    ("profile", "type_flag", "thing"),
    [
        ("jk", 128, DeviceMoment(NOW)),
        ("jk", 132, SystemSwitched(1, 2, NOW)),
        ("jk", 134, SystemStateRestored(1, 1, 0x0102, NOW)),
        ("jk", 135, ComponentStateRestored(1, 1, 40, PLACE, 2, Text.of("三层", 31), NOW)),
        ("jk", 135, ComponentStateRestored(1, 1, 40, PLACE, 2, None, NOW)),
        ("jk", 136, UitdStateRestored(8, NOW)),
        ("gst", 200, LineState(3, NOW)),
        ("gst", 204, ComponentState(1, 1, 40, PLACE, 3, Text.of("一层", 31), NOW)),
        ("gst", 205, Linkage(1, 1, 0x2001, NOW)),
        ("printer-text", 9, PrinterLine(b"\0\x0033", 3, Text.of("感烟"), Text.of(""), Text.of("火警"), NOW)),
        ("dahua", 0x86, ComponentAnalogs(133, 0, 131, PLACE, (Reading(266, 80), Reading(131, -71)), NOW)),
        ("dahua", 0x87, GeneralReport(133, 0, 131, PLACE, (Tlv(1, b"\x1a\0\x01\x04"), Tlv(5, b"")), NOW)),
        ("dahua", 0xF9, RemoteMute(133, 0, 131, PLACE, 600)),
    ],
)
def test_a_profiles_extension_types_are_written_and_read(
    profile: str,
    type_flag: int,
    thing: WireObject,
) -> None:
    adu = encode_adu(type_flag, (thing, thing), PROFILES[profile])
    result = decoded(adu, PROFILES[profile])
    assert result.objects == (thing, thing)
    assert decoded(adu, STANDARD).objects is None


def test_jk_restorations_are_no_states() -> None:
    adu = encode_adu(135, (ComponentStateRestored(1, 1, 40, PLACE, 2, None, NOW),), PROFILES["jk"])
    assert len(adu) == 2 + 15
    result = decoded(adu, PROFILES["jk"])
    assert not any(isinstance(thing, ComponentState) for thing in result.objects or ())


def test_dahua_items_of_kind_1_are_events() -> None:
    assert Tlv(1, b"\x1a\x00\x01\x04").event == (26, 0x0401)
    assert Tlv(1, b"\x1a").event is None
    assert Tlv(2, b"\x1a\x00\x01\x04").event is None


@pytest.mark.parametrize("damage", [b"", b"\x01" * 8, b"\x85\x00\x83" + bytes(4) + b"\xff\xff" + bytes(6)])
@pytest.mark.parametrize("type_flag", [0x86, 0x87])
def test_a_dahua_body_that_runs_past_its_end_stays_raw(type_flag: int, damage: bytes) -> None:
    assert decoded(bytes((type_flag, 1)) + damage, PROFILES["dahua"]).objects is None


def test_dahua_registers_under_command_0() -> None:
    body = bytearray(110)
    body[26:36] = b"5H0B12PAJ8"
    result = decoded(b"\x00\x01" + bytes(body), PROFILES["dahua"], command=0)
    assert result.objects is not None
    registration = result.objects[0]
    assert isinstance(registration, Registration)
    assert len(body) == 110
    assert decoded(b"\x00\x01" + bytes(body), STANDARD, command=0).objects is None


@pytest.mark.parametrize(
    ("profile", "command", "adu", "owed"),
    [
        ("standard", Command.SEND, "", Answer.CONFIRM),
        ("standard", Command.SEND, "c80101", Answer.CONFIRM),
        ("standard", Command.SEND, "0f0101", Answer.CONFIRM),
        ("standard", Command.SEND, "010101", Answer.CONFIRM),
        ("standard", Command.CONFIRM, "", Answer.NONE),
        ("standard", Command.RESPONSE, "1501011a090f0e0319", Answer.NONE),
        ("standard", Command.DENY, "", Answer.NONE),
        ("standard", Command.REQUEST, "510100", Answer.DENY),
        ("standard", Command.CONTROL, "1501011a090f0e0319", Answer.CONFIRM),
        ("standard", Command.CONTROL, "5a011a090f0e0319", Answer.DENY),
        ("standard", Command.CONTROL, "590100", Answer.DENY),
        ("standard", 0, "", Answer.DENY),
        ("standard", 7, "", Answer.DENY),
        ("standard", 50, "0101", Answer.DENY),
        ("standard", 130, "01", Answer.DENY),
        ("dahua", 0, "0001" + "00" * 110, Answer.CONFIRM),
        ("dahua", 7, "", Answer.CONFIRM),
        ("dahua", 0x81, "", Answer.CONFIRM),
        ("dahua", 130, "", Answer.DENY),
        ("dahua", Command.CONTROL, "5a011a090f0e0319", Answer.CLOCK),
        ("jk", 7, "", Answer.DENY),
    ],
)
def test_each_frame_is_owed_what_the_table_says(profile: str, command: int, adu: str, owed: Answer) -> None:
    assert answer_owed(frame(bytes.fromhex(adu), command), PROFILES[profile]) is owed


def test_user_commands_are_confirmed_where_the_profile_says_so() -> None:
    willing = Profile(name="willing", title=STANDARD.title, confirm_user_commands=True)
    assert answer_owed(frame(command=200), willing) is Answer.CONFIRM
    assert answer_owed(frame(command=50), willing) is Answer.DENY


def test_a_clock_request_is_answered_with_command_1_type_90_and_our_time() -> None:
    request = frame(b"\x5a\x01" + WallClock(2001, 1, 1).octets, Command.CONTROL)
    octets = build_answer(request, Answer.CLOCK, clock=CLOCK, centre=CENTRE, profile=PROFILES["dahua"])
    answer = read_frame(octets)
    assert (answer.command, answer.serial) == (Command.CONTROL, 9)
    assert answer.adu == b"\x5a\x01" + CLOCK.octets


def test_the_one_octet_handshake_gets_its_own_confirm() -> None:
    octets = build_answer(frame(b"\x16"), Answer.CONFIRM, clock=CLOCK, centre=CENTRE, profile=PROFILES["dgiot"])
    assert read_frame(octets).adu == b"\x17"
    plain = build_answer(frame(b"\x16"), Answer.CONFIRM, clock=CLOCK, centre=CENTRE)
    assert read_frame(plain).adu == b""
    assert build_answer(frame(), Answer.NONE, clock=CLOCK, centre=CENTRE) == b""


def test_addresses_are_printed_as_the_vendor_does() -> None:
    number = bytes.fromhex("790300000000")
    assert STANDARD.address_text(number) == "889"
    assert PROFILES["hikvision"].address_text(bytes.fromhex("f6380c000000")) == "F6380C000000"
    assert PROFILES["dgiot"].address_text(bytes.fromhex("c0a801046d1d")) == "192.168.1.4:27933"
    assert STANDARD.component_address_text(PLACE) == "10-2"
    assert (PLACE.hex, PLACE.int, PLACE.words) == ("0a000200", 131082, (10, 2))
    assert ComponentAddress.of_int(131082) == PLACE
    assert ComponentAddress(b"\xff" * 4).is_unset
    assert not PLACE.is_unset


def test_the_needed_profiles_exist_and_differ_only_as_data() -> None:
    assert {"standard", "jk", "dahua", "hikvision", "printer-text", "gst"} <= set(PROFILES)
    assert {name: profile.name for name, profile in PROFILES.items()} == {name: name for name in PROFILES}
    assert (STANDARD.bit0_when_normal, PROFILES["dahua"].bit0_when_normal) == (1, 0)
    assert (PROFILES["hex-text"].to_wire(b"@@\xab"), STANDARD.to_wire(b"@@")) == (b"4040AB", b"@@")


@pytest.mark.parametrize(
    ("type_flag", "objects"),
    [
        (TypeFlag.SYSTEM_STATE, ()),
        (TypeFlag.SYSTEM_STATE, (SystemState(1, 1, 1, NOW),) * 103),
        (TypeFlag.SYSTEM_STATE, (ReadUitd(),)),
        (TypeFlag.SYSTEM_STATE, (SystemState(256, 1, 1, NOW),)),
        (TypeFlag.SYSTEM_STATE, (SystemState(1, 1, 1, TimeTag(b"\0", None)),)),
        (TypeFlag.COMPONENT_STATE, (ComponentState(1, 1, 40, PLACE, 1, Text(bytes(32), ""), NOW),)),
        (TypeFlag.COMPONENT_STATE, (ComponentState(1, 1, 40, ComponentAddress(b"\1"), 1, Text.of(""), NOW),)),
        (TypeFlag.SYSTEM_CONFIGURATION, (SystemConfiguration(1, 1, Text(bytes(256), "")),)),
        (TypeFlag.SYSTEM_CONFIGURATION, (SystemConfiguration(1, -1, Text.of("")),)),
        (TypeFlag.DUTY_CHECK, (DutyCheckCall(256),)),
        (15, (ReadUitd(),)),
        (200, (LineState(1, NOW),)),
    ],
)
def test_what_the_standard_cannot_carry_is_our_own_error(
    type_flag: int,
    objects: tuple[WireObject, ...],
) -> None:
    with pytest.raises(LocalProtocolError):
        encode_adu(type_flag, objects)


def test_objects_without_a_time_are_written_without_one() -> None:
    assert encode_adu(1, (SystemState(1, 1, 3),)) == bytes.fromhex("010101010300")
    assert encode_adu(25, (UitdVersion(2, 5),)) == bytes.fromhex("19010205")
    assert encode_adu(25, (UitdVersion(2, 5, NOW),)) == bytes.fromhex("190102051a090f0e0319")


def test_a_short_description_is_padded_with_nul() -> None:
    thing = ComponentState(1, 1, 40, PLACE, 1, Text.of("烟感"), NOW)
    assert encode_adu(2, (thing,))[2 + 9 : 2 + 40] == "烟感".encode("gb18030").ljust(31, b"\0")
