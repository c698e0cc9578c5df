"""The people's side: what somebody with a phone does, turned into updates for the bot.

The rule: a person can only do here what a Telegram client would let them do.
"""

import re
from typing import Any, Final

import msgspec

from backend.core import clock
from backend.demo.carriers.telegram.account import BotAccount, new_query_id
from backend.demo.carriers.telegram.chats import BotStanding, ChatRecord
from backend.demo.carriers.telegram.forms import Upload
from backend.demo.carriers.telegram.keyboards import all_buttons
from backend.demo.carriers.telegram.rich_text import RichText, utf16_length
from backend.demo.carriers.telegram.wire import (
    CallbackQuery,
    ChatKind,
    ChatMemberUpdated,
    InlineKeyboardButton,
    MemberStatus,
    Message,
    MessageEntity,
    Place,
    User,
    member,
)

_COMMAND: Final = re.compile(r"/[A-Za-z0-9_]{1,32}(?:@\w+)?")
_PAYLOAD: Final = re.compile(r"[A-Za-z0-9_-]{0,64}")

#: What a client calls a file that it sends, and its media type.
_FILES: Final = {
    "photo": ("photo.jpg", "image/jpeg"),
    "voice": ("voice.ogg", "audio/ogg"),
    "document": ("paper.pdf", "application/pdf"),
}
#: What a bot's standing is called in my_chat_member.
_STATUS: Final = {
    BotStanding.WELCOME: MemberStatus.MEMBER,
    BotStanding.BLOCKED: MemberStatus.KICKED,
    BotStanding.KICKED: MemberStatus.KICKED,
    BotStanding.NOT_STARTED: MemberStatus.LEFT,
}


class CannotDo(Exception):  # noqa: N818 - a refusal is named by its fact
    """A person tried what no client offers: an absent chat, message or button, a payload out of bounds."""


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody with a phone."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = "zh-hans"

    def user(self) -> User:
        """As Telegram knows them."""
        return User(is_bot=False, **msgspec.structs.asdict(self))


class Actor:
    """Acts as any user. Every act that a bot would hear of becomes an update."""

    def __init__(self, account: BotAccount) -> None:
        self._account = account

    def open_chat(self, person: Person) -> int:
        """The private chat, as if it had been started long ago: the bot may write, and hears nothing."""
        record = self._account.book.private(person.user())
        record.standing = BotStanding.WELCOME
        self._account.book.touch(record)
        return record.chat.id

    def start(self, person: Person, payload: str = "") -> int:
        """Opens the chat through a deep link and sends /start with its payload (64 of A-Za-z0-9_-)."""
        if not _PAYLOAD.fullmatch(payload):
            raise CannotDo("a start payload is at most 64 characters of A-Za-z0-9_-")
        record = self._account.book.private(person.user())
        self._stand(record, person.user(), BotStanding.WELCOME)
        return self.send_text(record.chat.id, f"/start {payload}".strip())

    def send_file(
        self,
        chat_id: int,
        kind: str,
        octets: bytes,
        *,
        filename: str = "",
        caption: str = "",
        user_id: int | None = None,
        reply_to: int | None = None,
        album: str = "",
    ) -> int:
        """Sends a photo, a voice note or a document, perhaps as a piece of an album; returns the message's id."""
        record, user = self._at(chat_id, user_id)
        if kind not in _FILES or not octets:
            raise CannotDo("a file is a photo, a voice note or a document, and not empty")
        name, media_type = _FILES[kind]
        stored = self._account.files.store(Upload(filename or name, media_type, octets), f"{kind}s")
        content: dict[str, Any] = {"caption": caption or None, "media_group_id": album or None}
        if kind == "photo":
            content["photo"] = (stored.photo(),)
        else:
            content[kind] = stored.voice() if kind == "voice" else stored.document()
        return self._say(record, user, content, replied=self._replied(record, reply_to))

    def send_location(self, chat_id: int, latitude: float, longitude: float, *, user_id: int | None = None) -> int:
        """Says where one is; returns the message's id."""
        record, user = self._at(chat_id, user_id)
        return self._say(record, user, {"location": Place(latitude=latitude, longitude=longitude)})

    def _replied(self, record: ChatRecord, message_id: int | None) -> Message | None:
        if message_id is None:
            return None
        found = record.present(message_id)
        if found is None:
            raise CannotDo("no such message in this chat")
        return msgspec.structs.replace(found.message, reply_to_message=None)

    def send_text(
        self,
        chat_id: int,
        text: str,
        *,
        user_id: int | None = None,
        topic: int | None = None,
        reply_to: int | None = None,
    ) -> int:
        """Writes into a chat, perhaps as a reply; returns the message's id."""
        record, user = self._at(chat_id, user_id)
        if topic is not None and topic not in record.topics:
            raise CannotDo("no such topic in this chat")
        if not text.strip():
            raise CannotDo("a message needs text")
        if record.standing is BotStanding.BLOCKED:
            self._stand(record, user, BotStanding.WELCOME)  # a client unblocks before it can send
        rich = RichText(text.strip(), _commands_in(text.strip()))
        content = {"text": rich.text, "entities": rich.entities}
        return self._say(record, user, content, topic=topic, replied=self._replied(record, reply_to))

    def press(
        self,
        chat_id: int,
        message_id: int,
        *,
        index: int | None = None,
        text: str | None = None,
        callback_data: str | None = None,
        user_id: int | None = None,
    ) -> str:
        """Presses the button with that index, text or callback data; returns the callback query's id."""
        record, user = self._at(chat_id, user_id)
        kept = record.present(message_id)
        if kept is None:
            raise CannotDo("no such message in this chat")
        buttons = [
            button
            for place, button in enumerate(all_buttons(kept.message.reply_markup))
            if _is_meant(button, place, index, text, callback_data)
        ]
        if not buttons:
            raise CannotDo("no such button under this message")
        if buttons[0].callback_data is None:
            raise CannotDo("this button does not call the bot")
        query = CallbackQuery(
            id=new_query_id(),
            sender=user,
            message=kept.message,
            chat_instance=record.instance,
            data=buttons[0].callback_data,
        )
        self._account.remember_press(query)
        self._account.updates.push(callback_query=query)
        return query.id

    def block(self, chat_id: int, *, user_id: int | None = None) -> None:
        """Blocks the bot in a private chat; in a group, throws it out."""
        record, user = self._at(chat_id, user_id)
        is_private = record.chat.type is ChatKind.PRIVATE
        self._stand(record, user, BotStanding.BLOCKED if is_private else BotStanding.KICKED)

    def unblock(self, chat_id: int, *, user_id: int | None = None) -> None:
        """Lets the bot in again."""
        record, user = self._at(chat_id, user_id)
        self._stand(record, user, BotStanding.WELCOME)

    def create_group(
        self,
        title: str,
        members: list[Person],
        *,
        kind: ChatKind = ChatKind.SUPERGROUP,
        topics: list[str] | None = None,
        username: str | None = None,
    ) -> int:
        """A group with these people and the bot; the first one made it. Topics make a supergroup a forum."""
        if not members or kind is ChatKind.PRIVATE:
            raise CannotDo("a group needs a kind of group and a first member")
        if topics and kind is not ChatKind.SUPERGROUP:
            raise CannotDo("only a supergroup has topics")
        book = self._account.book
        record = book.group(title, kind, is_forum=bool(topics), username=username)
        for person in members:
            if person.id not in book.chats:
                book.private(person.user())
            record.members[person.id] = MemberStatus.MEMBER
        maker = members[0].user()
        record.members[maker.id] = MemberStatus.CREATOR
        record.topics = {record.next_message_id(): name for name in topics or []}
        self._standing_changed(record, maker, MemberStatus.LEFT, MemberStatus.MEMBER)
        book.touch(record)
        return record.chat.id

    def set_member(self, chat_id: int, user_id: int, status: MemberStatus) -> None:
        """Changes how a person stands in a group, for example makes them an administrator."""
        record, user = self._at(chat_id, user_id)
        if record.chat.type is ChatKind.PRIVATE:
            raise CannotDo("a private chat has no members to change")
        record.members[user.id] = status
        self._account.book.touch(record)

    def migrate(self, chat_id: int) -> int:
        """Turns a basic group into a supergroup; the old id is refused from now on with the new one."""
        old, user = self._at(chat_id, None)
        if old.chat.type is not ChatKind.GROUP or old.migrated_to is not None:
            raise CannotDo("only a basic group becomes a supergroup, and once")
        book = self._account.book
        new = book.group(old.chat.title or "", ChatKind.SUPERGROUP, is_forum=False, username=None)
        new.members = dict(old.members)
        self._say(old, user, {"migrate_to_chat_id": new.chat.id})
        old.migrated_to = new.chat.id
        self._say(new, user, {"migrate_from_chat_id": old.chat.id})
        return new.chat.id

    def _at(self, chat_id: int, user_id: int | None) -> tuple[ChatRecord, User]:
        """The chat and who acts in it: in a private chat its person, in a group by default who made it."""
        record = self._account.book.chats.get(chat_id)
        if record is None:
            raise CannotDo("no such chat")
        if record.chat.type is ChatKind.PRIVATE:
            if user_id not in (None, chat_id):
                raise CannotDo("nobody else is in a private chat")
            return record, self._account.book.users[chat_id]
        acting = next(iter(record.members)) if user_id is None else user_id
        if record.members.get(acting, MemberStatus.LEFT) in (MemberStatus.LEFT, MemberStatus.KICKED):
            raise CannotDo("this person is not in the group")
        return record, self._account.book.users[acting]

    def _say(
        self,
        record: ChatRecord,
        user: User,
        content: dict[str, Any],
        *,
        topic: int | None = None,
        replied: Message | None = None,
    ) -> int:
        message = Message(
            message_id=record.next_message_id(),
            date=int(clock.now().timestamp()),
            chat=record.chat,
            sender=user,
            message_thread_id=topic,
            is_topic_message=topic is not None,
            reply_to_message=replied,
            **content,
        )
        record.keep(message)
        if record.standing is not BotStanding.KICKED:
            self._account.updates.push(message=message)
        self._account.book.touch(record)
        return message.message_id

    def _stand(self, record: ChatRecord, user: User, standing: BotStanding) -> None:
        """Changes the bot's standing and tells it, if it is a change; a first start is none for the bot."""
        before, record.standing = record.standing, standing
        if before is not standing and before is not BotStanding.NOT_STARTED:
            self._standing_changed(record, user, _STATUS[before], _STATUS[standing])
        self._account.book.touch(record)

    def _standing_changed(self, record: ChatRecord, user: User, before: MemberStatus, after: MemberStatus) -> None:
        bot = self._account.sender
        change = ChatMemberUpdated(
            chat=record.chat,
            sender=user,
            date=int(clock.now().timestamp()),
            old_chat_member=member(bot, before),
            new_chat_member=member(bot, after),
        )
        self._account.updates.push(my_chat_member=change)


def _is_meant(
    button: InlineKeyboardButton, place: int, index: int | None, text: str | None, callback_data: str | None
) -> bool:
    """Whether the button fits everything that was said about it; nothing said fits the first."""
    return (
        (index is None or place == index)
        and (text is None or button.text == text)
        and (callback_data is None or button.callback_data == callback_data)
    )


def _commands_in(text: str) -> tuple[MessageEntity, ...]:
    """The bot_command entity a client puts over a leading command."""
    found = _COMMAND.match(text)
    return (MessageEntity(type="bot_command", offset=0, length=utf16_length(found.group())),) if found else ()
