"""The bot as a process would run it: real people, real alarms, a Bot API server on loopback, polling and webhook."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
import uvicorn
from litestar import Litestar

from backend.alarms.queries import card_for
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadSettings
from backend.core.ids import AlarmId, AttemptId, LedgerId, NoticeId, PersonId, UnitId, new_id
from backend.core.settings import Http, Secret, Settings, Telegram
from backend.core.vocabulary import Channel, Role
from backend.delivery.model import Delivery, Verb
from backend.demo.carriers.telegram import BotApiServer, Fault, FaultKind, serve
from backend.demo.carriers.telegram.actor import Person
from backend.intake import Committed, Incoming, Intake
from backend.ledger.model import Entry
from backend.monitoring.model import Level, Report, StateSaid, Subject
from backend.people import service as people
from backend.people.model import Person as OurPerson
from backend.registry.directory import Directory
from bots.telegram.app import build_hearing, run_bot
from bots.telegram.channel import TelegramChannel
from bots.telegram.inbox import PostgresInbox
from bots.telegram.presses import Press
from bots.telegram.updates import stopped
from bots.telegram.webhook import webhook_lifespan, webhook_route
from tests.integration.chatting import NO_LIMITS
from tests.patience import PATIENCE_S

TOKEN = "4200:AAF-very-secret_half"
WANG = Person(id=1001, first_name="王", last_name="伟", username="wangwei")
LI = Person(id=1002, first_name="李")


@pytest.fixture
async def carrier() -> BotApiServer:
    return BotApiServer(TOKEN, webhook_back_off=0.05)


@pytest.fixture
async def base(carrier: BotApiServer) -> AsyncIterator[str]:
    async with serve(carrier) as address:
        yield address


@pytest.fixture
async def unit(database: str) -> UnitId:
    assert database
    unit = UnitId(new_id())
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1,'u1','示范大厦','',$2,$3)",
        unit,
        "Asia/Shanghai",
        clock.now(),
    )
    return unit


@pytest.fixture
async def wang(unit: UnitId) -> PersonId:
    person = await people.add_person("wang", "王经理", "13800000001", "zh_CN")
    await people.grant(person, Role.UNIT_MANAGER, unit)
    return person


@asynccontextmanager
async def bot_process(settings: Settings) -> AsyncIterator[None]:
    running = asyncio.create_task(run_bot(settings))
    try:
        yield
    finally:
        await stopped(running)


def polling(base: str) -> Settings:
    return Settings(telegram=Telegram(token=Secret(TOKEN), api_base=base), budgets=NO_LIMITS)


async def until(carrier: BotApiServer, chat: int, is_true: Callable[[list[str], list[str]], bool]) -> None:
    """Wait for what a phone shows: its bot's messages and its notifications."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            seen = carrier.version
            view = carrier.chat_view(chat)
            texts = [each.text for each in view.messages if each.is_from_bot]
            if is_true(texts, [each.text for each in view.notifications]):
                return
            await carrier.wait_change(seen, seconds=0.5)


async def eventually(query: str, *values: object) -> None:
    """Wait until a query finds a row."""
    async with asyncio.timeout(PATIENCE_S):
        while not await fetch(query, *values):
            await asyncio.sleep(0.02)


async def test_a_chat_is_linked_greeted_blocked_unblocked_and_unlinked(
    carrier: BotApiServer, base: str, wang: PersonId
) -> None:
    code = await people.new_code(wang, "telegram")
    async with bot_process(polling(base)):
        chat = WANG.id
        carrier.act.start(WANG, code)
        await until(carrier, chat, lambda texts, _: any("已绑定：王经理" in text for text in texts))
        carrier.act.start(LI, code)
        await until(carrier, LI.id, lambda texts, _: any("验证码" in text for text in texts))
        carrier.act.block(chat)
        await eventually("select 1 from contact_points where address = $1 and failing_since is not null", str(chat))
        carrier.act.unblock(chat)
        await eventually("select 1 from contact_points where address = $1 and failing_since is null", str(chat))
        carrier.act.send_text(chat, "报警")
        await until(carrier, chat, lambda texts, _: texts[-1].startswith("✅ 当前没有"))
        carrier.act.send_text(chat, "/unlink")
        await until(carrier, chat, lambda texts, _: texts[-1].startswith("已解除绑定"))
    assert await people.person_of_chat(Channel.TELEGRAM, str(WANG.id)) is None
    assert all(row["handled_at"] is not None for row in await fetch("select handled_at from chat_updates")), (
        "every update was handled"
    )


async def test_a_link_that_comes_twice_says_the_same_twice_and_for_nobody_else(
    carrier: BotApiServer, base: str, wang: PersonId
) -> None:
    code = await people.new_code(wang, "telegram")
    async with bot_process(polling(base)):
        carrier.act.start(WANG, code)
        await until(carrier, WANG.id, lambda texts, _: len([t for t in texts if "已绑定：王经理" in t]) == 1)
        carrier.act.start(WANG, code)
        await until(carrier, WANG.id, lambda texts, _: len([t for t in texts if "已绑定：王经理" in t]) == 2)
        carrier.act.start(LI, code)
        await until(carrier, LI.id, lambda texts, _: any("验证码无效" in text for text in texts))
        await people.unlink_chat(Channel.TELEGRAM, str(WANG.id))
        carrier.act.start(WANG, code)
        await until(carrier, WANG.id, lambda texts, _: "验证码无效" in texts[-1])
    assert len(await fetch("select 1 from chat_identities where account = $1", str(WANG.id))) == 1


async def test_the_menu_is_set_in_each_language_though_the_carrier_was_away_first(
    carrier: BotApiServer, base: str, wang: PersonId
) -> None:
    assert wang
    carrier.faults.add(Fault(kind=FaultKind.HTTP_500, method="setMyCommands", times=1))
    async with bot_process(polling(base)), asyncio.timeout(PATIENCE_S):
        while len(carrier.account.commands) < 2:
            await asyncio.sleep(0.02)
    assert {language for _, language in carrier.account.commands} == {"", "en"}


async def test_updates_of_a_webhook_process_that_died_are_finished_by_the_next(
    carrier: BotApiServer, base: str, wang: PersonId
) -> None:
    carrier.act.open_chat(WANG)
    await people.link_chat(await people.new_code(wang, "telegram"), Channel.TELEGRAM, str(WANG.id), str(WANG.id))
    user = {"id": WANG.id, "is_bot": False, "first_name": "王"}
    message = {
        "message_id": 1,
        "date": 1,
        "chat": {"id": WANG.id, "type": "private"},
        "from": user,
        "text": "/help",
    }
    assert await PostgresInbox().store(77, {"update_id": 77, "message": message})
    async with bot_process(polling(base)):
        await until(carrier, WANG.id, lambda texts, _: any(text.startswith("您可以") for text in texts))
        await eventually("select 1 from chat_updates where update_id = 77 and handled_at is not null")


async def test_a_tap_on_an_alarm_that_is_not_there_is_refused_in_words(
    carrier: BotApiServer, base: str, wang: PersonId
) -> None:
    carrier.act.open_chat(WANG)
    await people.link_chat(await people.new_code(wang, "telegram"), Channel.TELEGRAM, str(WANG.id), str(WANG.id))
    data = Press(verb=Verb.ACKNOWLEDGE, alarm=AlarmId(UUID(int=5))).pack()
    await _send_button(base, WANG.id, data)
    async with bot_process(polling(base)):
        (card,) = carrier.chat_view(WANG.id).messages
        carrier.act.press(WANG.id, card.message_id)
        await until(carrier, WANG.id, lambda _, answers: answers == ["没有这条报警"])


async def _a_fire(unit: UnitId) -> AlarmId:
    """A device of the unit reports a fire, through the front door."""
    building, now, ledger_id = new_id(), clock.now(), LedgerId(new_id())
    await execute(
        "insert into buildings (id, unit, code, name, address) values ($1,$2,'b1','1号楼','')", building, unit
    )
    await execute(
        """insert into devices (id, unit, building, kind, address, power, profile, name, adopted_at, downlink_serial)
           values ($1,$2,$3,'uitd','790300000000','mains','standard','1号传输装置',$4,0)""",
        new_id(),
        unit,
        building,
        now,
    )
    smoke = Subject(
        level=Level.COMPONENT, system_type=1, system_address=1, component_type=40, component_address="0a000200"
    )
    report = Report(
        address="790300000000",
        ledger_id=ledger_id,
        received_at=now,
        first_octet_at=now,
        statements=(StateSaid(subject=smoke, state=1 << 1),),
        fingerprint=b"1",
        sent_at=now,
        peer="10.0.0.1:5001",
    )
    entry = Entry(id=ledger_id, kind="frame_in", received_at=now, octets=b"@@##", address="790300000000")
    directory = Directory()
    await directory.start()

    async def announce(_: Committed) -> None:
        """Nobody to tell."""

    async with Intake(directory, announce) as intake:
        await intake.take(Incoming(entry=entry, report=report))
    (row,) = await fetch("select id from alarms")
    return AlarmId(row["id"])


async def test_a_real_fire_is_acknowledged_judged_and_told_from_the_chat(
    carrier: BotApiServer, base: str, unit: UnitId, wang: PersonId
) -> None:
    chat = carrier.act.open_chat(WANG)
    await people.link_chat(await people.new_code(wang, "telegram"), Channel.TELEGRAM, str(WANG.id), str(chat))
    alarm = await _a_fire(unit)
    person = await people.person_of_chat(Channel.TELEGRAM, str(WANG.id))
    assert person is not None
    telegram = polling(base).telegram
    async with TelegramChannel(telegram, 2.0) as channel, bot_process(polling(base)):
        shown = await _hang_card(channel, person, alarm, chat)
        carrier.act.press(chat, shown, text="我已知晓")
        await until(carrier, chat, lambda _, answers: answers == ["已确认"])
        await until(carrier, chat, lambda texts, _: texts[-1].startswith("✅ 已确认"))
        carrier.act.press(chat, shown, text="我已知晓")
        await until(carrier, chat, lambda _, answers: answers[-1].startswith("您已于 "))
        shown = await _hang_card(channel, person, alarm, chat)
        carrier.act.press(chat, shown, text="真实火警")
        await until(carrier, chat, lambda _, answers: answers[-1] == "请再点一次以确认：真实火警")
        await until(carrier, chat, lambda _, __: "❗" in _buttons(carrier, chat, shown)[0])
        carrier.act.press(chat, shown, index=0)
        await until(carrier, chat, lambda _, answers: answers[-1] == "已记录：真实火警")
        carrier.act.send_text(chat, "报警")
        await until(carrier, chat, lambda texts, _: texts[-1].startswith("当前报警 1 条"))
        shown = carrier.chat_view(chat).messages[-1].message_id
        carrier.act.press(chat, shown, index=0)
        await until(carrier, chat, lambda texts, _: "王经理 确认 · Telegram" in texts[-1])
    (row,) = await fetch("select verdict, verdict_via from alarms")
    assert (row["verdict"], row["verdict_via"]) == ("real", "telegram")
    assert len(await fetch("select 1 from acknowledgements")) == 1


async def _hang_card(channel: TelegramChannel, person: OurPerson, alarm: AlarmId, chat: int) -> int:
    delivery = Delivery(
        attempt=AttemptId(new_id()),
        notice=NoticeId(new_id()),
        person=person.id,
        address=str(chat),
        card=await card_for(person, alarm, "zh_CN"),
    )
    message = (await channel.send(delivery)).surface["message"]
    assert isinstance(message, int)
    return message


def _buttons(carrier: BotApiServer, chat: int, message_id: int) -> list[str]:
    (message,) = [each for each in carrier.chat_view(chat).messages if each.message_id == message_id]
    return [button.text for row in message.buttons for button in row]


async def _send_button(base: str, chat: int, data: str) -> None:
    bot, _ = build_hearing(Telegram(token=Secret(TOKEN), api_base=base))
    markup = {"inline_keyboard": [[{"text": "确认", "callback_data": data}]]}
    from aiogram.types import InlineKeyboardMarkup

    await bot.send_message(chat, "card", reply_markup=InlineKeyboardMarkup.model_validate(markup))
    await bot.session.close()


async def test_by_webhook_taps_are_pushed_with_the_secret_and_handled(
    carrier: BotApiServer, base: str, wang: PersonId
) -> None:
    telegram = Telegram(token=Secret(TOKEN), api_base=base, webhook_secret=Secret("hook-secret"))
    bot, hearing = build_hearing(telegram)
    app = Litestar([webhook_route(telegram.webhook_secret, hearing)], openapi_config=None)
    code = await people.new_code(wang, "telegram")
    async with web_process(app) as public_url, webhook_lifespan(bot, hearing):
        settings = Settings(http=Http(public_url=public_url), telegram=telegram)
        async with bot_process(settings):
            async with asyncio.timeout(PATIENCE_S):
                while carrier.account.updates.webhook is None:
                    await asyncio.sleep(0.02)
            chat = WANG.id
            carrier.act.start(WANG, code)
            await until(carrier, chat, lambda texts, _: any("已绑定：王经理" in text for text in texts))
    assert not [each for each in carrier.requests if each.method == "getUpdates"]


@asynccontextmanager
async def web_process(app: Litestar) -> AsyncIterator[str]:
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, ws="none", access_log=False)
    server = uvicorn.Server(config)
    server.capture_signals = suppress  # type: ignore[method-assign, assignment]
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def test_a_poller_whose_carrier_is_away_goes_on_and_writes_no_token(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert database
    with caplog.at_level(logging.DEBUG):
        async with bot_process(polling("http://127.0.0.1:1")), asyncio.timeout(PATIENCE_S):
            while "updates could not be fetched" not in caplog.text or "the bot's menu" not in caplog.text:
                await asyncio.sleep(0.02)
    shown = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "Cannot connect" in shown
    assert TOKEN.partition(":")[2] not in shown


async def test_without_a_token_the_bot_does_not_start(database: str) -> None:
    assert database
    with pytest.raises(BadSettings):
        await run_bot(Settings())


async def test_an_update_is_stored_once_finished_once_and_forgotten_after_a_week(database: str) -> None:
    assert database
    inbox = PostgresInbox()
    body = {"update_id": 5, "message": {"text": "状态 🔥"}}
    assert await inbox.store(5, body)
    assert not await inbox.store(5, body)
    assert await inbox.store(4, {"update_id": 4})
    assert list(await inbox.waiting(timedelta())) == [{"update_id": 4}, body]
    assert list(await inbox.waiting(timedelta(minutes=1))) == []
    await inbox.mark_handled(4)
    await inbox.mark_handled(4)
    assert list(await inbox.waiting(timedelta())) == [body]
    with clock.use(clock.StillClock(clock.now() + timedelta(hours=25))):
        assert list(await inbox.waiting(timedelta())) == []
    await inbox.forget()
    assert len(await fetch("select 1 from chat_updates")) == 2
    with clock.use(clock.StillClock(clock.now() + timedelta(days=8))):
        await inbox.forget()
    assert await fetch("select 1 from chat_updates") == []


async def test_an_update_that_jsonb_can_not_hold_does_not_stop_the_hearing(database: str) -> None:
    assert database
    assert await PostgresInbox().store(6, {"update_id": 6, "message": {"text": "a\0b \\u0000"}})
    (row,) = await fetch("select body->'message'->>'text' as text from chat_updates")
    assert row["text"].startswith("a\ufffdb")


async def test_bodies_are_kept_as_json(database: str) -> None:
    assert database
    await PostgresInbox().store(5, {"update_id": 5, "message": {"text": "x"}})
    (row,) = await fetch("select body->'message'->>'text' as text, body from chat_updates")
    assert row["text"] == "x"
    assert msgspec.json.decode(row["body"])["update_id"] == 5
