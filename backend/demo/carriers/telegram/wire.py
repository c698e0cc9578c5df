"""The objects of the Bot API as they travel, under Telegram's own field names.

The rule: a field with its default is left out, as the real server leaves it out; required ones never are.
Source: https://core.telegram.org/bots/api (10.3), "Available types".
"""

from enum import StrEnum
from typing import Any

import msgspec


class WireObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One object of the Bot API. Frozen: an edit makes a new one, so that a log never changes afterwards."""


class ChatKind(StrEnum):
    """What sort of chat it is; Telegram's `Chat.type`."""

    PRIVATE = "private"  #: one person and the bot; the chat's id is the person's
    GROUP = "group"  #: basic group, negative id
    SUPERGROUP = "supergroup"  #: id below -10^12; message ids of its own; may have topics


class MemberStatus(StrEnum):
    """How somebody stands in a chat; Telegram's `ChatMember.status`."""

    CREATOR = "creator"
    ADMINISTRATOR = "administrator"
    MEMBER = "member"
    LEFT = "left"
    KICKED = "kicked"  #: in a private chat: the person blocked the bot


class User(WireObject, frozen=True, kw_only=True):
    """A person or the bot. Key it by `id` (52 bits) only: names change."""

    id: int
    is_bot: bool
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None


class BotUser(User, frozen=True, kw_only=True):
    """The bot itself, as getMe tells it."""

    can_join_groups: bool
    can_read_all_group_messages: bool
    supports_inline_queries: bool


class Chat(WireObject, frozen=True, kw_only=True):
    """A chat as it stands inside messages and updates."""

    id: int
    type: ChatKind
    title: str | None = None
    username: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    is_forum: bool = False


class AcceptedGiftTypes(WireObject, frozen=True, kw_only=True):
    """Required inside getChat's answer; this server knows no gifts."""

    unlimited_gifts: bool
    limited_gifts: bool
    unique_gifts: bool
    premium_subscription: bool
    gifts_from_channels: bool


class ChatFullInfo(Chat, frozen=True, kw_only=True):
    """A chat as getChat tells it."""

    accent_color_id: int
    max_reaction_count: int
    accepted_gift_types: AcceptedGiftTypes


class MessageEntity(WireObject, frozen=True, kw_only=True):
    """A stretch of formatted text. Offset and length count UTF-16 code units, not characters."""

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    user: User | None = None
    custom_emoji_id: str | None = None


class InlineKeyboardButton(WireObject, frozen=True, kw_only=True):
    """A button under a message. Exactly one field beside text, style and icon says what it does."""

    text: str
    style: str | None = None
    icon_custom_emoji_id: str | None = None
    url: str | None = None
    callback_data: str | None = None
    web_app: dict[str, Any] | None = None
    login_url: dict[str, Any] | None = None
    switch_inline_query: str | None = None
    switch_inline_query_current_chat: str | None = None
    switch_inline_query_chosen_chat: dict[str, Any] | None = None
    copy_text: dict[str, Any] | None = None
    callback_game: dict[str, Any] | None = None
    pay: bool | None = None
    disabled: dict[str, Any] | None = None


class InlineKeyboardMarkup(WireObject, frozen=True, kw_only=True):
    """The rows of buttons under a message."""

    inline_keyboard: list[list[InlineKeyboardButton]]


class LinkPreviewOptions(WireObject, frozen=True, kw_only=True):
    """How the first link of a text is shown; kept and returned, never acted on here."""

    is_disabled: bool = False
    url: str | None = None
    prefer_small_media: bool = False
    prefer_large_media: bool = False
    show_above_text: bool = False


class Document(WireObject, frozen=True, kw_only=True):
    """A file that was sent as it is."""

    file_id: str
    file_unique_id: str
    file_name: str | None = None
    mime_type: str | None = None
    file_size: int | None = None


class PhotoSize(WireObject, frozen=True, kw_only=True):
    """One size of a photo, in pixels."""

    file_id: str
    file_unique_id: str
    width: int
    height: int
    file_size: int | None = None


class Voice(WireObject, frozen=True, kw_only=True):
    """A voice note (OGG with Opus)."""

    file_id: str
    file_unique_id: str
    duration: int
    mime_type: str | None = None
    file_size: int | None = None


class Place(WireObject, frozen=True, kw_only=True):
    """A location; degrees."""

    latitude: float
    longitude: float


class File(WireObject, frozen=True, kw_only=True):
    """What getFile answers: `file_path` is fetched under `/file/bot<token>/`."""

    file_id: str
    file_unique_id: str
    file_size: int | None = None
    file_path: str | None = None


class Message(WireObject, frozen=True, kw_only=True):
    """A message in a chat. Dates are whole seconds since 1970, UTC."""

    message_id: int
    date: int
    chat: Chat
    sender: User | None = msgspec.field(name="from", default=None)
    message_thread_id: int | None = None
    is_topic_message: bool = False
    edit_date: int | None = None
    has_protected_content: bool = False
    reply_to_message: "Message | None" = None
    text: str | None = None
    entities: tuple[MessageEntity, ...] = ()
    link_preview_options: LinkPreviewOptions | None = None
    document: Document | None = None
    photo: tuple[PhotoSize, ...] = ()
    voice: Voice | None = None
    location: Place | None = None
    media_group_id: str | None = None
    caption: str | None = None
    caption_entities: tuple[MessageEntity, ...] = ()
    reply_markup: InlineKeyboardMarkup | None = None
    new_chat_members: tuple[User, ...] = ()
    migrate_to_chat_id: int | None = None
    migrate_from_chat_id: int | None = None


class CallbackQuery(WireObject, frozen=True, kw_only=True):
    """Somebody pressed a button. To be answered, or the person's client keeps spinning."""

    id: str
    sender: User = msgspec.field(name="from")
    message: Message
    chat_instance: str
    data: str


class ChatMember(WireObject, frozen=True, kw_only=True):
    """How a user stands in a chat, with the fields the status requires (see `member`)."""

    status: MemberStatus
    user: User
    until_date: int | None = None
    is_anonymous: bool | None = None
    can_be_edited: bool | None = None
    can_manage_chat: bool | None = None
    can_delete_messages: bool | None = None
    can_manage_video_chats: bool | None = None
    can_restrict_members: bool | None = None
    can_promote_members: bool | None = None
    can_change_info: bool | None = None
    can_invite_users: bool | None = None
    can_post_stories: bool | None = None
    can_edit_stories: bool | None = None
    can_delete_stories: bool | None = None
    can_send_welcome_messages: bool | None = None


_ADMINISTRATOR_RIGHTS = {name: True for name in ChatMember.__struct_fields__ if name.startswith("can_")} | {
    "is_anonymous": False,
    "can_be_edited": False,
}
_REQUIRED_BY_STATUS: dict[MemberStatus, dict[str, Any]] = {
    MemberStatus.CREATOR: {"is_anonymous": False},
    MemberStatus.ADMINISTRATOR: _ADMINISTRATOR_RIGHTS,
    MemberStatus.KICKED: {"until_date": 0},
}


def member(user: User, status: MemberStatus) -> ChatMember:
    """A ChatMember with every field its status requires; `until_date` 0 means for ever."""
    return ChatMember(status=status, user=user, **_REQUIRED_BY_STATUS.get(status, {}))


class ChatMemberUpdated(WireObject, frozen=True, kw_only=True):
    """Somebody's standing changed; as `my_chat_member` it is the bot's own."""

    chat: Chat
    sender: User = msgspec.field(name="from")
    date: int
    old_chat_member: ChatMember
    new_chat_member: ChatMember


class Update(WireObject, frozen=True, kw_only=True):
    """One thing that happened; exactly one field beside the id is filled."""

    update_id: int
    message: Message | None = None
    callback_query: CallbackQuery | None = None
    my_chat_member: ChatMemberUpdated | None = None


class BotCommand(WireObject, frozen=True, kw_only=True):
    """A line of the bot's menu."""

    command: str
    description: str


class WebhookInfo(WireObject, frozen=True, kw_only=True):
    """Where updates go, and how the last delivery went."""

    url: str
    has_custom_certificate: bool
    pending_update_count: int
    last_error_date: int | None = None
    last_error_message: str | None = None
    max_connections: int | None = None
    allowed_updates: tuple[str, ...] = ()
