"""Binding and unbinding: /start with a one-time code, /link or the bare code, undo, /unlink, a bot that is blocked.

The rule: private chats only; an account may try a few codes a minute, for a typed one is short.
"""

from datetime import timedelta
from typing import Any, Final

from aiogram import BaseMiddleware, F, Router
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.filters import Command, CommandObject, CommandStart, Filter, MagicData
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message, User

from backend.core.errors import TooMany
from backend.core.i18n import N_, _, known_language
from backend.core.limits import Buckets
from backend.core.vocabulary import Channel
from backend.delivery.model import Key
from backend.people.model import CodeNotValid, Person
from bots.telegram.drawing import keys_markup
from bots.telegram.linking import code_in, masked_account
from bots.telegram.presses import TalkPress
from bots.telegram.replies import answer, reply
from bots.telegram.use_cases import UseCases

BLOCKED: Final = "blocked by the person"
UNDO_LINK: Final = "l-undo"
#: a typed code lives no longer either; who linked by mistake has time to see it
UNDO_WITHIN: Final = timedelta(minutes=10)
_AWAY: Final = frozenset({ChatMemberStatus.KICKED, ChatMemberStatus.LEFT})
_TRIES_A_MINUTE: Final = 5
_VOIDED: Final = N_("绑定码已在群里公开，现已作废。请在手机页面重新获取，并只发到与我的私聊。")


class TypedCode(Filter):
    """A message that is a code, or `/link` and a code; hands it on as `code`."""

    async def __call__(self, message: Message) -> bool | dict[str, Any]:
        """Whether it is one."""
        code = code_in(message.text or "")
        return False if code is None else {"code": code}


def build() -> Router:
    """Private chats only: a code sent in a group is turned away before it is used."""
    router = Router(name="linking")
    is_private = F.chat.type == ChatType.PRIVATE
    tries = Buckets(per_minute=_TRIES_A_MINUTE)
    router.message.register(refuse_group, ~is_private, CommandStart())
    router.message.register(refuse_group, ~is_private, Command("unlink", "link"))
    router.message.register(refuse_code, ~is_private, TypedCode())
    router.message.register(link, is_private, CommandStart(deep_link=True))
    router.message.register(link_typed, is_private, TypedCode())
    router.message.register(ask_for_code, is_private, Command("link"))
    router.message.register(greet, CommandStart(), MagicData(F.person.is_not(None)))
    router.message.register(unlink, Command("unlink"), MagicData(F.person.is_not(None)))
    router.callback_query.register(undo, TalkPress.filter(F.verb == UNDO_LINK), MagicData(F.person.is_not(None)))
    router.my_chat_member.register(note_standing, is_private)
    router.message.middleware(_Tries(tries))
    return router


class _Tries(BaseMiddleware):
    """Hands the handlers this router's count of tries."""

    def __init__(self, tries: Buckets) -> None:
        self._tries = tries

    async def __call__(self, handler: Any, event: Any, data: dict[str, Any]) -> Any:
        data["tries"] = self._tries
        return await handler(event, data)


async def refuse_group(message: Message, command: CommandObject, language: str, use_cases: UseCases) -> None:
    """A chat of several people is never bound to one; a code that all of them could read now is void."""
    words = [_("请在与我的私聊中操作：一个人的账号不能由群聊代替。", language)]
    if command.args and await use_cases.void_code(command.args):
        words.append(_(_VOIDED, language))
    await reply(message, "\n".join(words))


async def refuse_code(message: Message, code: str, language: str, use_cases: UseCases) -> None:
    """The same for a code that stands alone; what only looks like one is people's own words."""
    if not await use_cases.void_code(code):
        raise SkipHandler
    await reply(message, _(_VOIDED, language))


async def link(
    message: Message, command: CommandObject, event_from_user: User, use_cases: UseCases, tries: Buckets
) -> None:
    """Bind the account to the person the code was made for. A bad code is refused by the house."""
    await _link(message, command.args or "", event_from_user, use_cases, tries)


async def link_typed(  # noqa: PLR0917 - a message, and who is known of it
    message: Message, code: str, event_from_user: User, person: Person | None, use_cases: UseCases, tries: Buckets
) -> None:
    """The same by a code that was read from the phone page and typed.

    What somebody we know writes by itself ("check tank 3") may only look like one: then it is their words.
    """
    try:
        await _link(message, code, event_from_user, use_cases, tries)
    except (CodeNotValid, TooMany):
        if person is not None and not (message.text or "").lstrip().startswith("/"):
            raise SkipHandler from None
        raise


async def ask_for_code(_message: Message) -> None:
    """/link with nothing that could be a code."""
    raise CodeNotValid(N_("请发送 /link 加手机页面上显示的绑定码，例如 /link 7K2MP-QW9TX"))


async def _link(message: Message, code: str, user: User, use_cases: UseCases, tries: Buckets) -> None:
    account = str(user.id)
    if not tries.take(account):
        raise TooMany(N_("尝试次数过多，请稍后再试"))
    person = await use_cases.link_chat(code, Channel.TELEGRAM, account, str(message.chat.id))
    language = known_language(person.language)
    bound = _(
        "✅ 已绑定：{name}（Telegram 账号 {account}）。",
        language,
        name=person.name,
        account=masked_account(user),
    )
    after = _("今后您有权查看的报警会发到这里。不是您本人操作？请点下面的按钮撤销；发送 /help 查看用法。", language)
    key = Key(_("↩ 撤销绑定（10 分钟内）", language), UNDO_LINK)
    await reply(message, f"{bound}\n{after}", keys_markup([(key,)]))


async def undo(query: CallbackQuery, event_from_user: User, language: str, use_cases: UseCases) -> None:
    """Take the binding back, within ten minutes, from the very account that was bound."""
    account = str(event_from_user.id)
    done = await use_cases.undo_link(Channel.TELEGRAM, account, UNDO_WITHIN)
    before = await use_cases.person_of_chat(Channel.TELEGRAM, account) if done else None
    if before is not None:
        words = _("已撤销，此账号仍绑定：{name}", language, name=before.name)
    else:
        words = _("已撤销绑定，此处不再收到报警。", language)
    if not done:
        words = _("已超过 10 分钟。如需解除绑定，请发送 /unlink。", language)
    await answer(query, words, is_alert=True)


async def greet(message: Message, person: Person, event_from_user: User, language: str) -> None:
    """/start of somebody we know already."""
    account = masked_account(event_from_user)
    text = _("您好，{name}。账号 {account} 已绑定，报警会发到这里。", language, name=person.name, account=account)
    hint = _("发送 /alarms 查看当前报警，/help 查看用法。", language)
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
