"""应用数据单元的容错解码: from a proved frame to objects and deviations (section 10).

The splitter proved the frame; an odd body must still give up all it can. Nothing here raises on what a
device sent: a body no rule fits stays raw, and the gateway reports it as unreadable (10.3).
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from protocol_gateway.gb26875.deviations import Deviation
from protocol_gateway.gb26875.frame import Frame
from protocol_gateway.gb26875.layouts import FixedLayout, Layout, WalkedLayout, WireObject
from protocol_gateway.gb26875.profiles import STANDARD, Profile
from protocol_gateway.gb26875.tables import Command, TypeFlag, is_user_code
from protocol_gateway.gb26875.wall_clock import TIME_TAG_SIZE, read_bcd_time_tag, read_time_tag

_MAJOR_VERSION: Final = 1
_ANSWERS: Final = frozenset({Command.CONFIRM, Command.DENY})
_KNOWN_COMMANDS: Final = frozenset(int(command) for command in Command)
_COMMANDS_BY_TYPE: Final = {int(flag): frozenset(map(int, flag.commands)) for flag in TypeFlag}
#: Rule 6 holds for these alone: others are too short to tell a missing time from a wrong type.
_UNTIMED_MISCOUNT_TYPES: Final = frozenset({1, 2, 3, 4})


class Decoded(msgspec.Struct, frozen=True):
    """What a frame says: its type, count, objects, what was left over, and how it deviates.

    `objects` is None when the body stays raw, then `body` holds it; empty for a frame that carries none.
    """

    type_flag: int | None
    count: int | None
    objects: tuple[WireObject, ...] | None
    extra: bytes
    body: bytes | None
    deviations: frozenset[Deviation]

    @property
    def is_unreadable(self) -> bool:
        """Whether a frame that carries something gave no object: section 10.3, 不可读上报."""
        return self.objects is None


class Fit(NamedTuple):
    """How a body divides: objects, octets each, and what that deviates from."""

    objects: int
    size: int
    flags: tuple[Deviation, ...] = ()


class Body(msgspec.Struct, frozen=True, gc=False):
    """What the rules look at: c = `count`, n = `length`, the octets, and how their times are read."""

    layout: FixedLayout
    type_flag: int
    count: int
    octets: bytes
    bcd: bool

    @property
    def length(self) -> int:
        """n: the octets after the count."""
        return len(self.octets)


def _as_counted(body: Body) -> Fit | None:
    if body.count >= 1 and body.length == body.count * body.layout.size:
        return Fit(body.count, body.layout.size)
    return None


def _without_times(body: Body) -> Fit | None:
    layout = body.layout
    if layout.timed and body.count >= 1 and body.length == body.count * layout.untimed_size:
        return Fit(body.count, layout.untimed_size, (Deviation.OBJECT_TIME_MISSING,))
    return None


def _with_extra_times(body: Body) -> Fit | None:
    size = body.layout.size + TIME_TAG_SIZE
    if body.layout.optional_time and body.count >= 1 and body.length == body.count * size:
        return Fit(body.count, size, (Deviation.OBJECT_TIME_UNEXPECTED,))
    return None


def _miscounted(body: Body) -> Fit | None:
    objects, rest = divmod(body.length, body.layout.size)
    if objects and not rest and body.layout.times_are_plausible(body.octets, objects, bcd=body.bcd):
        return Fit(objects, body.layout.size, (Deviation.COUNT_MISMATCH,))
    return None


def _with_extra_octets(body: Body) -> Fit | None:
    whole = body.length // body.layout.size
    objects = min(body.count, whole) if body.count else whole
    if not objects or not body.layout.times_are_plausible(body.octets, objects, bcd=body.bcd):
        return None
    miscount = (Deviation.COUNT_MISMATCH,) if objects != body.count else ()
    return Fit(objects, body.layout.size, (Deviation.EXTRA_BYTES, *miscount))


def _miscounted_without_times(body: Body) -> Fit | None:
    if body.type_flag not in _UNTIMED_MISCOUNT_TYPES or not body.layout.timed:
        return None
    objects, rest = divmod(body.length, body.layout.untimed_size)
    if not objects or rest:
        return None
    flags = (Deviation.OBJECT_TIME_MISSING, Deviation.COUNT_MISMATCH)
    return Fit(objects, body.layout.untimed_size, flags)


#: Section 10.1, rules 1 to 6: the first that fits decides; rule 7 is that none does.
RULES: Final[tuple[Callable[[Body], Fit | None], ...]] = (
    _as_counted,
    _without_times,
    _with_extra_times,
    _miscounted,
    _with_extra_octets,
    _miscounted_without_times,
)
#: The rules that fit the count exactly; with several layouts each is asked these first.
_EXACT_RULES: Final = RULES[:3]


class _Objects(NamedTuple):
    objects: tuple[WireObject, ...] | None
    extra: bytes = b""


def _read_fixed(body: Body, fit: Fit, flags: set[Deviation]) -> _Objects:
    flags.update(fit.flags)
    objects = body.layout.read(body.octets, fit.objects, fit.size, bcd=body.bcd)
    for thing in objects:
        thing.mark(flags)
    return _Objects(objects, body.octets[fit.objects * fit.size :])


def _read_walked(layout: WalkedLayout, count: int, octets: bytes, flags: set[Deviation]) -> _Objects:
    objects = layout.read_all(octets)
    if not objects:
        flags.add(Deviation.BODY_SIZE)
        return _Objects(None)
    if len(objects) != count:
        flags.add(Deviation.COUNT_MISMATCH)
    for thing in objects:
        thing.mark(flags)
    return _Objects(objects)


def _read_body(
    layouts: tuple[Layout, ...],
    adu: bytes,
    flags: set[Deviation],
    *,
    bcd: bool,
) -> _Objects:
    type_flag, count, octets = adu[0], adu[1], adu[2:]
    if not layouts:
        return _Objects(None)
    if not count and not octets:
        flags.add(Deviation.COUNT_ZERO)
        return _Objects(())
    bodies: list[Body] = []
    for layout in layouts:
        if isinstance(layout, WalkedLayout):
            return _read_walked(layout, count, octets, flags)
        bodies.append(Body(layout, type_flag, count, octets, bcd))
    for rules in (_EXACT_RULES, RULES):
        for body in bodies:
            for rule in rules:
                fit = rule(body)
                if fit is not None:
                    return _read_fixed(body, fit, flags)
    flags.add(Deviation.BODY_SIZE)
    return _Objects(None)


def _mark_header(frame: Frame, profile: Profile, flags: set[Deviation]) -> None:
    if frame.version[0] != _MAJOR_VERSION:
        flags.add(Deviation.MAJOR_VERSION_NOT_1)
    read = read_bcd_time_tag if profile.time_bcd else read_time_tag
    if read(frame.time_tag).wall_clock is None:
        flags.add(Deviation.FRAME_TIME_INVALID)
    if frame.command not in _KNOWN_COMMANDS:
        is_users = is_user_code(frame.command)
        flags.add(Deviation.USER_COMMAND if is_users else Deviation.RESERVED_COMMAND)


def _mark_type(command: int, type_flag: int, flags: set[Deviation]) -> None:
    allowed = _COMMANDS_BY_TYPE.get(type_flag)
    if allowed is None:
        flags.add(Deviation.USER_TYPE if is_user_code(type_flag) else Deviation.RESERVED_TYPE)
    elif command not in allowed and command in _KNOWN_COMMANDS:
        flags.add(Deviation.COMMAND_TYPE_MISMATCH)


def _layouts(command: int, type_flag: int, profile: Profile) -> tuple[Layout, ...]:
    if command in _KNOWN_COMMANDS:
        return profile.layouts_for(type_flag)
    use = profile.commands.get(command)
    return use.layouts.get(type_flag, ()) if use else ()


def _without_objects(frame: Frame, flags: set[Deviation]) -> Decoded:
    if not frame.adu:
        if frame.command not in _ANSWERS:
            flags.add(Deviation.EMPTY_APP_DATA)
        return Decoded(None, None, (), b"", None, frozenset(flags))
    flags.add(Deviation.SHORT_APP_DATA)
    return Decoded(None, None, None, b"", frame.adu, frozenset(flags))


def decode(frame: Frame, profile: Profile = STANDARD) -> Decoded:
    """What `frame` says, read as `profile` has it. Never raises, whatever the frame holds."""
    flags: set[Deviation] = set()
    _mark_header(frame, profile, flags)
    if frame.adu and frame.command in _ANSWERS:
        flags.add(Deviation.CONFIRM_WITH_APP_DATA)
    if len(frame.adu) < 2:
        return _without_objects(frame, flags)
    type_flag, count = frame.adu[0], frame.adu[1]
    _mark_type(frame.command, type_flag, flags)
    layouts = _layouts(frame.command, type_flag, profile)
    objects, extra = _read_body(layouts, frame.adu, flags, bcd=profile.time_bcd)
    body = frame.adu[2:] if objects is None else None
    return Decoded(type_flag, count, objects, extra, body, frozenset(flags))
