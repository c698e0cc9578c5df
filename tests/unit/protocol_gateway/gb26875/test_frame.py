"""Frames: read, refused with the answer owed, built, answered."""

import pytest

from protocol_gateway.gb26875.errors import Fault, LocalProtocolError, RemoteFrameError
from protocol_gateway.gb26875.frame import (
    MAX_ADU,
    Frame,
    answer_to,
    build_frame,
    checksum,
    read_frame,
    read_header,
)
from protocol_gateway.gb26875.tables import Command
from protocol_gateway.gb26875.wall_clock import WallClock

CLOCK = WallClock(2025, 3, 14, 15, 9, 26)
DEVICE = bytes.fromhex("790300000000")
CENTRE = bytes.fromhex("385b01000000")


def frame_octets(adu: bytes = b"\x15\x01\x01" + CLOCK.octets, **changes: object) -> bytes:
    fields: dict[str, object] = {
        "serial": 7,
        "command": Command.SEND,
        "clock": CLOCK,
        "source": DEVICE,
        "destination": CENTRE,
        "adu": adu,
    }
    return build_frame(**(fields | changes))  # type: ignore[arg-type]


def fault_of(octets: bytes) -> RemoteFrameError:
    with pytest.raises(RemoteFrameError) as caught:
        read_frame(octets)
    assert caught.value.octets == octets
    return caught.value


def test_a_built_frame_reads_back_field_by_field() -> None:
    octets = frame_octets(version=(2, 3))
    frame = read_frame(octets)
    assert (frame.serial, frame.version, frame.command) == (7, (2, 3), Command.SEND)
    assert (frame.source, frame.destination, frame.octets) == (DEVICE, CENTRE, octets)
    assert frame.sent_at == CLOCK
    assert frame.address == "790300000000"
    assert frame.type_flag == 21
    assert frame.checksum == checksum(octets[2:-3])


@pytest.mark.parametrize(
    "changes",
    [
        {"adu": bytes(MAX_ADU + 1)},
        {"source": b"\x01"},
        {"destination": bytes(7)},
        {"serial": 0x10000},
        {"serial": -1},
        {"command": 256},
        {"version": (1, 256)},
    ],
)
def test_what_does_not_fit_a_frame_is_our_own_error(changes: dict[str, object]) -> None:
    with pytest.raises(LocalProtocolError):
        frame_octets(**changes)  # type: ignore[arg-type]


def test_a_year_before_2000_has_no_time_tag() -> None:
    with pytest.raises(ValueError, match="1999"):
        frame_octets(clock=WallClock(1999, 12, 31))


def test_a_wrong_checksum_is_denied_but_a_wrong_mark_is_not() -> None:
    octets = frame_octets()
    broken = octets[:-3] + bytes((octets[-3] ^ 1,)) + octets[-2:]
    assert (fault_of(broken).fault, fault_of(broken).answer) == (Fault.CHECKSUM, Command.DENY)
    for bad, fault in ((b"@A" + octets[2:], Fault.START), (octets[:-1] + b"$", Fault.END)):
        assert (fault_of(bad).fault, fault_of(bad).answer) == (fault, None)


def test_a_wrong_length_is_denied_only_when_the_rest_of_the_header_is_plausible() -> None:
    octets = bytearray(frame_octets())
    octets[24:26] = (1025).to_bytes(2, "little")
    assert fault_of(bytes(octets)).fault is Fault.LENGTH
    assert fault_of(bytes(octets)).answer is Command.DENY
    for at, value in ((4, 0), (4, 17), (26, 0), (26, 7)):
        implausible = bytearray(octets)
        implausible[at] = value
        assert fault_of(bytes(implausible)).answer is None


def test_every_shorter_piece_of_a_frame_is_truncated() -> None:
    octets = frame_octets()
    assert {fault_of(octets[:size]).fault for size in range(2, len(octets))} == {Fault.TRUNCATED}
    assert fault_of(b"").fault is Fault.START
    assert fault_of(octets + b"\x00").fault is Fault.TRAILING


def test_the_vendors_twelve_octet_heartbeat_is_no_frame() -> None:
    heartbeat = bytes.fromhex("4040 0725518012ff 0488 2323")
    assert (fault_of(heartbeat).fault, fault_of(heartbeat).answer) == (Fault.SHORT_HEARTBEAT, None)


def test_an_answer_copies_serial_and_version_and_swaps_the_addresses() -> None:
    request = read_frame(frame_octets(serial=513, version=(16, 9)))
    answer = read_frame(answer_to(request, clock=WallClock(2030, 1, 2)))
    assert (answer.serial, answer.version, answer.command) == (513, (16, 9), Command.CONFIRM)
    assert (answer.source, answer.destination) == (CENTRE, DEVICE)
    assert answer.adu == b""
    assert answer.sent_at == WallClock(2030, 1, 2)


@pytest.mark.parametrize("nobody", [bytes(6), b"\xff" * 6])
def test_a_device_that_addresses_nobody_is_answered_by_the_centre(nobody: bytes) -> None:
    request = read_frame(frame_octets(destination=nobody))
    named = read_frame(answer_to(request, Command.DENY, clock=CLOCK, centre=CENTRE))
    copied = read_frame(answer_to(request, clock=CLOCK, centre=CENTRE, copies_destination=True))
    assert (named.source, named.command) == (CENTRE, Command.DENY)
    assert copied.source == nobody


def test_an_answer_may_carry_an_adu_and_the_requests_own_time() -> None:
    request = read_frame(frame_octets(clock=WallClock(2001, 1, 1)))
    answer = read_frame(answer_to(request, clock=CLOCK, adu=b"\x17", copies_time=True))
    assert (answer.adu, answer.sent_at) == (b"\x17", WallClock(2001, 1, 1))


def test_a_damaged_frame_still_shows_whom_to_answer() -> None:
    octets = frame_octets()
    header = read_header(octets[:30])
    assert isinstance(header, Frame)
    assert (header.serial, header.source, header.adu) == (7, DEVICE, b"")
    assert read_header(octets[:26]) is None
    assert read_header(b"@A" + octets[2:]) is None


def test_an_address_of_all_zeros_or_all_ones_is_anonymous() -> None:
    assert read_frame(frame_octets(source=bytes(6))).is_anonymous
    assert read_frame(frame_octets(source=b"\xff" * 6)).is_anonymous
    assert not read_frame(frame_octets()).is_anonymous
