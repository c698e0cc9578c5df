"""The chats, people and messages the carrier knows, bounded, each change with its version number.

The rule: everything that a phone would show differently raises `version` and wakes who waits for it.
"""

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Final

import msgspec

from backend.core import clock
from backend.demo.carriers.telegram.refusals import BLOCKED, ApiRefusal, bad_request, forbidden, upgraded
from backend.demo.carriers.telegram.wire import (
    Chat,
    ChatKind,
    InlineKeyboardMarkup,
    MemberStatus,
    Message,
    MessageEntity,
    User,
)

MESSAGES_KEPT: Final = 500  #: per chat; an older one is "not found", where the real server still has it
REVISIONS_KEPT: Final = 100  #: per message; a storm card is edited for hours
NOTIFICATIONS_KEPT: Final = 20
#: Ids start from the clock, so that a restarted carrier (it forgets everything) never repeats an id that a
#: platform with a memory has seen. In seconds since 2020; stays below 2^31 until 2088.
_ID_EPOCH: Final = 1_577_836_800


def first_id() -> int:
    """Where a counter starts in this run."""
    return int(clock.now().timestamp()) - _ID_EPOCH


class BotStanding(StrEnum):
    """Whether the bot may write into a chat."""

    WELCOME = "welcome"
    NOT_STARTED = "not_started"  #: the person is known from a group but never opened the private chat
    BLOCKED = "blocked"
    KICKED = "kicked"


_REASON_TO_REFUSE: Final[dict[BotStanding, Callable[[Chat], ApiRefusal]]] = {
    BotStanding.NOT_STARTED: lambda _: forbidden("bot can't initiate conversation with a user"),
    BotStanding.BLOCKED: lambda _: forbidden(BLOCKED),
    BotStanding.KICKED: lambda chat: forbidden(f"bot was kicked from the {chat.type} chat"),
}


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """What a message said before an edit."""

    text: str | None
    entities: tuple[MessageEntity, ...]
    reply_markup: InlineKeyboardMarkup | None
    until: datetime


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What a person saw pop up after a press: the answer to the callback query."""

    callback_query_id: str
    user_id: int
    text: str
    show_alert: bool
    at: datetime


class MessageRecord(msgspec.Struct, kw_only=True):
    """A message as it is now, with what it was before."""

    message: Message
    sent_at: datetime
    edited_at: datetime | None = None
    edited_count: int = 0
    deleted_at: datetime | None = None
    revisions: list[Revision] = []


class ChatRecord:
    """One chat: who is in it, what was said, how the bot stands."""

    def __init__(self, chat: Chat, standing: BotStanding, message_ids: "count[int]") -> None:
        self.chat = chat
        self.standing = standing
        self.members: dict[int, MemberStatus] = {}
        self.topics: dict[int, str] = {}
        self.messages: OrderedDict[int, MessageRecord] = OrderedDict()
        self.notifications: deque[Notification] = deque(maxlen=NOTIFICATIONS_KEPT)
        self.instance = str(secrets.randbits(63))
        self.migrated_to: int | None = None
        self.changed_in = 0
        self._message_ids = message_ids

    def next_message_id(self) -> int:
        """A fresh id; supergroups count their own, all other chats of the bot share one counter."""
        return next(self._message_ids)

    def keep(self, message: Message) -> MessageRecord:
        """Stores a new message and forgets the oldest beyond the bound."""
        record = MessageRecord(message=message, sent_at=clock.now())
        self.messages[message.message_id] = record
        while len(self.messages) > MESSAGES_KEPT:
            self.messages.popitem(last=False)
        return record

    def present(self, message_id: int | None) -> MessageRecord | None:
        """The message, unless it was never there or was deleted."""
        record = self.messages.get(message_id) if message_id is not None else None
        return record if record and record.deleted_at is None else None

    def refuse_unwelcome(self) -> None:
        """Raises ApiRefusal if the bot may not write here (403), or the chat moved (400 with the new id)."""
        if self.migrated_to is not None:
            raise upgraded(self.migrated_to)
        if self.standing in _REASON_TO_REFUSE:
            raise _REASON_TO_REFUSE[self.standing](self.chat)


class ChatBook:
    """All chats and people, and the version that every change raises."""

    def __init__(self) -> None:
        self.chats: dict[int, ChatRecord] = {}
        self.users: dict[int, User] = {}
        self.version = 0
        self._changed = asyncio.Event()
        self._shared_ids = count(first_id())
        self._group_ids = count(first_id())

    def find(self, chat_id: int | str) -> ChatRecord:
        """The chat by number or @username. Raises ApiRefusal "chat not found" or "chat_id is empty"."""
        if chat_id == "":
            raise bad_request("chat_id is empty")
        record = self.chats.get(_as_number(chat_id))
        if record is None and isinstance(chat_id, str) and chat_id.startswith("@"):
            named = (other for other in self.chats.values() if other.chat.username == chat_id[1:])
            record = next((other for other in named if other.chat.type is not ChatKind.PRIVATE), None)
        if record is None:
            raise bad_request("chat not found")
        return record

    def private(self, user: User) -> ChatRecord:
        """The person's chat with the bot; made, not yet started, when it is new. Renews the names."""
        self.users[user.id] = user
        chat = Chat(
            id=user.id,
            type=ChatKind.PRIVATE,
            username=user.username,
            first_name=user.first_name,
            last_name=user.last_name,
        )
        record = self.chats.get(user.id)
        if record is None:
            record = self.chats[user.id] = ChatRecord(chat, BotStanding.NOT_STARTED, self._shared_ids)
        record.chat = chat
        return record

    def group(self, title: str, kind: ChatKind, *, is_forum: bool, username: str | None) -> ChatRecord:
        """A new group with the bot in it; a supergroup's id is below -10^12 and it counts its own ids."""
        number = next(self._group_ids)
        is_super = kind is ChatKind.SUPERGROUP
        chat = Chat(
            id=-1_000_000_000_000 - number if is_super else -number,
            type=kind,
            title=title,
            username=username,
            is_forum=is_forum,
        )
        ids = count(first_id()) if is_super else self._shared_ids
        record = self.chats[chat.id] = ChatRecord(chat, BotStanding.WELCOME, ids)
        return record

    def touch(self, record: ChatRecord) -> None:
        """Something in this chat looks different now."""
        self.version += 1
        record.changed_in = self.version
        self.wake()

    def wake(self) -> None:
        """Wakes everybody who waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def changed_since(self, version: int) -> list[int]:
        """The ids of the chats that changed after that version."""
        return [chat_id for chat_id, record in self.chats.items() if record.changed_in > version]

    async def wait_change(self, since: int, *, seconds: float | None = None) -> int:
        """The version, as soon as it is above `since`; or as it stands after that many seconds."""
        if self.version <= since:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                return self.version
        return self.version


def _as_number(chat_id: int | str) -> int:
    """The numeric id; 0, which no chat has, for anything that is no number."""
    try:
        return int(chat_id)
    except ValueError:
        return 0
