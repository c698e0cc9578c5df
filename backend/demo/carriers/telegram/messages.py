"""The methods that write, change and remove messages.

The rule: an edit replaces text *and* keyboard (no keyboard given means none), and one that changes nothing is
refused as "message is not modified". Source: Bot API, "Updating messages".
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from backend.core import clock
from backend.demo.carriers.telegram.account import BotAccount
from backend.demo.carriers.telegram.chats import (
    REVISIONS_KEPT,
    ChatRecord,
    MessageRecord,
    Notification,
    Revision,
)
from backend.demo.carriers.telegram.forms import Form
from backend.demo.carriers.telegram.keyboards import read_markup
from backend.demo.carriers.telegram.params import (
    AnswerCallbackQuery,
    EditMarkup,
    EditText,
    OfMessage,
    Send,
    SendFile,
    SendMessage,
)
from backend.demo.carriers.telegram.refusals import NOT_MODIFIED, STALE_QUERY, bad_request
from backend.demo.carriers.telegram.rich_text import RichText, parse_html, trimmed
from backend.demo.carriers.telegram.wire import ChatKind, Message, MessageEntity

MOST_TEXT: Final = 4096
MOST_CAPTION: Final = 1024
MOST_NOTIFICATION: Final = 200
DELETABLE_FOR: Final = timedelta(hours=48)


def _rich(text: str, parse_mode: str, entities: Sequence[MessageEntity] | None) -> RichText:
    """Text as it will be stored. Only HTML is read: no other mode is used by the platform."""
    if not parse_mode:
        return trimmed(RichText(text, tuple(entities or ())))
    if parse_mode.lower() != "html":
        raise bad_request("unsupported parse_mode")
    return trimmed(parse_html(text))


def _text_of(params: SendMessage | EditText, too_long: str) -> RichText:
    rich = _rich(params.text, params.parse_mode, params.entities)
    if not rich.text:
        raise bad_request("message text is empty")
    if len(rich.text) > MOST_TEXT:
        raise bad_request(too_long)
    return rich


def _replied(record: ChatRecord, params: Send) -> Message | None:
    """The message this one answers, without what that one answered."""
    wanted = params.reply_parameters
    if wanted is None:
        return None
    found = record.present(wanted.message_id)
    if found:
        return msgspec.structs.replace(found.message, reply_to_message=None)
    if wanted.allow_sending_without_reply:
        return None
    raise bad_request("message to be replied not found")


def _post(account: BotAccount, params: Send, content: dict[str, Any]) -> Message:
    """Puts the bot's new message into the chat."""
    record = account.book.find(params.chat_id)
    record.refuse_unwelcome()
    thread = params.message_thread_id
    if thread is not None and thread not in record.topics:
        raise bad_request("message thread not found")
    markup = read_markup(params.reply_markup)
    replied = _replied(record, params)
    account.limits.spend(record)
    message = Message(
        message_id=record.next_message_id(),
        date=int(clock.now().timestamp()),
        chat=record.chat,
        sender=account.sender,
        message_thread_id=thread,
        is_topic_message=thread is not None,
        has_protected_content=params.protect_content,
        reply_to_message=replied,
        reply_markup=markup,
        **content,
    )
    record.keep(message)
    account.book.touch(record)
    return message


async def send_message(account: BotAccount, params: SendMessage, _form: Form) -> Message:
    """SendMessage."""
    account.book.find(params.chat_id)
    rich = _text_of(params, "message is too long")
    content = {
        "text": rich.text,
        "entities": rich.entities,
        "link_preview_options": params.link_preview_options,
    }
    return _post(account, params, content)


def _caption(params: SendFile) -> dict[str, Any]:
    rich = _rich(params.caption, params.parse_mode, params.caption_entities)
    if len(rich.text) > MOST_CAPTION:
        raise bad_request("message caption is too long")
    return {"caption": rich.text or None, "caption_entities": rich.entities}


async def send_document(account: BotAccount, params: SendFile, form: Form) -> Message:
    """SendDocument."""
    account.book.find(params.chat_id)
    document = account.files.from_form(form, "document", "documents").document()
    return _post(account, params, {"document": document} | _caption(params))


async def send_photo(account: BotAccount, params: SendFile, form: Form) -> Message:
    """sendPhoto; one size, the original."""
    account.book.find(params.chat_id)
    photo = account.files.from_form(form, "photo", "photos").photo()
    return _post(account, params, {"photo": (photo,)} | _caption(params))


def _editable(account: BotAccount, params: OfMessage) -> tuple[ChatRecord, MessageRecord]:
    """The bot's own message. Raises ApiRefusal: not specified, not found, or somebody else's."""
    if params.message_id is None:
        raise bad_request("message identifier is not specified")
    chat = account.book.find(params.chat_id)
    chat.refuse_unwelcome()
    record = chat.present(params.message_id)
    if record is None:
        raise bad_request("message to edit not found")
    if record.message.sender is None or record.message.sender.id != account.bot.id:
        raise bad_request("message can't be edited")
    return chat, record


def _revise(account: BotAccount, chat: ChatRecord, record: MessageRecord, edited: Message) -> Message:
    """Puts the edited message in the old one's place and keeps what it said before."""
    before = record.message
    if msgspec.structs.replace(edited, edit_date=before.edit_date) == before:
        raise bad_request(NOT_MODIFIED)
    account.limits.spend(chat)
    at = clock.now()
    revision = Revision(text=before.text, entities=before.entities, reply_markup=before.reply_markup, until=at)
    record.revisions = [*record.revisions[-REVISIONS_KEPT + 1 :], revision]
    record.message = msgspec.structs.replace(edited, edit_date=int(at.timestamp()))
    record.edited_at = at
    record.edited_count += 1
    account.book.touch(chat)
    return record.message


async def edit_message_text(account: BotAccount, params: EditText, _form: Form) -> Message:
    """editMessageText: a new text and keyboard."""
    chat, record = _editable(account, params)
    rich = _text_of(params, "MESSAGE_TOO_LONG")
    if record.message.text is None:
        raise bad_request("there is no text in the message to edit")
    edited = msgspec.structs.replace(
        record.message,
        text=rich.text,
        entities=rich.entities,
        link_preview_options=params.link_preview_options,
        reply_markup=read_markup(params.reply_markup),
    )
    return _revise(account, chat, record, edited)


async def edit_message_reply_markup(account: BotAccount, params: EditMarkup, _form: Form) -> Message:
    """editMessageReplyMarkup: a new keyboard, or none."""
    chat, record = _editable(account, params)
    edited = msgspec.structs.replace(record.message, reply_markup=read_markup(params.reply_markup))
    return _revise(account, chat, record, edited)


async def delete_message(account: BotAccount, params: OfMessage, _form: Form) -> bool:
    """deleteMessage: younger than 48 hours; in a group only the bot's own (it is no administrator here)."""
    if params.message_id is None:
        raise bad_request("message identifier is not specified")
    chat = account.book.find(params.chat_id)
    chat.refuse_unwelcome()
    record = chat.present(params.message_id)
    if record is None:
        raise bad_request("message to delete not found")
    sender = record.message.sender
    is_own = sender is not None and sender.id == account.bot.id
    is_private = chat.chat.type is ChatKind.PRIVATE
    if clock.now() - record.sent_at > DELETABLE_FOR or not (is_own or is_private):
        raise bad_request("message can't be deleted")
    record.deleted_at = clock.now()
    account.book.touch(chat)
    return True


async def answer_callback_query(account: BotAccount, params: AnswerCallbackQuery, _form: Form) -> bool:
    """answerCallbackQuery: what the person who pressed sees pop up."""
    press = account.presses.get(params.callback_query_id)
    if press is None:
        raise bad_request(STALE_QUERY)
    if len(params.text) > MOST_NOTIFICATION:
        raise bad_request("MESSAGE_TOO_LONG")
    if press.answered:
        return True  # the real server takes it and shows nothing more
    press.answered = True
    chat = account.book.chats[press.query.message.chat.id]
    notification = Notification(
        callback_query_id=params.callback_query_id,
        user_id=press.query.sender.id,
        text=params.text,
        show_alert=params.show_alert,
        at=clock.now(),
    )
    chat.notifications.append(notification)
    account.book.touch(chat)
    return True
