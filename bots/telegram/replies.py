"""Saying something back: to a message, or to a tap.

The rule: an answer that can't be delivered is logged and forgotten, for what was asked has been done already.
Texts go out as plain text, so nothing in them needs escaping.
"""

import logging
from typing import Final

from aiogram.enums import ChatType
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bots.telegram.doing import answering
from bots.telegram.drawing import TEXT_LIMIT, length
from bots.telegram.refusals import TOO_OLD, HeldBack

LOGGER = logging.getLogger(__name__)
ANSWER_LIMIT: Final = 200  #: characters of answerCallbackQuery
_CUT: Final = "…"


async def answer(query: CallbackQuery, text: str, *, is_alert: bool = False, is_also_said: bool = False) -> None:
    """Answer a tap; the phone stops its spinner and shows `text`, as a window when `is_alert`.

    A tap that waited (the bot was away) has no window any more: then, in a private chat, it is said in words, unless
    what it says `is_also_said`.
    """
    answering()
    try:
        await query.answer(_short(text) or None, show_alert=is_alert)
    except TelegramBadRequest as error:
        not_delivered(error)
        if TOO_OLD in str(error) and text and not is_also_said and isinstance(query.message, Message):
            await _say_instead(query.message, text)
    except AiogramError as error:
        not_delivered(error)


async def _say_instead(pressed: Message, text: str) -> None:
    """In a group what one who pressed may read is not everybody's."""
    if pressed.chat.type == ChatType.PRIVATE:
        await reply(pressed, text)


def _short(text: str) -> str:
    if length(text) <= ANSWER_LIMIT:
        return text
    return text.encode("utf-16-le")[: 2 * (ANSWER_LIMIT - 1)].decode("utf-16-le", "ignore") + _CUT


async def reply(message: Message, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Write into the chat and topic that `message` came from; what is too much for one message is cut at the end."""
    assert message.bot is not None
    answering()
    try:
        said = "\n".join(fitting(text.splitlines()))
        await message.bot.send_message(
            message.chat.id, said, reply_markup=keyboard, parse_mode=None, message_thread_id=topic_of(message)
        )
    except AiogramError as error:
        not_delivered(error)


def topic_of(message: Message) -> int | None:
    """The topic a message was written in, in a group that has topics."""
    return message.message_thread_id if message.is_topic_message else None


def fitting(lines: list[str], room: int = TEXT_LIMIT) -> list[str]:
    """The first lines that fit in `room`, and … where some don't."""
    left = room - length(_CUT)
    for number, line in enumerate(lines):
        left -= length(line) + 1
        if left < 0:
            return [*lines[:number], _CUT]
    return lines


def latest_fitting(lines: list[str], room: int) -> list[str]:
    """The last lines that fit in `room`, and … where some don't."""
    return fitting(lines[::-1], room)[::-1]


def not_delivered(error: AiogramError) -> None:
    """Log an answer that nobody got, or not yet; what was asked for has been done all the same."""
    if isinstance(error, HeldBack):
        LOGGER.info("an answer waits for room in its chat")
        return
    LOGGER.warning("an answer was not delivered", extra={"failure": type(error).__name__, "why": str(error)})
