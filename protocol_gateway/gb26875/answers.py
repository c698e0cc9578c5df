"""应答规则: what a received frame is owed, by the table of section 13.1, and how that answer is built (13.2).

A confirm is owed, not sent: it goes out only when the frame is durable.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.frame import Frame, answer_to
from protocol_gateway.gb26875.objects.inquiries import SynchroniseClock
from protocol_gateway.gb26875.profiles import STANDARD, Profile
from protocol_gateway.gb26875.tables import Command, Direction, TypeFlag, is_user_code
from protocol_gateway.gb26875.wall_clock import TimeTag, WallClock


class Answer(StrEnum):
    """What a frame is owed."""

    CONFIRM = "confirm"
    DENY = "deny"
    #: The device asked for the time; it gets command 1, type 90, with ours.
    CLOCK = "clock"
    NONE = "none"


_BY_COMMAND: Final[Mapping[int, Answer]] = {
    Command.SEND: Answer.CONFIRM,
    Command.CONFIRM: Answer.NONE,
    Command.RESPONSE: Answer.NONE,
    Command.DENY: Answer.NONE,
    # A device does not ask.
    Command.REQUEST: Answer.DENY,
}
_DOWN_TYPES: Final = frozenset(int(flag) for flag in TypeFlag if flag.direction is Direction.DOWN)


def answer_owed(frame: Frame, profile: Profile = STANDARD) -> Answer:
    """What section 13.1 owes for `frame`. An unknown type flag under a known command is confirmed."""
    if frame.command == Command.CONTROL:
        return _answer_to_control(frame, profile)
    known = _BY_COMMAND.get(frame.command)
    if known is not None:
        return known
    is_taken = frame.command in profile.commands or (profile.confirm_user_commands and is_user_code(frame.command))
    return Answer.CONFIRM if is_taken else Answer.DENY


def _answer_to_control(frame: Frame, profile: Profile) -> Answer:
    if frame.type_flag == TypeFlag.SYNCHRONISE_CLOCK and profile.answers_clock:
        return Answer.CLOCK
    # A report misfiled under command 1 is still a report; an order to us is not.
    return Answer.DENY if frame.type_flag in _DOWN_TYPES else Answer.CONFIRM


_COMMAND_OF: Final = {
    Answer.CONFIRM: Command.CONFIRM,
    Answer.DENY: Command.DENY,
    Answer.CLOCK: Command.CONTROL,
}


def _adu_of(answer: Answer, frame: Frame, clock: WallClock, profile: Profile) -> bytes:
    """Almost always empty; a clock is encoded only where it was asked for (this runs for every frame)."""
    if answer is Answer.CLOCK:
        return clock_adu(clock)
    return profile.one_octet_answers.get(frame.adu, b"") if answer is Answer.CONFIRM else b""


def build_answer(
    frame: Frame,
    answer: Answer,
    *,
    clock: WallClock,
    centre: bytes,
    profile: Profile = STANDARD,
) -> bytes:
    """The octets of `answer` to `frame`, empty for `Answer.NONE`. `clock` is ours in the unit's zone."""
    command = _COMMAND_OF.get(answer)
    if command is None:
        return b""
    return answer_to(
        frame,
        command,
        clock=clock,
        centre=centre,
        adu=_adu_of(answer, frame, clock, profile),
        copies_destination=profile.answer_copies_destination,
        copies_time=profile.answer_copies_time,
    )


def clock_adu(clock: WallClock) -> bytes:
    """The unit that sets a device's clock: type 90 with our time."""
    return encode_adu(TypeFlag.SYNCHRONISE_CLOCK, (SynchroniseClock(TimeTag.of(clock)),))
