"""Answers that their chat's limits hold back for longer than a moment are given when there is room.

The rule: who asks faster than Telegram lets us answer is not left with silence: the newest answers come late and in
their order. Only what says something anew is kept; an edit would cover what was drawn meanwhile.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from aiogram.exceptions import AiogramError, TelegramRetryAfter

from backend.core import clock
from bots.telegram.refusals import HeldBack

LOGGER = logging.getLogger(__name__)
MOST_WAITING: Final = 5  #: answers that wait for one chat; an older one gives its place to a newer
_LONGEST: Final = timedelta(minutes=3)  #: a minute's limit, and what alarms take of the next ones
Give = Callable[[], Awaitable[object]]
Room = Callable[[str, datetime], Awaitable[None]]
Sleep = Callable[[float], Awaitable[object]]


class Later:
    """The answers that wait, by chat. `room` waits for a chat's turn, and raises HeldBack if there is none in time."""

    def __init__(self, room: Room, sleep: Sleep = asyncio.sleep) -> None:
        self._room = room
        self._sleep = sleep
        self._waiting: dict[str, deque[Give]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def has(self, chat: str) -> bool:
        """Whether answers wait for this chat: a new one has its place behind them."""
        return chat in self._waiting

    def keep(self, chat: str, give: Give, pause_s: float = 0) -> None:
        """Give it when there is room, and not before `pause_s` seconds."""
        if chat not in self._waiting:
            self._waiting[chat] = deque()
            task = asyncio.create_task(self._give_all(chat, pause_s), name="telegram answers that wait")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        waiting = self._waiting[chat]
        waiting.append(give)
        if len(waiting) > MOST_WAITING:
            waiting.popleft()
            LOGGER.warning("an answer was let go: newer ones wait for the same chat")

    async def _give_all(self, chat: str, pause_s: float) -> None:
        waiting = self._waiting[chat]
        try:
            await self._sleep(pause_s)
            while waiting:
                await self._room(chat, clock.now() + _LONGEST)
                await self._give(waiting.popleft())
        except HeldBack:
            LOGGER.warning("answers were let go: their chat has no room", extra={"answers": len(waiting)})
        finally:
            del self._waiting[chat]

    async def _give(self, give: Give) -> None:
        """Telegram may have a narrower limit than ours: then as late as it says, once."""
        try:
            try:
                await give()
            except TelegramRetryAfter as refused:
                await self._sleep(min(refused.retry_after, _LONGEST.total_seconds()))
                await give()
        except AiogramError as failure:  # as with an answer at once: what was asked for has been done
            LOGGER.warning("a late answer was not delivered", extra={"why": f"{type(failure).__name__}: {failure}"})

    async def close(self) -> None:
        """Let go of what waits: the process ends."""
        if left := sum(map(len, self._waiting.values())):
            LOGGER.warning("answers were let go: the bot stops", extra={"answers": left})
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
