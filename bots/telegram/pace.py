"""The bot's answers keep the flood limits: they spend from the same budgets as the cards, and leave fire its reserve.

The rule: what has to wait waits in hand for a few seconds, then it is given `later`, for what was asked has been done
already and others wait for their turn. With PostgreSQL away an answer goes at once: it is how people are told so.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType

from backend.core import clock
from backend.core.db.engine import SERVER_AWAY
from backend.core.ids import AttemptId, PersonId, new_id
from backend.core.vocabulary import Channel
from backend.delivery.budgets import Ask, Limits, Word
from backend.delivery.spending import spend
from bots.telegram.later import Later
from bots.telegram.once_more import SAYING
from bots.telegram.refusals import HeldBack

#: methods that Telegram counts; a passing word (answerCallbackQuery) is none
COUNTED: Final = frozenset({"sendMessage", "sendPhoto", "sendDocument", "editMessageText", "editMessageReplyMarkup"})
#: keys alone change for the second tap of a real fire, and for nothing else: it has room of its own, and at once
_KEYS: Final = "editMessageReplyMarkup"
LONGEST_WAIT: Final = timedelta(seconds=5)
_NO_ROOM: Final = "held back by our own limits"
_NOBODY: Final = PersonId(UUID(int=0))
Sleep = Callable[[float], Awaitable[object]]


def for_answers(limits: Limits) -> Limits:
    """What answers may spend: three quarters of what is not fire's; an alarm finds room however much is said."""
    return {
        medium: tuple(msgspec.structs.replace(each, plain=max(1, each.plain * 3 // 4)) for each in some)
        for medium, some in limits.items()
    }


def for_keys(limits: Limits) -> Limits:
    """What the keys of a second tap may spend: half of fire's reserve too. The rest is for cards, whoever taps."""
    return {
        medium: tuple(
            msgspec.structs.replace(each, plain=each.plain + (each.fire - each.plain) // 2, low=0.0) for each in some
        )
        for medium, some in limits.items()
    }


class Pace(Protocol):
    """When an answer may go."""

    async def free_at(self, chat: str, until: datetime, *, is_keys: bool = False) -> datetime | None:
        """None: it may go now, and is counted. Else when to ask again."""
        ...


class SharedPace:
    """The budgets of delivery in PostgreSQL, which all processes share."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._limits_of_keys = for_answers(limits), for_keys(limits)

    async def free_at(self, chat: str, until: datetime, *, is_keys: bool = False) -> datetime | None:
        """One claim by delivery's own rule."""
        limits = self._limits_of_keys if is_keys else self._limits
        ask = Ask(
            attempt=AttemptId(new_id()),
            person=_NOBODY,
            medium=Channel.TELEGRAM,
            address=chat,
            is_fire=False,
            useful_until=until,
            may_join=False,
        )
        try:
            answer = (await spend([ask], limits, clock.now()))[ask.attempt]
        except SERVER_AWAY:
            return None
        return None if answer.word is Word.GO else answer.at


class Paced(BaseRequestMiddleware):
    """Middleware of the bot's session: each message and edit waits for its turn."""

    def __init__(self, pace: Pace, sleep: Sleep = asyncio.sleep) -> None:
        self._pace = pace
        self._sleep = sleep
        self.later = Later(self._room, sleep)

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Any:
        """Wait, then send; a 429 all the same is waited for once. Raises HeldBack for what there is no room for."""
        if method.__api_method__ not in COUNTED:
            return await make_request(bot, method)
        chat, until = str(getattr(method, "chat_id", "")), clock.now() + LONGEST_WAIT
        send = partial(make_request, bot, method)
        try:
            await self._turn(chat, until, is_keys=method.__api_method__ == _KEYS)
            return await self._send(send, until)
        except (TelegramRetryAfter, HeldBack) as refused:
            if method.__api_method__ not in SAYING:
                raise
            pause_s = refused.retry_after if isinstance(refused, TelegramRetryAfter) else 0
            self.later.keep(chat, send, pause_s)
            raise HeldBack(_NO_ROOM) from refused

    async def _turn(self, chat: str, until: datetime, *, is_keys: bool) -> None:
        if self.later.has(chat) and not is_keys:
            raise HeldBack(_NO_ROOM)
        await self._room(chat, until, is_keys=is_keys)

    async def _send(self, send: Callable[[], Awaitable[Any]], until: datetime) -> Any:
        try:
            return await send()
        except TelegramRetryAfter as refused:
            if clock.now() + timedelta(seconds=refused.retry_after) > until:
                raise
            await self._sleep(refused.retry_after)
            return await send()

    async def _room(self, chat: str, until: datetime, *, is_keys: bool = False) -> None:
        while (at := await self._pace.free_at(chat, until, is_keys=is_keys)) is not None:
            if at > until:
                raise HeldBack(_NO_ROOM)
            await self._sleep(max(0.01, (at - clock.now()).total_seconds()))
