"""The live stream of server-sent events: inbox items with replay, and word that a unit's state changed.

The rule: rows are read after the stream began to listen, so nothing falls between replay and live. Event `item`
carries its `seq` as event id; `changed` and `alive` carry none and are never replayed.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Self

import msgspec

from backend.core import clock
from backend.core.live import Hint, Listener
from backend.people.doors import units_seen
from backend.people.model import Person
from miniprogram_api.inbox import PAGE, InboxItem, items_after

PING_S: Final = 10.0  # proxies cut a silent stream after 15 to 60 s
_GAP_S: Final = 0.1  # a storm of hints becomes at most ten looks a second
_LIFE_S: Final = 600.0  # then the phone signs in again, and a right that was withdrawn ends
_encode = msgspec.json.Encoder().encode


class News(msgspec.Struct, frozen=True):
    """What a hint means for one person: their inbox, the state they may see, or nothing."""

    inbox: bool = False
    state: bool = False

    def with_(self, other: "News") -> "News":
        """Both together."""
        return News(self.inbox or other.inbox, self.state or other.state)

    def __bool__(self) -> bool:
        return self.inbox or self.state


class Watch:
    """One stream's ear on the listener, and what it hears for its person."""

    def __init__(self, listener: Listener, person: Person, units: frozenset[str] | None) -> None:
        self._hints = listener.hints(every=PING_S)
        self._person = str(person.id)
        self._units = units
        self._last = 0.0

    async def __aenter__(self) -> Self:
        self._next = self._ask()
        await asyncio.sleep(0)  # the generator begins to listen at its first step
        return self

    async def __aexit__(self, *_: object) -> None:
        self._next.cancel()
        await asyncio.gather(self._next, return_exceptions=True)

    def _ask(self) -> "asyncio.Task[Hint | None]":
        return asyncio.create_task(self._step())

    async def _step(self) -> Hint | None:
        return await anext(self._hints)

    def _means(self, hint: Hint | None) -> News:
        if hint is None:
            return News(inbox=True, state=True)
        is_seen = bool(hint.unit or hint.alarm) and (self._units is None or hint.unit in self._units)
        return News(inbox=self._person in hint.persons, state=is_seen)

    async def news(self) -> News:
        """What there is to look at; empty after `PING_S` seconds of nothing."""
        found, end = News(), clock.monotonic() + PING_S
        while True:
            until = self._last + _GAP_S if found else end
            left = until - clock.monotonic()
            if left <= 0:
                break
            done, _ = await asyncio.wait({self._next}, timeout=left)
            if not done:
                break
            hint = self._next.result()
            self._next = self._ask()
            found = found.with_(self._means(hint))
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


async def stream(person: Person, after: int, listener: Listener) -> AsyncIterator[bytes]:
    """Everything after number `after`, then everything that comes, for ten minutes."""
    seen = units_seen(person)
    units = None if seen is None else frozenset(str(unit) for unit in seen)
    end = clock.monotonic() + _LIFE_S
    yield b"retry: 1000\n\n" + _alive()
    async with Watch(listener, person, units) as watch:
        news = News(inbox=True)
        while clock.monotonic() < end:
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
