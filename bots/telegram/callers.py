"""Who is calling: finds our person behind a chat account, for every update, before any handler runs.

The rule: handlers get `person` (None for a stranger) and `language`; they never look at accounts themselves.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import TelegramObject, User

from backend.core.i18n import known_language
from backend.core.vocabulary import Channel
from bots.telegram.use_cases import UseCases


class Callers(BaseMiddleware):
    """Outer middleware of every update."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases = use_cases

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Bind `person` and `language`. The account's own language comes first, for errors on the way."""
        user: User | None = data.get("event_from_user")
        data["person"] = None
        data["language"] = known_language(user.language_code if user else None)
        if user is not None:
            person = await self._use_cases.person_of_chat(Channel.TELEGRAM, str(user.id))
            data["person"] = person
            data["language"] = known_language(person.language) if person else data["language"]
        return await handler(event, data)
