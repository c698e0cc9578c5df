"""The parameters of each method, typed; forms carry strings, so conversion is lax.

The rule: only what this server acts on or gives back is named; any other parameter is accepted and ignored,
as the real server does with parameters of newer versions.
"""

from typing import Any

import msgspec

from backend.demo.carriers.telegram.wire import BotCommand, LinkPreviewOptions, MessageEntity


class Params(msgspec.Struct, kw_only=True):
    """No parameters; the base of all others."""


class GetUpdates(Params, kw_only=True):
    """getUpdates; `timeout` in seconds."""

    offset: int = 0
    limit: int = 100
    timeout: int = 0
    allowed_updates: list[str] | None = None


class ReplyParameters(Params, kw_only=True):
    """Which message a new one answers."""

    message_id: int
    allow_sending_without_reply: bool = False


class Send(Params, kw_only=True):
    """What every send* has."""

    chat_id: int | str = ""
    message_thread_id: int | None = None
    parse_mode: str = ""
    protect_content: bool = False
    reply_parameters: ReplyParameters | None = None
    reply_markup: dict[str, Any] | None = None


class SendMessage(Send, kw_only=True):
    """sendMessage."""

    text: str = ""
    entities: list[MessageEntity] | None = None
    link_preview_options: LinkPreviewOptions | None = None


class SendFile(Send, kw_only=True):
    """sendDocument and sendPhoto."""

    caption: str = ""
    caption_entities: list[MessageEntity] | None = None


class OfMessage(Params, kw_only=True):
    """A method about one message."""

    chat_id: int | str = ""
    message_id: int | None = None


class EditMarkup(OfMessage, kw_only=True):
    """editMessageReplyMarkup: without a keyboard, the keyboard goes."""

    reply_markup: dict[str, Any] | None = None


class EditText(EditMarkup, kw_only=True):
    """editMessageText."""

    text: str = ""
    parse_mode: str = ""
    entities: list[MessageEntity] | None = None
    link_preview_options: LinkPreviewOptions | None = None


class AnswerCallbackQuery(Params, kw_only=True):
    """answerCallbackQuery."""

    callback_query_id: str = ""
    text: str = ""
    show_alert: bool = False


class SetWebhook(Params, kw_only=True):
    """setWebhook."""

    url: str = ""
    secret_token: str = ""
    max_connections: int | None = None
    allowed_updates: list[str] | None = None
    drop_pending_updates: bool = False


class DeleteWebhook(Params, kw_only=True):
    """deleteWebhook."""

    drop_pending_updates: bool = False


class OfCommands(Params, kw_only=True):
    """getMyCommands and deleteMyCommands."""

    scope: dict[str, Any] | None = None
    language_code: str = ""


class SetCommands(OfCommands, kw_only=True):
    """setMyCommands."""

    commands: list[BotCommand] = []


class OfChat(Params, kw_only=True):
    """getChat and sendChatAction."""

    chat_id: int | str = ""
    action: str = ""


class OfMember(OfChat, kw_only=True):
    """getChatMember."""

    user_id: int = 0


class OfFile(Params, kw_only=True):
    """getFile."""

    file_id: str = ""
