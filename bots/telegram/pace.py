"""The bot's answers keep the flood limits: they spend from the same budgets as the cards, and leave fire its reserve.

The rule: what has to wait waits in hand for a few seconds, then it is let go and logged, for what was asked has been
done already. With PostgreSQL away an answer goes at once: it is how people are told so.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
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

LOGGER = logging.getLogger(__name__)
#: methods that Telegram counts; a passing word (answerCallbackQuery) is none
COUNTED: Final = frozenset({"sendMessage", "sendPhoto", "sendDocument", "editMessageText", "editMessageReplyMarkup"})
LONGEST_WAIT: Final = timedelta(seconds=5)
_NOBODY: Final = PersonId(UUID(int=0))
Sleep = Callable[[float], Awaitable[object]]


def for_answers(limits: Limits) -> Limits:
    """What answers may spend: three quarters of what is not fire's; an alarm finds room however much is said."""
    return {
        medium: tuple(msgspec.structs.replace(each, plain=max(1, each.plain * 3 // 4)) for each in some)
        for medium, some in limits.items()
    }


class Pace(Protocol):
    """When an answer may go."""

    async def free_at(self, chat: str, until: datetime) -> datetime | None:
        """None: it may go now, and is counted. Else when to ask again."""
        ...


class SharedPace:
    """The budgets of delivery in PostgreSQL, which all processes share."""

    def __init__(self, limits: Limits) -> None:
        self._limits = for_answers(limits)

    async def free_at(self, chat: str, until: datetime) -> datetime | None:
        """One claim by delivery's own rule."""
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
            answer = (await spend([ask], self._limits, clock.now()))[ask.attempt]
        except SERVER_AWAY:
            return None
        return None if answer.word is Word.GO else answer.at


class Paced(BaseRequestMiddleware):
    """Middleware of the bot's session: each message and edit waits for its turn."""

    def __init__(self, pace: Pace, sleep: Sleep = asyncio.sleep) -> None:
        self._pace = pace
        self._sleep = sleep

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Any:
        """Wait, then send; a 429 all the same is waited for once."""
        if method.__api_method__ not in COUNTED:
            return await make_request(bot, method)
        until = clock.now() + LONGEST_WAIT
        await self._wait(method, until)
        try:
            return await make_request(bot, method)
        except TelegramRetryAfter as refused:
            if clock.now() + timedelta(seconds=refused.retry_after) > until:
                raise
            await self._sleep(refused.retry_after)
            return await make_request(bot, method)

    async def _wait(self, method: TelegramMethod[Any], until: datetime) -> None:
        chat = str(getattr(method, "chat_id", ""))
        while (at := await self._pace.free_at(chat, until)) is not None:
            if at > until:
                raise TelegramRetryAfter(
                    method=method, message="held back by our own limits", retry_after=int(LONGEST_WAIT.total_seconds())
                )
            await self._sleep(max(0.01, (at - clock.now()).total_seconds()))
