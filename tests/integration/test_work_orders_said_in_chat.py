"""What people say of a fault in a chat arrives whole and at the right unit: photos, voice, places, long words."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.chat.model import Location
from backend.chat.service import Conversation
from backend.core.db.engine import execute, fetch
from backend.core.ids import PersonId, UnitId, new_id
from backend.evidence.model import MediaKind
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.people.queries import person
from backend.people.service import deactivate
from backend.work_orders.queries import order_view
from tests.integration.test_masks import FAULT, PUMP, keeper, manager, points, still, the_alarm
from tests.integration.test_work_orders import JPEG, Add, desk, opened, second
from tests.integration.test_work_orders_in_chat import Chat, talks

__all__ = ["desk", "keeper", "manager", "points", "second", "still", "talks"]
VOICE = b"OggS" + b"\0" * 24 + b"OpusHead" + b"voice" * 20


async def another_unit(code: str, name: str) -> UUID:
    other = new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, $2, $3, '', 'Asia/Shanghai', now())""",
        other,
        code,
        name,
    )
    return other


async def granted(who: Person, role: str, unit: UUID) -> Person:
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, $3, $4, now())",
        new_id(),
        who.id,
        role,
        unit,
    )
    return await person(who.id)


async def pieces_of_the_order() -> list[str]:
    rows = await fetch(
        """select kind from evidence e join work_orders o on o.id = e.about
           where e.about_kind = 'work_order' order by kind"""
    )
    return [row["kind"] for row in rows]


@pytest.mark.parametrize(("kind", "octets"), [(MediaKind.PHOTO, JPEG), (MediaKind.VOICE, VOICE)])
async def test_a_photo_or_a_voice_note_alone_reports_an_alarm(
    points: dict[str, UUID],
    door: Any,
    manager: Person,
    keeper: Person,
    talks: Conversation,
    kind: MediaKind,
    octets: bytes,
) -> None:
    assert keeper
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    boss = Chat(manager, talks)
    await boss.key("o-new", await the_alarm())
    assert "已报修，工单号 1" in await boss.sends(kind, octets)
    assert await pieces_of_the_order() == [str(kind)]


async def test_several_photos_sent_at_once_open_one_order_that_still_asks_where(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    assert keeper
    boss = Chat(manager, talks)
    await boss.says("报修")
    assert "请描述故障" in await boss.sends(MediaKind.PHOTO, JPEG)
    assert "什么位置" in await boss.sends(MediaKind.PHOTO, JPEG + b"2", "泵房漏水")
    assert "什么位置" in await boss.sends(MediaKind.PHOTO, JPEG + b"3")
    assert await fetch("select 1 from work_orders") == []
    assert "工单号 1" in await boss.says("地下一层泵房")
    assert await pieces_of_the_order() == ["photo"] * 3
    assert (await fetch("select place from work_orders"))[0]["place"] == "地下一层泵房"


async def test_a_position_says_where_and_a_message_of_nothing_does_not(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    assert keeper
    boss = Chat(manager, talks)
    await boss.says("报修")
    await boss.says("泵房漏水")
    assert "请说明位置" in await boss.says("")
    assert "工单号 1" in await boss.says(location=Location(31.2304, 121.4737))
    assert (await fetch("select place from work_orders"))[0]["place"] == "31.23040, 121.47370"


async def test_words_are_never_cut_off_unsaid(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    boss, zhao = Chat(manager, talks), Chat(keeper, talks)
    await boss.says("报修")
    assert "文字过长" in await boss.says("漏" * 501)
    await boss.says("漏" * 500)
    await boss.says("泵房")
    (row,) = await fetch("select id, what from work_orders")
    assert row["what"] == "漏" * 500
    assert "文字过长" in await zhao.says("长" * 501, about=("order", row["id"]))
    await zhao.key("o-decline", row["id"])
    assert "文字过长" in await zhao.says("长" * 501)
    assert "已拒单" in await zhao.says("在外地")


async def test_only_units_where_one_may_report_are_offered_and_a_list_that_grew_leads_to_no_other(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    assert keeper
    both = await granted(manager, "unit_duty", await another_unit("u9", "乙单位"))
    seen = await granted(both, "group", await another_unit("u8", "只看的单位"))
    boss = Chat(seen, talks)
    await boss.says("报修")
    labels = [each.label for each in boss.keys]
    assert "乙单位" in labels
    assert "只看的单位" not in labels
    again = await granted(seen, "unit_duty", await another_unit("a0", "最前的单位"))
    boss.speaker = msgspec.structs.replace(boss.speaker, person=again)
    await boss.press("乙单位")
    await boss.says("门坏了")
    await boss.says("大门")
    (row,) = await fetch("select u.name from work_orders o join units u on u.id = o.unit")
    assert row["name"] == "乙单位"


async def test_a_desk_with_many_units_finds_one_by_its_name(
    points: dict[str, UUID], desk: Person, keeper: Person, talks: Conversation
) -> None:
    assert keeper
    for n in range(15):
        await another_unit(f"x{n:02}", f"单位{n:02}号")
    qian = Chat(desk, talks)
    assert "单位名称" in await qian.says("报修")
    assert "没有找到这个单位" in await qian.says("不存在")
    await qian.says("单位1")
    assert [each.label for each in qian.keys if each.label.startswith("单位")] == [
        f"单位{n:02}号" for n in range(10, 15)
    ]
    assert "请描述故障" in await qian.says("14号")
    await qian.says("门坏了")
    await qian.says("大门")
    (row,) = await fetch("select u.name from work_orders o join units u on u.id = o.unit")
    assert row["name"] == "单位14号"


async def test_a_list_of_maintainers_that_changed_sends_the_order_to_nobody_else(
    points: dict[str, UUID], manager: Person, keeper: Person, second: Person, add_person: Add, talks: Conversation
) -> None:
    third = await person(PersonId(await add_person("zhu", "朱维保", "maintainer", points["unit"], app="zhu")))
    order, boss = await opened(points, manager, to=(keeper.id,)), Chat(manager, talks)
    await boss.key("o-reassign", order.id)
    await deactivate(second.id)
    await boss.press("朱维保")
    await boss.says("太远")
    assert (await order_view(manager, order.id)).order.offered == (third.id,)


async def test_who_can_send_nobody_is_told_so(points: dict[str, UUID], manager: Person, talks: Conversation) -> None:
    order, boss = await opened(points, manager), Chat(manager, talks)
    assert "没有可派的维保人员" in await boss.key("o-dispatch", order.id)


async def test_a_units_group_shows_and_moves_no_other_units_order(
    points: dict[str, UUID], door: Any, manager: Person, keeper: Person, talks: Conversation
) -> None:
    await door.hears(StateSaid(subject=PUMP, state=FAULT))
    alarm = await the_alarm()
    other = await another_unit("u9", "乙单位")
    both = await granted(await granted(manager, "unit_manager", other), "maintainer", points["unit"])
    order = await opened(points, both, to=(both.id,))
    chat = Chat(both, talks)
    chat.speaker = msgspec.structs.replace(chat.speaker, group_unit=UnitId(other), is_group=True)
    for verb in ("o-show", "o-take", "o-photo", "o-withdraw"):
        assert "没有这张工单" in await chat.key(verb, order.id), verb
    assert "没有这条报警" in await chat.key("o-new", alarm)
    assert "没有这张工单" in await chat.says("你好", about=("order", order.id))
    assert (await order_view(both, order.id)).order.state == "dispatched"


async def test_nothing_to_do_says_where_the_others_are(
    points: dict[str, UUID], manager: Person, desk: Person, talks: Conversation
) -> None:
    await opened(points, manager)
    qian = Chat(desk, talks)
    assert "工单 全部" in await qian.says("工单")
    assert "#1" in await qian.says("工单 全部")


async def test_who_verifies_in_the_chat_sees_the_photos_and_what_was_done(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    order, boss, zhao = await opened(points, manager), Chat(manager, talks), Chat(keeper, talks)
    await zhao.key("o-take", order.id)
    await zhao.press("到场")
    await zhao.press("拍照")
    await zhao.sends(MediaKind.PHOTO, JPEG, "底座锈蚀")
    await zhao.sends(MediaKind.VOICE, VOICE)
    await boss.says("/orders 1")
    said = await boss.press("经过")
    assert "接单 · 赵维保 · Telegram" in said
    assert "备注 · 底座锈蚀 · 赵维保" in said
    (saying,) = await talks.press(boss.speaker, "o-piece", order.id, "0")
    assert saying.picture is not None
    assert saying.picture.octets == JPEG
    assert [key.label for row in saying.keys for key in row] == ["佐证 2/2"]
    assert "语音" in await boss.key("o-piece", order.id, "1")
    for wrong in ("2", "x", "-1", "９"):
        await boss.key("o-piece", order.id, wrong)


async def test_a_photo_that_comes_alone_from_somebody_at_work_is_their_orders(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    zhao = Chat(keeper, talks)
    assert "没有听懂" in await zhao.sends(MediaKind.PHOTO, JPEG)
    first = await opened(points, manager)
    await zhao.key("o-take", first.id)
    assert "已记入工单 1" in await zhao.sends(MediaKind.PHOTO, JPEG, "现场")
    assert "已记入工单 1" in await zhao.says(location=Location(31.2, 121.5))
    second_order = await opened(points, manager)
    await zhao.key("o-take", second_order.id)
    assert "哪张工单" in await zhao.sends(MediaKind.PHOTO, JPEG + b"1", "新底座")
    assert "哪张工单" in await zhao.sends(MediaKind.PHOTO, JPEG + b"2")
    key = next(each for each in zhao.keys if each.label.startswith("#2"))
    assert "已记入工单 2" in await zhao.press(key.label)
    views = [await order_view(manager, each.id) for each in (first, second_order)]
    assert [len(each.evidence) for each in views] == [1, 2]
    assert "备注 · 新底座" in [line.text for line in views[1].story]
    assert "没有听懂" in await Chat(manager, talks).sends(MediaKind.PHOTO, JPEG)


@pytest.mark.parametrize("words", ["没有", "无 ", "None"])
async def test_no_parts_is_no_part_of_that_name(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation, words: str
) -> None:
    order, zhao = await opened(points, manager), Chat(keeper, talks)
    await zhao.key("o-take", order.id)
    await zhao.press("到场")
    await zhao.press("完成")
    await zhao.press("下一步")
    assert "处理结果" in await zhao.says(words)
    assert await fetch("select 1 from work_order_entries where kind = 'parts'") == []


async def test_what_was_understood_of_the_parts_is_said(
    points: dict[str, UUID], manager: Person, keeper: Person, talks: Conversation
) -> None:
    order, zhao = await opened(points, manager), Chat(keeper, talks)
    await zhao.key("o-take", order.id)
    await zhao.press("到场")
    await zhao.press("完成")
    await zhao.press("下一步")
    assert "已记录配件：机械密封 × 2、保险丝 × 1" in await zhao.says("机械密封 x2，保险丝")
