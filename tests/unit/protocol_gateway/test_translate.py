"""Decoded objects become neutral statements; nothing a device says is dropped."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.monitoring.model import (
    AnalogSaid,
    Level,
    OperationSaid,
    PanelTextSaid,
    StateSaid,
    TextSaid,
    UnreadableSaid,
)
from protocol_gateway.gb26875.decode import decode
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.frame import build_frame, read_frame
from protocol_gateway.gb26875.layouts import ComponentAddress
from protocol_gateway.gb26875.objects import dahua, facility, gst, jk, printer, uitd
from protocol_gateway.gb26875.profiles import PROFILES
from protocol_gateway.gb26875.tables import Command
from protocol_gateway.gb26875.text import Text
from protocol_gateway.gb26875.wall_clock import NO_TIME, TimeTag, WallClock, read_time_tag
from protocol_gateway.translate import Reading, fingerprint, sent_at, statements

SHOWN = WallClock(2026, 11, 22, 12, 0, 0)
TAG = TimeTag.of(SHOWN)
NOON_IN_SHANGHAI = datetime(2026, 11, 22, 4, tzinfo=UTC)
PLACE = ComponentAddress.of_words(2, 1)
NO_TAG = read_time_tag(NO_TIME)


def reading(profile="standard", zone="Asia/Shanghai"):
    return Reading(profile=PROFILES[profile], zone=ZoneInfo(zone))


def frame(adu, *, command=Command.SEND, serial=1, source="790300000000"):
    return read_frame(
        build_frame(
            serial=serial,
            command=command,
            clock=SHOWN,
            source=bytes.fromhex(source),
            destination=bytes(6),
            adu=adu,
        )
    )


def said(type_flag: int, *things: object, profile="standard", how=None):
    how = how or reading(profile)
    one = frame(encode_adu(type_flag, things, PROFILES[profile]))
    return statements(one, decode(one, how.profile), how)


def test_a_component_state_keeps_its_whole_word_text_and_time():
    thing = facility.ComponentState(1, 2, 40, PLACE, 0x0203, Text.of("感烟", 31), TAG)
    (one,) = said(2, thing)
    assert one == StateSaid(subject=one.subject, state=0x0203, description="感烟", device_time=NOON_IN_SHANGHAI)
    assert (one.subject.level, one.subject.component_address) == (Level.COMPONENT, "02000100")


def test_device_time_is_read_on_the_units_own_wall_clock():
    (one,) = said(1, facility.SystemState(1, 1, 3, TAG), how=reading(zone="Asia/Urumqi"))
    assert one.device_time == datetime(2026, 11, 22, 6, tzinfo=UTC)


def test_a_time_that_is_no_date_is_no_time():
    (one,) = said(1, facility.SystemState(1, 1, 3, NO_TAG))
    assert one.device_time is None


@pytest.mark.parametrize(
    ("profile", "state", "is_test"),
    [
        ("standard", 0b10, False),
        ("standard", 0b11, False),
        ("dahua", 0b11, True),
        ("dahua", 0b10, False),
    ],
)
def test_bit_0_says_test_only_where_a_profile_can_read_it_and_the_fire_stays(profile, state, is_test):
    (one,) = said(1, facility.SystemState(1, 1, state, TAG), profile=profile)
    assert (one.is_test, one.state) == (is_test, state)
    assert one.state & 0b10


def test_an_analog_has_its_value_unit_and_range_from_the_table():
    (one,) = said(3, facility.AnalogValue(11, 1, 92, PLACE, 2, 123, TAG))
    assert (one.quantity, one.reading, one.value, one.measure) == (2, 123, Decimal("1.23"), "m")
    (off,) = said(3, facility.AnalogValue(11, 1, 92, PLACE, 2, -5, TAG))
    assert off.out_of_range
    assert off.value == Decimal("-0.05")


def test_an_unknown_quantity_is_kept_raw():
    (one,) = said(3, facility.AnalogValue(11, 1, 92, PLACE, 99, 123, TAG))
    assert isinstance(one, AnalogSaid)
    assert (one.value, one.measure, one.reading) == (None, "", 123)


def test_operations_of_a_facility_and_of_the_device_are_told_apart():
    (one,) = said(4, facility.FacilityOperation(1, 1, 1, 7, TAG))
    assert isinstance(one, OperationSaid)
    assert (one.subject.level, one.flags, one.operator) == (Level.SYSTEM, 1, 7)
    (other,) = said(24, uitd.UitdOperation(1 << 5, 3, TAG))
    assert (other.subject.level, other.flags) == (Level.UITD, 32)


@pytest.mark.parametrize(
    ("type_flag", "thing", "kind", "text"),
    [
        (5, facility.SoftwareVersion(1, 1, 2, 3), "software_version", "2.3"),
        (6, facility.SystemConfiguration(1, 1, Text.of("两总线")), "configuration", "两总线"),
        (7, facility.ComponentConfiguration(1, 1, 40, PLACE, Text.of("感烟", 31)), "configuration", "感烟"),
        (8, facility.SystemClock(1, 1, TAG), "clock", "2026-11-22 12:00:00"),
        (25, uitd.UitdVersion(4, 5), "software_version", "4.5"),
        (26, uitd.UitdConfiguration(Text.of("用传")), "configuration", "用传"),
        (28, uitd.UitdClock(TAG), "clock", "2026-11-22 12:00:00"),
    ],
)
def test_versions_configurations_and_clocks_are_text(type_flag, thing, kind, text):
    (one,) = said(type_flag, thing)
    assert isinstance(one, TextSaid)
    assert (one.kind, one.text) == (kind, text)


def test_restorations_of_jk_say_what_ended():
    things = [
        (134, jk.SystemStateRestored(1, 1, 2, TAG)),
        (135, jk.ComponentStateRestored(1, 1, 40, PLACE, 2, Text.of("", 31), TAG)),
        (135, jk.ComponentStateRestored(1, 1, 40, PLACE, 2, None, TAG)),
        (136, jk.UitdStateRestored(2, TAG)),
    ]
    for type_flag, thing in things:
        (one,) = said(type_flag, thing, profile="jk")
        assert (one.ended, one.state) == (True, 2)


def test_vendor_moments_are_text_with_the_vendors_name():
    (one,) = said(130, jk.DeviceMoment(TAG), profile="jk")
    assert (one.kind, one.text, one.device_time) == ("powered_on", "开机时间", NOON_IN_SHANGHAI)
    (line,) = said(200, gst.LineState(3, TAG), profile="gst")
    assert (line.kind, line.text) == ("line_state", "线路状态 3")
    (linkage,) = said(205, gst.Linkage(10, 1, 5, TAG), profile="gst")
    assert (linkage.kind, linkage.subject.system_type) == ("linkage", 10)


def test_gst_component_states_are_states():
    thing = facility.ComponentState(1, 1, 40, PLACE, 3, Text.of("感烟", 31), TAG)
    (one,) = said(204, thing, profile="gst")
    assert isinstance(one, StateSaid)


def test_a_printer_line_keeps_its_three_texts_and_kind():
    texts = [Text.of(text) for text in ("点型感烟", "三层东侧走廊", "002回路017地址首次火警")]
    (one,) = said(9, printer.PrinterLine(b"\x00\x0133", 3, *texts, TAG), profile="printer-text")
    assert isinstance(one, PanelTextSaid)
    assert (one.kind, one.device_name, one.position) == (3, "点型感烟", "三层东侧走廊")
    assert one.event.endswith("火警")
    assert one.device_time == NOON_IN_SHANGHAI


def test_dahua_wide_states_and_multiple_analogs_are_understood():
    wide = dahua.ComponentStateExtended(133, 0, 128, PLACE, 1 << 9 | 1 << 21, Text.of("末端试水", 31), TAG)
    (one,) = said(0x85, wide, profile="dahua")
    assert (one.state, one.extension_bits) == (1 << 9 | 1 << 21, True)
    pair = (dahua.Reading(128, 320), dahua.Reading(256, 7))
    analogs = said(0x86, dahua.ComponentAnalogs(128, 0, 17, PLACE, pair, TAG), profile="dahua")
    assert [(one.quantity, one.value, one.measure) for one in analogs] == [
        (128, Decimal(320), "mA"),
        (256, Decimal("0.07"), "V"),
    ]
    (signal,) = said(0x84, dahua.SystemAnalog(133, 0, 131, -71, TAG), profile="dahua")
    assert (signal.value, signal.subject.level) == (Decimal(-71), Level.SYSTEM)


def event(kind, value):
    items = (dahua.Tlv(1, kind.to_bytes(2, "little") + value.to_bytes(2, "little")),)
    return dahua.GeneralReport(136, 0, 134, PLACE, items, TAG)


@pytest.mark.parametrize(
    ("kind", "value", "state"),
    [
        (1, 0x0200, 1 << 1),
        (1, 0x0100, 1 << 4),
        (1, 0x0000, 1 << 1),
        (3, 0, 1 << 2),
        (13, 1, 1 << 8),
        (26, 0x0302, 1 << 21),
        (26, 0x0101, 1 << 20),
        (17, 0, 1 << 11),
    ],
)
def test_dahua_events_become_states(kind, value, state):
    (one,) = said(0x87, event(kind, value), profile="dahua")
    assert (one.state, one.ended) == (state, False)


def test_what_began_by_event_stays_in_the_word_until_it_ends():
    how = reading("dahua")
    (fire,) = said(0x87, event(1, 0x0200), profile="dahua", how=how)
    (fault,) = said(0x87, event(3, 0), profile="dahua", how=how)
    (well,) = said(0x87, event(4, 0), profile="dahua", how=how)
    (start,) = said(0x87, event(9, 0), profile="dahua", how=how)
    assert (fire.state, fault.state) == (1 << 1, 1 << 1 | 1 << 2)
    assert (well.state, well.ended) == (1 << 2, True)
    assert start.state == 1 << 1 | 1 << 5


def test_an_event_nobody_knows_is_text():
    (one,) = said(0x87, event(999, 5), profile="dahua")
    assert isinstance(one, TextSaid)
    assert (one.kind, one.text) == ("event", "999: 0x0005")


def test_a_body_that_gives_no_object_is_unreadable_and_its_fire_words_are_found():
    one = frame(bytes((200, 1)) + "2层手动报警".encode("gb18030"))
    (told,) = statements(one, decode(one), reading())
    assert isinstance(told, UnreadableSaid)
    assert (told.type_flag, told.body) == (200, one.adu[2:].hex())
    assert "手动报警" in told.fire_text


def test_a_down_type_sent_up_is_unreadable_not_dropped():
    one = frame(bytes((61, 1, 1, 1)))
    (told,) = statements(one, decode(one), reading())
    assert (type(told), told.type_flag, told.body) == (UnreadableSaid, 61, "0101")


def test_a_heartbeat_and_a_known_handshake_say_nothing():
    for adu, profile in ((b"", "standard"), (b"\x16", "dgiot")):
        how = reading(profile)
        one = frame(adu)
        assert statements(one, decode(one, how.profile), how) == ()
    one = frame(b"\x16")
    assert isinstance(statements(one, decode(one), reading())[0], UnreadableSaid)


def test_a_repeat_has_the_same_fingerprint_and_anything_else_another():
    adu = bytes((21, 1, 1)) + TAG.octets
    here = "790300000000"
    mark = fingerprint(frame(adu), here)
    assert fingerprint(frame(adu), here) == mark
    others = [
        frame(adu, serial=2),
        frame(adu, command=Command.RESPONSE),
        frame(bytes((21, 1, 3)) + TAG.octets),
    ]
    assert mark not in {fingerprint(one, here) for one in others}
    assert fingerprint(frame(adu), "7a0300000000") != mark
    assert fingerprint(frame(adu), here, b"after a reset") != mark


def test_the_frames_own_time_is_read_in_the_units_zone():
    assert sent_at(frame(b""), reading()) == NOON_IN_SHANGHAI


@settings(max_examples=300, deadline=None)
@given(adu=st.binary(max_size=80), profile=st.sampled_from(sorted(PROFILES)))
def test_whatever_a_device_says_is_translated_or_told_as_unreadable(adu, profile):
    how = reading(profile)
    one = frame(adu)
    decoded = decode(one, how.profile)
    told = statements(one, decoded, how)
    is_empty = decoded.objects == () or adu in how.profile.one_octet_answers
    is_without_items = bool(decoded.objects) and all(
        not getattr(thing, "items", True) or not getattr(thing, "analogs", True) for thing in decoded.objects
    )
    assert told or is_empty or is_without_items
