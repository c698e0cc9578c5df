"""What went wrong, as a sentence in the person's language: one place for all routers.

The rule: a Refused is told as it is; a PostgreSQL that is away is not told here but passed on, for the hearing waits
for it (`updates`); anything else is a bug, logged once with the update's id, and the person is told to try again.
Nothing of a bug's inside reaches a chat.
"""

import logging
from typing import Any

from aiogram import Bot, Router
from aiogram.filters import ExceptionTypeFilter
from aiogram.types import ErrorEvent, Update

from backend.core.db.engine import SERVER_AWAY
from backend.core.errors import Refused
from backend.core.i18n import DEFAULT_LANGUAGE, _, known_language
from bots.telegram.replies import answer, reply

LOGGER = logging.getLogger(__name__)


def build() -> Router:
    """Errors of every router of the dispatcher it is included in."""
    router = Router(name="errors")
    router.errors.register(tell_refusal, ExceptionTypeFilter(Refused))
    router.errors.register(tell_failure, ~ExceptionTypeFilter(*SERVER_AWAY))
    return router


async def tell_refusal(event: ErrorEvent, language: str = DEFAULT_LANGUAGE) -> None:
    """The refusal's own sentence."""
    assert isinstance(event.exception, Refused)
    await _tell(event.update, _(event.exception.sentence, language))


async def tell_failure(event: ErrorEvent, language: str = DEFAULT_LANGUAGE) -> None:
    """A bug."""
    LOGGER.error(
        "an update could not be handled",
        extra={"update_id": event.update.update_id},
        exc_info=event.exception,
    )
    await _tell(event.update, _("系统繁忙，操作没有完成。请稍后再试，或在手机页面操作。", language))


async def _tell(update: Update, sentence: str) -> None:
    if update.callback_query is not None:
        await answer(update.callback_query, sentence, is_alert=True)
    elif update.message is not None:
        await reply(update.message, sentence)


async def tell_kept(bot: Bot, raw: dict[str, Any]) -> None:
    """While PostgreSQL is away for longer than a moment: what was asked is stored, and will be done."""
    update = Update.model_validate(raw, context={"bot": bot})
    asked = update.callback_query or update.message
    user = asked.from_user if asked is not None else None
    sentence = _("系统正在恢复，您的操作已保存，恢复后自动完成。", known_language(user.language_code if user else None))
    await _tell(update, sentence)
