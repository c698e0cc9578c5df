"""/help, and an answer to everything nobody else understood: a chat is never met with silence."""

from typing import Final

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.filters import Command
from aiogram.types import Message

from backend.core.i18n import N_, _
from backend.people.model import RIGHTS, Person, Right
from bots.telegram.replies import reply

#: what is offered, and the right it takes (None: everybody we know)
OFFERS: Final = (
    (Right.SEE, N_("/status 或“状态”：查看当前报警")),
    (Right.ACKNOWLEDGE, N_("报警卡片上的“确认”：告诉大家您已知晓（不等于已处理）")),
    (Right.JUDGE, N_("报警卡片上的结论按钮：真实火警、误报、测试、故障")),
    (None, N_("/unlink：解除绑定，此处不再收到报警")),
    (None, N_("/help：显示本说明")),
)
#: the bot's menu: command and its words
COMMANDS: Final = (
    ("status", N_("查看当前报警")),
    ("help", N_("使用说明")),
    ("unlink", N_("解除绑定")),
)


def build() -> Router:
    """Included last: it takes what is left. In groups only a command is answered."""
    router = Router(name="help")
    is_private = F.chat.type == ChatType.PRIVATE
    router.message.register(tell_help, Command("help"))
    router.message.register(tell_not_understood, is_private)
    router.message.register(tell_help, F.text.startswith("/"))
    return router


def offers_to(person: Person) -> list[str]:
    """The sentences (Chinese) of what this person may do."""
    rights = {right for grant in person.grants for right in RIGHTS[grant.role]}
    return [sentence for right, sentence in OFFERS if right is None or right in rights]


def how_to_link(language: str) -> str:
    """What a stranger is told."""
    return _("此账号尚未绑定人员。请打开您的手机页面，点“绑定 Telegram”，再用得到的链接回到这里。", language)


async def tell_help(message: Message, person: Person | None, language: str) -> None:
    """What the person may do here, and nothing they may not."""
    if person is None:
        await reply(message, how_to_link(language))
        return
    title = _("您可以：", language)
    await reply(message, "\n".join([title, *(f"• {_(each, language)}" for each in offers_to(person))]))


async def tell_not_understood(message: Message, person: Person | None, language: str) -> None:
    """Anything else: say what can be said here."""
    if person is None:
        await reply(message, how_to_link(language))
        return
    await reply(message, _("没有听懂。发送 /status 查看当前报警，/help 查看用法。", language))
