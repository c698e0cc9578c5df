"""A restart in the middle of each dialogue: what was said so far is kept, and the next process takes the answer."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from backend.complaints.filing import Filing, file
from backend.core.db.engine import execute, fetch
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import ComplaintKind, Via
from backend.demo.carriers.telegram import BotApiServer
from backend.people.queries import person
from backend.work_orders.opening import Opening, open_order
from bots.telegram.presses import TalkPress
from tests.integration.chatting import JPEG, Phone, bot_process
from tests.integration.test_chat_edges import a_fire, base, carrier, wang, zhao
from tests.integration.test_masks import points

__all__ = ["base", "carrier", "points", "wang", "zhao"]


async def test_every_dialogue_goes_on_after_a_restart(
    carrier: BotApiServer, base: str, wang: Phone, zhao: Phone, door: Any, points: dict[str, UUID]
) -> None:
    """Each first question is asked by one process and answered to the next one; nothing is asked again."""
    manager = await person(PersonId(points["manager"]))
    alarm = await a_fire(door)
    filing = Filing(unit=UnitId(points["unit"]), kind=ComplaintKind.OTHER, text="无人接听")
    complaint = await file(manager, filing, Via.TELEGRAM)
    order = await open_order(manager, Opening(unit=UnitId(points["unit"]), what="泵房漏水", needs=()), Via.CONSOLE)
    began = (
        (wang, "v-false", alarm, "误报的原因", "浴室蒸汽", "记为误报"),
        (wang, "a-note", alarm, "请写下备注", "已派人", "📝 已记入"),
        (wang, "c-answer", complaint.id, "请补充", "是三层", "✔ TS-"),
        (wang, "o-withdraw", order.id, "请说明原因", "已自行修好", "已撤回"),
        (wang, "o-new", None, "请描述故障", "消火栓漏水", "在什么位置"),
    )
    for phone, verb, about, question, words, after in began:
        async with bot_process(base):
            await phone.says("/help") if not phone.messages() else None
            key = TalkPress(verb=verb, about=about).pack()
            assert question in await phone.presses(key), verb
            (before,) = await fetch("select id, answers from chat_drafts")
        async with bot_process(base):
            said = "\n".join(await phone.says(words))
            assert after in said, f"{verb}: {said}"
            left = await fetch("select id from chat_drafts")
            assert [each["id"] for each in left] in ([], [before["id"]])
            if left:
                await phone.says("取消")
    assert zhao


async def test_a_complaint_survives_a_restart_after_every_step_with_its_photo(
    carrier: BotApiServer, base: str, wang: Phone
) -> None:
    async with bot_process(base):
        await wang.says("投诉")
    async with bot_process(base):
        await wang.taps("人员投诉")
        await wang.shows("是哪一位")
    async with bot_process(base):
        await wang.says("夜班保安")
    async with bot_process(base):
        carrier.act.send_file(wang.chat, "photo", JPEG, caption="无人在岗")
        await wang.shows("附件 1 个")
    async with bot_process(base):
        await wang.says("第二次了")
    async with bot_process(base):
        await wang.taps("提交")
        await wang.shows("已受理，编号")
    (row,) = await fetch("select kind, text, about_words from complaints")
    assert (row["kind"], row["text"], row["about_words"]) == ("person", "无人在岗\n第二次了", "夜班保安")
    assert len(await fetch("select 1 from evidence where about is not null")) == 1
    assert await fetch("select 1 from chat_drafts") == []


async def test_a_draft_of_yesterday_is_gone_and_its_key_says_so(carrier: BotApiServer, base: str, wang: Phone) -> None:
    async with bot_process(base):
        await wang.says("投诉")
        kinds = wang.messages()[-1]
    await execute("update chat_drafts set touched_at = touched_at - $1::interval", timedelta(hours=25))
    key = kinds.buttons[0][0].callback_data
    assert key
    async with bot_process(base):
        assert "已经完成或取消" in await wang.presses(key)
        assert "请说明" not in "\n".join(await wang.says("昨天的事"))
    assert carrier
