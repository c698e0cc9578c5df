"""Whatever a peer sends, the codec gives frames or RemoteFrameError, in bounded memory, losing nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocol_gateway.gb26875.buffer import BUFFER_LIMIT, Found, FrameBuffer, read_datagram
from protocol_gateway.gb26875.decode import decode
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.errors import RemoteFrameError
from protocol_gateway.gb26875.events import ExchangeDone, ExchangeFailed, LinkEvent, SilenceExpired
from protocol_gateway.gb26875.exchange import RESENDS
from protocol_gateway.gb26875.frame import MAX_ADU, MAX_FRAME, Frame, build_frame, read_frame
from protocol_gateway.gb26875.jsonform import as_json, decode_hex_line
from protocol_gateway.gb26875.layouts import ComponentAddress, FixedLayout, Layout
from protocol_gateway.gb26875.link import Link
from protocol_gateway.gb26875.objects import LAYOUTS, dahua, gst, jk
from protocol_gateway.gb26875.objects.facility import SystemConfiguration
from protocol_gateway.gb26875.objects.inquiries import ReadUitd
from protocol_gateway.gb26875.objects.printer import PrinterLine
from protocol_gateway.gb26875.objects.uitd import UitdConfiguration
from protocol_gateway.gb26875.profiles import PROFILES, Profile
from protocol_gateway.gb26875.silence import LinkState
from protocol_gateway.gb26875.tables import ANSWER_TYPES, Command, TypeFlag
from protocol_gateway.gb26875.text import possible_fire_text, read_text
from protocol_gateway.gb26875.wall_clock import WallClock, read_time_tag

BRIEF = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CLOCK = WallClock(2025, 3, 14, 15, 9, 26)
#: 90 s, less what adding floats may lose.
LOST_AFTER = 90.0 - 1e-6
FIXTURE = Path(__file__).resolve().parents[1] / "fixtures/gb26875/constructed.jsonl"
KNOWN = [bytes.fromhex(json.loads(line)["hex"]) for line in FIXTURE.read_text(encoding="utf-8").splitlines()]
profiles = st.sampled_from(sorted(PROFILES)).map(lambda name: PROFILES[name])
u8 = st.integers(0, 255)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame with every check right and anything at all inside."""
    command = draw(st.one_of(st.sampled_from([1, 2, 3, 4, 5, 6]), u8))
    head = bytes([draw(st.one_of(st.sampled_from(sorted(LAYOUTS)), u8)), draw(st.integers(0, 4))])
    adu = draw(st.one_of(st.binary(max_size=3), st.binary(max_size=120).map(head.__add__)))
    return build_frame(
        serial=draw(st.integers(0, 0xFFFF)),
        command=command,
        clock=CLOCK,
        source=draw(st.binary(min_size=6, max_size=6)),
        destination=draw(st.binary(min_size=6, max_size=6)),
        adu=adu,
        version=(draw(u8), draw(u8)),
    )


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A known frame with some octets changed, cut or put in."""
    octets = bytearray(draw(st.sampled_from(KNOWN)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(octets) - 1)))
        octets[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(octets)


anything = st.one_of(st.binary(max_size=200), damaged(), frames())


def split(octets: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(octets[at : at + size])
        at += size
    return [*pieces, octets[at:]]


def good(found: list[Found]) -> list[bytes]:
    return [one.octets for one in found if isinstance(one, Frame)]


@BRIEF
@given(anything)
def test_any_octets_are_a_frame_or_a_remote_frame_error(octets: bytes) -> None:
    outcome: Frame | RemoteFrameError
    try:
        outcome = read_frame(octets)
    except RemoteFrameError as error:
        outcome = error
    assert outcome.octets == octets
    json.dumps(as_json(outcome))


@settings(BRIEF, max_examples=300)
@given(frames(), profiles)
def test_no_frame_whatever_makes_decoding_fail(octets: bytes, profile: Profile) -> None:
    frame = read_frame(octets)
    decoded = decode(frame, profile)
    json.dumps(as_json(frame, decoded, profile))
    # Nothing is lost: every octet of the unit is in the objects, the rest, or the raw body.
    assert (decoded.body is None) == (decoded.objects is not None)
    if decoded.body is not None and decoded.type_flag is not None:
        assert decoded.body == frame.adu[2:]
    assert frame.adu.endswith(decoded.extra)


@BRIEF
@given(st.lists(st.one_of(frames(), damaged(), st.binary(max_size=40)), max_size=6), profiles, st.data())
def test_any_split_gives_the_same_frames(parts: list[bytes], profile: Profile, data: st.DataObject) -> None:
    octets = b"".join(parts)
    if profile.hex_text:
        octets = octets.hex().encode()
    whole = FrameBuffer(profile)
    expected = good([*whole.feed(octets, 0.0), *whole.expire(9.0)])
    buffer = FrameBuffer(profile)
    found: list[Found] = []
    for piece in split(octets, data.draw(st.lists(st.integers(1, 50), max_size=30))):
        found += buffer.feed(piece, 0.0)
        assert len(buffer) <= BUFFER_LIMIT
    assert good([*found, *buffer.expire(9.0)]) == expected
    assert buffer.discarded == whole.discarded
    if not profile.hex_text:
        assert good(read_datagram(octets, profile)) == expected


@BRIEF
@given(st.lists(anything, max_size=12), profiles, st.lists(st.floats(0.0, 3.0), min_size=12, max_size=12))
def test_a_buffer_never_fails_and_accounts_for_every_octet(
    pieces: list[bytes],
    profile: Profile,
    pauses: list[float],
) -> None:
    buffer, now, fed, framed = FrameBuffer(profile), 0.0, 0, 0
    for piece, pause in zip(pieces, pauses, strict=False):
        now += pause
        found = [*buffer.expire(now), *buffer.feed(piece, now)]
        fed += len(piece)
        framed += sum(len(one.octets) for one in found if not hasattr(one, "fault"))
        assert len(buffer) <= 2 * MAX_FRAME <= BUFFER_LIMIT
        deadline = buffer.next_deadline()
        assert deadline is None or deadline > now
    if not profile.hex_text and not profile.short_heartbeat_answer:
        heartbeats_skipped = buffer.discarded + len(buffer) + framed - fed
        assert heartbeats_skipped % 12 == 0


@BRIEF
@given(
    st.lists(frames(), min_size=1, max_size=5),
    st.binary(max_size=60),
    st.integers(0, 4),
    st.integers(0, 29),
    u8,
)
def test_after_damage_at_most_one_good_frame_is_lost(
    sent: list[bytes],
    noise: bytes,
    at: int,
    offset: int,
    octet: int,
) -> None:
    at = min(at, len(sent) - 1)
    hurt = bytearray(sent[at])
    hurt[offset] = octet
    stream = [noise, *sent[:at], bytes(hurt), *sent[at + 1 :]]
    buffer = FrameBuffer()
    found = [*buffer.feed(b"".join(stream), 0.0), *buffer.expire(9.0)]
    arrived = good(found)
    others = [octets for place, octets in enumerate(sent) if place != at]
    for octets in arrived:
        if octets in others:
            others.remove(octets)
    # The damaged frame takes nothing with it; noise in front may at most eat the frame it runs into.
    assert len(others) <= bool(noise)


marks = st.sampled_from([b"@@", b"##", b"@", b"\x00", b"\x01\x00", bytes(22), KNOWN[0][:27]])


@st.composite
def tricky_frames(draw: st.DrawFn) -> bytes:
    """A good frame whose contents look like the beginnings and ends of others."""
    body = b"".join(draw(st.lists(marks, max_size=60)))[: MAX_ADU - 2]
    adu = bytes((2, 1)) + body + b"@" * draw(st.sampled_from([0, 60, 200]))
    address = bytes(6)
    return build_frame(
        serial=draw(st.integers(0, 0xFFFF)),
        command=Command.SEND,
        clock=CLOCK,
        source=address,
        destination=address,
        adu=adu[:MAX_ADU],
    )


@settings(BRIEF, max_examples=300)
@given(tricky_frames(), st.data(), st.lists(st.integers(1, 300), max_size=12))
def test_any_damaged_frame_takes_nothing_of_the_good_frame_behind_it_and_costs_no_connection(
    hurt: bytes, data: st.DataObject, sizes: list[int]
) -> None:
    octets = bytearray(hurt)
    octets[data.draw(st.integers(0, len(hurt) - 1))] = data.draw(u8)
    if data.draw(st.booleans()):
        del octets[data.draw(st.integers(0, len(octets) - 1)) :]
    behind = build_frame(
        serial=7, command=Command.SEND, clock=CLOCK, source=bytes(6), destination=bytes(6), adu=b"\x15\x00"
    )
    buffer = FrameBuffer()
    found: list[Found] = []
    for piece in split(bytes(octets) + behind, sizes):
        found += buffer.feed(piece, 0.0)
        assert not buffer.should_close
    found += buffer.expire(9.0)
    assert behind in good(found)
    assert not buffer.should_close


def fixed_types() -> list[tuple[str, int, FixedLayout]]:
    rows: list[tuple[str, int, Layout]] = [("standard", flag, layout) for flag, layout in LAYOUTS.items()]
    for name, layouts in (("jk", jk.LAYOUTS), ("gst", gst.LAYOUTS), ("dahua", dahua.LAYOUTS)):
        rows += [(name, flag, layout) for flag, options in layouts.items() for layout in options]
    return [(name, flag, layout) for name, flag, layout in rows if isinstance(layout, FixedLayout)]


@pytest.mark.parametrize(
    ("name", "type_flag", "layout"),
    fixed_types(),
    ids=lambda value: str(value) if not isinstance(value, FixedLayout) else str(value.size),
)
@settings(BRIEF, max_examples=15)
@given(data=st.data())
def test_every_fixed_type_round_trips(
    name: str,
    type_flag: int,
    layout: FixedLayout,
    data: st.DataObject,
) -> None:
    profile = PROFILES[name]
    limit = TypeFlag(type_flag).max_objects if type_flag in LAYOUTS else (MAX_ADU - 2) // layout.size  # type: ignore[call-arg]
    count = data.draw(st.integers(1, min(limit, 8)))
    size = data.draw(st.sampled_from(sorted({layout.size, layout.untimed_size})))
    body = data.draw(st.binary(min_size=count * size, max_size=count * size))
    objects = layout.read(body, count, size)
    adu = encode_adu(type_flag, objects, profile)
    assert adu == bytes((type_flag, count)) + body
    command = next(iter(TypeFlag(type_flag).commands)) if type_flag in LAYOUTS else Command.SEND  # type: ignore[call-arg]
    octets = build_frame(serial=1, command=command, clock=CLOCK, source=bytes(6), destination=bytes(6), adu=adu)
    decoded = decode(read_frame(octets), profile)
    # A body may fit an earlier layout of the same type as well; then that one is meant.
    if layout is profile.layouts_for(type_flag)[0]:
        assert decoded.objects == objects


texts = st.binary(max_size=60).map(read_text)
tags = st.binary(min_size=6, max_size=6).map(read_time_tag)
components = st.binary(min_size=4, max_size=4).map(ComponentAddress)
readings = st.builds(dahua.Reading, st.integers(0, 0xFFFF), st.integers(-32768, 32767))
items = st.builds(dahua.Tlv, st.integers(0, 0xFFFF), st.binary(max_size=30))
WALKED = {
    ("standard", 6): st.builds(SystemConfiguration, u8, u8, texts),
    ("standard", 26): st.builds(UitdConfiguration, texts),
    ("printer-text", 9): st.builds(PrinterLine, st.binary(min_size=4, max_size=4), u8, texts, texts, texts, tags),
    ("dahua", 0x86): st.builds(
        dahua.ComponentAnalogs, u8, u8, u8, components, st.lists(readings, max_size=9).map(tuple), tags
    ),
    ("dahua", 0x87): st.builds(
        dahua.GeneralReport, u8, u8, u8, components, st.lists(items, max_size=4).map(tuple), tags
    ),
}


@pytest.mark.parametrize(("name", "type_flag"), WALKED)
@settings(BRIEF, max_examples=25)
@given(data=st.data())
def test_every_self_measuring_type_round_trips(name: str, type_flag: int, data: st.DataObject) -> None:
    limit = 1 if type_flag == TypeFlag.UITD_CONFIGURATION else 3
    objects = tuple(data.draw(st.lists(WALKED[name, type_flag], min_size=1, max_size=limit)))
    adu = encode_adu(type_flag, objects, PROFILES[name])
    octets = build_frame(serial=1, command=Command.SEND, clock=CLOCK, source=bytes(6), destination=bytes(6), adu=adu)
    assert decode(read_frame(octets), PROFILES[name]).objects == objects


@BRIEF
@given(st.binary(max_size=80))
def test_text_times_and_fires_are_read_from_anything(octets: bytes) -> None:
    assert read_text(octets).octets == octets
    possible_fire_text(octets)
    decode_hex_line(octets.decode("latin-1"))
    decode_hex_line(octets.hex(), PROFILES["hex-text"])


class Conversation(RuleBasedStateMachine):
    """A centre and a device that answers, denies, babbles or keeps silent, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.heard_at = 0.0
        self.link = Link(b"\x01" * 6, 0.0, wall_clock=lambda _: CLOCK, centre=b"\x02" * 6)
        self.sendings: dict[int, int] = {}
        self.started = self.ended = 0

    def _say(self, command: int, serial: int, adu: bytes = b"") -> None:
        octets = build_frame(
            serial=serial,
            command=command,
            clock=CLOCK,
            source=b"\x01" * 6,
            destination=b"\x02" * 6,
            adu=adu,
        )
        self.heard_at = self.now
        self._note(self.link.receive(read_frame(octets), self.now))

    def _note(self, events: list[LinkEvent]) -> None:
        ended = [event for event in events if isinstance(event, ExchangeDone | ExchangeFailed)]
        self.ended += sum(not event.exchange.is_patrol for event in ended)
        for octets in self.link.frames_to_send():
            serial = read_frame(octets).serial
            self.sendings[serial] = self.sendings.get(serial, 0) + 1
        if any(isinstance(event, SilenceExpired) for event in events):
            assert self.now - self.heard_at >= LOST_AFTER

    @precondition(lambda self: self.started - self.ended < 20)
    @rule(type_flag=st.sampled_from([81, 85, 88, 89]))
    def ask(self, type_flag: int) -> None:
        self.link.start(type_flag, [ReadUitd()], self.now)
        self.started += 1
        self._note([])

    @rule()
    def answer(self) -> None:
        pending = self.link.pending
        if pending is None:
            return
        bodies = {21: b"\x01" + CLOCK.octets, 25: b"\x01\x02", 28: CLOCK.octets}
        answer = ANSWER_TYPES.get(pending.type_flag)
        if answer is None:
            self._say(Command.CONFIRM, pending.serial)
        else:
            self._say(Command.RESPONSE, pending.serial, bytes((answer, 1)) + bodies[answer])
        assert self.link.pending != pending

    @rule(command=st.sampled_from([2, 3, 5, 6]), serial=st.integers(0, 3))
    def babble(self, command: int, serial: int) -> None:
        self._say(command, serial)

    @rule(seconds=st.floats(0.1, 120.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self._note(self.link.expire(self.now))

    @rule()
    def wait_for_the_next_deadline(self) -> None:
        deadline = self.link.next_deadline()
        assert deadline is not None
        self.now = max(self.now, deadline)
        self._note(self.link.expire(self.now))
        again = self.link.next_deadline()
        assert again is not None
        assert again > self.now

    @invariant()
    def nothing_is_sent_more_than_four_times(self) -> None:
        assert max(self.sendings.values(), default=0) <= 1 + RESENDS

    @invariant()
    def an_exchange_ends_once(self) -> None:
        assert 0 <= self.ended <= self.started

    @invariant()
    def a_device_is_lost_only_after_long_silence(self) -> None:
        if self.link.state is LinkState.LOST:
            assert self.now - self.heard_at >= LOST_AFTER


Conversation.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestConversation = Conversation.TestCase
