"""Duty in a chat: notes are added and never erased, log lines go where they belong, the right people are asked."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from backend.chat.service import Conversation
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import UnitId, new_id
from backend.core.vocabulary import Via
from backend.duty.check_chat import CHECK_TALK
from backend.duty.checks import answer, ask
from backend.duty.handover_chat import HANDOVER_TALK
from backend.duty.handovers import begin, cancel, note, sign
from backend.duty.model import NotYourTurn
from backend.duty.queries import checks_for, handover_for, open_handover_for
from backend.evidence.model import MediaKind
from backend.people.model import Person
from backend.people.queries import person_by_code
from backend.rota.model import Rotation
from backend.rota.service import add_schedule
from tests.integration.test_duty import TEN, cards, people, sample, the_unit
from tests.integration.test_work_orders import JPEG
from tests.integration.test_work_orders_in_chat import Chat

__all__ = ["sample"]


def chat_of(who: Person) -> Chat:
    return Chat(who, Conversation([HANDOVER_TALK, CHECK_TALK]))


async def another_unit(who: Person, name: str) -> Person:
    unit = new_id()
    await execute(
        """insert into units (id, code, name, address, timezone, created_at)
           values ($1, $2, $2, '', 'Asia/Shanghai', now())""",
        unit,
        name,
    )
    await execute(
        "insert into grants (id, person, role, unit, granted_at) values ($1, $2, 'unit_duty', $3, now())",
        new_id(),
        who.id,
        unit,
    )
    return await person_by_code(who.code)


async def notes_of(who: Person, handover: UUID) -> str:
    return (await handover_for(who, handover))[0].notes


@pytest.mark.usefixtures("sample")
async def test_a_note_written_in_chat_is_added_and_erases_nothing() -> None:
    li, wang = await people("li", "wang")
    handover = await begin(li, await the_unit(), Via.PHONE)
    await note(li, handover.id, "钥匙在抽屉", wang.id, Via.PHONE)
    chat = chat_of(li)
    await chat.says("交接班")
    assert "钥匙在抽屉" in await chat.press("写备注")
    assert "请写" in await chat.sends(MediaKind.PHOTO, JPEG)
    assert await notes_of(li, handover.id) == "钥匙在抽屉"
    assert "已保存备注" in await chat.says("水泵已停")
    assert await notes_of(li, handover.id) == "钥匙在抽屉\n水泵已停"
    assert (await handover_for(li, handover.id))[0].incoming == wang.name


@pytest.mark.usefixtures("sample")
async def test_words_that_are_too_long_are_refused_and_not_cut() -> None:
    (li,) = await people("li")
    chat = chat_of(li)
    assert "文字过长" in await chat.says("值班日志 " + "长" * 2001)
    assert await fetch("select 1 from duty_log") == []
    handover = await begin(li, await the_unit(), Via.PHONE)
    await note(li, handover.id, "长" * 1990, None, Via.PHONE)
    await chat.says("交接班")
    await chat.press("写备注")
    assert "文字过长" in await chat.says("再加十几个字就超过了所允许的长度")


@pytest.mark.usefixtures("sample")
async def test_a_log_line_of_somebody_with_two_places_goes_where_they_say() -> None:
    (li,) = await people("li")
    both = await another_unit(li, "A乙单位")
    chat = chat_of(both)
    assert "记到哪里" in await chat.says("值班日志 巡视完毕")
    assert await fetch("select 1 from duty_log") == []
    first, second = [each.label for each in chat.keys][:2]
    assert first == "A乙单位"
    assert second in await chat.press(second)
    (row,) = await fetch("select l.text, u.name from duty_log l join units u on u.id = l.unit")
    assert tuple(row.values()) == ("巡视完毕", second)


@pytest.mark.usefixtures("sample")
async def test_the_providers_desk_is_told_where_its_line_went() -> None:
    (qian,) = await people("qian")
    assert "服务机构值班台" in (await chat_of(qian).says("记事 电话测试正常")).split("\n")[0]


@pytest.mark.usefixtures("sample")
async def test_a_duty_check_asks_who_keeps_duty_and_not_the_maintainer_on_call() -> None:
    unit, (li, zhao, wang) = await the_unit(), await people("li", "zhao", "wang")
    for name, who in (("值班", li), ("维保", zhao)):
        always = Rotation(people=(who.id,), first=datetime(2026, 1, 1))  # noqa: DTZ001 - the unit's wall clock
        await add_schedule(wang, unit, name, [always])
    check = await ask(wang, unit, TEN, "", Via.TELEGRAM)
    assert (check.people, check.is_by_rota) == ((li.id,), True)
    assert await cards(check.id, "zhao") == []
    assert not (await checks_for(zhao))[0].may_answer
    with pytest.raises(NotYourTurn):
        await answer(zhao, check.id, Via.TELEGRAM)
    assert (await answer(li, check.id, Via.TELEGRAM)).answered_by == li.id


async def test_a_handover_left_lying_for_a_day_gives_way_to_who_is_there(sample: StillClock) -> None:
    unit, (li, wang) = await the_unit(), await people("li", "wang")
    lying = await begin(li, unit, Via.PHONE)
    await sign(li, lying.id, Via.PHONE)
    sample.advance(timedelta(hours=24) - timedelta(seconds=1))
    line = await open_handover_for(wang, unit)
    assert line is not None
    assert not line.may_cancel
    with pytest.raises(NotYourTurn):
        await cancel(wang, lying.id, Via.PHONE)
    sample.advance(timedelta(seconds=1))
    line = await open_handover_for(wang, unit)
    assert line is not None
    assert line.may_cancel
    await cancel(wang, lying.id, Via.PHONE)
    assert (await begin(wang, unit, Via.PHONE)).outgoing == wang.id


@pytest.mark.usefixtures("sample")
async def test_who_hears_that_nobody_takes_the_shift_has_a_key_to_go_on() -> None:
    li, wang = await people("li", "wang")
    handover = await begin(li, await the_unit(), Via.PHONE)
    await sign(li, handover.id, Via.PHONE)
    chat = chat_of(wang)
    await chat.says("交接班")
    await chat.press("不接班，说明原因")
    await chat.says("钥匙不在")
    (card,) = await cards(handover.id, "li")
    assert [key.verb for row in card.keys for key in row] == ["ho-show"]
    mine = chat_of(li)
    await mine.key("ho-show", handover.id)
    assert "修改后重新交班" in [each.label for each in mine.keys]


@pytest.mark.usefixtures("sample")
async def test_a_units_group_moves_no_other_houses_handover() -> None:
    unit, (li, wang) = await the_unit(), await people("li", "wang")
    handover = await begin(li, unit, Via.PHONE)
    chat = chat_of(li)
    chat.speaker = msgspec.structs.replace(chat.speaker, group_unit=UnitId(new_id()), is_group=True)
    for verb in ("ho-sign", "ho-cancel", "ho-note", "ho-show"):
        assert "没有这个交接班" in await chat.key(verb, handover.id), verb
    assert "没有您可以交接班的地点" in await chat.key("ho-begin", unit)
    await sign(li, handover.id, Via.PHONE)
    boss = chat_of(wang)
    boss.speaker = msgspec.structs.replace(boss.speaker, group_unit=UnitId(new_id()), is_group=True)
    assert "没有这个交接班" in await boss.key("ho-take", handover.id)
    assert (await handover_for(wang, handover.id))[0].state == "signed"


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize("command", ["查岗", "交接班"])
async def test_a_unit_nobody_knows_is_said_to_be_unknown(command: str) -> None:
    (qian,) = await people("qian")
    chat = chat_of(qian)
    assert "没有找到这个单位" in await chat.says(f"{command} 不存在的单位")
    assert "没有找到这个单位" not in await chat.says(f"{command} 烽火示范")


async def test_the_log_says_of_each_line_where_it_belongs_and_what_it_is_about(sample: StillClock) -> None:
    qian, li = await people("qian", "li")
    check = await ask(qian, await the_unit(), TEN, "", Via.CONSOLE)
    await answer(li, check.id, Via.TELEGRAM)
    assert "李值班 查岗 #1 在岗" in await chat_of(li).says("值班日志")
    desk = chat_of(qian)
    written = await desk.says("值班日志 夜间正常")
    assert "夜间正常" in written
    assert "在岗" not in written
    every = await desk.says("值班日志")
    assert "服务机构值班台 钱值班员 夜间正常" in every
    assert "烽火示范大厦 李值班 查岗 #1 在岗" in every
