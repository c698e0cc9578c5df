"""数据流的分帧: where frames begin and end in a stream of octets (section 9).

Its one rule: a bad frame costs **one** octet, not the length it claimed, so that a good frame inside or
behind a bad one always comes out. What is kept between reads is one supposed frame, never more.
"""

import math
import re
from typing import Final, NamedTuple

import msgspec

from protocol_gateway.gb26875.errors import Fault
from protocol_gateway.gb26875.frame import (
    END,
    HEADER_SIZE,
    MAX_FRAME,
    MIN_FRAME,
    SHORT_HEARTBEAT_SIZE,
    START,
    Frame,
    adu_length,
    answer_to_fault,
    check_whole,
    read_header,
)
from protocol_gateway.gb26875.profiles import STANDARD, Profile
from protocol_gateway.gb26875.tables import Command

#: 缓冲区: a connection never keeps more; one supposed frame, or its hex text, fits well inside.
BUFFER_LIMIT: Final = 4096
#: 保持时间: how long a supposed frame may wait for its next octet, and for its last, in seconds.
HOLD: Final = 0.5
HOLD_TOTAL: Final = 2.0
#: A connection that sent so much garbage, or so many bad frames in a row, without a good frame is closed.
GARBAGE_LIMIT: Final = 64 * 1024
BAD_FRAME_LIMIT: Final = 20


class BadOctets(msgspec.Struct, frozen=True, gc=False):
    """Octets that are no frame: for the raw store, with the reason.

    `octets` is the supposed frame, or the run of garbage; `discarded` counts what was dropped from the stream
    (of a bad frame one octet only); `answer` is `Command.DENY` where section 9 owes one.
    """

    fault: Fault
    octets: bytes
    answer: Command | None
    discarded: int

    @property
    def header(self) -> Frame | None:
        """The damaged frame's header, to answer it by."""
        return read_header(self.octets)


class ShortHeartbeat(msgspec.Struct, frozen=True, gc=False):
    """The twelve-octet vendor heartbeat (section 11.6). `answer` is empty where the profile knows none."""

    octets: bytes
    answer: bytes

    @property
    def source(self) -> bytes:
        """The device's address, six octets."""
        return self.octets[2:8]


Found = Frame | ShortHeartbeat | BadOctets


class _Step(NamedTuple):
    """How far to go, and what was found there; nothing found and no step means: wait."""

    size: int
    found: Found | None = None


_WAIT: Final = _Step(0)


def _bad(fault: Fault, octets: bytes) -> _Step:
    return _Step(1, BadOctets(fault, octets, answer_to_fault(fault, octets), 1))


def _examine(octets: bytes, at: int, heartbeat_answer: bytes) -> _Step:
    """What starts at the start mark at `at`: a frame, a heartbeat, something bad, or too little yet."""
    available = len(octets) - at
    if octets[at + SHORT_HEARTBEAT_SIZE - 2 : at + SHORT_HEARTBEAT_SIZE] == END:
        heartbeat = octets[at : at + SHORT_HEARTBEAT_SIZE]
        return _Step(SHORT_HEARTBEAT_SIZE, ShortHeartbeat(heartbeat, heartbeat_answer))
    # The page waits for 26 octets; the 27th, the command, decides whether a deny is owed, whatever the split.
    if available < HEADER_SIZE:
        return _WAIT
    size = MIN_FRAME + adu_length(octets, at)
    if size > MAX_FRAME:
        return _bad(Fault.LENGTH, octets[at : at + HEADER_SIZE])
    if available < size:
        return _WAIT
    supposed = octets[at : at + size]
    fault = check_whole(supposed)
    return _Step(size, Frame.from_octets(supposed)) if fault is None else _bad(fault, supposed)


_HEX_START: Final = START.hex().encode()
_HEX_RUN: Final = re.compile(rb"(?:[0-9A-Fa-f]{2})*")
_LINE_SPACE: Final = b" \t\r\n"


def _examine_hex(text: bytes, at: int, heartbeat_answer: bytes) -> _Step:
    """As `_examine`, where two characters are one octet. A bad frame costs one character."""
    run = _HEX_RUN.match(text, at, at + 2 * MAX_FRAME)
    digits = run.group() if run else b""
    step = _examine(bytes.fromhex(digits.decode("ascii")), 0, heartbeat_answer)
    is_cut_short = len(text) - at - len(digits) > 1
    if step is _WAIT and is_cut_short:
        return _bad(Fault.END, digits)
    return step if step.size <= 1 else _Step(2 * step.size, step.found)


class FrameBuffer:
    """Splits one connection's octets into frames. Time is an argument: seconds on any steady clock."""

    def __init__(
        self,
        profile: Profile = STANDARD,
        hold: float = HOLD,
        hold_total: float = HOLD_TOTAL,
    ) -> None:
        self._hold = hold
        self._hold_total = hold_total
        self._is_text = profile.hex_text
        self._start = _HEX_START if profile.hex_text else START
        self._examine = _examine_hex if profile.hex_text else _examine
        self._heartbeat_answer = profile.short_heartbeat_answer or b""
        self._kept = b""
        self._last_octet_at = 0.0
        self._supposed_since = 0.0
        #: Octets dropped in all, and since the last good frame.
        self.discarded = 0
        self.garbage = 0
        #: Bad frames since the last good one.
        self.bad_in_a_row = 0

    def __len__(self) -> int:
        """How many octets wait for the rest of their frame."""
        return len(self._kept)

    @property
    def should_close(self) -> bool:
        """Whether the peer has sent so much garbage that the connection is to be closed (section 9)."""
        return self.garbage >= GARBAGE_LIMIT or self.bad_in_a_row >= BAD_FRAME_LIMIT

    def feed(self, octets: bytes, now: float) -> list[Found]:
        """Take what was read; give what is whole, in order. Never raises on what a peer sent."""
        if not octets:
            return []
        if self._is_text:
            octets = octets.translate(None, _LINE_SPACE)
        found: list[Found] = []
        self._last_octet_at = now
        self._scan(self._kept + octets, now, found, had=len(self._kept))
        return found

    def next_deadline(self) -> float | None:
        """When to call `expire`, or None while nothing waits."""
        if not self._kept:
            return None
        return min(self._last_octet_at + self._hold, self._supposed_since + self._hold_total)

    def expire(self, now: float) -> list[Found]:
        """Give up on a supposed frame whose rest did not come; a good frame inside it comes out."""
        found: list[Found] = []
        while (deadline := self.next_deadline()) is not None and now >= deadline:
            waiting = self._kept
            if waiting.startswith(self._start):
                self._take(_bad(Fault.INCOMPLETE, waiting), found)
                self._scan(waiting[1:], now, found)
            else:
                self._kept = b""
                self._drop(waiting, found)
        return found

    def _scan(self, octets: bytes, now: float, found: list[Found], had: int = 0) -> None:
        at = 0
        while at < len(octets) and not self.should_close:
            start = octets.find(self._start, at)
            if start < 0:
                start = len(octets) - self._lone_start(octets, at)
            if start > at:
                self._drop(octets[at:start], found)
                at = start
            if len(octets) - at < len(self._start):
                break
            step = self._examine(octets, at, self._heartbeat_answer)
            if step is _WAIT:
                break
            self._take(step, found)
            at += step.size
        if self.should_close and at < len(octets):
            self._drop(octets[at:], found)
            at = len(octets)
        if at or not had:
            self._supposed_since = now
        self._kept = octets[at:]

    def _lone_start(self, octets: bytes, at: int) -> int:
        """How many octets at the end may be the beginning of a start mark."""
        tails = range(min(len(self._start) - 1, len(octets) - at), 0, -1)
        return next((size for size in tails if octets.endswith(self._start[:size])), 0)

    def _drop(self, octets: bytes, found: list[Found]) -> None:
        if not octets:
            return
        self.discarded += len(octets)
        self.garbage += len(octets)
        found.append(BadOctets(Fault.GARBAGE, octets, None, len(octets)))

    def _take(self, step: _Step, found: list[Found]) -> None:
        what = step.found
        if what is None:
            return
        found.append(what)
        if isinstance(what, BadOctets):
            self.discarded += what.discarded
            self.garbage += what.discarded
            self.bad_in_a_row += 1
        elif isinstance(what, ShortHeartbeat) and not what.answer:
            self.discarded += step.size
            self.garbage += step.size
        else:
            self.garbage = self.bad_in_a_row = 0


def read_datagram(octets: bytes, profile: Profile = STANDARD) -> list[Found]:
    """What one UDP datagram holds; nothing is kept, so what is incomplete is reported at once."""
    buffer = FrameBuffer(profile)
    return [*buffer.feed(octets, 0.0), *buffer.expire(math.inf)]
