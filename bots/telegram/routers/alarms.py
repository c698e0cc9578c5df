"""Buttons under a card, and the list of active alarms (/status, 状态).

The rule: a tap asks the house and shows its answer; the card itself is redrawn by delivery.revise, wherever it
hangs. The one edit made here is the keyboard that asks 真实火警 again.
"""

import logging
from datetime import datetime
from typing import Final

from aiogram import F, Router
from aiogram.exceptions import AiogramError
from aiogram.filters import Command, MagicData
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from backend.alarms.model import Acknowledged
from backend.core import clock
from backend.core.i18n import _
from backend.core.ids import AlarmId, NoticeId
from backend.core.vocabulary import VERDICT_LABELS, VIA_LABELS, Via
from backend.delivery.model import Card, Verb
from backend.people.model import Person
from bots.telegram.drawing import TEXT_LIMIT, keyboard, length, plain, second_step, story_buttons
from bots.telegram.presses import ASKED_TWICE, VERDICTS, BackPress, Press, SurePress
from bots.telegram.replies import answer, latest_fitting, reply, say
from bots.telegram.use_cases import UseCases

LOGGER = logging.getLogger(__name__)
STATUS_WORDS: Final = ("状态", "status", "Status")
STATUS_LIMIT: Final = 20  #: alarms in one list
_AT_ONCE: Final = frozenset(VERDICTS) - ASKED_TWICE


def build() -> Router:
    """Taps first of strangers, then of people we know, then of buttons we no longer know."""
    router = Router(name="alarms")
    press = router.callback_query
    press.register(refuse_stranger, MagicData(F.person.is_(None)))
    press.register(acknowledge, Press.filter(F.verb == Verb.ACKNOWLEDGE))
    press.register(contact_works, Press.filter(F.verb == Verb.CONTACT_WORKS))
    press.register(ask_again, Press.filter(F.verb.in_(ASKED_TWICE)))
    press.register(judge, Press.filter(F.verb.in_(_AT_ONCE)))
    press.register(judge, SurePress.filter(F.verb.in_(ASKED_TWICE)))
    press.register(go_back, BackPress.filter())
    press.register(tell_history, Press.filter(F.verb == Verb.HISTORY))
    press.register(answer_unknown_button)
    known = MagicData(F.person.is_not(None))
    router.message.register(list_active, Command("status"), known)
    router.message.register(list_active, F.text.strip().in_(STATUS_WORDS), known)
    return router


async def refuse_stranger(query: CallbackQuery, language: str) -> None:
    """Turn away an account that is nobody's; it learns nothing of the alarm, the log learns of it."""
    LOGGER.warning("a stranger pressed a button", extra={"account": query.from_user.id, "press": query.data})
    text = _("此 Telegram 账号未绑定人员，不能操作。请先在您的手机页面获取绑定链接。", language)
    await answer(query, text, is_alert=True)


async def acknowledge(
    query: CallbackQuery, callback_data: Press, person: Person, language: str, use_cases: UseCases
) -> None:
    """确认: the person knows. A second tap says when it was first said; it is no error."""
    done = await use_cases.acknowledge(person, AlarmId(callback_data.alarm), Via.TELEGRAM)
    await answer(query, _acknowledged(done, person, language))


async def contact_works(
    query: CallbackQuery, callback_data: Press, person: Person, language: str, use_cases: UseCases
) -> None:
    """我已收到, under a test card: this chat is the person's, and works."""
    await use_cases.contact_works(person, NoticeId(callback_data.alarm))
    await answer(query, _("谢谢，此联络方式可用", language))


def _acknowledged(done: Acknowledged, person: Person, language: str) -> str:
    """The answer to a tap: one's own acknowledgement first, then who else knows."""
    at, via = _time(done.at, done.timezone), _(VIA_LABELS[done.via], language)
    is_recorded = done.is_new or done.is_again
    own = _("已确认", language) if is_recorded else _("您已于 {at} 确认（{via}）", language, at=at, via=via)
    others = [
        f"{plain(known.name)} {_time(known.at, done.timezone)}" for known in done.known_by if known.person != person.id
    ]
    if not others:
        return own
    return f"{own}\n" + _("也已确认：{names}", language, names=" · ".join(others))


def _time(moment: datetime, timezone: str) -> str:
    return f"{clock.in_zone(moment, timezone):%H:%M:%S}"


async def judge(
    query: CallbackQuery, callback_data: Press | SurePress, person: Person, language: str, use_cases: UseCases
) -> None:
    """处置结论: what people found."""
    verdict = VERDICTS[callback_data.verb]
    await use_cases.judge(person, AlarmId(callback_data.alarm), verdict, Via.TELEGRAM)
    await answer(query, _("已记录：{verdict}", language, verdict=_(VERDICT_LABELS[verdict], language)))


async def ask_again(
    query: CallbackQuery, callback_data: Press, person: Person, language: str, use_cases: UseCases
) -> None:
    """The first tap on a verdict that calls people out: show the second step, if the person sees the alarm."""
    await use_cases.card(person, AlarmId(callback_data.alarm), language)
    label = _(VERDICT_LABELS[VERDICTS[callback_data.verb]], language)
    await answer(query, _("请再点一次以确认：{label}", language, label=label))
    await _show_keyboard(query, second_step(callback_data, label, language), language)


async def go_back(
    query: CallbackQuery, callback_data: BackPress, person: Person, language: str, use_cases: UseCases
) -> None:
    """Away from the second step: the card's own buttons as they are now."""
    card = await use_cases.card(person, AlarmId(callback_data.alarm), language)
    await answer(query, _("已返回，未作结论", language))
    await _show_keyboard(query, keyboard(card), language)


async def _show_keyboard(query: CallbackQuery, buttons: InlineKeyboardMarkup | None, language: str) -> None:
    """Put buttons under the tapped message; where it can't be edited any more, send them on their own."""
    message, bot = query.message, query.bot
    if message is None or bot is None:
        return
    chat, message_id = message.chat.id, message.message_id
    try:
        await bot.edit_message_reply_markup(chat_id=chat, message_id=message_id, reply_markup=buttons)
    except AiogramError:
        if buttons is not None:
            await say(bot, chat, [_("请在此操作：", language)], buttons)


async def tell_history(
    query: CallbackQuery, callback_data: Press, person: Person, language: str, use_cases: UseCases
) -> None:
    """The alarm's story as a message of its own."""
    alarm = AlarmId(callback_data.alarm)
    card = await use_cases.card(person, alarm, language)
    lines = await use_cases.history(person, alarm, language)
    await answer(query, "" if lines else _("暂无记录", language))
    if lines and query.message is not None and query.bot is not None:
        title = _("📜 #{number} {headline} {where}", language, **_named(card))
        story = latest_fitting([plain(line) for line in lines], TEXT_LIMIT - length(title) - 1)
        await say(query.bot, query.message.chat.id, [title, *story])


def _named(card: Card) -> dict[str, object]:
    return {"number": card.number, "headline": plain(card.headline), "where": plain(card.where)}


async def answer_unknown_button(query: CallbackQuery, language: str) -> None:
    """A button of an older or newer release: say so kindly, and how to go on."""
    text = _("此按钮来自旧版本，已不再使用。请发送 /status 查看当前报警。", language)
    await answer(query, text, is_alert=True)


async def list_active(message: Message, person: Person, language: str, use_cases: UseCases) -> None:
    """Active alarms the person may see, most urgent first as the house sorts them."""
    cards = await use_cases.active_cards(person, language, STATUS_LIMIT + 1)
    if not cards:
        await reply(message, _("✅ 当前没有您需要关注的报警。", language))
        return
    shown = cards[:STATUS_LIMIT]
    if len(cards) > STATUS_LIMIT:
        title = _("当前报警较多，最紧急的 {count} 条：", language, count=len(shown))
    else:
        title = _("当前报警 {count} 条：", language, count=len(shown))
    await reply(message, "\n".join([title, *(_line(card) for card in shown)]), story_buttons(shown))


def _line(card: Card) -> str:
    at = f"{card.raised_at:%H:%M:%S} " if card.raised_at else ""
    parts = (card.where, card.unit, f"{at}{card.status}")
    return plain(f"{card.icon} {card.headline} #{card.number} " + " · ".join(part for part in parts if part))
