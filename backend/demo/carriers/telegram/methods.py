"""The methods of the Bot API this server knows, as a table, and the small ones themselves.

The rule: a method is a row: its name, the type of its parameters, the function. Names ignore case, as the
real server's do.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from backend.demo.carriers.telegram import messages, params
from backend.demo.carriers.telegram.account import BotAccount
from backend.demo.carriers.telegram.chats import ChatRecord
from backend.demo.carriers.telegram.forms import Form
from backend.demo.carriers.telegram.refusals import bad_request
from backend.demo.carriers.telegram.updates import DEFAULT_CONNECTIONS, Webhook
from backend.demo.carriers.telegram.wire import (
    AcceptedGiftTypes,
    BotCommand,
    BotUser,
    ChatFullInfo,
    ChatMember,
    File,
    MemberStatus,
    Update,
    User,
    WebhookInfo,
    member,
)

MOST_COMMANDS: Final = 100
_NO_GIFTS: Final = AcceptedGiftTypes(
    unlimited_gifts=False,
    limited_gifts=False,
    unique_gifts=False,
    premium_subscription=False,
    gifts_from_channels=False,
)
_ACTIONS: Final = frozenset({
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice",
    "upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note",
})  # fmt: skip


async def get_me(account: BotAccount, _params: params.Params, _form: Form) -> BotUser:
    """GetMe."""
    return account.bot


async def get_updates(account: BotAccount, wanted: params.GetUpdates, _form: Form) -> list[Update]:
    """getUpdates, with a real long poll."""
    return await account.updates.poll(
        offset=wanted.offset, limit=wanted.limit, seconds=wanted.timeout, allowed=wanted.allowed_updates
    )


async def set_webhook(account: BotAccount, wanted: params.SetWebhook, _form: Form) -> bool:
    """setWebhook; an empty address takes the webhook away."""
    webhook = Webhook(
        url=wanted.url,
        secret_token=wanted.secret_token,
        max_connections=wanted.max_connections or DEFAULT_CONNECTIONS,
    )
    await account.updates.set_webhook(
        webhook if wanted.url else None,
        allowed=wanted.allowed_updates,
        drop_pending=wanted.drop_pending_updates,
    )
    return True


async def delete_webhook(account: BotAccount, wanted: params.DeleteWebhook, _form: Form) -> bool:
    """DeleteWebhook."""
    await account.updates.set_webhook(None, allowed=None, drop_pending=wanted.drop_pending_updates)
    return True


async def get_webhook_info(account: BotAccount, _params: params.Params, _form: Form) -> WebhookInfo:
    """GetWebhookInfo."""
    return account.updates.describe()


def _menu(wanted: params.OfCommands) -> tuple[str, str]:
    """Which menu: scope and language."""
    scope = wanted.scope or {"type": "default"}
    return msgspec.json.encode(scope, order="sorted").decode(), wanted.language_code


async def set_my_commands(account: BotAccount, wanted: params.SetCommands, _form: Form) -> bool:
    """SetMyCommands."""
    if len(wanted.commands) > MOST_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    account.commands[_menu(wanted)] = wanted.commands
    return True


async def get_my_commands(account: BotAccount, wanted: params.OfCommands, _form: Form) -> list[BotCommand]:
    """GetMyCommands."""
    return account.commands.get(_menu(wanted), [])


async def delete_my_commands(account: BotAccount, wanted: params.OfCommands, _form: Form) -> bool:
    """DeleteMyCommands."""
    account.commands.pop(_menu(wanted), None)
    return True


async def get_chat(account: BotAccount, wanted: params.OfChat, _form: Form) -> ChatFullInfo:
    """GetChat."""
    chat = account.book.find(wanted.chat_id).chat
    return ChatFullInfo(
        **msgspec.structs.asdict(chat),
        accent_color_id=abs(chat.id) % 7,
        max_reaction_count=11,
        accepted_gift_types=_NO_GIFTS,
    )


async def get_chat_member(account: BotAccount, wanted: params.OfMember, _form: Form) -> ChatMember:
    """getChatMember; who is known but not in the group has left it."""
    record = account.book.find(wanted.chat_id)
    record.refuse_unwelcome()
    if wanted.user_id == account.bot.id:
        return member(account.sender, MemberStatus.MEMBER)
    user = account.book.users.get(wanted.user_id)
    if user is None:
        raise bad_request("user not found")
    return member(user, _status(record, user))


def _status(record: ChatRecord, user: User) -> MemberStatus:
    return MemberStatus.MEMBER if record.chat.id == user.id else record.members.get(user.id, MemberStatus.LEFT)


async def send_chat_action(account: BotAccount, wanted: params.OfChat, _form: Form) -> bool:
    """sendChatAction; nothing is kept of it."""
    account.book.find(wanted.chat_id).refuse_unwelcome()
    if wanted.action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    return True


async def get_file(account: BotAccount, wanted: params.OfFile, _form: Form) -> File:
    """GetFile."""
    return account.files.find(wanted.file_id).wire()


class Method(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    takes: type[params.Params]
    carry_out: Callable[[BotAccount, Any, Form], Awaitable[Any]]


METHODS: Final = {
    row.name.lower(): row
    for row in (
        Method("getMe", params.Params, get_me),
        Method("getUpdates", params.GetUpdates, get_updates),
        Method("setWebhook", params.SetWebhook, set_webhook),
        Method("deleteWebhook", params.DeleteWebhook, delete_webhook),
        Method("getWebhookInfo", params.Params, get_webhook_info),
        Method("sendMessage", params.SendMessage, messages.send_message),
        Method("sendDocument", params.SendFile, messages.send_document),
        Method("sendPhoto", params.SendFile, messages.send_photo),
        Method("editMessageText", params.EditText, messages.edit_message_text),
        Method("editMessageReplyMarkup", params.EditMarkup, messages.edit_message_reply_markup),
        Method("deleteMessage", params.OfMessage, messages.delete_message),
        Method("answerCallbackQuery", params.AnswerCallbackQuery, messages.answer_callback_query),
        Method("setMyCommands", params.SetCommands, set_my_commands),
        Method("getMyCommands", params.OfCommands, get_my_commands),
        Method("deleteMyCommands", params.OfCommands, delete_my_commands),
        Method("getChat", params.OfChat, get_chat),
        Method("getChatMember", params.OfMember, get_chat_member),
        Method("sendChatAction", params.OfChat, send_chat_action),
        Method("getFile", params.OfFile, get_file),
    )
}


async def carry_out(account: BotAccount, method: Method, form: Form) -> Any:
    """Does what the request asks. Raises ApiRefusal."""
    given = {name: value for name, value in form.params.items() if value is not None}
    try:
        typed = msgspec.convert(given, method.takes, strict=False)
    except msgspec.ValidationError as error:
        raise bad_request(str(error)) from None
    return await method.carry_out(account, typed, form)
