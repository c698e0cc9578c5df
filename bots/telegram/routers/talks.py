"""What people write and press, handed to the conversation; and buttons of cards, whose layouts are older than it.

The rule: a stranger learns nothing and what they pressed is recorded; in a group that is bound to no unit nobody is
told anything of any unit.
"""

import logging
import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import MagicData
from aiogram.types import CallbackQuery, Message

from backend.chat.model import Speaker
from backend.core.i18n import N_, _
from backend.core.ids import NoticeId, UnitId
from backend.core.vocabulary import Via
from backend.delivery.model import Verb
from backend.people.model import Person
from bots.telegram.media import heard_of
from bots.telegram.presses import BackPress, Press, SurePress, TalkPress
from bots.telegram.replies import answer, reply, topic_of
from bots.telegram.speaking import answer_press, say_all
from bots.telegram.use_cases import UseCases

LOGGER = logging.getLogger(__name__)
_SURE: Final = "sure"
_COMMAND_FOR: Final = re.compile(r"/\w+@(\w+)")
_NOT_BOUND: Final = N_("此群尚未绑定联网单位，不能在这里查询。请与我私聊，或发送 /bind 绑定。")


def build() -> Router:
    """Included after linking and groups: it takes what is left of people we know."""
    router = Router(name="talks")
    press = router.callback_query
    press.register(refuse_stranger, MagicData(F.person.is_(None)))
    press.register(contact_works, Press.filter(F.verb == Verb.CONTACT_WORKS))
    press.register(press_card, Press.filter())
    press.register(press_sure, SurePress.filter())
    press.register(press_back, BackPress.filter())
    press.register(press_key, TalkPress.filter())
    press.register(answer_unknown_button)
    router.message.register(hear, MagicData(F.person.is_not(None)))
    return router


async def refuse_stranger(query: CallbackQuery, language: str, use_cases: UseCases) -> None:
    """Turn away an account that is nobody's; it learns nothing, the ledger and the log learn of it."""
    LOGGER.warning("a stranger pressed a button", extra={"account": query.from_user.id, "press": query.data})
    text = _("此 Telegram 账号未绑定人员，不能操作。请先在您的手机页面获取绑定链接。", language)
    chat = query.message.chat.id if query.message else query.from_user.id
    await use_cases.record_stranger(str(query.from_user.id), str(chat), query.data or "")
    await answer(query, text, is_alert=True)


async def contact_works(
    query: CallbackQuery, callback_data: Press, person: Person, language: str, use_cases: UseCases
) -> None:
    """我已收到, under a test card: this chat is the person's, and works."""
    await use_cases.contact_works(person, NoticeId(callback_data.alarm))
    await answer(query, _("谢谢，此联络方式可用", language))


async def press_card(
    query: CallbackQuery, callback_data: Press, person: Person, language: str, use_cases: UseCases
) -> None:
    """An answer under a card: its verb is the talk's own."""
    await _press(query, person, language, use_cases, str(callback_data.verb), callback_data.alarm, "")


async def press_sure(
    query: CallbackQuery, callback_data: SurePress, person: Person, language: str, use_cases: UseCases
) -> None:
    """The second tap, as earlier releases drew it."""
    if callback_data.verb is not Verb.VERDICT_REAL:
        await answer_unknown_button(query, language)
        return
    await _press(query, person, language, use_cases, str(callback_data.verb), callback_data.alarm, _SURE)


async def press_back(
    query: CallbackQuery, callback_data: BackPress, person: Person, language: str, use_cases: UseCases
) -> None:
    """Away from the second step, as earlier releases drew it."""
    await _press(query, person, language, use_cases, "back", callback_data.alarm, "")


async def press_key(
    query: CallbackQuery, callback_data: TalkPress, person: Person, language: str, use_cases: UseCases
) -> None:
    """A key of a talk."""
    what = callback_data
    await _press(query, person, language, use_cases, what.verb, what.about, what.argument)


async def _press(  # noqa: PLR0917 - a press and who pressed
    query: CallbackQuery,
    person: Person,
    language: str,
    use_cases: UseCases,
    verb: str,
    about: UUID | None,
    argument: str,
) -> None:
    where = query.message.chat if query.message else None
    chat = where.id if where else query.from_user.id
    is_group = where is not None and where.type != ChatType.PRIVATE
    topic = topic_of(query.message) if isinstance(query.message, Message) else None
    unit = await use_cases.group_unit(str(chat)) if is_group else None
    if is_group and unit is None:  # what a member may see is not shown to whoever else is there
        await answer(query, _(_NOT_BOUND, language), is_alert=True)
        return
    speaker = speaker_of(person, language, chat, topic, unit, is_group=is_group)
    await answer_press(query, await use_cases.conversation.press(speaker, verb, about, argument), language)


async def answer_unknown_button(query: CallbackQuery, language: str) -> None:
    """A button of an older or newer release: say so kindly, and how to go on."""
    text = _("此按钮来自旧版本，已不再使用。请发送 /alarms 查看当前报警。", language)
    await answer(query, text, is_alert=True)


async def hear(  # noqa: PLR0917 - a message, what came beside it, and whose it is
    message: Message,
    person: Person,
    language: str,
    use_cases: UseCases,
    beside: Sequence[Message] = (),
    is_late: bool = False,
) -> None:
    """A message of somebody we know; of an album all of it, `beside` the first."""
    is_group = message.chat.type != ChatType.PRIVATE
    if is_group and await _is_for_another_bot(message):
        return
    unit = await use_cases.group_unit(str(message.chat.id)) if is_group else None
    to_us = await _said_to_us(message) if is_group else None
    if is_group and unit is None:
        if to_us is not None or (message.text or "").startswith("/"):
            await reply(message, _(_NOT_BOUND, language))
        return
    speaker = speaker_of(person, language, message.chat.id, topic_of(message), unit, is_group=is_group)
    heard = heard_of(message, await _answered(message, use_cases), beside, is_late=is_late)
    if to_us is not None:
        heard = msgspec.structs.replace(heard, text=to_us)
    said = await use_cases.conversation.hear(speaker, heard)
    await say_all(message, said or ([] if to_us is None else [use_cases.conversation.help(speaker)]))


async def _said_to_us(message: Message) -> str | None:
    """What stands beside our name: who calls the bot by it in a group speaks to it, and is not met with silence."""
    text = message.text or message.caption or ""
    if "@" not in text or text.startswith("/") or message.bot is None:
        return None
    name = (await message.bot.me()).username or ""
    said, count = re.subn(rf"@{re.escape(name)}\b", "", text, flags=re.IGNORECASE)
    return said.strip() if name and count else None


async def _is_for_another_bot(message: Message) -> bool:
    """Whether a command names another bot of the group: `/help@weather_bot`."""
    named = _COMMAND_FOR.match(message.text or "")
    if named is None or message.bot is None:
        return False
    return named[1].casefold() != ((await message.bot.me()).username or "").casefold()


async def _answered(message: Message, use_cases: UseCases) -> tuple[str, UUID] | None:
    """What the card spoke of that this message replies to."""
    replied = message.reply_to_message
    if replied is None or replied.from_user is None or not replied.from_user.is_bot:
        return None
    return await use_cases.card_at(message.chat.id, replied.message_id)


def speaker_of(
    person: Person, language: str, chat: int, topic: int | None, unit: UnitId | None, *, is_group: bool
) -> Speaker:
    """Who is speaking, and where; a topic of a group is a conversation of its own."""
    where = str(chat) if topic is None else f"{chat}/{topic}"
    return Speaker(
        person=person, via=Via.TELEGRAM, chat=where, language=language, group_unit=unit, is_group=is_group,
        by_reply=is_group,  # a bot in privacy mode, which is how bots are made, hears nothing else in a group
    )  # fmt: skip
