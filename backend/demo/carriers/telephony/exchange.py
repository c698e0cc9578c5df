"""A telephone exchange: several carriers behind one address, and the telephones that their texts and calls come to.

The rule: a request goes to the carrier whose own header it bears, or whose path it names; `/control` belongs to tests
and the demo, and lives on loopback only, like the carriers (`serving`). A telephone here is one number, whichever
carrier reached it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from backend.core import clock
from backend.demo.carriers.telephony.phones import CallState, CannotDo, Outcome, Ring, Telephone, Text
from backend.demo.carriers.telephony.serving import Answered, Asked, Receive, Scope, Send, read, write

_CONTROL: Final = "/control/telephones"
_WATCH_S: Final = 20.0
_LOOK_S: Final = 0.2


class TextView(msgspec.Struct, frozen=True, kw_only=True):
    """A text message as the telephone shows it."""

    carrier: str
    id: str
    text: str
    at: datetime


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """A call as the telephone shows it."""

    carrier: str
    id: str
    said: str
    at: datetime
    state: CallState
    pressed: str
    said_back: str
    outcome: Outcome | None


class TelephoneView(msgspec.Struct, frozen=True, kw_only=True):
    """A telephone: what came, oldest first."""

    number: str
    texts: list[TextView]
    calls: list[CallView]


class DeedIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person does: `reply` with words, `press` keys, `hang_up`; a call that only rings is let ring out."""

    do: str
    words: str = ""


class ChangesOut(msgspec.Struct, frozen=True):
    """Which numbers have news since the version that was asked with."""

    version: int
    numbers: list[str]


class Carrier(Protocol):
    """What the exchange needs of a carrier."""

    phones: dict[str, Telephone]

    def phone(self, number: str) -> Telephone:
        """The telephone with this number."""
        ...

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Its HTTP side."""
        ...

    async def close(self) -> None:
        """End what waits."""
        ...


class Connected(msgspec.Struct, frozen=True):
    """A carrier behind the exchange, and what says that a request is for it."""

    name: str
    carrier: Carrier
    header: str = ""  #: that its customers' requests bear, such as `x-acs-action`
    path: str = ""  #: with which their addresses begin, such as `/2010-04-01/`

    def is_meant(self, scope: Scope) -> bool:
        """Whether this request is for it."""
        if self.path:
            return bool(scope["path"].startswith(self.path))
        return any(name.decode("latin-1") == self.header for name, _ in scope["headers"])


class Exchange:
    """The carriers, asked in this order whether a request is theirs."""

    def __init__(self, connected: Sequence[Connected], now: Callable[[], datetime] = clock.now) -> None:
        self._closing = asyncio.Event()
        self.connected = connected
        self._now = now
        self._version = 0
        self._changed: dict[str, int] = {}
        self._seen: dict[str, bytes] = {}
        self._deeds: Mapping[str, Callable[[str, str], Awaitable[None]]] = {
            "reply": self._reply,
            "press": self._press,
            "hang_up": self._hang_up,
        }

    async def close(self) -> None:
        """End what waits."""
        self._closing.set()
        for each in self.connected:
            await each.carrier.close()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith(_CONTROL):
            await write(send, await self._control(await read(scope, receive)))
            return
        meant = next((each.carrier for each in self.connected if each.is_meant(scope)), None)
        if meant is not None:
            await meant.app(scope, receive, send)
            return
        await write(send, Answered(404, {"detail": "no carrier of this exchange is meant"}))

    def telephone(self, number: str) -> TelephoneView:
        """One number, as its telephone shows it."""
        texts = [(name, text) for name, phone in self._phones(number) for text in phone.texts if text.is_delivered]
        calls = [(name, call) for name, phone in self._phones(number) for call in phone.calls]
        return TelephoneView(
            number=number,
            texts=[_text_view(*each) for each in sorted(texts, key=lambda each: each[1].sent_at)],
            calls=[_call_view(*each) for each in sorted(calls, key=lambda each: each[1].rang_at)],
        )

    async def changes(self, after: int) -> ChangesOut:
        """Wait until a telephone has news, at most a while."""
        for _ in range(int(_WATCH_S / _LOOK_S)):
            self._look()
            if self._version > after or self._closing.is_set():
                break
            await asyncio.sleep(_LOOK_S)
        numbers = [number for number, version in self._changed.items() if version > after]
        return ChangesOut(self._version, numbers)

    async def let_ring_out(self) -> None:
        """Calls that nobody takes end; for ever, until cancelled."""
        while True:
            for phone in [phone for each in self.connected for phone in each.carrier.phones.values()]:
                call = phone.ringing
                if call and call.state is CallState.RINGING and self._now() - call.rang_at >= call.rings_for:
                    await phone.does_not_answer()
            await asyncio.sleep(1)

    def _phones(self, number: str) -> list[tuple[str, Telephone]]:
        return [(each.name, each.carrier.phone(number)) for each in self.connected]

    def _look(self) -> None:
        """Which telephones look otherwise than last time."""
        numbers = {number for each in self.connected for number in each.carrier.phones}
        for number in numbers:
            face = msgspec.json.encode(self.telephone(number))
            if self._seen.get(number) != face:
                self._seen[number] = face
                self._version += 1
                self._changed[number] = self._version

    async def _control(self, asked: Asked) -> Answered:
        *_, last = asked.path.rstrip("/").split("/")
        if asked.path == f"{_CONTROL}/changes":
            after = asked.query.removeprefix("after=")
            return Answered(200, await self.changes(int(after) if after.isdecimal() else 0))
        if asked.method == "GET":
            return Answered(200, self.telephone(last))
        try:
            deed = msgspec.json.decode(asked.body, type=DeedIn)
            await self._deeds[deed.do](last, deed.words)
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError) as error:
            return Answered(400, {"detail": f"no such deed: {error}"})
        except CannotDo as cannot:
            return Answered(409, {"detail": str(cannot)})
        return Answered(200, self.telephone(last))

    async def _reply(self, number: str, words: str) -> None:
        arrived = [(phone, text) for _, phone in self._phones(number) for text in phone.texts if text.is_delivered]
        if not arrived:
            raise CannotDo(f"{number} has no text to reply to")
        phone, text = max(arrived, key=lambda each: each[1].sent_at)
        await phone.replies(words, text)

    async def _press(self, number: str, keys: str) -> None:
        await self._ringing(number)[0].presses(keys)

    async def _hang_up(self, number: str, _: str) -> None:
        phone, call = self._ringing(number)
        if call.state is CallState.RINGING:
            await phone.does_not_answer()
        else:
            await phone.ends(call, Outcome.HEARD)

    def _ringing(self, number: str) -> tuple[Telephone, Ring]:
        for _, phone in self._phones(number):
            if phone.ringing is not None:
                return phone, phone.ringing
        raise CannotDo(f"{number} does not ring")


def _text_view(carrier: str, text: Text) -> TextView:
    return TextView(carrier=carrier, id=text.id, text=text.text, at=text.sent_at)


def _call_view(carrier: str, call: Ring) -> CallView:
    return CallView(
        carrier=carrier,
        id=call.id,
        said=call.said,
        at=call.rang_at,
        state=call.state,
        pressed=call.pressed,
        said_back=call.said_back,
        outcome=call.outcome,
    )
