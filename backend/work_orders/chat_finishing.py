"""The dialogue that finishes a work order: proof, parts, a word, and the component's own word on the wire.

The rule: it ends in `service.perform(FINISH)`, which asks for everything once more.
"""

import re
from typing import Final

from backend.chat.model import Dialogue, Draft, Heard, Next, Saying, Speaker, Step
from backend.chat.words import is_one_of
from backend.core import clock
from backend.core.clock import in_zone
from backend.core.errors import BadInput
from backend.core.i18n import N_, in_a_row
from backend.work_orders.chat_dialogues import finished, key, lacking, order_id, take_proof
from backend.work_orders.chat_words import say
from backend.work_orders.model import Act, Part, WorkOrder
from backend.work_orders.opening import checked
from backend.work_orders.queries import order_for
from backend.work_orders.service import Said, add_parts, perform
from backend.work_orders.telling import around
from backend.work_orders.testing import first_signal

FINISHING: Final = "order_done"
_SKIP: Final = "skip"
_GO_ON: Final = "go_on"
_CHECK: Final = "check"
_AGAIN: Final = "again"
#: what people write when there were none
_NO_PARTS: Final = ("没有", "没有更换", "没换", "无", "没", "none", "no", "nothing")
#: "机械密封 x2", "密封圈×3", "保险丝 2": a name and, at its end, how many
_PART: Final = re.compile(r"(?P<name>.+?)\s*(?:[x×*]\s*|\s)(?P<quantity>[0-9]{1,3})", re.IGNORECASE)


def parts_of(words: str) -> list[Part]:
    """Parts as people write them: one a line, or with commas between; without a number it is one."""
    parts = []
    for line in re.split(r"[\n,，;；、]", words):
        if not (text := line.strip()):
            continue
        found = _PART.fullmatch(text)
        parts.append(Part(name=found["name"], quantity=int(found["quantity"])) if found else Part(name=text))
    return parts


async def _ask_proof(speaker: Speaker, draft: Draft) -> Saying:
    order = await order_for(speaker.person, order_id(draft))
    missing = await lacking(speaker, order)
    line = say(speaker, N_("完成工单 {number}：请发送修复后的照片（也可发语音、位置）"), number=order.number)
    lines = (line, *([say(speaker, N_("还需要：{kinds}"), kinds=missing)] if missing else []))
    return Saying(lines=lines, keys=((key(speaker, draft, N_("下一步"), _GO_ON, style="primary"),),))


async def _hear_proof(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    count = await take_proof(speaker, order_id(draft), heard)
    if not count:
        raise BadInput(N_("请发送照片、语音或位置"))
    return Next(step="proof", saying=Saying(lines=(say(speaker, N_("已收到 {n} 件佐证"), n=count),)))


async def _press_proof(speaker: Speaker, draft: Draft, _: str) -> Next:
    order = await order_for(speaker.person, order_id(draft))
    if await lacking(speaker, order):
        raise BadInput(N_("还缺少所要求的佐证"))
    return Next(step="parts")


async def _ask_parts(speaker: Speaker, draft: Draft) -> Saying:
    line = say(speaker, N_("更换了哪些配件？例如：机械密封 x2，保险丝 x1"))
    return Saying(lines=(line,), keys=((key(speaker, draft, N_("没有更换"), _SKIP),),))


async def _hear_parts(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    if is_one_of(heard.text, _NO_PARTS):
        return Next(step="note")
    parts = parts_of(heard.text)
    await add_parts(speaker.person, order_id(draft), parts, speaker.via)
    named = in_a_row((f"{each.name} × {each.quantity}" for each in parts), speaker.language)
    return Next(step="note", saying=Saying(lines=(say(speaker, N_("已记录配件：{parts}"), parts=named),)))


async def _skip_parts(_: Speaker, __: Draft, ___: str) -> Next:
    return Next(step="note")


async def _ask_note(speaker: Speaker, draft: Draft) -> Saying:
    line = say(speaker, N_("处理结果？简单说明即可"))
    return Saying(lines=(line,), keys=((key(speaker, draft, N_("跳过"), _SKIP),),))


async def _hear_note(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    return await _after_note(speaker, draft, checked(heard.text))


async def _skip_note(speaker: Speaker, draft: Draft, _: str) -> Next:
    return await _after_note(speaker, draft, "")


async def _after_note(speaker: Speaker, draft: Draft, note: str) -> Next:
    order = await order_for(speaker.person, order_id(draft))
    if _needs_test(order):
        await perform(speaker.person, order.id, Act.EXPECT_TEST, speaker.via)
        return Next(step="test", answers={"note": note})
    return finished(speaker, await perform(speaker.person, order.id, Act.FINISH, speaker.via, Said(note=note)))


def _needs_test(order: WorkOrder) -> bool:
    return order.at is not None and order.test_signal_at is None and order.test_waived_by is None


async def _ask_test(speaker: Speaker, draft: Draft) -> Saying:
    order = await order_for(speaker.person, order_id(draft))
    zone = (await around(order)).zone
    if (signal := await first_signal(order)) is not None:
        time = in_zone(signal[0], zone).strftime("%H:%M:%S")
        line = say(speaker, N_("请触发测试，等待信号 … 已收到 {time}"), time=time)
        return Saying(lines=(line,), keys=((key(speaker, draft, N_("完成"), _CHECK, style="primary"),),))
    line = say(speaker, N_("请触发测试，等待信号…"))
    rows = [(key(speaker, draft, N_("检查信号并完成"), _CHECK, style="primary"),)]
    if order.test_until_at is not None and order.test_until_at <= clock.now():
        line = say(speaker, N_("时限内没有收到信号，请重新触发测试；无法测试时，请单位或值班台在工单中“免测”。"))
        rows = [(key(speaker, draft, N_("重新测试"), _AGAIN, style="primary"),)]
    return Saying(lines=(line,), keys=tuple(rows))


async def _press_test(speaker: Speaker, draft: Draft, argument: str) -> Next:
    order = await order_for(speaker.person, order_id(draft))
    if argument == _AGAIN:
        await perform(speaker.person, order.id, Act.EXPECT_TEST, speaker.via)
        return Next(step="test")
    if _needs_test(order) and await first_signal(order) is None:
        if order.test_until_at is not None and order.test_until_at <= clock.now():
            return Next(step="test")
        raise BadInput(N_("还没有收到该部件的信号"))
    said = Said(note=str(draft.answers.get("note", "")))
    return finished(speaker, await perform(speaker.person, order.id, Act.FINISH, speaker.via, said))


FINISHING_DIALOGUE: Final = Dialogue(
    name=FINISHING,
    steps=(
        Step(name="proof", ask=_ask_proof, hear=_hear_proof, press=_press_proof, takes_files=True),
        Step(name="parts", ask=_ask_parts, hear=_hear_parts, press=_skip_parts),
        Step(name="note", ask=_ask_note, hear=_hear_note, press=_skip_note),
        Step(name="test", ask=_ask_test, press=_press_test),
    ),
)
