"""FrameBuffer: where frames begin and end, what is given up and when (section 9)."""

import pytest

from protocol_gateway.gb26875.buffer import (
    BUFFER_LIMIT,
    GARBAGE_LIMIT,
    HOLD,
    HOLD_TOTAL,
    BadOctets,
    Found,
    FrameBuffer,
    ShortHeartbeat,
    read_datagram,
)
from protocol_gateway.gb26875.errors import Fault
from protocol_gateway.gb26875.frame import MAX_FRAME, Frame, build_frame
from protocol_gateway.gb26875.profiles import PROFILES
from protocol_gateway.gb26875.tables import Command
from protocol_gateway.gb26875.wall_clock import WallClock

HEARTBEAT = bytes.fromhex("4040 0725518012ff 0488 2323")


def good(serial: int, adu: bytes = b"\x15\x01\x01\x1a\x09\x0f\x0e\x03\x19") -> bytes:
    return build_frame(
        serial=serial,
        command=Command.SEND,
        clock=WallClock(2025, 3, 14),
        source=bytes.fromhex("790300000000"),
        destination=bytes(6),
        adu=adu,
    )


def frames(found: list[Found]) -> list[bytes]:
    return [one.octets for one in found if isinstance(one, Frame)]


def faults(found: list[Found]) -> list[Fault]:
    return [one.fault for one in found if isinstance(one, BadOctets)]


def assert_reads(octets: bytes, expected: list[bytes]) -> None:
    """The same frames, fed whole, one octet at a time, and followed by the next frame's start."""
    single = [octets[at : at + 1] for at in range(len(octets))]
    for pieces in ([octets], single, [octets + b"@@"]):
        buffer = FrameBuffer()
        assert frames([one for piece in pieces for one in buffer.feed(piece, 0.0)]) == expected


def test_frames_come_out_whole_however_they_arrive() -> None:
    assert_reads(good(1) + good(2) + b"noise" + good(3), [good(1), good(2), good(3)])


def test_marks_inside_a_frame_do_not_split_it() -> None:
    tricky = good(4, b"\x02\x01@@##@@##\x40")
    assert_reads(tricky + tricky, [tricky, tricky])


def test_a_frame_behind_a_bad_one_survives_and_the_bad_one_is_reported_whole() -> None:
    broken = bytearray(good(1))
    broken[30] ^= 4
    found = FrameBuffer().feed(bytes(broken) + good(2), 0.0)
    assert frames(found) == [good(2)]
    bad = found[0]
    assert isinstance(bad, BadOctets)
    assert (bad.fault, bad.octets, bad.answer, bad.discarded) == (
        Fault.CHECKSUM,
        bytes(broken),
        Command.DENY,
        1,
    )
    assert bad.header is not None
    assert bad.header.serial == 1


def test_a_false_start_holds_a_frame_back_no_longer_than_the_hold_time() -> None:
    false_start = b"@@" + bytes(22) + b"\x00\x04\x02"
    buffer = FrameBuffer()
    assert buffer.feed(false_start + good(1), 10.0) == []
    assert buffer.next_deadline() == 10.0 + HOLD
    assert buffer.expire(10.4) == []
    assert frames(buffer.expire(10.0 + HOLD)) == [good(1)]
    assert buffer.next_deadline() is None


def test_one_supposed_frame_never_waits_longer_than_its_total_hold() -> None:
    buffer = FrameBuffer()
    octets = b"@@" + bytes(22) + b"\x00\x04\x02"
    for at, octet in enumerate(octets):
        assert buffer.feed(bytes((octet,)), at * 0.07) == []
    buffer.feed(b"\x00", HOLD_TOTAL - 0.1)
    assert buffer.next_deadline() == HOLD_TOTAL
    assert Fault.INCOMPLETE in faults(buffer.expire(HOLD_TOTAL))


def test_a_lone_start_octet_at_the_end_waits_and_is_garbage_in_the_end() -> None:
    buffer = FrameBuffer()
    assert faults(buffer.feed(b"xx@", 0.0)) == [Fault.GARBAGE]
    assert len(buffer) == 1
    found = buffer.expire(1.0)
    assert faults(found) == [Fault.GARBAGE]
    assert buffer.discarded == 3


def test_what_is_kept_stays_within_its_bound() -> None:
    buffer = FrameBuffer()
    claim = b"@@" + bytes(22) + b"\x00\x04\x02"
    for _ in range(300):
        buffer.feed(claim, 0.0)
        assert len(buffer) < MAX_FRAME < BUFFER_LIMIT


def test_a_peer_of_nothing_but_garbage_is_to_be_closed() -> None:
    buffer = FrameBuffer()
    buffer.feed(bytes(GARBAGE_LIMIT - 1), 0.0)
    assert not buffer.should_close
    buffer.feed(b"\x00", 0.0)
    assert buffer.should_close


def test_twenty_bad_frames_in_a_row_close_and_one_good_frame_forgives() -> None:
    broken = good(1)[:-2] + b"#$"
    buffer = FrameBuffer()
    for _ in range(19):
        buffer.feed(broken, 0.0)
    assert not buffer.should_close
    buffer.feed(good(2), 0.0)
    assert (buffer.bad_in_a_row, buffer.garbage) == (0, 0)
    for _ in range(20):
        buffer.feed(broken, 0.0)
    assert buffer.should_close


def test_a_flood_of_false_starts_costs_a_few_reports_not_thousands() -> None:
    buffer = FrameBuffer()
    found = buffer.feed(b"@" * 60_000, 0.0)
    assert len(found) < 10
    assert buffer.discarded == 60_000
    assert buffer.should_close


def test_a_bad_frame_full_of_start_marks_is_one_bad_frame() -> None:
    for offset in (5, 24, 25, 40, -3, -1):
        broken = bytearray(good(1, b"\x02\x01" + b"@" * 60))
        broken[offset] ^= 2
        buffer = FrameBuffer()
        found = buffer.feed(bytes(broken), 0.0)
        assert buffer.bad_in_a_row <= 2
        assert frames([*found, *buffer.feed(good(2), 0.1), *buffer.expire(9.0)]) == [good(2)]


def test_a_bad_frame_behind_one_of_doubtful_length_is_told_of_too() -> None:
    broken_length, broken_sum = bytearray(good(1)), bytearray(good(2))
    broken_length[25] = 0x55
    broken_sum[30] ^= 4
    found = FrameBuffer().feed(bytes(broken_length) + bytes(broken_sum) + good(3), 0.0)
    assert [fault for fault in faults(found) if fault is not Fault.GARBAGE] == [Fault.LENGTH, Fault.CHECKSUM]
    assert frames(found) == [good(3)]


def test_a_fire_behind_twenty_bad_frames_in_one_read_is_not_lost() -> None:
    buffer = FrameBuffer()
    found = buffer.feed((good(1)[:-2] + b"#$") * 25 + good(2), 0.0)
    assert frames(found) == [good(2)]
    assert len([one for one in found if isinstance(one, BadOctets)]) <= 2 * 20 + 1


def test_the_short_heartbeat_is_answered_only_by_a_profile_that_knows_it() -> None:
    plain, knowing = FrameBuffer(), FrameBuffer(PROFILES["printer-text"])
    for octets in (HEARTBEAT[:11], HEARTBEAT[11:] + good(1)):
        skipped, answered = plain.feed(octets, 0.0), knowing.feed(octets, 0.0)
    assert skipped == [ShortHeartbeat(HEARTBEAT, b""), *skipped[1:]]
    assert (plain.discarded, knowing.discarded) == (12, 0)
    beat = answered[0]
    assert isinstance(beat, ShortHeartbeat)
    assert beat.answer == bytes.fromhex("4040 0000000000000000 2323")
    assert beat.source.hex() == "0725518012ff"
    assert frames(answered) == [good(1)]


def test_a_datagram_is_read_alone_and_nothing_is_kept() -> None:
    found = read_datagram(good(1) + good(2)[:-1])
    assert frames(found) == [good(1)]
    assert Fault.INCOMPLETE in faults(found)


@pytest.mark.parametrize("noise", [b"", b"4", b"zz", b"40 ", b"\r\n"])
def test_hex_text_finds_its_frames_at_either_alignment(noise: bytes) -> None:
    text = noise + good(1).hex().encode() + b"\r\n" + good(2).hex().upper().encode()
    for size in (1, 7, 4096):
        buffer = FrameBuffer(PROFILES["hex-text"])
        found: list[Found] = []
        for at in range(0, len(text), size):
            found += buffer.feed(text[at : at + size], 0.0)
        assert frames(found) == [good(1), good(2)]


def test_hex_text_broken_off_by_a_foreign_character_does_not_hold_the_next_frame() -> None:
    buffer = FrameBuffer(PROFILES["hex-text"])
    found = buffer.feed(good(1).hex()[:40].encode() + b"*!" + good(2).hex().encode(), 0.0)
    assert frames(found) == [good(2)]
    assert Fault.END in faults(found)
