"""What a phone shows: a chat as the demo's street page draws it.

The rule: everything here may be put on a page as it is; `html` is escaped and holds known tags only.
"""

from datetime import datetime
from typing import Final

import msgspec

from backend.demo.carriers.telegram.account import BotAccount
from backend.demo.carriers.telegram.chats import (
    BotStanding,
    ChatRecord,
    MessageRecord,
    Notification,
    Revision,
)
from backend.demo.carriers.telegram.refusals import ApiRefusal
from backend.demo.carriers.telegram.rich_text import RichText, safe_html
from backend.demo.carriers.telegram.wire import ChatKind, InlineKeyboardMarkup, MemberStatus, Message, User

_LONGEST_QUOTE: Final = 60


class ButtonView(msgspec.Struct, frozen=True, kw_only=True):
    """A button; `index` counts in reading order and is what a press names."""

    index: int
    text: str
    style: str | None = None
    callback_data: str | None = None
    url: str | None = None


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a phone shows it now."""

    message_id: int
    is_from_bot: bool
    sender: str
    text: str
    html: str
    buttons: list[list[ButtonView]]
    edited_count: int
    sent_at: datetime
    edited_at: datetime | None = None
    topic: int | None = None
    filename: str | None = None  #: of a document
    file_path: str | None = None  #: of a document or photo, below `/control/files/`
    is_photo: bool = False
    is_voice: bool = False
    place: tuple[float, float] | None = None  #: latitude and longitude
    replied_to: str = ""  #: the beginning of the message that this one answers
    is_protected: bool = False
    deleted_at: datetime | None = None  #: only where deleted messages are asked for
    revisions: list[Revision] = []  #: only where they are asked for


class NotificationView(msgspec.Struct, frozen=True, kw_only=True):
    """What popped up on a phone after a press."""

    callback_query_id: str
    user_id: int
    text: str
    show_alert: bool
    at: datetime


class ChatView(msgspec.Struct, frozen=True, kw_only=True):
    """A chat as a phone shows it now, oldest message first."""

    chat_id: int
    kind: ChatKind
    title: str
    standing: BotStanding
    version: int  #: the carrier's version when this was read; wait for a higher one
    messages: list[MessageView]
    notifications: list[NotificationView]
    members: dict[int, MemberStatus] = {}
    topics: dict[int, str] = {}


def view_chat(account: BotAccount, chat_id: int, *, with_history: bool = False) -> ChatView:
    """One chat; with history also deleted messages and what edited ones said before.

    Raises ApiRefusal "chat not found".
    """
    record = account.book.find(chat_id)
    messages = [
        _message(account, kept, with_history=with_history)
        for kept in record.messages.values()
        if with_history or kept.deleted_at is None
    ]
    return ChatView(
        chat_id=record.chat.id,
        kind=record.chat.type,
        title=_title(record),
        standing=record.standing,
        version=account.book.version,
        messages=messages,
        notifications=[_notification(kept) for kept in record.notifications],
        members=record.members,
        topics=record.topics,
    )


def _title(record: ChatRecord) -> str:
    chat = record.chat
    return chat.title or " ".join(part for part in (chat.first_name, chat.last_name) if part)


def _name(user: User | None) -> str:
    if user is None:
        return ""
    return " ".join(part for part in (user.first_name, user.last_name) if part)


def _message(account: BotAccount, record: MessageRecord, *, with_history: bool) -> MessageView:
    message = record.message
    text = message.text or message.caption or ""
    attached = message.photo[-1] if message.photo else message.document or message.voice
    return MessageView(
        message_id=message.message_id,
        is_from_bot=message.sender is not None and message.sender.id == account.bot.id,
        sender=_name(message.sender),
        text=text,
        html=safe_html(RichText(text, message.entities or message.caption_entities)),
        buttons=_buttons(message.reply_markup),
        edited_count=record.edited_count,
        sent_at=record.sent_at,
        edited_at=record.edited_at,
        topic=message.message_thread_id,
        filename=message.document.file_name if message.document else None,
        file_path=_file_path(account, attached.file_id) if attached else None,
        is_photo=bool(message.photo),
        is_voice=message.voice is not None,
        place=(message.location.latitude, message.location.longitude) if message.location else None,
        replied_to=_first_line(message.reply_to_message),
        is_protected=message.has_protected_content,
        deleted_at=record.deleted_at,
        revisions=record.revisions if with_history else [],
    )


def _first_line(message: Message | None) -> str:
    """What a client quotes above a reply."""
    if message is None:
        return ""
    text = (message.text or message.caption or "").strip()
    return text.splitlines()[0][:_LONGEST_QUOTE] if text else "…"


def _file_path(account: BotAccount, file_id: str) -> str | None:
    """Where it can be fetched, unless the shelf let it go."""
    try:
        return account.files.find(file_id).path
    except ApiRefusal:
        return None


def _buttons(keyboard: InlineKeyboardMarkup | None) -> list[list[ButtonView]]:
    rows: list[list[ButtonView]] = []
    index = 0
    for row in keyboard.inline_keyboard if keyboard else []:
        rows.append([])
        for button in row:
            rows[-1].append(
                ButtonView(
                    index=index,
                    text=button.text,
                    style=button.style,
                    callback_data=button.callback_data,
                    url=button.url,
                )
            )
            index += 1
    return rows


def _notification(kept: Notification) -> NotificationView:
    return NotificationView(**msgspec.structs.asdict(kept))
