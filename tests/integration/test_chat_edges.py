"""What goes wrong on the way between a person and the bot: repeats, disorder, refusals of the carrier, two at once.

Through the real dispatcher, over the Bot API server on loopback. The rule each test shows: the flow goes on, nothing is
done twice, and whoever pressed is answered.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.core.settings import Secret, Telegram
from backend.core.vocabulary import Via
from backend.demo.carriers.telegram import BotApiServer, Fault, FaultKind, serve
from backend.demo.carriers.telegram.actor import Person
from backend.monitoring.model import StateSaid
from backend.people.queries import person
from backend.work_orders.opening import Opening, open_order
from bots.telegram.app import build_hearing
from bots.telegram.presses import TalkPress
from bots.telegram.webhook import SECRET_HEADER, webhook_lifespan, webhook_route
from tests.integration.chatting import (
    NO_LIMITS,
    TOKEN,
    Phone,
    bot_process,
    carry,
    changes,
    everything,
    link,
)
from tests.integration.test_masks import FAULT, FIRE, PUMP, SMOKE, points
from tests.integration.test_telegram_bot import web_process
from tests.patience import PATIENCE_S

__all__ = ["points"]
Add = Callable[..., Awaitable[UUID]]
WANG: Final = Person(id=1001, first_name="王")
LI: Final = Person(id=1002, first_name="李")
ZHAO: Final = Person(id=1003, first_name="赵")
HOOK: Final = "hook-secret"


@pytest.fixture
async def carrier() -> BotApiServer:
    return BotApiServer(TOKEN, webhook_back_off=0.05)


@pytest.fixture
async def base(carrier: BotApiServer) -> AsyncIterator[str]:
    async with serve(carrier) as address:
        yield address


@pytest.fixture
async def wang(carrier: BotApiServer, points: dict[str, UUID], add_person: Add) -> Phone:
    """王经理, linked; a complaint handler stands behind."""
    await execute("delete from contact_points where channel = 'telegram'")
    await add_person("shou", "李受理", "complaint_handler", None, app="shou")
    return await link(carrier, points["manager"], WANG)


@pytest.fixture
async def li(carrier: BotApiServer, points: dict[str, UUID], add_person: Add) -> Phone:
    return await link(carrier, await add_person("li", "李值班", "unit_duty", points["unit"]), LI)


@pytest.fixture
async def zhao(carrier: BotApiServer, points: dict[str, UUID], add_person: Add) -> Phone:
    return await link(carrier, await add_person("zhao", "赵维保", "maintainer", points["unit"]), ZHAO)


async def a_fire(door: Any) -> AlarmId:
    await door.hears(StateSaid(subject=SMOKE, state=FIRE))
    (row,) = await fetch("select id from alarms order by number desc limit 1")
    return AlarmId(row["id"])


async def failing(phone: Phone) -> str | None:
    (row,) = await fetch("select failure from contact_points where address = $1", str(phone.chat))
    return None if row["failure"] is None else str(row["failure"])


# -- the webhook -------------------------------------------------------------------------------------------------------


async def test_a_webhook_without_the_right_secret_moves_nothing(
    carrier: BotApiServer, base: str, wang: Phone, door: Any
) -> None:
    await a_fire(door)
    await carry(base)
    card = wang.messages()[-1]
    (ack,) = [key for row in card.buttons for key in row if key.text == "我已知晓"]
    telegram = Telegram(token=Secret(TOKEN), api_base=base, webhook_secret=Secret(HOOK))
    bot, hearing = build_hearing(telegram, budgets=NO_LIMITS)
    app = Litestar([webhook_route(telegram.webhook_secret, hearing)], openapi_config=None)
    chat = {"id": wang.chat, "type": "private"}
    user = {"id": WANG.id, "is_bot": False, "first_name": "王"}
    press = {
        "update_id": 7,
        "callback_query": {
            "id": "1", "from": user, "chat_instance": "1", "data": ack.callback_data,
            "message": {"message_id": card.message_id, "date": 1, "chat": chat},
        },
    }  # fmt: skip
    async with web_process(app) as public, webhook_lifespan(bot, hearing), httpx.AsyncClient(base_url=public) as http:
        for headers in ({}, {SECRET_HEADER: "guessed"}, {SECRET_HEADER: ""}):
            assert (await http.post("/hooks/telegram", json=press, headers=headers)).status_code == 401
        assert await fetch("select 1 from chat_updates") == []
        assert await fetch("select 1 from acknowledgements") == []
        for _ in range(2):  # Telegram repeats what it thinks was not heard
            answer = await http.post("/hooks/telegram", json=press, headers={SECRET_HEADER: HOOK})
            assert answer.status_code == 200
        await wang.settled()
    assert len(await fetch("select 1 from acknowledgements")) == 1
    assert len([each for each in carrier.requests if each.method == "answerCallbackQuery"]) == 1


# -- repeats and disorder ----------------------------------------------------------------------------------------------


async def test_a_dialogues_updates_in_the_wrong_order_lose_nothing_and_do_nothing_twice(
    carrier: BotApiServer, base: str, wang: Phone
) -> None:
    """The words come before their question, an earlier step's key after it, a finished dialogue's key last."""
    async with bot_process(base):
        await wang.says("投诉")
        kinds = wang.messages()[-1]
        assert "按钮" in "\n".join(await wang.says("没有接到电话"))  # its question is not asked yet: the open one is
        await wang.taps("其他投诉")
        await wang.shows("请说明情况")
        late = next(key for row in kinds.buttons for key in row if key.text == "报警投诉")
        assert late.callback_data
        assert "已经完成" in await wang.presses(late.callback_data)
        await wang.says("没有接到电话")
        sure = await wang.shows("确认提交？")
        submit = next(key for row in sure.buttons for key in row if key.text == "提交")
        await wang.taps("提交")
        await wang.shows("已受理，编号")
        assert submit.callback_data
        for _ in range(2):
            assert "已经完成" in await wang.presses(submit.callback_data)
    assert carrier
    assert [row["kind"] for row in await fetch("select kind from complaints")] == ["other"]


async def test_the_same_update_twice_files_one_complaint(carrier: BotApiServer, base: str, wang: Phone) -> None:
    async with bot_process(base):
        await wang.says("/complain 夜间无人应答")
        await wang.taps("其他投诉")
        await wang.taps("提交")
        await wang.shows("已受理，编号")
    updates = await fetch("select update_id from chat_updates order by update_id")
    # as if every answer to Telegram had been lost, and the process had died before each mark
    await execute("update chat_updates set handled_at = null where update_id >= $1", updates[0]["update_id"])
    async with bot_process(base):
        await wang.settled()
    assert carrier
    assert len(await fetch("select 1 from complaints")) == 1


async def test_an_edit_of_what_was_said_changes_nothing_and_the_dialogue_goes_on(
    carrier: BotApiServer, base: str, wang: Phone
) -> None:
    """Telegram sends edits only to who asks for them, and we do not; one that comes all the same harms nothing."""
    async with bot_process(base):
        await wang.says("/complain 第一次写的")
        await wang.taps("其他投诉")
        await wang.shows("确认提交？")
        user = {"id": WANG.id, "is_bot": False, "first_name": "王"}
        edited = {
            "message_id": 1, "date": 1, "edit_date": 2, "chat": {"id": wang.chat, "type": "private"},
            "from": user, "text": "后来改的",
        }  # fmt: skip
        _bot, hearing = build_hearing(Telegram(token=Secret(TOKEN), api_base=base), budgets=NO_LIMITS)
        assert await hearing.take({"update_id": 99, "edited_message": edited})
        await hearing.handle({"update_id": 99, "edited_message": edited})
        await _bot.session.close()
        await wang.taps("提交")
        await wang.shows("已受理，编号")
    asked = [each for each in carrier.requests if each.method == "getUpdates"]
    assert asked
    assert not [each for each in asked if "edited_message" in str(each.params)]
    assert [row["text"] for row in await fetch("select text from complaints")] == ["第一次写的"]
    assert await fetch("select 1 from chat_updates where handled_at is null") == []


# -- the carrier refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "seconds"), [(FaultKind.HTTP_429, 1.0), (FaultKind.HTTP_500, 0.0), (FaultKind.DROP_CONNECTION, 0.0)]
)
async def test_an_answer_the_carrier_refuses_costs_the_answer_and_not_the_act(
    kind: FaultKind, seconds: float, carrier: BotApiServer, base: str, wang: Phone
) -> None:
    async with bot_process(base):
        await wang.says("/complain 无人接听")
        await wang.taps("其他投诉")
        carrier.faults.add(Fault(kind=kind, chat=wang.chat, method="editMessageText", seconds=seconds, times=1))
        await wang.taps("提交")
        await wang.settled()
        assert len(await fetch("select 1 from complaints")) == 1
        told = "\n".join(await wang.says("我的投诉"))
        assert "TS-" in told
        await wang.shows("已受理，编号")  # said anew where it could not be written in its place


async def test_who_blocks_the_bot_in_the_middle_is_marked_and_the_act_is_done(
    carrier: BotApiServer, base: str, wang: Phone, door: Any
) -> None:
    await a_fire(door)
    await carry(base)
    carrier.faults.add(Fault(kind=FaultKind.HTTP_403, chat=wang.chat))
    async with bot_process(base):
        card = wang.messages()[-1]
        carrier.act.press(wang.chat, card.message_id, text="我已知晓")
        await wang.settled()
        await asyncio.wait_for(_row("select 1 from acknowledgements"), PATIENCE_S)
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    await carry(base)
    assert await failing(wang) is not None
    carrier.faults.clear()
    async with bot_process(base):
        carrier.act.block(wang.chat)
        carrier.act.unblock(wang.chat)
        await _row("select 1 from contact_points where channel = 'telegram' and failure is null")
    assert await failing(wang) is None


async def _row(query: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await fetch(query):
            await asyncio.sleep(0.01)


async def test_a_fire_goes_first_while_answers_wait_for_their_turn(
    carrier: BotApiServer, base: str, wang: Phone, door: Any
) -> None:
    """The chat's second is spent by talk; a fire's card goes at once, by the part of the limit that is kept for it."""
    from backend.core.carrier_settings import Budgets

    async with bot_process(base, budgets=Budgets()):
        for _ in range(4):
            carrier.act.send_text(wang.chat, "/help")
        await wang.until(lambda: len(wang.messages()) >= 1, "the first answer")
        await a_fire(door)
        began = clock.monotonic()
        await carry(base)
        took = clock.monotonic() - began
        answers = [each for each in wang.messages() if each.text.startswith("您可以")]
        assert any("火警" in each.text for each in wang.messages())
        assert took < 2
        assert len(answers) < 4, "talk was still waiting when the fire was told"
        await wang.until(lambda: len([t for t in wang.texts() if t.startswith("您可以")]) == 4, "all four answers")
    assert all(each.status == 200 for each in carrier.requests if each.method == "sendMessage")


# -- old keys, and two at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "a0:ack:01a215a8c3de7530a757f2a44b5de68e", "a1:gone:01a215a8c3de7530a757f2a44b5de68e", "t1:o-old::", "t1:",
        "x", "t1:answer.0000:01a215a8c3de7530a757f2a44b5de68e:yes",
        "t1:cancel:01a215a8c3de7530a757f2a44b5de68e:", "t9:a:b:c", "t1:o-take:no-uuid:", "🔥",
    ],
)  # fmt: skip
async def test_a_key_of_an_older_or_newer_release_is_answered_kindly(
    data: str, carrier: BotApiServer, base: str, wang: Phone
) -> None:
    async with bot_process(base):
        await wang.says("/help")
        before = await everything()
        said = await wang.presses(data)
        assert "旧版本" in said or "已经完成或取消" in said
        assert changes(before, await everything()) == {}
    assert carrier


async def test_of_two_maintainers_who_take_an_order_at_the_same_instant_one_has_it(
    carrier: BotApiServer, base: str, points: dict[str, UUID], zhao: Phone, add_person: Add
) -> None:
    sun = await link(carrier, await add_person("sun", "孙维保", "maintainer", points["unit"]), LI)
    opening = Opening(unit=UnitId(points["unit"]), what="泵房漏水", needs=())
    order = await open_order(await person(PersonId(points["manager"])), opening, Via.CONSOLE)
    await carry(base)
    async with bot_process(base):
        queries = []
        for phone in (zhao, sun):
            card = await phone.shows("泵房漏水")
            queries.append((phone, carrier.act.press(phone.chat, card.message_id, text="接单")))
        popped = [await phone.popped_by(query) for phone, query in queries]
        await zhao.settled()
    winners = [words for words in popped if "已接单" in words and "接了" not in words]
    assert len(winners) == 1, popped
    (row,) = await fetch("select state, assignee from work_orders where id = $1", order.id)
    assert row["state"] == "accepted"
    assert len(await fetch("select 1 from work_order_entries where kind = 'accept' and work_order = $1", order.id)) == 1
    loser = next(words for words in popped if words not in winners)
    assert "维保" in loser, "the other is told who has it"


async def test_two_who_judge_a_fire_at_the_same_instant_leave_one_verdict(
    carrier: BotApiServer, base: str, wang: Phone, li: Phone, door: Any
) -> None:
    alarm = await a_fire(door)
    await carry(base)
    async with bot_process(base):
        await wang.says("/help")
        await li.says("/help")
        asked = [
            asyncio.create_task(wang.presses(TalkPress(verb="v-test", about=alarm).pack())),
            asyncio.create_task(li.presses(TalkPress(verb="v-fault", about=alarm).pack())),
        ]
        said = await asyncio.gather(*asked)
    (row,) = await fetch("select verdict, verdict_by from alarms where id = $1", alarm)
    assert row["verdict"] in {"test", "fault"}
    assert all(each.strip() for each in said)
    assert carrier
