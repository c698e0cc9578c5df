"""An answer to strangers, whatever they write: a private chat is never met with silence. People we know: `talks`."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import MagicData
from aiogram.types import Message

from backend.core.i18n import _
from bots.telegram.replies import reply


def build() -> Router:
    """Included last: it takes what is left. In groups only a command is answered."""
    router = Router(name="help")
    stranger = MagicData(F.person.is_(None))
    router.message.register(tell_how_to_link, F.chat.type == ChatType.PRIVATE, stranger)
    router.message.register(tell_to_show_themselves, F.text.startswith("/"), F.sender_chat, stranger)
    router.message.register(tell_how_to_link, F.text.startswith("/"), stranger)
    return router


def how_to_link(language: str) -> str:
    """What a stranger is told."""
    return _(
        "此账号尚未绑定人员。请打开您的手机页面，点“绑定 Telegram”，用得到的链接回到这里，或把页面上的绑定码发给我。",
        language,
    )


async def tell_to_show_themselves(message: Message, language: str) -> None:
    """An anonymous administrator, or a channel, is nobody's account, whoever writes behind it."""
    text = _("您正以匿名管理员或频道的身份发言，无法核实是谁。请改用本人身份发送。", language)
    await reply(message, text)


async def tell_how_to_link(message: Message, language: str) -> None:
    """Nothing else is a stranger's business."""
    await reply(message, how_to_link(language))
