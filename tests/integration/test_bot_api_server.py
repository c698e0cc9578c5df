"""The in-repo Telegram Bot API server, judged by aiogram 3.31: what its types refuse, a bot would lose."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    ChatMemberBanned,
    ChatMemberOwner,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    MessageEntity,
    ReplyParameters,
)

from backend.core import clock
from backend.demo.carriers.telegram import (
    BotApiControl,
    BotApiServer,
    ControlRefused,
    Person,
    serve,
)
from backend.demo.carriers.telegram.wire import ChatKind, MemberStatus

TOKEN = "42:TEST-not-a-secret"
ZHANG = Person(id=1001, first_name="张经理", username="zhang")
LI = Person(id=1002, first_name="李值班")


class QuickSession(AiohttpSession):
    async def close(self) -> None:
        """At once: aiogram waits 250 ms for TLS to close, and here is none."""
        if self._session is not None:
            await self._session.close()


def bot_at(base_url: str, token: str = TOKEN) -> Bot:
    return Bot(token, session=QuickSession(api=TelegramAPIServer.from_base(base_url), timeout=10))


def keyboard(*buttons: tuple[str, str]) -> InlineKeyboardMarkup:
    row = [InlineKeyboardButton(text=text, callback_data=data) for text, data in buttons]
    return InlineKeyboardMarkup(inline_keyboard=[row])


ACKNOWLEDGE = keyboard(("确认", "a:1:ack"), ("误报", "a:1:false"))


@pytest.fixture
def server() -> BotApiServer:
    return BotApiServer(TOKEN, webhook_back_off=0.01)


@pytest.fixture
async def base_url(server: BotApiServer) -> AsyncIterator[str]:
    async with serve(server) as address:
        yield address


@pytest.fixture
async def bot(base_url: str) -> AsyncIterator[Bot]:
    async with bot_at(base_url) as client:
        yield client


@pytest.fixture
async def control(base_url: str) -> AsyncIterator[BotApiControl]:
    async with BotApiControl(base_url) as client:
        yield client


async def test_an_alarm_is_sent_pressed_answered_and_edited(bot: Bot, control: BotApiControl) -> None:
    await control.open_chat(ZHANG)
    sent = await bot.send_message(
        ZHANG.id,
        "<b>火灾报警</b>\n3号楼 <a href='https://e.cn/1'>详情</a>",
        parse_mode="HTML",
        reply_markup=ACKNOWLEDGE,
    )
    assert sent.text == "火灾报警\n3号楼 详情"
    assert [(entity.type, entity.offset, entity.length) for entity in sent.entities or []] == [
        ("bold", 0, 4),
        ("text_link", 9, 2),
    ]
    assert sent.chat.type == "private"
    assert sent.from_user is not None
    assert sent.from_user.is_bot

    query_id = await control.press(ZHANG.id, sent.message_id, text="确认")
    [update] = await bot.get_updates(timeout=5)
    query = update.callback_query
    assert query is not None
    assert (query.id, query.data, query.from_user.id) == (query_id, "a:1:ack", ZHANG.id)
    assert query.chat_instance
    assert query.message is not None
    assert query.message.message_id == sent.message_id

    assert await bot.answer_callback_query(query.id, text="已确认", show_alert=True)
    assert (await control.notification(ZHANG.id, query_id)).text == "已确认"

    edited = await bot.edit_message_text("已由张经理确认", chat_id=ZHANG.id, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert edited.edit_date
    assert edited.reply_markup is None

    view = await control.chat(ZHANG.id, with_history=True)
    [shown] = view.messages
    assert (shown.text, shown.buttons, shown.edited_count) == ("已由张经理确认", [], 1)
    assert [revision.text for revision in shown.revisions] == ["火灾报警\n3号楼 详情"]
    assert shown.edited_at is not None
    assert shown.edited_at >= shown.sent_at


async def test_a_deep_link_arrives_as_a_start_command_with_its_payload(bot: Bot, control: BotApiControl) -> None:
    await control.start(ZHANG, "bind_4f3a")
    [update] = await bot.get_updates(timeout=5)
    assert update.message is not None
    assert update.message.text == "/start bind_4f3a"
    assert [(e.type, e.length) for e in update.message.entities or []] == [("bot_command", 6)]
    with pytest.raises(ControlRefused, match="64 characters"):
        await control.start(ZHANG, "no spaces")


async def test_blocking_and_unblocking_is_told_and_felt(bot: Bot, control: BotApiControl) -> None:
    await control.open_chat(ZHANG)
    await control.block(ZHANG.id)
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(ZHANG.id, "hello")
    await control.unblock(ZHANG.id)
    assert await bot.send_message(ZHANG.id, "hello")
    blocked, unblocked = [update.my_chat_member for update in await bot.get_updates()]
    assert blocked is not None
    assert unblocked is not None
    assert isinstance(blocked.new_chat_member, ChatMemberBanned)
    assert isinstance(unblocked.old_chat_member, ChatMemberBanned)
    assert unblocked.new_chat_member.status == "member"


async def test_a_forum_group_keeps_topics_and_members(bot: Bot, control: BotApiControl) -> None:
    group = await control.create_group("值班群", [ZHANG, LI], topics=["火警"])
    await control.set_member(group, LI.id, MemberStatus.ADMINISTRATOR)
    [topic] = (await control.chat(group)).topics
    sent = await bot.send_message(group, "火灾报警", message_thread_id=topic, reply_markup=ACKNOWLEDGE)
    assert (sent.chat.type, sent.chat.is_forum, sent.is_topic_message) == ("supergroup", True, True)
    assert sent.message_thread_id == topic
    with pytest.raises(TelegramBadRequest, match="message thread not found"):
        await bot.send_message(group, "火灾报警", message_thread_id=topic + 10_000)

    await control.send_text(group, "收到", user_id=LI.id, topic=topic)
    await control.press(group, sent.message_id, index=1, user_id=LI.id)
    added, said, pressed = await bot.get_updates()
    assert added.my_chat_member is not None
    assert said.message is not None
    assert said.message.message_thread_id == topic
    assert pressed.callback_query is not None
    assert (pressed.callback_query.from_user.id, pressed.callback_query.data) == (LI.id, "a:1:false")

    assert isinstance(await bot.get_chat_member(group, ZHANG.id), ChatMemberOwner)
    assert (await bot.get_chat_member(group, LI.id)).status == "administrator"
    assert (await bot.get_chat(group)).title == "值班群"
    with pytest.raises(TelegramForbiddenError, match="can't initiate conversation"):
        await bot.send_message(LI.id, "private")
    await control.block(group)
    with pytest.raises(TelegramForbiddenError, match="bot was kicked from the supergroup chat"):
        await bot.send_message(group, "still there?")


async def test_a_group_that_became_a_supergroup_says_its_new_id(bot: Bot, control: BotApiControl) -> None:
    group = await control.create_group("物业群", [ZHANG], kind=ChatKind.GROUP)
    assert (await bot.send_message(group, "一")).chat.type == "group"
    new = await control.migrate(group)
    with pytest.raises(TelegramMigrateToChat) as refused:
        await bot.send_message(group, "二")
    assert refused.value.migrate_to_chat_id == new
    assert (await bot.send_message(new, "二")).chat.type == "supergroup"


Call = Callable[[Bot, int], Awaitable[Any]]


def send(text: str, **more: Any) -> Call:
    return lambda bot, _: bot.send_message(ZHANG.id, text, **more)


def edit(text: str, shift: int = 0, **more: Any) -> Call:
    return lambda bot, message: bot.edit_message_text(text, chat_id=ZHANG.id, message_id=message + shift, **more)


DEAD_BUTTON = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="x")]])
REFUSALS: list[tuple[str, Call]] = [
    ("chat not found", lambda bot, _: bot.send_message(999, "x")),
    ("message text is empty", send("<b> </b>", parse_mode="HTML")),
    ("message is too long", send("火" * 4097)),
    ("MESSAGE_TOO_LONG", edit("火" * 4097)),
    ("BUTTON_DATA_INVALID", send("x", reply_markup=keyboard(("确认", "火" * 22)))),
    ("Text buttons are unallowed", send("x", reply_markup=DEAD_BUTTON)),
    ("message is not modified", edit("alarm", reply_markup=ACKNOWLEDGE)),
    (
        "message is not modified",
        lambda bot, message: bot.edit_message_reply_markup(
            chat_id=ZHANG.id, message_id=message, reply_markup=ACKNOWLEDGE
        ),
    ),
    ("message to edit not found", edit("x", shift=9)),
    ("message can't be edited", edit("x", shift=-1)),
    ("message to delete not found", lambda bot, message: bot.delete_message(ZHANG.id, message + 9)),
    ("message to be replied not found", send("x", reply_parameters=ReplyParameters(message_id=1))),
    ("query is too old", lambda bot, _: bot.answer_callback_query("1")),
    ("unsupported parse_mode", send("x", parse_mode="BBCode")),
    ("IMAGE_PROCESS_FAILED", lambda bot, _: bot.send_photo(ZHANG.id, BufferedInputFile(b"text", "x.png"))),
    ("wrong remote file identifier", lambda bot, _: bot.send_document(ZHANG.id, "AgAD")),
    ("can't parse entities: Can't find end tag", send("<b>x", parse_mode="HTML")),
    ("wrong parameter action", lambda bot, _: bot.send_chat_action(ZHANG.id, "dancing")),
]


@pytest.mark.parametrize(("sentence", "call"), REFUSALS)
async def test_bad_requests_are_refused_in_telegrams_own_words(
    bot: Bot, server: BotApiServer, sentence: str, call: Call
) -> None:
    server.act.open_chat(ZHANG)
    server.act.send_text(ZHANG.id, "in front of it")
    sent = await bot.send_message(ZHANG.id, "alarm", reply_markup=ACKNOWLEDGE)
    with pytest.raises(TelegramBadRequest, match=sentence):
        await call(bot, sent.message_id)
    assert server.requests[-1].status == 400
    assert not server.requests[-1].carried_out


async def test_entities_given_as_such_come_back(bot: Bot, server: BotApiServer) -> None:
    server.act.open_chat(ZHANG)
    sent = await bot.send_message(
        ZHANG.id, "  火警", entities=[MessageEntity(type="bold", offset=2, length=2)], protect_content=True
    )
    assert sent.text == "火警"
    assert [(e.type, e.offset, e.length) for e in sent.entities or []] == [("bold", 0, 2)]
    assert sent.has_protected_content


async def test_a_deleted_message_is_gone_and_old_ones_stay(bot: Bot, server: BotApiServer) -> None:
    server.act.open_chat(ZHANG)
    sent = await bot.send_message(ZHANG.id, "x")
    old = await bot.send_message(ZHANG.id, "y")
    assert await bot.delete_message(ZHANG.id, sent.message_id)
    assert [message.text for message in server.chat_view(ZHANG.id).messages] == ["y"]
    later = clock.StillClock(datetime.now(UTC) + timedelta(hours=49))
    with clock.use(later), pytest.raises(TelegramBadRequest, match="message can't be deleted"):
        await bot.delete_message(ZHANG.id, old.message_id)


async def test_documents_and_photos_can_be_fetched_again(bot: Bot, control: BotApiControl) -> None:
    await control.open_chat(ZHANG)
    octets = b"%PDF\r\n--\r\n\x00\xff" * 100
    sent = await bot.send_document(
        ZHANG.id, BufferedInputFile(octets, "值班 日志.pdf"), caption="<i>附件</i>", parse_mode="HTML"
    )
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size) == ("值班 日志.pdf", len(octets))
    assert sent.caption == "附件"
    fetched = await bot.download(sent.document)
    assert fetched is not None
    assert fetched.read() == octets
    again = await bot.send_document(ZHANG.id, sent.document.file_id)
    assert again.document == sent.document

    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
    photo = await bot.send_photo(ZHANG.id, BufferedInputFile(png, "p.png"))
    assert photo.photo is not None
    assert [(size.width, size.height) for size in photo.photo] == [(640, 480)]
    shown = (await control.chat(ZHANG.id)).messages[-1]
    assert shown.is_photo
    assert shown.file_path is not None
    assert await control.download(shown.file_path) == png


async def test_the_small_methods_answer_what_aiogram_expects(bot: Bot, server: BotApiServer) -> None:
    server.act.open_chat(ZHANG)
    me = await bot.get_me()
    assert (me.id, me.is_bot, me.username) == (42, True, "fenghuo_bot")
    assert await bot.set_my_commands([BotCommand(command="status", description="现在的状态")])
    assert [c.command for c in await bot.get_my_commands()] == ["status"]
    assert await bot.delete_my_commands()
    assert await bot.get_my_commands() == []
    assert await bot.send_chat_action(ZHANG.id, "typing")
    assert (await bot.get_chat(ZHANG.id)).first_name == "张经理"
    assert (await bot.get_chat_member(ZHANG.id, ZHANG.id)).status == "member"


async def test_a_wrong_token_and_an_unknown_method_are_told_apart(base_url: str, server: BotApiServer) -> None:
    async with bot_at(base_url, "42:wrong") as stranger:
        with pytest.raises(TelegramUnauthorizedError, match="Unauthorized"):
            await stranger.get_me()
    async with bot_at(base_url) as bot:
        with pytest.raises(TelegramNotFound, match="method not found"):
            await bot.get_my_star_balance()
    assert [request.status for request in server.requests] == [401, 404]
    assert "wrong" not in repr(server.requests)


@pytest.mark.parametrize("way", ["json", "form", "query", "multipart"])
async def test_a_request_reads_the_same_however_it_is_sent(base_url: str, server: BotApiServer, way: str) -> None:
    server.act.open_chat(ZHANG)
    markup = {"inline_keyboard": [[{"text": "确认", "callback_data": "a"}]]}
    fields = {
        "chat_id": str(ZHANG.id),
        "text": "火警 & 1+1",
        "reply_markup": msgspec.json.encode(markup).decode(),
    }
    url = f"{base_url}/bot{TOKEN}/SENDmessage"
    as_json = {"chat_id": ZHANG.id, "text": "火警 & 1+1", "reply_markup": markup}
    ways: dict[str, dict[str, Any]] = {
        "json": {"method": "POST", "json": as_json},
        "form": {"method": "POST", "data": fields},
        "query": {"method": "GET", "params": fields},
        "multipart": {"method": "POST", "files": {name: (None, value) for name, value in fields.items()}},
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = (await http.request(url=url, **ways[way])).json()
        broken = await http.post(url, content=b"--x--", headers={"content-type": "multipart/form-data"})
        unparsable = await http.post(url, data=fields | {"reply_markup": "{"})
    assert answer["ok"]
    assert answer["result"]["text"] == "火警 & 1+1"
    assert answer["result"]["reply_markup"] == markup
    assert server.requests[0].params["reply_markup"] == markup
    assert server.requests[0].result == answer["result"]
    assert (broken.status_code, unparsable.status_code) == (400, 400)
    assert "can't parse reply keyboard markup JSON object" in unparsable.json()["description"]


async def test_a_watcher_wakes_when_a_phone_shows_something_new(bot: Bot, control: BotApiControl) -> None:
    await control.open_chat(ZHANG)
    seen = await control.changes(0)
    assert seen.chats == [ZHANG.id]
    watching = asyncio.create_task(control.changes(seen.version))
    await bot.send_message(ZHANG.id, "x")
    woken = await watching
    assert woken.version > seen.version
    assert (await control.changes(woken.version, seconds=0.01)).chats == []


def test_a_token_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="a bot token looks like") as refused:
        BotApiServer("hunter2")
    assert "hunter2" not in str(refused.value)
