"""业务流程: the exchanges the centre starts with one device, one at a time (sections 2.1 and 13.4).

A request waits 10 s and is resent three times with its own serial; a deny resends it at once. What is
started meanwhile waits its turn.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from protocol_gateway.gb26875.decode import Decoded
from protocol_gateway.gb26875.errors import LocalProtocolError
from protocol_gateway.gb26875.events import (
    Exchange,
    ExchangeDone,
    ExchangeFailed,
    FailureReason,
    LinkEvent,
    ResendDue,
)
from protocol_gateway.gb26875.frame import MAX_SERIAL, Frame
from protocol_gateway.gb26875.profiles import Profile
from protocol_gateway.gb26875.tables import ANSWER_TYPES, Command, TypeFlag

#: 超时: how long an answer may take, in seconds, and 重发: how often we ask again (section 2.1).
ANSWER_TIMEOUT: Final = 10.0
RESENDS: Final = 3
#: Exchanges that wait for their turn; more is a fault of ours.
QUEUE_LIMIT: Final = 32
_CONTROL_TYPES: Final = frozenset(int(flag) for flag in TypeFlag if Command.CONTROL in flag.commands)


class _Waiting(msgspec.Struct):
    """An exchange with how to send it and how often it still may be."""

    exchange: Exchange
    adu: Callable[[float], bytes]
    resends_left: int
    attempt: int = 0
    due_at: float = 0.0


def command_for(type_flag: int) -> Command:
    """Orders (89 to 91) go under command 1, all else under 4."""
    return Command.CONTROL if type_flag in _CONTROL_TYPES else Command.REQUEST


class Exchanges:
    """One device's exchanges. `send(exchange, adu, now)` puts a frame on the wire."""

    def __init__(
        self,
        send: Callable[[Exchange, bytes, float], None],
        *,
        serial: int = 0,
        timeout: float = ANSWER_TIMEOUT,
        resends: int = RESENDS,
    ) -> None:
        self._send = send
        self._timeout = timeout
        self._resends = resends
        self._pending: _Waiting | None = None
        self._queue: deque[_Waiting] = deque()
        #: 业务流水号 used last; kept over restarts by the caller.
        self.serial = serial

    @property
    def pending(self) -> Exchange | None:
        """The exchange that waits for its answer."""
        return self._pending.exchange if self._pending else None

    @property
    def next_deadline(self) -> float | None:
        """When the pending answer is overdue."""
        return self._pending.due_at if self._pending else None

    def start(
        self,
        type_flag: int,
        adu: Callable[[float], bytes],
        now: float,
        *,
        is_patrol: bool = False,
    ) -> Exchange:
        """Send now, or as soon as its turn comes. `adu(now)` is asked at each sending."""
        if len(self._queue) >= QUEUE_LIMIT:
            raise LocalProtocolError(f"{QUEUE_LIMIT} exchanges wait for this device already")
        answer = ANSWER_TYPES.get(type_flag)
        self.serial = (self.serial + 1) & MAX_SERIAL
        exchange = Exchange(
            serial=self.serial,
            command=command_for(type_flag),
            type_flag=type_flag,
            answer_type=None if answer is None else int(answer),
            is_patrol=is_patrol,
        )
        self._queue.append(_Waiting(exchange, adu, 0 if is_patrol else self._resends))
        self._advance(now)
        return exchange

    def settle(self, frame: Frame, decoded: Decoded, now: float) -> list[LinkEvent]:
        """What a confirm, response or deny from the device ends or sends again."""
        waiting = self._pending
        if waiting is None:
            return []
        if frame.command == Command.DENY:
            return self._again(waiting, FailureReason.DENIED, now)
        if not self._is_answer(waiting.exchange, frame, decoded):
            return []
        self._finish(now)
        return [ExchangeDone(waiting.exchange, frame, decoded)]

    @staticmethod
    def _is_answer(exchange: Exchange, frame: Frame, decoded: Decoded) -> bool:
        if frame.serial != exchange.serial:
            return False
        if exchange.command is Command.CONTROL:
            return frame.command == Command.CONFIRM
        # A response of another type is a report like any other, and the request stays pending (13.1).
        is_asked_for = exchange.answer_type is None or decoded.type_flag == exchange.answer_type
        return frame.command == Command.RESPONSE and is_asked_for

    def expire(self, now: float, profile: Profile) -> list[LinkEvent]:
        """Resend what is overdue, or end it."""
        events: list[LinkEvent] = []
        while (waiting := self._pending) is not None and now >= waiting.due_at:
            if waiting.exchange.type_flag in profile.unanswered_types:
                self._finish(now)
                events.append(ExchangeDone(waiting.exchange))
            else:
                events += self._again(waiting, FailureReason.TIMEOUT, now)
        return events

    def fail_all(self) -> list[LinkEvent]:
        """End every exchange: the connection is gone."""
        waiting = [*([self._pending] if self._pending else []), *self._queue]
        self._pending = None
        self._queue.clear()
        return [ExchangeFailed(one.exchange, FailureReason.DISCONNECTED) for one in waiting]

    def _again(self, waiting: _Waiting, reason: FailureReason, now: float) -> list[LinkEvent]:
        if not waiting.resends_left:
            self._finish(now)
            return [ExchangeFailed(waiting.exchange, reason)]
        waiting.resends_left -= 1
        self._dispatch(waiting, now)
        return [ResendDue(waiting.exchange, waiting.attempt)]

    def _finish(self, now: float) -> None:
        self._pending = None
        self._advance(now)

    def _advance(self, now: float) -> None:
        if self._pending is None and self._queue:
            self._pending = self._queue.popleft()
            self._dispatch(self._pending, now)

    def _dispatch(self, waiting: _Waiting, now: float) -> None:
        waiting.attempt += 1
        waiting.due_at = now + self._timeout
        self._send(waiting.exchange, waiting.adu(now), now)
