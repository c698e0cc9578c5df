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
#: So many false starts without a good frame are scanned, and no more: twice what one damaged frame can hold.
BAD_START_LIMIT: Final = 2 * MAX_FRAME


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
    """How far to go, and what was found there; nothing found and no step means: wait.

    `claimed`: how long the frame is that something bad is supposed to be.
    """

    size: int
    found: Found | None = None
    claimed: int = 0


_WAIT: Final = _Step(0)


def _bad(fault: Fault, octets: bytes, claimed: int) -> _Step:
    return _Step(1, BadOctets(fault, octets, answer_to_fault(fault, octets), 1), claimed)


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
        return _bad(Fault.LENGTH, octets[at : at + HEADER_SIZE], MAX_FRAME)
    if available < size:
        return _WAIT
    supposed = octets[at : at + size]
    fault = check_whole(supposed)
    return _Step(size, Frame.from_octets(supposed)) if fault is None else _bad(fault, supposed, size)


_HEX_START: Final = START.hex().encode()
_HEX_RUN: Final = re.compile(rb"(?:[0-9A-Fa-f]{2})*")
_LINE_SPACE: Final = b" \t\r\n"


def _examine_hex(text: bytes, at: int, heartbeat_answer: bytes) -> _Step:
    """As `_examine`, where two characters are one octet. A bad frame costs one character."""
    run = _HEX_RUN.match(text, at, at + 2 * MAX_FRAME)
    digits = run.group() if run else b""
    step = _examine(bytes.fromhex(digits.decode("ascii")), 0, heartbeat_answer)
    is_cut_short = len(text) - at - len(digits) > 1
    if step is _WAIT and not is_cut_short:
        return _WAIT
    if step is _WAIT:
        return _bad(Fault.END, digits, len(digits))
    return _Step(step.size if step.size <= 1 else 2 * step.size, step.found, 2 * step.claimed)


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
        #: Bad frames since the last good one. Starts inside one supposed frame are no frames of their own.
        self.bad_in_a_row = 0
        self._bad_starts = 0
        self._passed = 0  #: octets of the stream before what is kept
        self._claimed_until = 0  #: where in the stream the last bad frame is supposed to end
        self._is_claim_sure = False  #: whether an end mark stood there

    def __len__(self) -> int:
        """How many octets wait for the rest of their frame."""
        return len(self._kept)

    @property
    def should_close(self) -> bool:
        """Whether the peer has sent so much garbage that the connection is to be closed (section 9)."""
        return self.garbage >= GARBAGE_LIMIT or self.bad_in_a_row >= BAD_FRAME_LIMIT or self._is_exhausted

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
                step = _bad(Fault.INCOMPLETE, waiting, len(waiting))
                is_told = self._is_told(step, 0)
                if is_told:
                    self._take(step, found)
                self._scan(waiting, now, found, at=1, told=int(is_told))
            else:
                self._passed += len(waiting)
                self._kept = b""
                self._drop(waiting, found)
        return found

    def _scan(self, octets: bytes, now: float, found: list[Found], *, had: int = 0, at: int = 0, told: int = 0) -> None:
        """Go through all that was read, also when the peer is to be closed: a fire may stand behind its garbage.

        What lies between `told` and `at` is garbage that nobody was told of yet.
        """
        while at < len(octets) and not self._is_exhausted:
            start = octets.find(self._start, at)
            if start < 0:
                at = len(octets) - self._lone_start(octets, at)
                break
            at = start
            step = self._examine(octets, at, self._heartbeat_answer)
            if step is _WAIT:
                break
            if self._is_told(step, at):
                self._drop(octets[told:at], found)
                self._take(step, found)
                told = at + step.size
            at += step.size
        if self._is_exhausted:
            at = len(octets)
        self._drop(octets[told:at], found)
        if at or not had:
            self._supposed_since = now
        self._passed += at
        self._kept = octets[at:]

    @property
    def _is_exhausted(self) -> bool:
        return self._bad_starts >= BAD_START_LIMIT

    def _is_told(self, step: _Step, at: int) -> bool:
        """Whether what was found is something of its own: not so a false start inside what is a bad frame already.

        Where that one's end is not sure, a whole frame but for its checksum is one of its own, and is to be denied.
        """
        bad = step.found
        if not isinstance(bad, BadOctets):
            return True
        self._bad_starts += 1
        is_whole = bad.fault is Fault.CHECKSUM
        place = self._passed + at
        is_inside = place < self._claimed_until and (self._is_claim_sure or not is_whole)
        if is_inside or self.bad_in_a_row >= BAD_FRAME_LIMIT:
            return False
        self._claimed_until, self._is_claim_sure = place + step.claimed, is_whole
        return True

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
            self.garbage = self.bad_in_a_row = self._bad_starts = self._claimed_until = 0


def read_datagram(octets: bytes, profile: Profile = STANDARD) -> list[Found]:
    """What one UDP datagram holds; nothing is kept, so what is incomplete is reported at once."""
    buffer = FrameBuffer(profile)
    return [*buffer.feed(octets, 0.0), *buffer.expire(math.inf)]
