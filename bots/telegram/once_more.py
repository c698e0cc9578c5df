"""An answer that the carrier did not take is tried once more; no person reads the same message twice.

The rule: what only changes something (an edit, the word over a tap) may be repeated whatever became of it. A new
message is repeated only where the carrier itself said no, or was never reached; where nobody knows, it is let go.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramNetworkError, TelegramServerError
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType

from bots.telegram.session import NeverReached, NoAnswerInTime, Unreadable

#: what says something anew
SAYING: Final = frozenset({"sendMessage", "sendPhoto", "sendDocument"})
#: what may be done twice and looks as if it was done once
_CHANGING: Final = frozenset({"editMessageText", "editMessageReplyMarkup", "answerCallbackQuery"})
_PAUSE_S: Final = 1.0
Sleep = Callable[[float], Awaitable[object]]


class OnceMore(BaseRequestMiddleware):
    """Middleware of the bot's session, outside of its pace: a second try takes its turn like the first."""

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Any:
        """Send; after a failure that may be repeated wait a moment, then send once more."""
        try:
            return await make_request(bot, method)
        except (TelegramServerError, TelegramNetworkError) as failure:
            if not may_be_repeated(method.__api_method__, failure):
                raise
        await self._sleep(_PAUSE_S)
        return await make_request(bot, method)


def may_be_repeated(method: str, failure: Exception) -> bool:
    """Whether a second try can show nothing twice. Time that ran out leaves none for another try."""
    if method in _CHANGING:
        return not isinstance(failure, NoAnswerInTime)
    if method not in SAYING:
        return False
    is_refused = isinstance(failure, TelegramServerError) and not isinstance(failure, Unreadable)
    return is_refused or isinstance(failure, NeverReached)
