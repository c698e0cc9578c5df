"""The live stream of server-sent events: inbox items with replay, and word that a unit's state changed.

The rule: rows are read after the stream began to listen, so nothing falls between replay and live. Event `item`
carries its `seq` as event id; `changed` and `alive` carry none and are never replayed. A session that was revoked
ends its stream within `PING_S` + `_RENEW_S`; a right that was given or withdrawn counts as soon.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Self

import msgspec

from backend.core import clock
from backend.core.errors import NotSignedIn
from backend.core.live import COMPLAINT, Hint, Listener
from backend.people.doors import units_seen
from backend.people.model import Person, Right
from miniprogram_api.inbox import PAGE, InboxItem, items_after

PING_S: Final = 10.0  # proxies cut a silent stream after 15 to 60 s
_GAP_S: Final = 0.1  # a storm of hints becomes at most ten looks a second
_STATE_GAP_S: Final = 0.5  # and at most two "changed" a second: each makes the page ask for itself anew
_RENEW_S: Final = 5.0  # how old our knowledge of the session may be when there is something to say
_LIFE_S: Final = 600.0  # then the phone asks again
_encode = msgspec.json.Encoder().encode

#: reads the session again; raises NotSignedIn when it has ended
Renew = Callable[[], Awaitable[Person]]


class News(msgspec.Struct, frozen=True):
    """What a hint means for one person: their inbox, the state they may see, or nothing."""

    inbox: bool = False
    state: bool = False
    is_end: bool = False  #: the process stops: the stream ends now, and the phone reconnects

    def with_(self, other: "News") -> "News":
        """Both together."""
        return News(self.inbox or other.inbox, self.state or other.state, self.is_end or other.is_end)

    def __bool__(self) -> bool:
        return self.inbox or self.state or self.is_end


class _End:
    """What a listener that was stopped answers."""


_THE_END: Final = _End()


class Watch:
    """One stream's ear on the listener, and what it hears for its person."""

    def __init__(self, listener: Listener, person: Person) -> None:
        self._hints = listener.hints(every=PING_S)
        self.is_for(person)
        self._last = 0.0

    def is_for(self, person: Person) -> None:
        """Hear for `person`, with the rights they have now."""
        seen = units_seen(person)
        self._person = str(person.id)
        self._handles = person.may(Right.HANDLE_COMPLAINTS, None)
        self._units = None if seen is None else frozenset(str(unit) for unit in seen)

    async def __aenter__(self) -> Self:
        self._next = self._ask()
        await asyncio.sleep(0)  # the generator begins to listen at its first step
        return self

    async def __aexit__(self, *_: object) -> None:
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)

    def _ask(self) -> "asyncio.Task[Hint | _End | None]":
        return asyncio.create_task(self._step())

    async def _step(self) -> "Hint | _End | None":
        return await anext(self._hints, _THE_END)

    def _means(self, hint: "Hint | _End | None") -> News:
        if isinstance(hint, _End):
            return News(is_end=True)
        if hint is None:
            return News(inbox=True, state=True)
        is_seen = bool(hint.unit or hint.alarm) and (self._units is None or hint.unit in self._units)
        is_handled = self._handles and hint.about == COMPLAINT
        return News(inbox=self._person in hint.persons, state=is_seen or is_handled)

    async def news(self) -> News:
        """What there is to look at; empty after `PING_S` seconds of nothing."""
        found, end = News(), clock.monotonic() + PING_S
        while True:
            until = self._last + (_GAP_S if found.inbox else _STATE_GAP_S) if found else end
            left = until - clock.monotonic()
            if left <= 0:
                break
            done, _ = await asyncio.wait({self._next}, timeout=left)
            if not done:
                break
            hint = self._next.result()
            found = found.with_(self._means(hint))
            if found.is_end:
                break
            self._next = self._ask()
        if found:
            self._last = clock.monotonic()
        return found


def event(name: str, content: bytes, seq: int | None = None) -> bytes:
    """One server-sent event; JSON holds no line break, so `data` is one line."""
    number = b"" if seq is None else b"id: %d\n" % seq
    return number + b"event: %s\ndata: %s\n\n" % (name.encode(), content)


def _item(item: InboxItem) -> bytes:
    return event("item", _encode(item), item.seq)


def _alive() -> bytes:
    """A comment for proxies and an event for the page, which can't see comments."""
    return b": ping\n" + event("alive", _encode({"at": clock.now()}))


async def _renewed(person: Person, renew: Renew | None) -> Person | None:
    """The person with the rights of this moment; None when the session has ended."""
    if renew is None:
        return person
    try:
        return await renew()
    except NotSignedIn:
        return None


async def stream(person: Person, after: int, listener: Listener, renew: Renew | None = None) -> AsyncIterator[bytes]:
    """Everything after number `after`, then everything that comes, for ten minutes or until the session ends."""
    end, renewed_at = clock.monotonic() + _LIFE_S, clock.monotonic()
    yield b"retry: 1000\n\n" + _alive()
    async with Watch(listener, person) as watch:
        news = News(inbox=True)
        while not news.is_end and clock.monotonic() < end:
            while news.inbox:
                items = await items_after(person.id, after)
                for item in items:
                    yield _item(item)
                    after = item.seq
                if len(items) < PAGE:
                    break
            if news.state:
                yield event("changed", b"{}")
            if not news:
                yield _alive()
            news = await watch.news()
            if clock.monotonic() - renewed_at >= _RENEW_S:
                current, renewed_at = await _renewed(person, renew), clock.monotonic()
                if current is None:
                    return
                watch.is_for(current)
