"""Drawing sayings: lines, keys, pictures; in place of what was pressed, or as a passing word.

The rule: a tap is answered exactly once, and an answer that can't be delivered is logged and forgotten (`replies`).
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import BufferedInputFile, CallbackQuery, InlineKeyboardMarkup, Message

from backend.chat.model import Picture, Saying
from backend.core.i18n import _
from bots.telegram.doing import answering
from bots.telegram.drawing import keys_markup, plain
from bots.telegram.refusals import NOT_MODIFIED
from bots.telegram.replies import answer, fitting, not_delivered, topic_of

CAPTION_LIMIT: Final = 1024
_LONGEST_LINE: Final = 3000


async def say_all(message: Message, sayings: Sequence[Saying]) -> None:
    """Answer a message with these, in order, in its chat and topic."""
    assert message.bot is not None
    answering()
    for saying in sayings:
        await _say(message.bot, message.chat.id, topic_of(message), saying)


async def answer_press(query: CallbackQuery, sayings: Sequence[Saying], language: str) -> None:
    """Answer a tap: the first brief word pops up, the rest is said; what is `in_place` changes the pressed message."""
    answering()
    brief = next((each for each in sayings if each.brief), None)
    is_also_said = any(each.lines for each in sayings)
    await answer(
        query, brief.brief if brief else "", is_alert=brief is not None and brief.is_alert, is_also_said=is_also_said
    )
    if query.message is None or query.bot is None:
        return
    bot = query.bot
    chat, message_id = query.message.chat.id, query.message.message_id
    topic = topic_of(query.message) if isinstance(query.message, Message) else None
    for each in sayings:
        saying = each
        if saying.in_place and await _say_in_place(bot, chat, message_id, saying):
            continue
        if saying.keys and not saying.lines and saying.picture is None:
            saying = msgspec.structs.replace(saying, lines=(_("请在此操作：", language),))
        await _say(bot, chat, topic, saying)


async def _say(bot: Bot, chat: int, topic: int | None, saying: Saying) -> None:
    keyboard = keys_markup(saying.keys)
    lines = _lines(saying)
    try:
        if saying.picture is not None:
            caption = "\n".join(fitting(lines, CAPTION_LIMIT))
            await _show(bot, chat, topic, saying.picture, caption, keyboard)
        elif lines:
            await bot.send_message(
                chat, "\n".join(fitting(lines)), parse_mode=None, reply_markup=keyboard, message_thread_id=topic
            )
    except AiogramError as error:
        not_delivered(error)


async def _show(  # noqa: PLR0917 - what, where, and what stands below
    bot: Bot, chat: int, topic: int | None, picture: Picture, caption: str, keyboard: InlineKeyboardMarkup | None
) -> None:
    """A photo as a photo; what is none, or what Telegram can't take for one, as a file."""
    file = BufferedInputFile(picture.octets, picture.name)
    if picture.media_type.startswith("image/"):
        try:
            await bot.send_photo(
                chat, file, caption=caption, parse_mode=None, reply_markup=keyboard, message_thread_id=topic,
                protect_content=True,
            )  # fmt: skip
        except TelegramBadRequest:
            pass  # its octets began like a picture's, which is all that was asked when it was kept
        else:
            return
    await bot.send_document(
        chat, file, caption=caption, parse_mode=None, reply_markup=keyboard, message_thread_id=topic,
        protect_content=True,
    )  # fmt: skip


async def _say_in_place(bot: Bot, chat: int, message_id: int, saying: Saying) -> bool:
    """Change the pressed message: its lines and keys, or only its keys; False where it can't be changed any more."""
    keyboard: InlineKeyboardMarkup | None = keys_markup(saying.keys)
    lines = _lines(saying)
    if not lines and not saying.keys:
        return True
    try:
        if lines:
            text = "\n".join(fitting(lines))
            await bot.edit_message_text(
                text, chat_id=chat, message_id=message_id, reply_markup=keyboard, parse_mode=None
            )
        else:
            await bot.edit_message_reply_markup(chat_id=chat, message_id=message_id, reply_markup=keyboard)
    except AiogramError as error:
        return NOT_MODIFIED in str(error)
    return True


def _lines(saying: Saying) -> list[str]:
    """Printable lines; an empty one stays, to set parts apart."""
    return [plain(line, _LONGEST_LINE) for text in saying.lines for line in (text.splitlines() or [""])]
