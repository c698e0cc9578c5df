"""Turns: in which order what comes from one person in one chat is handled.

The rule: an answer under a card waits for nobody, for it may be about a fire. What is written, and the keys of a
dialogue's question, wait for all that the same person sent before: a photo is kept before "that's all" ends the
dialogue that asked for it, and words find the question which the tap before them brought up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from bots.telegram.presses import is_of_a_dialogue


class Place(NamedTuple):
    """Where an update stands: whose line in which chat, and whether it waits in it."""

    chat: int
    person: int
    waits: bool


class Line:
    """What is in hand of one person in one chat: the last that waited for its turn, and what came after it."""

    def __init__(self) -> None:
        self.before: list[asyncio.Event] = []
        self.held = 0


class Turns:
    """The lines of everybody who has something in hand."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, int], Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @asynccontextmanager
    async def turn(self, place: Place | None) -> AsyncIterator[None]:
        """Begins when it is this update's turn. Updates take their places in the order in which they enter."""
        if place is None:
            yield
            return
        whose, done = (place.chat, place.person), asyncio.Event()
        line = self._lines.setdefault(whose, Line())
        line.held += 1
        try:
            if place.waits:
                before, line.before = line.before, [done]
                for each in before:
                    await each.wait()
            else:
                line.before.append(done)
            yield
        finally:
            done.set()
            line.held -= 1
            if not line.held:
                del self._lines[whose]


def place_of(raw: dict[str, Any]) -> Place | None:
    """The place of an update as Telegram sent it; None for what could not be read, or has none."""
    said = raw.get("message") or raw.get("my_chat_member")
    pressed = raw.get("callback_query")
    message = said if isinstance(said, dict) else pressed.get("message") if isinstance(pressed, dict) else None
    person = _id((said if isinstance(said, dict) else pressed or {}), "from")
    chat = _id(message, "chat")
    if person is None:
        person = chat  # a channel's own words
    if chat is None:
        chat = person  # a button of a message that Telegram no longer shows
    if chat is None or person is None:
        return None
    data = pressed.get("data") if isinstance(pressed, dict) else None
    is_key = not isinstance(said, dict)
    return Place(chat, person, waits=not is_key or (isinstance(data, str) and is_of_a_dialogue(data)))


def _id(whole: object, name: str) -> int | None:
    part = whole.get(name) if isinstance(whole, dict) else None
    number = part.get("id") if isinstance(part, dict) else None
    return number if isinstance(number, int) else None
