"""Groups: /bind and /unbind by a Telegram administrator who has the right in the unit; removal, and a new number.

The rule: both are asked, Telegram for who administers the group, the house for the right; a group is never an identity.
"""

from collections.abc import Sequence
from typing import Final

from aiogram import Bot, F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.exceptions import AiogramError
from aiogram.filters import Command, CommandObject, MagicData
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message

from backend.chat.model import Saying
from backend.core.errors import NotAllowed, NotFound
from backend.core.i18n import N_, _
from backend.core.ids import UnitId
from backend.delivery.model import Key
from backend.people.groups import UnitChoice
from backend.people.model import Person
from bots.telegram.presses import TalkPress
from bots.telegram.replies import answer, topic_of
from bots.telegram.speaking import say_all
from bots.telegram.use_cases import UseCases

BIND: Final = "g-bind"
_ADMINISTRATORS: Final = frozenset({ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR})
_AWAY: Final = frozenset({ChatMemberStatus.KICKED, ChatMemberStatus.LEFT})
_MOST_UNITS: Final = 8


def build() -> Router:
    """Before the talks, which would take its commands for words."""
    router = Router(name="groups")
    in_group = F.chat.type.in_({ChatType.GROUP, ChatType.SUPERGROUP})
    known = MagicData(F.person.is_not(None))
    router.message.register(move, F.migrate_to_chat_id)
    router.message.register(bind, in_group, Command("bind"), known)
    router.message.register(unbind, in_group, Command("unbind"), known)
    router.message.register(only_in_a_group, Command("bind", "unbind"), known)
    router.callback_query.register(bind_pressed, TalkPress.filter(F.verb == BIND), known)
    router.my_chat_member.register(note_standing, in_group)
    return router


async def only_in_a_group(message: Message, language: str) -> None:
    """Where these commands belong."""
    await _tell(message, _("请把我加入群，再由群管理员在群里发送此命令。", language))


async def bind(
    message: Message, *, command: CommandObject, person: Person, language: str, use_cases: UseCases, bot: Bot
) -> None:
    """Bind this group: at once where there is one unit to choose, by keys where there are several."""
    await _require_administrator(bot, message.chat.id, message.from_user.id if message.from_user else 0)
    units = await use_cases.units_to_bind(person, (command.args or "").strip())
    if not units:
        raise NotFound(N_("没有您可以绑定的联网单位"))
    if len(units) == 1:
        await _bind(message, person, units[0], language, use_cases)
        return
    keys = [(Key(unit.name, BIND, unit.id),) for unit in units[:_MOST_UNITS]]
    lines = [_("此群绑定到哪个联网单位？", language)]
    if len(units) > _MOST_UNITS:
        lines.append(_("单位较多：也可发送 /bind 加单位名称或编号。", language))
    await _tell(message, "\n".join(lines), keys)


async def bind_pressed(
    query: CallbackQuery, *, callback_data: TalkPress, person: Person, language: str, use_cases: UseCases, bot: Bot
) -> None:
    """A unit was chosen: whoever presses is asked for both rights anew."""
    if callback_data.about is None or not isinstance(query.message, Message):
        raise NotFound(N_("没有您可以绑定的联网单位"))
    await _require_administrator(bot, query.message.chat.id, query.from_user.id)
    chosen = UnitId(callback_data.about)
    units = await use_cases.units_to_bind(person, "")
    unit = next((each for each in units if each.id == chosen), UnitChoice(chosen, "", ""))
    await _bind(query.message, person, unit, language, use_cases)
    await answer(query, _("已绑定", language))


async def _bind(message: Message, person: Person, unit: UnitChoice, language: str, use_cases: UseCases) -> None:
    topic = topic_of(message)
    chat, title = str(message.chat.id), message.chat.title or ""
    await use_cases.bind_group(person, unit.id, chat, "" if topic is None else str(topic), title)
    text = _("✅ 此群已绑定。该单位的报警会发到这里；每个人点按钮时仍按本人的权限办理。", language)
    named = _("绑定的单位：{name}", language, name=unit.name) if unit.name else ""
    await _tell(message, "\n".join(each for each in (text, named, _("解除绑定：/unbind", language)) if each))


async def unbind(message: Message, person: Person, language: str, use_cases: UseCases) -> None:
    """Let the group go: by who has the right in its unit."""
    await use_cases.unbind_group(person, str(message.chat.id))
    await _tell(message, _("已解除绑定，此群不再收到报警。", language))


async def _require_administrator(bot: Bot, chat: int, account: int) -> None:
    """Raises NotAllowed for who does not administer the group in Telegram."""
    try:
        member = await bot.get_chat_member(chat, account)
    except AiogramError as error:
        raise NotAllowed(N_("无法向 Telegram 核实您是否为群管理员，请稍后再试")) from error
    if member.status not in _ADMINISTRATORS:
        raise NotAllowed(N_("只有群管理员可以绑定此群"))


async def note_standing(change: ChatMemberUpdated, use_cases: UseCases) -> None:
    """Thrown out: the way fails, and who can mend it sees so. Let in again: it is well."""
    await use_cases.mark_group(str(change.chat.id), change.new_chat_member.status not in _AWAY)


async def move(message: Message, use_cases: UseCases) -> None:
    """The group became a supergroup and has another number: its binding goes along."""
    await use_cases.group_moved(str(message.chat.id), str(message.migrate_to_chat_id))


async def _tell(message: Message, text: str, keys: Sequence[tuple[Key, ...]] | None = None) -> None:
    await say_all(message, [Saying(lines=tuple(text.splitlines()), keys=tuple(keys or ()))])
