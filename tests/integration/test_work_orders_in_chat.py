"""Work orders in a chat (工单): the whole way by keys and words, through the conversation every chat speaks through."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.queries import alarms_for, card_for
from backend.chat.model import Heard, Key, Location, Media, Saying, Speaker
from backend.chat.service import Conversation
from backend.core import clock
from backend.core.db.engine import fetch
from backend.core.vocabulary import Via
from backend.evidence.model import MediaKind
from backend.monitoring.model import LinkSaid, StateSaid
from backend.people.model import Person
from backend.work_orders.chat import WORK_ORDERS
from backend.work_orders.chat_finishing import parts_of
from backend.work_orders.model import Origin, Part, State, WorkOrder
from backend.work_orders.opening import open_from_alarm
from backend.work_orders.queries import order_view, orders_of_alarm
from tests.integration.test_masks import FAULT, NORMAL, PUMP, keeper, manager, points, still, the_alarm
from tests.integration.test_work_orders import JPEG, desk, opened, second, stranger

__all__ = ["desk", "keeper", "manager", "points", "second", "still", "stranger"]


class Chat:
    """A person's chat: presses keys by their words, as they were drawn last."""

    def __init__(self, person: Person, talks: Conversation, language: str = "zh_CN") -> None:
        self.speaker = Speaker(person=person, via=Via.TELEGRAM, chat=person.code, language=language)
        self.talks = talks
        self.keys: list[Key] = []
        self.said = ""

    def _take(self, sayings: list[Saying]) -> str:
        drawn = [key for saying in sayings for row in saying.keys for key in row]
        self.keys = drawn or self.keys
        self.said = "\n".join(line for saying in sayings for line in (*saying.lines, saying.brief) if line)
        return self.said

    async def press(self, label: str) -> str:
        key = next(each for each in self.keys if each.label == label)
        return self._take(await self.talks.press(self.speaker, key.verb, key.about, key.argument))

    async def key(self, verb: str, about: UUID, argument: str = "") -> str:
        return self._take(await self.talks.press(self.speaker, verb, about, argument))

    async def says(self, text: str = "", **more: Any) -> str:
        return self._take(await self.talks.hear(self.speaker, Heard(text=text, **more)))

    async def sends(self, kind: MediaKind, octets: bytes, caption: str = "") -> str:
        async def fetch_octets() -> bytes:
            return octets

        media = Media(kind=kind, name="a", declared_octets=len(octets), fetch=fetch_octets)
        return await self.says(caption, media=(media,))


@pytest.fixture
async def talks(database: str) -> Conversation:
    assert database
    return Conversation([WORK_ORDERS])


async def state_of(order: WorkOrder, by: Person) -> State:
    return (await order_view(by, order.id)).order.state


async def test_an_order_is_taken_photographed_tested_and_verified_without_leaving_the_chat(
    still: clock.StillClock, points: dict[str, UUID], door: Any, manager: Person, keeper: Person, talks: Conversation
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    boss, zhao = Chat(manager, talks), Chat(keeper, talks)
    assert "可补充说明" in await boss.key("o-new", await the_alarm())
    assert "已报修，工单号 1" in await boss.press("直接报修")
    assert "待接单" in await boss.key("o-new", await the_alarm())
    assert "需要您处理的工单" in await zhao.says("工单")
    assert "待接单" in await zhao.press("#1")
    assert "已接单" in await zhao.press("接单")
    await zhao.press("出发")
    assert "处理中" in await zhao.press("到场")
    await zhao.press("挂起")
    assert "挂起" in await zhao.press("等待配件")
    still.advance(timedelta(hours=2))
    await zhao.press("恢复处理")
    assert "请发送修复后的照片" in await zhao.press("完成")
    assert "还缺少所要求的佐证" in await zhao.press("下一步")
    assert "不是可用的照片" in await zhao.sends(MediaKind.PHOTO, b"MZ not a picture")
    assert "已收到 1 件佐证" in await zhao.sends(MediaKind.PHOTO, JPEG)
    assert "更换了哪些配件" in await zhao.press("下一步")
    assert "处理结果" in await zhao.says("机械密封 x2，保险丝")
    assert "请触发测试，等待信号…" in await zhao.says("已更换密封，运行正常")
    assert "还没有收到" in await zhao.press("检查信号并完成")
    await door.hears(StateSaid(subject=PUMP, state=NORMAL))
    assert "待验收" in await zhao.press("检查信号并完成")
    assert "待验收" in await boss.says("/orders 1")
    assert "测试信号：已收到 16:00:00 正常" in boss.said
    assert "已验收" in await boss.press("验收通过")
    (row,) = await fetch("select id from work_orders")
    view = await order_view(manager, row["id"])
    story = [line.text for line in view.story]
    assert "更换配件 · 机械密封 × 2、保险丝 × 1" in story
    assert "完成 · 已更换密封，运行正常" in story
    assert {line.via for line in view.story if line.person == "赵维保"} == {"Telegram"}
    assert view.paused_s == 7200


async def test_of_two_who_press_the_second_is_told_who_was_first(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person, talks: Conversation
) -> None:
    order = await opened(points, manager)
    assert "已接单" in await Chat(keeper, talks).key("o-take", order.id)
    assert "已由赵维保接单" in await Chat(second, talks).key("o-take", order.id)
    assert "已接单" in await Chat(keeper, talks).key("o-take", order.id)


async def test_a_stranger_who_presses_every_key_moves_nothing_and_learns_nothing(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person, stranger: Person, talks: Conversation
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    alarm = await the_alarm()
    order, _ = await open_from_alarm(manager, alarm, Via.PHONE)
    chat = Chat(stranger, talks)
    for verb in WORK_ORDERS.presses:
        about = alarm if verb == "o-new" else order.id
        await chat.key(verb, about)
        assert "没有" in chat.said, verb
        assert "泵" not in chat.said
        await chat.says("/cancel")
    assert "没有这张工单" in await chat.says("工单 1")
    assert "没有工单" in await chat.says("工单 全部")
    assert "没有" in await chat.says("看看", about=("order", order.id))
    assert (await state_of(order, manager), len(await fetch("select id from work_orders"))) == (State.DISPATCHED, 1)


async def test_declining_asks_why_and_nobody_else_left_means_declined(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    order, zhao = await opened(points, manager), Chat(keeper, talks)
    assert "请说明原因" in await zhao.key("o-decline", order.id)
    assert "已拒单" in await zhao.says("在外地培训")
    assert await state_of(order, manager) is State.DECLINED


async def test_a_dispatcher_sends_it_to_another_by_a_key(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person, talks: Conversation
) -> None:
    order, boss = await opened(points, manager, to=(keeper.id,)), Chat(manager, talks)
    assert "派给谁" in await boss.key("o-reassign", order.id)
    assert "请说明原因" in await boss.press("孙维保")
    assert "待接单" in await boss.says("赵师傅太远")
    assert (await order_view(manager, order.id)).order.offered == (second.id,)


async def test_a_fault_is_reported_by_hand_in_words_and_asked_twice_it_is_one_order(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    boss = Chat(manager, talks)
    assert "请描述故障" in await boss.says("报修")
    assert "什么位置" in await boss.says("泵房漏水")
    assert "工单号 1" in await boss.says("地下一层泵房")
    (row,) = await fetch("select what, place, state from work_orders")
    assert tuple(row.values()) == ("泵房漏水", "地下一层泵房", "dispatched")


async def test_a_reply_to_the_card_brings_a_note_a_photo_and_a_position(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    order, zhao = await opened(points, manager), Chat(keeper, talks)
    await zhao.key("o-take", order.id)
    about = ("order", order.id)
    assert "已记入工单 1" in await zhao.says("路上堵车", about=about)
    await zhao.says(location=Location(31.2, 121.5), about=about)
    assert [line.text for line in (await order_view(manager, order.id)).story][-2:] == [
        "备注 · 路上堵车",
        "到场位置 · 31.20000, 121.50000",
    ]


async def test_what_is_written_under_a_photo_is_kept_with_it(
    points: dict[str, UUID], keeper: Person, manager: Person, talks: Conversation
) -> None:
    order = await opened(points, manager)
    zhao = Chat(keeper, talks)
    await zhao.key("o-take", order.id)
    await zhao.press("到场")
    await zhao.press("拍照")
    assert "已收到 1 件佐证" in await zhao.sends(MediaKind.PHOTO, JPEG, "底座锈蚀")
    await zhao.press("发送完毕")
    await zhao.press("完成")
    assert "已收到 1 件佐证" in await zhao.sends(MediaKind.PHOTO, JPEG, "已换新")
    rows = await fetch("select facts->>'note' as note from work_order_entries where kind = 'note' order by at, id")
    assert [row["note"] for row in rows] == ["底座锈蚀", "已换新"]


async def test_what_is_said_in_english_is_english(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    order = await opened(points, manager)
    chat = Chat(keeper, talks, "en")
    await chat.key("o-take", order.id)
    await chat.key("o-decline", order.id)
    assert not [each for each in chat.said if "一" <= each <= "鿿"]


def test_parts_are_read_as_people_write_them() -> None:
    assert parts_of("机械密封 x2，保险丝×3\n密封圈 4; 胶带") == [
        Part(name="机械密封", quantity=2),
        Part(name="保险丝", quantity=3),
        Part(name="密封圈", quantity=4),
        Part(name="胶带", quantity=1),
    ]


async def test_a_silent_device_is_reported_with_one_tap_under_its_first_card_and_nothing_opened_by_itself(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person, desk: Person, talks: Conversation
) -> None:
    await door.hears(LinkSaid(is_lost=True, silent_since=clock.now()))
    (alarm,) = await alarms_for(manager, "active", 9)
    assert (alarm.severity, alarm.known_by) == ("offline", ())
    assert await fetch("select 1 from work_orders") == [], "a person says whether somebody must go"
    (key,) = [key for row in (await card_for(manager, alarm.id, "zh_CN")).keys for key in row if key.label == "报修"]
    wang, qian = Chat(manager, talks), Chat(desk, talks)
    assert "已报修，工单号 1\n工单 1：待接单" in await wang.key(key.verb, alarm.id)
    assert "撤回" in [each.label for each in wang.keys]
    (order,) = await orders_of_alarm(manager, alarm.id)
    assert (order.origin, order.device, order.offered) == (Origin.LINK, points["device"], (keeper.id,))
    assert f"#{order.number}" in await qian.key(key.verb, alarm.id), "led to it"
    assert len(await fetch("select 1 from work_orders")) == 1
