"""Link: confirmations owed, exchanges, repeats, silence. A test of 100 s takes microseconds."""

from collections.abc import Sequence

import pytest

from protocol_gateway.gb26875.answers import Answer
from protocol_gateway.gb26875.buffer import FrameBuffer, ShortHeartbeat
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.errors import LocalProtocolError
from protocol_gateway.gb26875.events import (
    Alive,
    ConfirmOwed,
    DenyOwed,
    ExchangeDone,
    ExchangeFailed,
    FailureReason,
    FrameReceived,
    HeartbeatReceived,
    LinkEvent,
    ResendDue,
    SilenceExpired,
)
from protocol_gateway.gb26875.exchange import QUEUE_LIMIT
from protocol_gateway.gb26875.frame import Frame, build_frame, read_frame
from protocol_gateway.gb26875.layouts import WireObject
from protocol_gateway.gb26875.link import Link
from protocol_gateway.gb26875.objects.facility import FacilityOperation, SystemState
from protocol_gateway.gb26875.objects.inquiries import DutyCheckCall, ReadUitd, SynchroniseClock
from protocol_gateway.gb26875.objects.uitd import UitdState, UitdVersion
from protocol_gateway.gb26875.profiles import PROFILES, STANDARD, Profile
from protocol_gateway.gb26875.repeats import REMEMBERED_FRAMES, Repeats
from protocol_gateway.gb26875.silence import LINK_TRANSITIONS, LinkState
from protocol_gateway.gb26875.tables import Command, TypeFlag
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock

DEVICE = bytes.fromhex("790300000000")
CENTRE = bytes.fromhex("385b01000000")
CLOCK = WallClock(2025, 3, 14, 15, 9, 26)


def clock_at(now: float) -> WallClock:
    return WallClock(2025, 3, 14, int(now) // 3600 % 24, int(now) // 60 % 60, int(now) % 60)


def link(profile: Profile = STANDARD, *, watched: bool = False, serial: int = 0) -> Link:
    if watched:
        return Link(DEVICE, 0.0, wall_clock=clock_at, centre=CENTRE, profile=profile, serial=serial)
    return Link(DEVICE, 0.0, wall_clock=clock_at, centre=CENTRE, profile=profile, patrol=None, serial=serial)


def from_device(
    type_flag: int | None = None,
    objects: Sequence[WireObject] = (),
    command: int = Command.SEND,
    serial: int = 5,
    version: tuple[int, int] = (1, 1),
) -> Frame:
    return read_frame(
        build_frame(
            serial=serial,
            command=command,
            clock=CLOCK,
            source=DEVICE,
            destination=CENTRE,
            adu=b"" if type_flag is None else encode_adu(type_flag, objects),
            version=version,
        ),
    )


def kinds(events: Sequence[LinkEvent]) -> list[type[LinkEvent]]:
    return [type(event) for event in events]


def sent(one: Link) -> list[Frame]:
    return [read_frame(octets) for octets in one.frames_to_send()]


FIRE = from_device(1, [SystemState(1, 1, 3, TimeTag.of(CLOCK))])
RESET = from_device(4, [FacilityOperation(1, 1, 1, 0, TimeTag.of(CLOCK))], serial=6)
STATE = UitdState(1, TimeTag.of(CLOCK))


def test_a_report_is_confirmed_only_when_the_caller_says_it_is_durable() -> None:
    one = link()
    events = one.receive(FIRE, 1.0)
    assert kinds(events) == [Alive, FrameReceived, ConfirmOwed]
    assert one.frames_to_send() == []
    one.confirm(FIRE, 1.2)
    (answer,) = sent(one)
    assert (answer.command, answer.serial, answer.destination) == (Command.CONFIRM, 5, DEVICE)
    assert answer.source == CENTRE
    assert one.frames_to_send() == []


def test_a_bad_frame_is_denied_at_most_once_a_second() -> None:
    one = link()
    broken = bytearray(FIRE.octets)
    broken[-3] ^= 1
    (bad,) = FrameBuffer().feed(bytes(broken), 0.0)[:1]
    (owed,) = one.receive(bad, 1.0)
    assert isinstance(owed, DenyOwed)
    assert one.deny(owed.frame, 1.0)
    assert not one.deny(owed.frame, 1.9)
    assert one.deny(owed.frame, 2.0)
    assert [frame.command for frame in sent(one)] == [Command.DENY] * 2
    assert one.state is LinkState.SILENT


def test_garbage_owes_nothing() -> None:
    one = link()
    assert [one.receive(bad, 0.0) for bad in FrameBuffer().feed(b"noise", 0.0)] == [[]]


def test_a_devices_question_is_denied_and_never_confirmed() -> None:
    one = link()
    question = from_device(81, [ReadUitd()], Command.REQUEST)
    assert kinds(one.receive(question, 0.0)) == [Alive, FrameReceived, DenyOwed]
    one.confirm(question, 0.0)
    assert one.frames_to_send() == []


def test_a_dahua_clock_request_is_answered_in_kind() -> None:
    one = link(PROFILES["dahua"])
    request = from_device(90, [SynchroniseClock(TimeTag.of(CLOCK))], Command.CONTROL)
    owed = one.receive(request, 0.0)[-1]
    assert isinstance(owed, ConfirmOwed)
    assert owed.answer is Answer.CLOCK
    one.confirm(owed.frame, 61.0)
    (answer,) = sent(one)
    assert answer.adu == b"\x5a\x01" + clock_at(61.0).octets


def test_a_short_heartbeat_is_a_sign_of_life_and_gets_its_own_answer() -> None:
    one = link(PROFILES["printer-text"])
    (beat,) = FrameBuffer(one.profile).feed(bytes.fromhex("4040 0725518012ff 0488 2323"), 0.0)
    assert kinds(one.receive(beat, 0.0)) == [Alive, HeartbeatReceived]
    assert isinstance(beat, ShortHeartbeat)
    one.confirm(beat, 0.0)
    assert one.octets_to_send() == bytes.fromhex("4040 0000000000000000 2323")


def test_a_repeat_is_told_within_130_seconds_and_confirmed_again() -> None:
    one = link()
    seen: list[bool] = []
    for now in (0.0, 10.0, 140.0, 270.1):
        received = next(e for e in one.receive(FIRE, now) if isinstance(e, FrameReceived))
        seen.append(received.is_repeat)
        one.confirm(FIRE, now)
    assert seen == [False, True, True, False]
    assert len(one.frames_to_send()) == 4


def test_a_reset_in_between_makes_the_same_words_a_new_event() -> None:
    one = link()
    repeats = [
        event.is_repeat
        for now, frame in enumerate((FIRE, FIRE, RESET, FIRE, RESET, FIRE))
        for event in one.receive(frame, float(now))
        if isinstance(event, FrameReceived)
    ]
    assert repeats == [False, True, False, False, True, True]


def test_another_serial_source_or_command_is_no_repeat() -> None:
    one = link()
    others = (
        FIRE,
        from_device(1, [SystemState(1, 1, 3, TimeTag.of(CLOCK))], serial=6),
        from_device(1, [SystemState(1, 1, 3, TimeTag.of(CLOCK))], Command.RESPONSE),
        from_device(1, [SystemState(1, 1, 5, TimeTag.of(CLOCK))]),
    )
    events = [event for frame in others for event in one.receive(frame, 0.0)]
    assert not any(event.is_repeat for event in events if isinstance(event, FrameReceived))


def test_what_is_remembered_of_repeats_is_bounded() -> None:
    one = link()
    for serial in range(REMEMBERED_FRAMES * 2):
        one.receive(from_device(serial=serial), 0.0)
    assert len(one._repeats) == REMEMBERED_FRAMES
    assert len(Repeats()) == 0


def test_a_request_is_done_when_its_type_comes_back_under_its_serial() -> None:
    one = link(serial=65535)
    exchange = one.start(TypeFlag.READ_UITD_VERSION, [ReadUitd()], 0.0)
    (request,) = sent(one)
    assert (request.command, request.serial, request.adu) == (Command.REQUEST, 0, b"\x55\x01\x00")
    assert (request.source, request.destination) == (CENTRE, DEVICE)
    other = from_device(21, [STATE], Command.RESPONSE, serial=0)
    stranger = from_device(25, [UitdVersion(1, 2)], Command.RESPONSE, serial=9)
    for frame in (other, stranger):
        assert ExchangeDone not in kinds(one.receive(frame, 1.0))
        assert one.pending == exchange
    answer = from_device(25, [UitdVersion(1, 2)], Command.RESPONSE, serial=0)
    done = one.receive(answer, 2.0)[-1]
    assert isinstance(done, ExchangeDone)
    assert (done.exchange, done.frame) == (exchange, answer)
    assert one.pending is None


def test_an_order_is_done_when_it_is_confirmed() -> None:
    one = link()
    exchange = one.start(TypeFlag.DUTY_CHECK, [DutyCheckCall(10)], 0.0)
    assert exchange.command is Command.CONTROL
    assert ExchangeDone not in kinds(one.receive(from_device(command=Command.CONFIRM, serial=99), 1.0))
    assert kinds(one.receive(from_device(command=Command.CONFIRM, serial=1), 1.0)) == [
        FrameReceived,
        ExchangeDone,
    ]


def test_an_unanswered_request_is_resent_three_times_with_its_serial_and_then_fails() -> None:
    one = link()
    exchange = one.start(TypeFlag.READ_UITD_CLOCK, [ReadUitd()], 0.0)
    frames = sent(one)
    for attempt, now in ((2, 10.0), (3, 20.0), (4, 30.0)):
        assert one.next_deadline() == now
        assert one.expire(now - 0.01) == []
        assert one.expire(now) == [ResendDue(exchange, attempt)]
        frames += sent(one)
    assert {(frame.serial, frame.adu) for frame in frames} == {(1, b"\x58\x01\x00")}
    assert one.expire(40.0) == [ExchangeFailed(exchange, FailureReason.TIMEOUT)]
    assert one.next_deadline() is None


def test_a_deny_resends_at_once_and_the_last_deny_fails() -> None:
    one = link()
    exchange = one.start(TypeFlag.READ_UITD_CLOCK, [ReadUitd()], 0.0)
    deny = from_device(command=Command.DENY, serial=1)
    for attempt in (2, 3, 4):
        assert ResendDue(exchange, attempt) in one.receive(deny, 0.5)
    assert ExchangeFailed(exchange, FailureReason.DENIED) in one.receive(deny, 0.5)
    assert len(one.frames_to_send()) == 4
    assert kinds(one.receive(deny, 0.6)) == [FrameReceived]


def test_one_request_at_a_time_the_next_goes_out_when_the_first_ends() -> None:
    one = link()
    first = one.start(TypeFlag.DUTY_CHECK, [DutyCheckCall(10)], 0.0)
    second = one.start(TypeFlag.READ_UITD_CLOCK, [ReadUitd()], 0.0)
    assert [frame.serial for frame in sent(one)] == [first.serial]
    one.receive(from_device(command=Command.CONFIRM, serial=first.serial), 1.0)
    assert [frame.serial for frame in sent(one)] == [second.serial]
    assert one.pending == second
    assert one.next_deadline() == 11.0


def test_too_many_waiting_exchanges_are_our_own_error() -> None:
    one = link()
    for _ in range(1 + QUEUE_LIMIT):
        one.start(TypeFlag.READ_UITD_CLOCK, [ReadUitd()], 0.0)
    with pytest.raises(LocalProtocolError, match="wait for this device"):
        one.start(TypeFlag.READ_UITD_CLOCK, [ReadUitd()], 0.0)


def test_each_resend_of_a_clock_order_carries_the_time_of_its_own_sending() -> None:
    one = link()
    one.synchronise_clock(0.0)
    one.expire(10.0)
    assert [frame.adu[2:] for frame in sent(one)] == [clock_at(0.0).octets, clock_at(10.0).octets]


def test_a_device_that_need_not_confirm_its_clock_is_not_asked_again() -> None:
    one = link(PROFILES["dahua"])
    exchange = one.synchronise_clock(0.0)
    assert one.expire(10.0) == [ExchangeDone(exchange)]
    assert len(one.frames_to_send()) == 1


def test_requests_echo_the_version_octets_the_device_speaks() -> None:
    one = link()
    one.receive(from_device(version=(2, 3)), 0.0)
    one.start(TypeFlag.READ_UITD_CLOCK, [ReadUitd()], 0.0)
    assert sent(one)[0].version == (2, 3)


def test_a_silent_device_is_asked_three_times_and_lost_at_90_seconds() -> None:
    one = link(watched=True)
    one.receive(FIRE, 100.0)
    lost_at, asked_at = None, []
    while lost_at is None:
        now = one.next_deadline()
        assert now is not None
        events = one.expire(now)
        asked_at += [now for frame in sent(one) if frame.type_flag == TypeFlag.READ_UITD_STATE]
        lost_at = now if SilenceExpired(90.0) in events else None
    # The fourth question, at the moment of the loss, asks whether it is back.
    assert asked_at == [130.0, 150.0, 170.0, 190.0]
    assert lost_at == 190.0
    assert one.state is LinkState.LOST


def test_any_frame_is_a_sign_of_life_and_a_lost_device_comes_back() -> None:
    one = link(watched=True)
    for now in (0.0, 29.0, 58.0):
        one.receive(from_device(serial=int(now)), now)
        assert one.expire(now + 0.5) == []
        assert one.frames_to_send() == []
    assert SilenceExpired(100.0) in one.expire(158.0)
    assert one.receive(from_device(serial=1), 159.0)[0] == Alive(was_lost=True)
    assert one.state is LinkState.LIVE


def test_a_device_never_heard_is_lost_too_and_loss_is_told_once() -> None:
    one = link(watched=True)
    told = [event for now in range(0, 400, 5) for event in one.expire(float(now))]
    assert [type(event) for event in told].count(SilenceExpired) == 1
    assert one.next_deadline() is not None


def test_a_patrol_answered_is_done_and_one_missed_fails_without_resend() -> None:
    one = link(watched=True)
    one.expire(30.0)
    (patrol,) = sent(one)
    answer = from_device(21, [STATE], Command.RESPONSE, serial=patrol.serial)
    done = one.receive(answer, 30.5)[-1]
    assert isinstance(done, ExchangeDone)
    assert done.exchange.is_patrol
    one.expire(60.5)
    (failed,) = one.expire(70.5)
    assert isinstance(failed, ExchangeFailed)
    assert failed.exchange.is_patrol
    assert len(one.frames_to_send()) == 1


def test_a_device_that_must_not_be_polled_is_still_watched() -> None:
    mute = Profile(name="mute", title=STANDARD.title, poll_81=False)
    one = link(mute, watched=True)
    assert one.next_deadline() == 90.0
    assert one.expire(90.0) == [SilenceExpired(90.0)]
    assert one.frames_to_send() == []
    assert one.next_deadline() is None


def test_a_disconnect_fails_every_exchange_and_drops_what_was_unsent() -> None:
    one = link()
    exchanges = [one.start(TypeFlag.READ_UITD_CLOCK, [ReadUitd()], 0.0) for _ in range(2)]
    assert one.disconnect() == [ExchangeFailed(one_, FailureReason.DISCONNECTED) for one_ in exchanges]
    assert one.frames_to_send() == []
    assert one.serial == 2


def test_a_link_that_speaks_hex_text_is_answered_in_hex_text() -> None:
    one = link(PROFILES["hex-text"])
    one.confirm(FIRE, 0.0)
    assert read_frame(bytes.fromhex(one.octets_to_send().decode())).command == Command.CONFIRM


def test_the_transition_table_answers_every_sign_of_life() -> None:
    assert {LINK_TRANSITIONS[state, FrameReceived] for state in LinkState} == {LinkState.LIVE}
    assert (LinkState.LOST, SilenceExpired) not in LINK_TRANSITIONS
