"""A complaint's chat leads nobody astray: what can't be done is said at once, and words go where they were meant to."""

import msgspec
import pytest

from backend.alarms.chat import ALARMS
from backend.chat.model import Key
from backend.chat.service import Conversation
from backend.complaints import handling, service
from backend.complaints.chat import COMPLAINTS
from backend.complaints.chores import look_after_complaints
from backend.complaints.queries import complaint_story, complaints_for
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import UnitId, new_id
from backend.core.vocabulary import Role, Via
from backend.delivery.model import Card
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.people.queries import person
from backend.people.service import grant
from backend.work_orders.chat import WORK_ORDERS
from bots.telegram.replies import fitting
from tests.integration.test_complaints import DAY, HOW, Town, still, story, town
from tests.integration.test_complaints_in_chat import PNG, Chat, photo
from tests.integration.test_masks import SMOKE

__all__ = ["still", "town"]
NOTHING_BEGUN = "没有正在进行的操作"


@pytest.mark.parametrize("verb", ["c-reply", "c-ask", "c-settle", "c-note", "c-transfer", "c-order"])
async def test_who_may_only_look_is_refused_before_a_word_is_asked(
    town: Town, still: clock.StillClock, verb: str
) -> None:
    own = await town.files("值班室电话打不通", by=town.zhou)
    wang = Chat(town.wang)  # the unit's manager: sees it, handles nothing
    assert "权限" in await wang.presses_key(Key("x", verb, own.id))
    assert NOTHING_BEGUN in await wang.says("取消")


@pytest.mark.parametrize("verb", ["c-answer", "c-withdraw", "c-reopen", "c-rate"])
async def test_what_is_the_complainants_alone_is_refused_to_others_before_a_word_is_asked(
    town: Town, still: clock.StillClock, verb: str
) -> None:
    one = await town.files()
    li = Chat(town.li)
    assert "本人" in await li.presses_key(Key("x", verb, one.id, "3"))
    assert NOTHING_BEGUN in await li.says("取消")


async def test_an_old_key_says_at_once_that_its_time_is_over(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    wang, li, sun = Chat(town.wang), Chat(town.li), Chat(town.sun)
    assert "尚未办结" in await wang.presses_key(Key("x", "c-rate", one.id, "5"))
    assert "尚未办结" in await wang.presses_key(Key("x", "c-reopen", one.id))
    await handling.take(town.li, one.id, Via.TELEGRAM)
    assert "他人处理" in await sun.presses_key(Key("x", "c-reply", one.id))
    assert "他人处理" in await sun.presses_key(Key("x", "c-settle", one.id))
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    for verb in ("c-reply", "c-ask", "c-settle", "c-transfer", "c-order"):
        assert "已办结" in await li.presses_key(Key("x", verb, one.id))
    for verb in ("c-answer", "c-withdraw"):
        assert "已办结" in await wang.presses_key(Key("x", verb, one.id))
    await service.rate(town.wang, one.id, 4, "可以", Via.TELEGRAM)
    assert "已评价" in await wang.presses_key(Key("x", "c-rate", one.id, "5"))
    still.advance(16 * DAY)
    assert "15 天" in await wang.presses_key(Key("x", "c-reopen", one.id))
    for each in (wang, li, sun):
        assert NOTHING_BEGUN in await each.says("取消")


async def test_whoever_rates_too_late_is_told_so(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    still.advance(6 * DAY)
    await look_after_complaints()
    assert "已评价或已关闭" in await Chat(town.wang).presses_key(Key("x", "c-rate", one.id, "5"))


async def test_words_that_are_too_many_are_refused_where_they_are_written(town: Town, still: clock.StillClock) -> None:
    wang = Chat(town.wang)
    await wang.says("投诉")
    await wang.presses("其他投诉")
    assert "内容过长" in await wang.says("长" * 2001)
    assert "确认提交" in await wang.says("短" * 1500)
    assert "内容过长" in await wang.says("长" * 600)
    assert "已受理" in await wang.presses("提交")
    assert "内容过长" in await wang.says("/complain " + "长" * 2001)
    assert NOTHING_BEGUN in await wang.says("取消")
    (line,) = await complaints_for(town.li)
    li = Chat(town.li)
    await li.presses_key(Key("x", "c-settle", line.id))
    await li.presses("成立")
    await li.presses("设备质量")
    assert "内容过长" in await li.says("长" * 2001)
    assert "办结说明" in await li.says("纳入月检")
    assert "已办结" in await li.says("已更换")


async def test_an_answer_to_one_complaints_card_never_goes_to_anothers_complainant(
    town: Town, still: clock.StillClock
) -> None:
    first, second = await town.files("一"), await town.files("二", by=town.zhou)
    for each in (first, second):
        await handling.take(town.li, each.id, Via.TELEGRAM)
    li = Chat(town.li)
    await li.presses_key(Key("x", "c-reply", first.id))
    said = await li.says("周值班的事已处理", about=("complaint", second.id))
    assert said.startswith(f"✔ {second.number}：已答复"), "a reply to a card is about that card"
    assert "reply" not in await story(first, town.li)
    assert "reply" in await story(second, town.li)
    assert "已答复" in await li.says("王经理的事已处理", about=("complaint", first.id))
    wang = Chat(town.wang)
    await handling.settle(town.li, first.id, HOW, Via.TELEGRAM)
    await wang.presses_key(Key("x", "c-rate", first.id, "5"))
    assert "另一条" in await wang.says("还没修好", about=("alarm", new_id())), "whose replies nobody takes here"
    assert "已评价" in await wang.says("很快")


async def test_a_command_that_is_written_while_words_are_asked_for_is_no_answer_to_anybody(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    li = Chat(town.li)
    await li.presses_key(Key("x", "c-reply", one.id))
    assert "这是一条命令" in await li.says("投诉处理")
    assert "reply" not in await story(one, town.li)
    assert "已答复" in await li.says("投诉处理好了")


async def test_a_photo_with_a_question_or_with_a_reopening_is_kept(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    wang, li = Chat(town.wang), Chat(town.li)
    await li.presses_key(Key("x", "c-ask", one.id))
    assert "等待投诉人补充" in await li.says("是这一个吗？", photo())
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    await wang.presses_key(Key("x", "c-reopen", one.id))
    assert "已分派" in await wang.says("还是坏的", photo(PNG + b"2"))
    entries = (await complaint_story(town.wang, one.id)).entries
    kept = {str(each.kind): len(each.evidence) for each in entries if each.evidence}
    assert kept == {"asked": 1, "reopened": 1}


async def test_what_came_with_a_complaint_is_looked_at_in_the_chat_by_who_may_read_it(
    town: Town, still: clock.StillClock
) -> None:
    wang, li = Chat(town.wang), Chat(town.li)
    await wang.says("/complain 坏了")
    await wang.presses("其他投诉")
    await wang.says("", photo())
    await wang.presses("提交")
    (line,) = await complaints_for(town.li)
    await li.presses_key(Key("x", "c-note", line.id))
    await li.says("内部", photo(PNG + b"1"))
    await li.presses_key(Key("查看", "c-show", line.id))
    assert [key.label for key in li.keys if key.verb == "c-piece"] == ["📎 1", "📎 2"]
    await li.presses("📎 1")
    assert li.last[0].picture is not None
    assert (li.last[0].picture.octets, li.last[0].picture.media_type) == (PNG, "image/png")
    await wang.presses_key(Key("查看", "c-show", line.id))
    assert [key.label for key in wang.keys if key.verb == "c-piece"] == ["📎 1"]
    assert "没有找到" in await wang.presses_key(Key("📎 2", "c-piece", line.id, "2"))
    assert "没有找到" in await wang.presses_key(Key("📎 x", "c-piece", line.id, "x"))
    assert "没有这条" in await Chat(town.zhou).presses_key(Key("📎 1", "c-piece", line.id, "1"))


async def test_a_complaint_under_an_alarm_says_which_alarm_and_only_in_its_own_units_group(
    town: Town, door: object, still: clock.StillClock
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=1 << 1))  # type: ignore[attr-defined]
    (alarm,) = await fetch("select id, number from alarms")
    wang = Chat(town.wang)
    wang.conversation = Conversation((ALARMS, WORK_ORDERS, COMPLAINTS))
    await wang.presses_key(Key("投诉", "c-file", alarm["id"]))
    assert f"报警投诉 · #{alarm['number']} " in await wang.says("没有打电话")
    await wang.says("取消")
    wang.speaker = msgspec.structs.replace(wang.speaker, is_group=True, group_unit=UnitId(new_id()))
    refused = await wang.presses_key(Key("投诉", "c-file", alarm["id"]))
    assert "请说明情况" not in refused
    assert "没有正在进行" in await wang.says("/cancel")
    wang.speaker = msgspec.structs.replace(wang.speaker, group_unit=town.unit)
    await wang.presses_key(Key("投诉", "c-file", alarm["id"]))
    await wang.says("没有打电话")
    told_there = await wang.presses("提交")
    assert "发到这里" not in told_there
    assert "私聊" in told_there


async def test_a_reply_to_the_card_of_what_is_over_leads_to_the_rating_and_to_opening_it_again(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    wang = Chat(town.wang)
    assert "已办结" in await wang.says("还是没修好", about=("complaint", one.id))
    assert [key.verb for key in wang.keys] == ["c-rate"] * 5 + ["c-reopen"]
    await wang.presses("重新打开")
    assert "已分派" in await wang.says("还是没修好")


async def test_a_long_story_still_begins_with_what_was_filed_and_says_which_deadline_was_missed(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files("第一句话")
    still.advance(30 * DAY)
    await look_after_complaints()
    for at in range(10):
        await handling.note(town.li, one.id, f"备注{at}", Via.TELEGRAM)
    li, wang = Chat(town.li), Chat(town.wang)
    shown = await li.presses_key(Key("查看", "c-show", one.id))
    assert "第一句话" in shown
    assert "备注9" in shown
    own = await wang.presses_key(Key("查看", "c-show", one.id))
    assert "超过时限 首次答复" in own
    assert "超过时限 办结" in own


async def test_who_waits_for_whom_is_said_to_each_in_their_own_words(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await handling.ask_back(town.li, one.id, "几点？", Via.TELEGRAM)
    assert "等待您补充" in await Chat(town.wang).presses_key(Key("查看", "c-show", one.id))
    assert [each.state_word for each in await complaints_for(town.wang)] == ["等待您补充"]
    assert [each.state_word for each in await complaints_for(town.li)] == ["等待投诉人补充"]
    assert "等待投诉人补充，办结时限暂停" in await Chat(town.li).presses_key(Key("查看", "c-show", one.id))


async def test_those_that_a_list_has_no_room_for_are_counted_and_found_by_their_number(
    town: Town, still: clock.StillClock
) -> None:
    for at in range(10):
        await town.files(f"第{at}条")
    li, wang, zhou = Chat(town.li), Chat(town.wang), Chat(town.zhou)
    assert "另有 2 条" in await li.says("投诉处理")
    assert "第9条" in await li.says("投诉处理 TS-20261126-010")
    assert "另有 2 条" in await wang.says("我的投诉")
    assert "第9条" in await wang.says("我的投诉 ts-20261126-010")
    assert "第0条" in await wang.says("/complaints 001")
    assert "没有这条" in await wang.says("我的投诉 99")
    assert "没有这条" in await zhou.says("我的投诉 001")


async def test_a_card_says_that_files_came_with_the_words(town: Town, still: clock.StillClock) -> None:
    wang, li = Chat(town.wang), Chat(town.li)
    await wang.says("/complain 漏水")
    await wang.presses("其他投诉")
    await wang.says("照片", photo())
    await wang.presses("提交")
    (line,) = await complaints_for(town.li)
    assert "漏水\n照片（附件 1 个）" in await newest_words(town.li)
    await execute("update people set language = 'en' where id = $1", town.wang.id)
    await li.presses_key(Key("x", "c-reply", line.id))
    await li.says("修好了", photo(PNG + b"3"))
    assert f"{line.number} 修好了 (files attached: 1)" in await newest_words(town.wang)
    await wang.says("谢谢", about=("complaint", line.id))
    assert (await newest_words(town.li)).endswith(" 谢谢")


async def newest_words(who: Person) -> str:
    (row,) = await fetch(
        """select n.cards -> t.language as card from attempts t join notices n on n.id = t.notice
           where t.person = $1 and n.kind = 'complaint' order by t.number desc limit 1""",
        who.id,
    )
    card = msgspec.json.decode(row["card"], type=Card)
    return f"{card.where} {card.what}"


async def test_the_ninth_unit_is_named_where_the_keys_end(town: Town, still: clock.StillClock) -> None:
    for at in range(10):
        unit = UnitId(new_id())
        await execute(
            """insert into units (id, code, name, address, timezone, created_at)
               values ($1, $2, $3, '', 'Asia/Shanghai', now())""",
            unit,
            f"u9{at}",
            f"{'九八七六五四三二一零'[at]}号楼",
        )
        await grant(town.wang.id, Role.MAINTAINER, unit)
    wang = Chat(await person(town.wang.id))
    await wang.says("投诉")
    assert "只列出前 8 个" in await wang.presses("其他投诉")
    assert "没有这个单位" in await wang.says("月亮")
    await wang.says("号楼")
    assert len(wang.keys) == 9, "eight and 取消"
    assert "请说明情况" in await wang.says("零号")
    await wang.says("漏水")
    await wang.presses("提交")
    assert (await complaints_for(town.li))[0].unit_name == "零号楼"


async def test_however_much_was_said_the_newest_words_are_seen(town: Town, still: clock.StillClock) -> None:
    one = await town.files("长" * 2000)
    for at in range(10):
        await handling.note(town.li, one.id, f"{at}" * 1900, Via.TELEGRAM)
    await handling.reply(town.li, one.id, "最新的答复" + "细" * 1000 + "句号", Via.TELEGRAM)
    for who in (town.li, town.wang):
        chat = Chat(who)
        await chat.presses_key(Key("查看", "c-show", one.id))
        lines = [part for line in chat.last[0].lines for part in line.splitlines()]
        assert fitting(lines) == lines
        assert "句号" in chat.words
        assert "长长" in chat.words
