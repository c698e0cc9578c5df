"""Telephones as their people hold them: texts that came, calls that ring, and what the person does.

The rule: a telephone knows nothing of who serves it; what it does, the carrier tells its customer in its own words.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

#: an unanswered call is given up after this, unless its carrier was told otherwise
RINGS_FOR: Final = timedelta(seconds=30)


class Line(StrEnum):
    """What is with a telephone's line."""

    WELL = "well"
    BUSY = "busy"
    OFF = "off"
    NO_SUCH_NUMBER = "no_such_number"


class CallState(StrEnum):
    """How far a call is."""

    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class Outcome(StrEnum):
    """What a call came to."""

    HEARD = "heard"
    HUNG_UP_EARLY = "hung_up_early"
    BUSY = "busy"
    NOT_ANSWERED = "not_answered"
    NO_KEY = "no_key"
    OFF = "off"
    NO_SUCH_NUMBER = "no_such_number"


class Text(msgspec.Struct, kw_only=True):
    """A text message: sent, and on the telephone or not."""

    id: str
    phone: str
    text: str
    sent_at: datetime
    out_id: str = ""
    extend: str = ""
    is_delivered: bool = True
    why: Outcome | None = None


class Ring(msgspec.Struct, kw_only=True):
    """A call: what is said when it is taken, which keys were pressed, what was said back, what became of it."""

    id: str
    phone: str
    said: str
    rang_at: datetime
    out_id: str = ""
    hears_keys: bool = False
    state: CallState = CallState.RINGING
    rings_for: timedelta = RINGS_FOR
    pressed: str = ""
    said_back: str = ""  #: to the last key; empty where the carrier says nothing then
    outcome: Outcome | None = None
    ended_at: datetime | None = None


class CannotDo(Exception):  # noqa: N818 - what a person can't do with a telephone
    """The telephone is not in the state for this: it does not ring, or has no text to reply to."""


#: what the carrier does when something happens: a key, the end of a call, that it is taken, a reply
OnKey = Callable[[Ring, str], Awaitable[None]]
OnEnd = Callable[[Ring], Awaitable[None]]
OnTaken = Callable[[Ring], Awaitable[None]]
OnReply = Callable[["Telephone", str, Text | None], Awaitable[None]]

_ENDS_AT_ONCE: Final = {
    Line.BUSY: Outcome.BUSY,
    Line.OFF: Outcome.OFF,
    Line.NO_SUCH_NUMBER: Outcome.NO_SUCH_NUMBER,
}


class Listeners(msgspec.Struct, frozen=True):
    """How a carrier learns what people do."""

    key: OnKey
    end: OnEnd
    reply: OnReply
    now: Callable[[], datetime]
    taken: OnTaken | None = None  #: where the carrier tells it


class Telephone:
    """One person's telephone."""

    def __init__(self, number: str, listeners: Listeners) -> None:
        self.number = number
        self.line = Line.WELL
        self.texts: list[Text] = []
        self.calls: list[Ring] = []
        self._listeners = listeners

    @property
    def ringing(self) -> Ring | None:
        """The call that rings or is being listened to."""
        return next((call for call in reversed(self.calls) if call.state is not CallState.ENDED), None)

    def busy(self) -> None:
        """Whoever calls now finds it engaged."""
        self.line = Line.BUSY

    def off(self) -> None:
        """Switched off: no call and no text arrives."""
        self.line = Line.OFF

    def no_such_number(self) -> None:
        """The number is nobody's."""
        self.line = Line.NO_SUCH_NUMBER

    def well(self) -> None:
        """Everything arrives again."""
        self.line = Line.WELL

    async def replies(self, words: str, to: Text | None = None) -> None:
        """Write back to a text, the newest if none is given."""
        arrived = [text for text in self.texts if text.is_delivered]
        await self._listeners.reply(self, words, to or (arrived[-1] if arrived else None))

    async def answers(self) -> Ring:
        """Pick up, and listen."""
        call = self._current()
        if call.state is CallState.RINGING:
            call.state = CallState.ANSWERED
            if self._listeners.taken is not None:
                await self._listeners.taken(call)
        return call

    async def answers_and_presses(self, keys: str) -> None:
        """Pick up, press these keys one after the other, listen to the end."""
        call = await self.answers()
        await self.presses(keys)
        await self.ends(call, Outcome.HEARD)

    async def presses(self, keys: str) -> None:
        """Press keys while the call goes on."""
        call = await self.answers()
        for key in keys:
            if call.state is CallState.ENDED:
                return  # the carrier hung up after the key before
            call.pressed += key
            if call.hears_keys:
                await self._listeners.key(call, key)

    async def answers_without_a_key(self) -> None:
        """Pick up and listen, and press nothing."""
        call = await self.answers()
        await self.ends(call, Outcome.NO_KEY if call.hears_keys else Outcome.HEARD)

    async def hangs_up(self) -> None:
        """Pick up and put down before the end."""
        await self.ends(await self.answers(), Outcome.HUNG_UP_EARLY)

    async def does_not_answer(self) -> None:
        """Let it ring until it stops."""
        await self.ends(self._current(), Outcome.NOT_ANSWERED)

    def rings(self, call: Ring) -> Outcome | None:
        """The carrier's side: a call comes in; the answer is what it ends with at once."""
        self.calls.append(call)
        return _ENDS_AT_ONCE.get(self.line)

    def takes(self, text: Text) -> None:
        """The carrier's side: a text comes in, unless the line keeps it away."""
        if self.line not in {Line.WELL, Line.BUSY}:
            text.is_delivered, text.why = False, _ENDS_AT_ONCE[self.line]
        self.texts.append(text)

    def _current(self) -> Ring:
        call = self.ringing
        if call is None:
            raise CannotDo(f"{self.number} does not ring")
        return call

    async def ends(self, call: Ring, outcome: Outcome) -> None:
        """The call is over, once: the carrier may have hung up before its listener does."""
        if call.state is CallState.ENDED:
            return
        call.state, call.outcome, call.ended_at = CallState.ENDED, outcome, self._listeners.now()
        await self._listeners.end(call)
