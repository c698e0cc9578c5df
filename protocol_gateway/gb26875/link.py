"""链路: one device's conversation. Confirmations owed, resends due, repeats known, silence watched. No I/O.

The shell feeds what `FrameBuffer` found into `receive`, records what the events say, calls `confirm` when a
frame is durable, writes `frames_to_send`, and calls `expire` at `next_deadline`. Time is an argument.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from protocol_gateway.gb26875.answers import Answer, answer_owed, build_answer, clock_adu
from protocol_gateway.gb26875.buffer import BadOctets, Found, ShortHeartbeat
from protocol_gateway.gb26875.decode import decode
from protocol_gateway.gb26875.encode import encode_adu
from protocol_gateway.gb26875.events import (
    ConfirmOwed,
    DenyOwed,
    Exchange,
    FrameReceived,
    HeartbeatReceived,
    LinkEvent,
)
from protocol_gateway.gb26875.exchange import ANSWER_TIMEOUT, RESENDS, Exchanges
from protocol_gateway.gb26875.frame import Frame, build_frame
from protocol_gateway.gb26875.layouts import WireObject
from protocol_gateway.gb26875.objects.inquiries import ReadUitd
from protocol_gateway.gb26875.profiles import STANDARD, Profile
from protocol_gateway.gb26875.repeats import Repeats
from protocol_gateway.gb26875.silence import LinkState, Patrol, Watch
from protocol_gateway.gb26875.tables import Command, TypeFlag
from protocol_gateway.gb26875.wall_clock import WallClock

#: At most one deny a second a link (section 9).
DENY_EVERY: Final = 1.0
DEFAULT_PATROL: Final = Patrol()
_NEVER: Final = float("-inf")

_OWED: Final[Mapping[Answer, Callable[[Frame, Answer], LinkEvent]]] = {
    Answer.CONFIRM: ConfirmOwed,
    Answer.CLOCK: ConfirmOwed,
    Answer.DENY: lambda frame, _: DenyOwed(frame),
}


class Link:
    """One device's conversation.

    `address`: its six octets. `centre`: ours, where the device names none. `wall_clock(now)`: what a clock in
    the unit's zone shows at `now`. `serial`: the last used, kept over restarts. `patrol` None: not watched.
    """

    def __init__(
        self,
        address: bytes,
        now: float,
        *,
        wall_clock: Callable[[float], WallClock],
        centre: bytes = bytes(6),
        profile: Profile = STANDARD,
        patrol: Patrol | None = DEFAULT_PATROL,
        serial: int = 0,
        timeout: float = ANSWER_TIMEOUT,
        resends: int = RESENDS,
    ) -> None:
        self.address = address
        self.profile = profile
        self._centre = centre
        self._wall_clock = wall_clock
        self._version = (1, 1)
        self._outgoing: list[bytes] = []
        self._repeats = Repeats()
        self._watch = Watch(now, patrol, polls=profile.poll_81)
        self._exchanges = Exchanges(self._send, serial=serial, timeout=timeout, resends=resends)
        self._denied_at = _NEVER

    @property
    def state(self) -> LinkState:
        """Whether the device is live, lost, or was never heard."""
        return self._watch.state

    @property
    def silent_since(self) -> float:
        """Since when nothing has been heard."""
        return self._watch.since

    @property
    def serial(self) -> int:
        """业务流水号 of our last exchange, to be kept over restarts."""
        return self._exchanges.serial

    @property
    def pending(self) -> Exchange | None:
        """Our exchange that waits for its answer."""
        return self._exchanges.pending

    def receive(self, found: Found, now: float) -> list[LinkEvent]:
        """Take what came from the device; say what it means and what is owed. Never raises on it."""
        if isinstance(found, BadOctets):
            return self._receive_bad(found)
        events = self._watch.hear(now)
        if isinstance(found, ShortHeartbeat):
            return [*events, HeartbeatReceived(found)]
        decoded = decode(found, self.profile)
        self._version = found.version
        is_repeat = self._repeats.note(found, decoded, now)
        events.append(FrameReceived(found, decoded, is_repeat))
        answer = answer_owed(found, self.profile)
        if answer is not Answer.NONE:
            events.append(_OWED[answer](found, answer))
        return events + self._exchanges.settle(found, decoded, now)

    @staticmethod
    def _receive_bad(found: BadOctets) -> list[LinkEvent]:
        # A bad frame is no sign of life: nothing in it can be trusted.
        header = found.header
        return [DenyOwed(header)] if found.answer is Command.DENY and header is not None else []

    def confirm(self, received: Frame | ShortHeartbeat, now: float) -> None:
        """Answer what has become durable, as it is owed: confirm, the clock, or the heartbeat's own form."""
        if isinstance(received, ShortHeartbeat):
            self._put(received.answer)
        elif (answer := answer_owed(received, self.profile)) is not Answer.DENY:
            self._answer(received, answer, now)

    def deny(self, received: Frame, now: float) -> bool:
        """Deny a frame; at most once a second, false when it was held back."""
        if now - self._denied_at < DENY_EVERY:
            return False
        self._denied_at = now
        self._answer(received, Answer.DENY, now)
        return True

    def start(self, type_flag: int, objects: Sequence[WireObject], now: float) -> Exchange:
        """Ask or order something; sent when its turn comes. Raises LocalProtocolError on misuse."""
        adu = encode_adu(type_flag, objects, self.profile)
        return self._exchanges.start(type_flag, lambda _: adu, now)

    def synchronise_clock(self, now: float) -> Exchange:
        """校时: set the device's clock; each resend carries the time of its own sending."""
        return self._exchanges.start(
            TypeFlag.SYNCHRONISE_CLOCK,
            lambda at: clock_adu(self._wall_clock(at)),
            now,
        )

    def disconnect(self) -> list[LinkEvent]:
        """The connection is gone: exchanges fail, what waited to be sent is dropped, silence still counts."""
        self._outgoing.clear()
        return self._exchanges.fail_all()

    def frames_to_send(self) -> list[bytes]:
        """Everything to be written, one item a frame, in order; asked once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def octets_to_send(self) -> bytes:
        """As `frames_to_send`, joined."""
        return b"".join(self.frames_to_send())

    def next_deadline(self) -> float | None:
        """When to call `expire`, or None."""
        times = (self._watch.next_deadline, self._exchanges.next_deadline)
        return min((time for time in times if time is not None), default=None)

    def expire(self, now: float) -> list[LinkEvent]:
        """Let time pass: resend, give up, patrol, lose."""
        events = self._exchanges.expire(now, self.profile)
        events += self._watch.expire(now)
        # A request that waits asks as well as a patrol would.
        if self._watch.is_patrol_due(now) and self.pending is None:
            adu = encode_adu(TypeFlag.READ_UITD_STATE, (ReadUitd(),))
            self._exchanges.start(TypeFlag.READ_UITD_STATE, lambda _: adu, now, is_patrol=True)
        return events

    def lose(self, now: float) -> list[LinkEvent]:
        """The device hung up and is not back."""
        return self._watch.lose(now)

    def forgive(self, seconds: float) -> None:
        """So much of the device's silence was our own."""
        self._watch.forgive(seconds)

    def _answer(self, frame: Frame, answer: Answer, now: float) -> None:
        clock = self._wall_clock(now)
        octets = build_answer(frame, answer, clock=clock, centre=self._centre, profile=self.profile)
        self._put(octets)

    def _send(self, exchange: Exchange, adu: bytes, now: float) -> None:
        octets = build_frame(
            serial=exchange.serial,
            command=exchange.command,
            clock=self._wall_clock(now),
            source=self._centre,
            destination=self.address,
            adu=adu,
            version=self._version,
        )
        self._put(octets)

    def _put(self, octets: bytes) -> None:
        if octets:
            self._outgoing.append(self.profile.to_wire(octets))
