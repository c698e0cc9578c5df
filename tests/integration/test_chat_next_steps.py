"""Whatever somebody writes or presses leaves them with a clear next step: nothing they wrote is asked for twice."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.storm_tending import tend
from backend.chat.words import by_words, worded
from backend.core.db.engine import execute, fetch
from backend.core.ids import PersonId
from backend.core.settings import Storms
from backend.core.vocabulary import Channel
from backend.demo.carriers.telegram import BotApiServer, Fault, FaultKind
from backend.demo.carriers.telegram.account import new_query_id
from backend.demo.carriers.telegram.actor import Person
from backend.demo.carriers.telegram.wire import CallbackQuery, ChatKind
from backend.monitoring.model import Level, StateSaid, Subject
from backend.people import service as people
from backend.talks import TALKS
from bots.telegram.presses import TalkPress
from tests.integration.chatting import JPEG, Phone, bot_process, carry, link
from tests.integration.test_chat_edges import LI, WANG, a_fire, base, carrier, li, wang
from tests.integration.test_masks import FAULT, NORMAL, SMOKE, points
from tests.integration.test_telegram_bot import eventually

__all__ = ["base", "carrier", "li", "points", "wang"]
SOMEBODY = Person(id=1009, first_name="陈")


async def test_what_stood_behind_the_word_repair_is_what_is_broken(
    carrier: BotApiServer, base: str, wang: Phone
) -> None:
    async with bot_process(base):
        (asked,) = await wang.says("报修 3楼水泵漏水")
        assert "在什么位置" in asked
        said = "\n".join(await wang.says("泵房"))
        assert "已报修" in said
    (row,) = await fetch("select what, place from work_orders")
    assert row["what"] == "3楼水泵漏水"
    assert row["place"] == "泵房"
    assert carrier


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("orders", "orders"), ("Repair", "repair"), ("complaint about the guard", "complain"),
        ("feedback", "feedback"), ("mask pump 2", "mask"), ("masks", "masks"), ("ack all", "ack_all"),
        ("duty check", "dutycheck"), ("complaint queue", "complaint_queue"), ("my complaints", "complaints"),
    ],
)  # fmt: skip
def test_everything_has_its_english_word(said: str, name: str) -> None:
    words = by_words(command for talk in TALKS for command in talk.commands)
    asked = worded(said, words, is_group=False)
    assert asked is not None
    assert asked.name == name


def test_help_names_a_word_of_the_readers_own_for_everything() -> None:
    for talk in TALKS:
        for command in talk.commands:
            assert any(word.isascii() for word in command.words), command.name
            assert any(not word.isascii() for word in command.words), command.name


@pytest.mark.parametrize("said", ["repair is done", "log into the panel please", "feedback from the site", "mask on!"])
def test_what_people_say_to_each_other_in_a_group_begins_nothing(said: str) -> None:
    words = by_words(command for talk in TALKS for command in talk.commands)
    assert worded(said, words, is_group=True) is None


@pytest.fixture
async def group(carrier: BotApiServer, base: str, wang: Phone) -> AsyncIterator[int]:
    """王经理's and 李值班's group, bound."""
    chat = carrier.act.create_group("班组", [WANG, LI])
    async with bot_process(base):
        carrier.act.send_text(chat, "/bind", user_id=WANG.id)
        await Phone(carrier, chat).shows("此群已绑定")
        yield chat


async def test_of_a_person_nobody_complains_where_everybody_reads(
    carrier: BotApiServer, group: int, wang: Phone, li: Phone
) -> None:
    there = Phone(carrier, group)
    carrier.act.send_text(group, "/complain", user_id=LI.id)
    asked = await there.shows("要投诉什么")
    assert "私聊" in asked.text
    assert not [key for row in asked.buttons for key in row if "人员" in key.text]
    (draft,) = await fetch("select id, step from chat_drafts")
    (answer,) = [key.callback_data for row in asked.buttons for key in row if "其他投诉" in key.text]
    assert answer
    data = answer.replace(":other", ":person")
    assert data != answer
    popped = await presses_as(there, LI.id, data)
    assert "私聊" in popped
    assert (await fetch("select id, step from chat_drafts")) == [draft]
    private = "\n".join(await li.says("/complain"))
    assert "要投诉什么" in private
    assert [key for row in li.messages()[-1].buttons for key in row if "人员" in key.text]


async def presses_as(phone: Phone, user: int, data: str) -> str:
    """A key with this data, as somebody in a group presses it; what popped up."""
    account = phone.carrier.account
    record = account.book.find(phone.chat)
    query = CallbackQuery(
        id=new_query_id(),
        sender=account.book.users[user],
        message=next(each.message for each in record.messages.values() if each.message.sender != user),
        chat_instance=record.instance,
        data=data,
    )
    account.remember_press(query)
    account.updates.push(callback_query=query)
    return await phone.popped_by(query.id)


async def test_a_question_in_a_group_says_how_a_bot_is_answered_there(
    carrier: BotApiServer, base: str, group: int, wang: Phone, door: Any
) -> None:
    """A bot in privacy mode is handed commands and replies alone: words beside them would never reach it."""
    alarm = await a_fire(door)
    there = Phone(carrier, group)
    await presses_as(there, WANG.id, TalkPress(verb="a-note", about=alarm).pack())
    asked = await there.shows("请写下备注")
    assert "回复" in asked.text
    carrier.act.send_text(group, "已派人去看", user_id=WANG.id, reply_to=asked.message_id)
    await there.shows("📝 已记入")
    assert base


async def test_a_press_that_waited_too_long_for_its_pop_up_is_answered_in_words(
    carrier: BotApiServer, base: str, wang: Phone, li: Phone, door: Any
) -> None:
    """After a few seconds Telegram shows no pop-up any more: a bot that was away would refuse in silence."""
    alarm = await a_fire(door)
    await carry(base)
    card = wang.messages()[-1]
    carrier.act.press(wang.chat, card.message_id, text="呼叫值班室")
    carrier.account.presses.clear()
    async with bot_process(base):
        await wang.shows("值班室")
    assert alarm
    assert li


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.HTTP_500, method="sendMessage", times=1),
        Fault(kind=FaultKind.DROP_CONNECTION, method="sendMessage", times=1, carried_out=True),
        Fault(kind=FaultKind.HTTP_500, method="answerCallbackQuery", times=1),
        Fault(kind=FaultKind.DROP_CONNECTION, method="answerCallbackQuery", times=1, carried_out=False),
        Fault(kind=FaultKind.DROP_CONNECTION, method="editMessageText", times=1, carried_out=True),
    ],
)
async def test_an_answer_the_carrier_did_not_take_arrives_all_the_same_and_once(
    fault: Fault, carrier: BotApiServer, base: str, wang: Phone
) -> None:
    async with bot_process(base):
        if fault.method == "sendMessage":
            carrier.faults.add(fault)
            carrier.act.send_text(wang.chat, "/complain 无人接听")
            await wang.shows("要投诉什么")
        else:
            await wang.says("/complain 无人接听")
            carrier.faults.add(fault)
        await wang.taps("其他投诉")
        await wang.shows("确认提交")
        await wang.taps("提交")
        await wang.shows("已受理，编号")
        await wang.settled()
    assert not carrier.faults.faults
    assert len(wang.messages()) == 1, "each question took the place of the one before it, and nothing was said twice"
    assert len(await fetch("select 1 from complaints")) == 1


async def test_a_question_goes_along_with_a_group_that_moves(carrier: BotApiServer, base: str, wang: Phone) -> None:
    before = carrier.act.create_group("小群", [WANG], kind=ChatKind.GROUP)
    async with bot_process(base):
        carrier.act.send_text(before, "/bind", user_id=WANG.id)
        bound = await Phone(carrier, before).shows("此群已绑定")
        assert "示范大厦" in bound.text, "whose alarms everybody here reads from now on is named"
        carrier.act.send_text(before, "/repair", user_id=WANG.id)
        await Phone(carrier, before).shows("请描述故障")
        after = Phone(carrier, carrier.act.migrate(before))
        await eventually("select 1 from chat_groups where chat = $1", str(after.chat))
        carrier.act.send_text(after.chat, "水泵又坏了", user_id=WANG.id)
        await after.shows("在什么位置")
    assert wang


async def test_who_may_look_nowhere_is_not_told_that_nothing_burns(
    carrier: BotApiServer, base: str, wang: Phone, door: Any, add_person: Any
) -> None:
    handler = await link(carrier, await add_person("chen", "陈受理", "complaint_handler", None), SOMEBODY)
    await a_fire(door)
    async with bot_process(base):
        (said,) = await handler.says("报警")
        assert "✅" not in said
        assert "权限" in said
        (said,) = await handler.says("我的投诉")
        assert "开始" not in said, "nobody is led to what they may not do"
        (said,) = await handler.says("查岗")
        assert "没有等待您答复" in said
    assert wang


async def test_an_alarm_without_a_card_in_the_chat_is_answered_from_the_list(
    carrier: BotApiServer, base: str, wang: Phone, door: Any
) -> None:
    """Told on another's card, or raised before this chat was linked: it could only be looked at."""
    alarm = await a_fire(door)
    async with bot_process(base):
        await wang.says("报警")
        await wang.taps("📜 #")
        await wang.shows("📜 #")
        assert await wang.taps("我已知晓") == "已确认"
        await wang.taps("📜 #")
        await wang.taps("真实火警")
        await wang.taps("再点一次确认")
        await wang.settled()
    (row,) = await fetch("select verdict, acknowledged_at is not null as known from alarms where id = $1", alarm)
    assert row == {"verdict": "real", "known": True}
    assert carrier


async def test_who_knows_of_a_storms_card_is_one_tap_from_its_other_alarms(
    carrier: BotApiServer, base: str, wang: Phone, door: Any
) -> None:
    async with bot_process(base):
        for number in range(1, 8):
            where = Subject(
                level=Level.COMPONENT, system_type=1, system_address=1, component_type=40,
                component_address=f"{number:02x}000300",
            )  # fmt: skip
            await door.hears(StateSaid(subject=where, state=FAULT))
            await carry(base)
        await tend(Storms())
        card = wang.messages()[0]
        carrier.act.press(wang.chat, card.message_id, text="我已知晓")
        await wang.shows("✅ 已确认")
        await wang.taps("一并确认 6 条")
        await wang.says("同一回路检修")
        await wang.settled()
    assert await fetch("select 1 from alarms where acknowledged_at is null") == []


async def test_no_reason_is_asked_for_or_lost_when_another_closed_the_alarm_meanwhile(
    carrier: BotApiServer, base: str, wang: Phone, li: Phone, door: Any
) -> None:
    alarm = await a_fire(door)
    press = TalkPress(verb="v-false", about=alarm).pack()
    async with bot_process(base):
        await wang.says("/help")
        await li.says("/help")
        assert "误报的原因" in await wang.presses(press)
        await wang.says("浴室蒸汽")
        assert "误报的原因" in await li.presses(press)
        await li.taps("设备误动作")
        assert await li.taps("记为误报") == "已记录：误报"
        await door.hears(StateSaid(subject=SMOKE, state=NORMAL))
        assert await fetch("select 1 from alarms where closed_at is not null")
        assert "已关闭" in await wang.taps("记为误报")
        assert "已关闭" in await wang.presses(press)
    assert carrier


@pytest.mark.parametrize("form", ["/link {code}", "{code}", "/start {code}"])
async def test_a_code_that_was_sent_to_a_group_links_nobody_who_read_it_there(
    form: str, carrier: BotApiServer, base: str, group: int, wang: Phone, points: dict[str, UUID]
) -> None:
    code = await people.new_code(PersonId(points["manager"]), "telegram_typed")
    carrier.act.send_text(group, form.format(code=code), user_id=WANG.id)
    await Phone(carrier, group).shows("已作废")
    thief = Phone(carrier, carrier.act.open_chat(SOMEBODY))
    (said,) = await thief.says(f"/link {code}")
    assert "无效" in said
    assert await people.person_of_chat(Channel.TELEGRAM, str(SOMEBODY.id)) is None
    assert base
    assert wang


async def test_a_photo_about_nothing_is_said_to_be_lost_and_how_it_is_sent(
    carrier: BotApiServer, base: str, wang: Phone
) -> None:
    async with bot_process(base):
        carrier.act.send_file(wang.chat, "photo", JPEG, caption="这里漏水")
        said = await wang.shows("没有保存")
        assert "回复" in said.text
    assert await fetch("select 1 from evidence") == []


async def test_who_can_not_let_a_group_go_is_told_who_can(
    carrier: BotApiServer, base: str, group: int, wang: Phone, li: Phone
) -> None:
    carrier.act.send_text(group, "/unbind", user_id=LI.id)
    said = await Phone(carrier, group).shows("不能解除")
    assert "单位经理" in said.text
    assert base
    assert wang
    assert li


async def test_a_question_about_what_is_no_longer_theirs_is_over_and_swallows_no_words(
    carrier: BotApiServer, base: str, wang: Phone, li: Phone, door: Any
) -> None:
    alarm = await a_fire(door)
    async with bot_process(base):
        await li.says("/help")
        assert "请写下备注" in await li.presses(TalkPress(verb="a-note", about=alarm).pack())
        await execute("delete from grants where person = (select id from people where code = 'li')")
        (said,) = await li.says("已派人去看")
        assert said.count("没有这条报警") == 1
        assert "已结束" in said
        assert await fetch("select 1 from chat_drafts") == []
        (said,) = await li.says("状态")
        assert "权限" in said
    assert wang
