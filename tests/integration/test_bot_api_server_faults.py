"""The in-repo Telegram Bot API server: how updates reach the bot, faults, limits, the record."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Update,
)

from backend.core import clock
from backend.demo.carriers.telegram import (
    BotApiControl,
    BotApiServer,
    Fault,
    FaultKind,
    Person,
    serve,
)
from tests.patience import PATIENCE_S

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


async def test_a_long_poll_waits_for_the_update_and_an_offset_confirms_it(bot: Bot, server: BotApiServer) -> None:
    server.act.open_chat(ZHANG)
    waiting = asyncio.create_task(bot.get_updates(timeout=10))
    await until(lambda: any(request.method == "getUpdates" for request in server.requests))
    server.act.send_text(ZHANG.id, "一")
    [first] = await waiting
    server.act.send_text(ZHANG.id, "二")
    server.act.send_text(ZHANG.id, "三")
    assert [u.message.text for u in await bot.get_updates(limit=2) if u.message] == ["一", "二"]
    rest = await bot.get_updates(offset=first.update_id + 1, timeout=5)
    assert [u.message.text for u in rest if u.message] == ["二", "三"]
    assert [u.message.text for u in await bot.get_updates(offset=-1) if u.message] == ["三"]
    assert await bot.get_updates(offset=rest[-1].update_id + 1) == []


async def test_only_allowed_updates_are_kept(bot: Bot, server: BotApiServer) -> None:
    server.act.open_chat(ZHANG)
    await bot.get_updates(allowed_updates=["callback_query"])
    server.act.send_text(ZHANG.id, "not wanted")
    assert await bot.get_updates() == []


async def test_a_second_poller_throws_the_first_one_out(bot: Bot, server: BotApiServer) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=10))
    await until(lambda: len(server.requests) == 1)
    assert await bot.get_updates() == []
    with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
        await first


async def test_polling_conflicts_with_a_webhook(bot: Bot) -> None:
    await bot.set_webhook("https://fenghuo.example/hooks/telegram")
    with pytest.raises(TelegramConflictError, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    assert await bot.delete_webhook()
    assert await bot.get_updates() == []


async def test_a_webhook_gets_updates_in_order_with_its_secret_until_it_takes_them(
    bot: Bot, server: BotApiServer
) -> None:
    answers = [500, 503, 200, 200]
    hook = Hook(answers)
    async with hook.listening() as url:
        await bot.set_webhook(url, secret_token="s3cret_-", allowed_updates=["message"])
        server.act.open_chat(ZHANG)
        server.act.send_text(ZHANG.id, "一")
        server.act.send_text(ZHANG.id, "二")
        await until(lambda: not server.account.updates.pending)
        info = await bot.get_webhook_info()
        await bot.delete_webhook()
    texts = [update.message.text for update in hook.updates if update.message]
    assert texts == ["一", "一", "一", "二"]
    assert hook.secrets == ["s3cret_-"] * 4
    assert info.url == url
    assert info.pending_update_count == 0
    assert "503" in (info.last_error_message or "")
    [logged] = [request for request in server.requests if request.method == "setWebhook"]
    assert logged.params["secret_token"] == "***"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"url": "http://fenghuo.example/"}, "An HTTPS URL must be provided"),
        ({"url": "https://e.cn/", "secret_token": "a b"}, "secret token contains unallowed characters"),
    ],
)
async def test_a_bad_webhook_is_refused(bot: Bot, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TelegramBadRequest, match=sentence):
        await bot.set_webhook(**arguments)


async def test_scripted_refusals_strike_as_often_as_asked_and_where_asked(bot: Bot, control: BotApiControl) -> None:
    await control.open_chat(ZHANG)
    await control.open_chat(LI)
    await control.add_fault(Fault(kind=FaultKind.HTTP_429, method="sendMessage", seconds=7, times=1))
    await control.add_fault(Fault(kind=FaultKind.HTTP_500, chat=LI.id, times=1))
    await control.add_fault(Fault(kind=FaultKind.HTTP_403, chat=LI.id))
    with pytest.raises(TelegramRetryAfter) as refused:
        await bot.send_message(ZHANG.id, "x")
    assert refused.value.retry_after == 7
    assert await bot.send_message(ZHANG.id, "x")
    with pytest.raises(TelegramServerError):
        await bot.send_message(LI.id, "x")
    with pytest.raises(TelegramForbiddenError):
        await bot.send_message(LI.id, "x")
    assert [fault.kind for fault in await control.faults()] == [FaultKind.HTTP_403]
    await control.clear_faults()
    assert await bot.send_message(LI.id, "x")
    assert [(r.status, r.fault) for r in await control.requests()] == [
        (429, "http_429"), (200, None), (500, "http_500"), (403, "http_403"), (200, None),
    ]  # fmt: skip


@pytest.mark.parametrize("carried_out", [False, True])
async def test_a_dropped_connection_leaves_the_bot_in_doubt_and_the_record_not(
    bot: Bot, server: BotApiServer, carried_out: bool
) -> None:
    server.act.open_chat(ZHANG)
    server.faults.add(Fault(kind=FaultKind.DROP_CONNECTION, times=1, carried_out=carried_out))
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(ZHANG.id, "x")
    [request] = server.requests
    assert (request.status, request.fault, request.carried_out) == (None, "drop_connection", carried_out)
    assert len(server.chat_view(ZHANG.id).messages) == int(carried_out)
    assert await bot.send_message(ZHANG.id, "y")


async def test_a_stalled_request_is_answered_late_and_honestly(bot: Bot, server: BotApiServer) -> None:
    server.act.open_chat(ZHANG)
    server.faults.add(Fault(kind=FaultKind.STALL, seconds=0.2, times=1))
    assert (await bot.send_message(ZHANG.id, "x")).text == "x"
    [request] = server.requests
    assert request.answered_monotonic is not None
    assert request.answered_monotonic - request.received_monotonic >= 0.2


async def test_enforced_limits_allow_a_burst_and_then_say_how_long_to_wait(bot: Bot, server: BotApiServer) -> None:
    server.act.open_chat(ZHANG)
    server.account.limits.enforced = True
    still = clock.StillClock(datetime.now(UTC))
    with clock.use(still):
        for number in range(3):
            await bot.send_message(ZHANG.id, f"{number}")
        with pytest.raises(TelegramRetryAfter) as refused:
            await bot.send_message(ZHANG.id, "too soon")
        assert refused.value.retry_after == 1
        still.advance(timedelta(seconds=1))
        assert await bot.send_message(ZHANG.id, "in time")


async def test_a_group_takes_twenty_messages_a_minute(bot: Bot, server: BotApiServer) -> None:
    group = server.act.create_group("值班群", [ZHANG])
    waits: list[int] = []
    server.account.limits.enforced = True
    still = clock.StillClock(datetime.now(UTC))
    with clock.use(still):
        for second in range(60):
            still.advance(timedelta(seconds=second and 1))
            try:
                await bot.send_message(group, f"{second}")
            except TelegramRetryAfter as refused:
                waits.append(refused.retry_after)
    assert len(server.chat_view(group).messages) in (39, 40)  # twenty at once, one more every three seconds
    assert set(waits) <= {1, 2, 3}


async def test_each_request_is_recorded_with_its_times_and_its_result(bot: Bot, control: BotApiControl) -> None:
    await control.open_chat(ZHANG)
    first = await bot.send_message(ZHANG.id, "x")
    second = await bot.send_message(ZHANG.id, "y")
    one, two = await control.requests()
    assert (one.message_id, two.message_id) == (first.message_id, second.message_id)
    assert (one.chat_id, one.carried_out, one.status) == (ZHANG.id, True, 200)
    assert one.received_monotonic < two.received_monotonic
    assert one.received_at.tzinfo is not None
    assert [request.sequence for request in await control.requests(since=1)] == [2]


@pytest.mark.parametrize("octets", [b'{"chat_id": [1]}', b'{"chat_id": {}, "text": 5}', b"[]", b"\xff{"])
async def test_any_nonsense_is_a_bad_request_and_nothing_worse(
    base_url: str, server: BotApiServer, octets: bytes
) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"{base_url}/bot{TOKEN}/sendMessage", content=octets, headers={"content-type": "application/json"}
        )
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
    assert server.requests[0].chat_id is None


async def test_a_chat_and_the_record_stay_within_their_bounds() -> None:
    server = BotApiServer(TOKEN, requests_kept=10)
    server.act.open_chat(ZHANG)
    for number in range(510):
        server.act.send_text(ZHANG.id, f"{number}")
        server.log.arrived("getMe")
    texts = [message.text for message in server.chat_view(ZHANG.id).messages]
    assert (len(texts), texts[0], texts[-1]) == (500, "10", "509")
    assert 10 <= len(server.requests) <= 20
    assert [request.sequence for request in server.log.since(508)] == [509, 510]


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("POST press", {"chat_id": ZHANG.id, "message_id": 1}, 409),
        ("POST text", {"chat_id": 5, "text": "x"}, 409),
        ("POST text", {"chat_id": 5, "txet": "x"}, 400),
        ("POST faults", {"kind": "earthquake"}, 400),
        ("GET chats/5/messages", None, 404),
        ("GET nowhere", None, 404),
    ],
)
async def test_the_control_interface_says_what_is_wrong(
    base_url: str, server: BotApiServer, address: str, body: object, status: int
) -> None:
    server.act.open_chat(ZHANG)
    async with httpx.AsyncClient(base_url=f"{base_url}/control/", trust_env=False) as http:
        answer = await http.request(*address.split(), json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_the_end_does_not_wait_for_a_poll_or_a_stall(server: BotApiServer) -> None:
    server.act.open_chat(ZHANG)
    server.faults.add(Fault(kind=FaultKind.STALL, method="sendMessage", seconds=60))
    async with serve(server) as base_url:
        bot = bot_at(base_url)
        poll = asyncio.create_task(bot.get_updates(timeout=50))
        stalled = asyncio.create_task(bot.send_message(ZHANG.id, "x"))
        await until(lambda: len(server.requests) == 2)
    assert await poll == []
    assert (await stalled).text == "x"
    await bot.session.close()


async def test_nothing_but_loopback_is_ever_listened_on(server: BotApiServer) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        async with serve(server, host="0.0.0.0"):
            pass


class Hook:
    """A webhook of the bot: answers as told and keeps what it was sent."""

    def __init__(self, answers: list[int]) -> None:
        self._answers = iter(answers)
        self.updates: list[Update] = []
        self.secrets: list[str | None] = []

    def listening(self) -> "HookListening":
        return HookListening(self)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        self.updates.append(Update.model_validate_json(await reader.readexactly(int(headers["content-length"]))))
        self.secrets.append(headers.get("x-telegram-bot-api-secret-token"))
        status = next(self._answers)
        writer.write(f"HTTP/1.1 {status} Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


class HookListening:
    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._hook.serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hooks/telegram"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


async def until(is_so: Callable[[], bool]) -> None:
    """Gives the loop turns until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.005)
