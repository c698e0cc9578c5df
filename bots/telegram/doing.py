"""Where an update stands: what it asked for is done, and only its answer is on the way.

The rule: an act is never repeated because its answer could not be delivered; whoever answers says so first.
"""

import asyncio
from contextvars import ContextVar


class Doing:
    """One update in hand: within what time, and whether only answers are left."""

    def __init__(self, within: asyncio.Timeout, answering_s: float) -> None:
        self._within = within
        self._answering_s = answering_s
        self.is_done = False

    def answer(self) -> None:
        """What was asked for is done; answers have a time of their own from here."""
        if not self.is_done:
            self.is_done = True
            self._within.reschedule(asyncio.get_running_loop().time() + self._answering_s)

    @property
    def left_s(self) -> float:
        """How much time is left for doing it."""
        until = self._within.when()
        return 0.0 if until is None else max(0.0, until - asyncio.get_running_loop().time())


IN_HAND: ContextVar[Doing | None] = ContextVar("telegram update in hand", default=None)


def time_left() -> float | None:
    """How much time is left for what the update in hand asks for; None outside of one."""
    doing = IN_HAND.get()
    return None if doing is None else doing.left_s


def answering() -> None:
    """To be said before the first answer to an update; outside of one it means nothing."""
    if (doing := IN_HAND.get()) is not None:
        doing.answer()
