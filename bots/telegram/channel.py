"""The `telegram` channel: hands a Card to the Bot API, redraws it there, tells refusals apart.

The rule: `send` and `edit` raise Refusal and nothing else. A send that runs out of time may still have
arrived; it is tried again all the same, because a card twice is better than none.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, ClassVar, Final, Self

from aiogram.exceptions import TelegramBadRequest, TelegramMigrateToChat
from aiogram.methods import TelegramMethod
from aiogram.types import InlineKeyboardMarkup

from backend.core.settings import Telegram
from backend.core.vocabulary import Channel as ChannelName
from backend.delivery.model import Delivery, Receipt, Refusal
from bots.telegram.drawing import draw
from bots.telegram.refusals import CARRIER_FAILURES, NO_TOPIC, NOT_MODIFIED, refusal_of
from bots.telegram.session import make_bot

_HTML: Final = "HTML"
_NO_PREVIEW: Final = {"is_disabled": True}


class SendCard(TelegramMethod[dict[str, Any]]):
    """sendMessage; its answer stays plain, so that no field aiogram can't read costs an accepted card."""

    __returning__ = dict[str, Any]
    __api_method__ = "sendMessage"

    chat_id: int | str
    text: str
    message_thread_id: int | None = None  #: the topic, in a group that has topics
    reply_markup: InlineKeyboardMarkup | None = None
    parse_mode: str = _HTML
    disable_notification: bool = False
    protect_content: bool = True  #: addresses of units are not passed on
    link_preview_options: dict[str, Any] = _NO_PREVIEW


class EditCard(TelegramMethod[dict[str, Any] | bool]):
    """editMessageText; no keyboard given takes the keyboard away."""

    __returning__ = dict[str, Any] | bool
    __api_method__ = "editMessageText"

    chat_id: int | str
    message_id: int
    text: str
    reply_markup: InlineKeyboardMarkup | None = None
    parse_mode: str = _HTML
    link_preview_options: dict[str, Any] = _NO_PREVIEW


class TelegramChannel:
    """A Channel (delivery.model). `timeout_s` bounds one `edit`, or one `send`, repeated after a move or not.

    Raises BadSettings when the token is missing or malformed.
    """

    name: ClassVar[ChannelName] = ChannelName.TELEGRAM
    can_edit: ClassVar[bool] = True

    def __init__(self, telegram: Telegram, timeout_s: float) -> None:
        self._bot = make_bot(telegram, timeout_s=timeout_s)
        self._timeout_s = timeout_s

    async def open(self) -> None:
        """Nothing to take up: connections are made when needed, so an absent carrier is no error here."""

    async def close(self) -> None:
        """Give connections back."""
        await self._bot.session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, delivery: Delivery) -> Receipt:
        """Hand over a new card. The surface is {"chat": id, "message": id}. Raises Refusal."""
        drawing = draw(delivery.card)
        chat, _, topic = delivery.address.partition("/")
        card = SendCard(
            chat_id=_chat(chat),
            message_thread_id=int(topic) if topic.isdecimal() else None,
            text=drawing.html,
            reply_markup=drawing.keyboard,
            disable_notification=not delivery.card.is_active,
        )
        return await self._within_time(self._send(card))

    async def edit(self, delivery: Delivery) -> Receipt:
        """Redraw the card where it was sent; one that looks right already is a success. Raises Refusal."""
        place = delivery.surface or {}
        message = place.get("message")
        if "chat" not in place or not isinstance(message, int):
            raise Refusal("Telegram: nothing was drawn that could be edited", permanent=True)
        drawing = draw(delivery.card)
        card = EditCard(chat_id=place["chat"], message_id=message, text=drawing.html, reply_markup=drawing.keyboard)
        return await self._within_time(self._edit(card))

    async def _send(self, card: SendCard) -> Receipt:
        try:
            return _receipt(await self._bot(card))
        except TelegramMigrateToChat as moved:
            elsewhere: dict[str, Any] = {"chat_id": moved.migrate_to_chat_id}
        except TelegramBadRequest as refused:
            if card.message_thread_id is None or not any(each in refused.message.lower() for each in NO_TOPIC):
                raise
            elsewhere = {"message_thread_id": None}  # the topic was closed or deleted: the group itself hears of it
        return _receipt(await self._bot(card.model_copy(update=elsewhere)))

    async def _edit(self, card: EditCard) -> Receipt:
        """A group that moved counts its messages anew: there the number is another card's, perhaps a fire's."""
        has_moved = False
        try:
            await self._bot(card)
        except TelegramMigrateToChat:
            has_moved = True
        except TelegramBadRequest as refused:
            if NOT_MODIFIED not in refused.message:
                raise
        if has_moved:
            raise Refusal("Telegram: the group has moved; what hung in it stays as it was", permanent=True)
        return Receipt(surface={"chat": card.chat_id, "message": card.message_id})

    async def _within_time(self, work: Awaitable[Receipt]) -> Receipt:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await work
        except CARRIER_FAILURES as failure:
            refusal = refusal_of(failure)
        raise refusal


def _chat(address: str) -> int | str:
    """A chat's number, or a public name as it is."""
    return int(address) if address.lstrip("-").isdecimal() else address


def _receipt(answer: dict[str, Any]) -> Receipt:
    """The surface of a sent message. An answer without ids still is an acceptance that can't be edited."""
    message, chat = answer.get("message_id"), answer.get("chat", {}).get("id")
    if not isinstance(message, int) or not isinstance(chat, int):
        return Receipt(surface={})
    return Receipt(surface={"chat": chat, "message": message})
