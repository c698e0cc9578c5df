"""Binding and unbinding: /start with a one-time code, /start without, /unlink, and a bot that gets blocked."""

from typing import Final

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.filters import Command, CommandObject, CommandStart, MagicData
from aiogram.types import ChatMemberUpdated, Message, User

from backend.core.i18n import _, known_language
from backend.core.vocabulary import Channel
from backend.people.model import Person
from bots.telegram.linking import masked_account
from bots.telegram.replies import reply
from bots.telegram.use_cases import UseCases

BLOCKED: Final = "blocked by the person"
_AWAY: Final = frozenset({ChatMemberStatus.KICKED, ChatMemberStatus.LEFT})


def build() -> Router:
    """Private chats only: a code sent in a group is turned away before it is used."""
    router = Router(name="linking")
    is_private = F.chat.type == ChatType.PRIVATE
    router.message.register(refuse_group, ~is_private, CommandStart())
    router.message.register(refuse_group, ~is_private, Command("unlink"))
    router.message.register(link, is_private, CommandStart(deep_link=True))
    router.message.register(greet, CommandStart(), MagicData(F.person.is_not(None)))
    router.message.register(unlink, Command("unlink"), MagicData(F.person.is_not(None)))
    router.my_chat_member.register(note_standing, is_private)
    return router


async def refuse_group(message: Message, language: str) -> None:
    """A chat of several people is never bound to one."""
    await reply(message, _("请在与我的私聊中操作：一个人的账号不能由群聊代替。", language))


async def link(message: Message, command: CommandObject, event_from_user: User, use_cases: UseCases) -> None:
    """Bind the account to the person the code was made for. A bad code is refused by the house."""
    account = str(event_from_user.id)
    person = await use_cases.link_chat(command.args or "", Channel.TELEGRAM, account, str(message.chat.id))
    language = known_language(person.language)
    bound = _(
        "✅ 已绑定：{name}（Telegram 账号 {account}）。",
        language,
        name=person.name,
        account=masked_account(event_from_user),
    )
    after = _("今后您有权查看的报警会发到这里。不是您本人操作？发送 /unlink 立即解绑；发送 /help 查看用法。", language)
    await reply(message, f"{bound}\n{after}")


async def greet(message: Message, person: Person, event_from_user: User, language: str) -> None:
    """/start of somebody we know already."""
    account = masked_account(event_from_user)
    text = _("您好，{name}。账号 {account} 已绑定，报警会发到这里。", language, name=person.name, account=account)
    hint = _("发送 /status 查看当前报警，/help 查看用法。", language)
    await reply(message, f"{text}\n{hint}")


async def unlink(message: Message, event_from_user: User, language: str, use_cases: UseCases) -> None:
    """Let the account go; from now on it is a stranger's."""
    await use_cases.unlink_chat(Channel.TELEGRAM, str(event_from_user.id))
    done = _("已解除绑定，此处不再收到报警。", language)
    hint = _("如需重新绑定，请在您的手机页面获取新的绑定链接。", language)
    await reply(message, f"{done}\n{hint}")


async def note_standing(change: ChatMemberUpdated, use_cases: UseCases) -> None:
    """Blocked: the way to this person is broken, and somebody must know. Unblocked: it is well again."""
    address = str(change.chat.id)
    if change.new_chat_member.status in _AWAY:
        await use_cases.mark_contact_failing(Channel.TELEGRAM, address, BLOCKED)
    else:
        await use_cases.mark_contact_well(Channel.TELEGRAM, address)
