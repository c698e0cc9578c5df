"""Dialogues of work orders: why, until when, to whom, with which proof. Each ends in one act of the service.

The rule: a dialogue holds the order's id and what was said, never a right; the use case asks for that at its end.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from backend.chat.model import (
    ANSWER,
    END,
    Answers,
    Begin,
    Dialogue,
    Draft,
    Heard,
    Key,
    Next,
    Saying,
    Speaker,
    Step,
    tail_of,
)
from backend.chat.model import (
    Said as Spoken,
)
from backend.chat.words import by_name
from backend.core.errors import BadInput
from backend.core.i18n import N_, in_a_row
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.evidence.model import EvidenceId
from backend.people.model import Right
from backend.registry.model import Unit
from backend.registry.queries import units_for
from backend.work_orders.chat_words import kept, say, stands
from backend.work_orders.model import (
    ACT_LABELS,
    PROOF_LABELS,
    WAIT_LABELS,
    Act,
    NoSuchOrder,
    Proof,
    WaitReason,
    WorkOrder,
)
from backend.work_orders.opening import Opening, checked, open_from_alarm, open_order
from backend.work_orders.queries import maintainers_for, order_for, under_way_of
from backend.work_orders.service import (
    NOBODY_TO_SEND,
    Said,
    Where,
    add_evidence,
    add_location,
    add_note,
    perform,
    proofs_of,
)

WHY, WAIT, TO, PROOF = "order_why", "order_wait", "order_to", "order_proof"
WHICH: Final = "order_which"
#: of an alarm; of the speaker's one unit, where what is broken is asked or told already; of one of several
FROM_ALARM, NEW_HERE, NEW_TOLD, NEW = "order_alarm", "order_here", "order_told", "order_new"
_SKIP: Final = "skip"
_DONE: Final = "done"
_DUTY: Final = "duty"
_MOST_UNITS: Final = 12


def order_id(draft: Draft) -> UUID:
    """The order that a dialogue is about."""
    return UUID(str(draft.answers["order"]))


def act_of(draft: Draft) -> Act:
    """The act that it ends in."""
    return Act(str(draft.answers["act"]))


def key(speaker: Speaker, draft: Draft, label: str, argument: str, *, style: str = "plain") -> Key:
    """One of a step's own keys."""
    return Key(say(speaker, label), ANSWER, draft.id, argument, style)


def finished(speaker: Speaker, order: WorkOrder) -> Next:
    """The last word: how the order stands."""
    return Next(step=END, saying=stands(speaker, order))


async def _ask_why(speaker: Speaker, draft: Draft) -> Saying:
    act = say(speaker, ACT_LABELS[act_of(draft)])
    return Saying(lines=(say(speaker, N_("{act}：请说明原因"), act=act),))


async def _hear_why(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    people = draft.answers.get("to", [])
    to = tuple(PersonId(UUID(each)) for each in people) if isinstance(people, list) else ()
    said = Said(reason=heard.text, to=to)
    return finished(speaker, await perform(speaker.person, order_id(draft), act_of(draft), speaker.via, said))


async def _ask_wait(speaker: Speaker, draft: Draft) -> Saying:
    keys = [key(speaker, draft, label, str(reason)) for reason, label in WAIT_LABELS.items()]
    line = say(speaker, N_("为什么挂起？等待配件、单位配合或停机窗口时计时暂停。"))
    return Saying(lines=(line,), keys=tuple((each,) for each in keys))


async def _press_wait(speaker: Speaker, draft: Draft, argument: str) -> Next:
    said = Said(wait_reason=WaitReason(argument))
    return finished(speaker, await perform(speaker.person, order_id(draft), Act.WAIT, speaker.via, said))


async def _ask_to(speaker: Speaker, draft: Draft) -> Saying:
    order = await order_for(speaker.person, order_id(draft))
    people = await maintainers_for(speaker.person, order.unit)
    if not people:
        raise BadInput(NOBODY_TO_SEND)
    keys = [(key(speaker, draft, N_("当班维保人员"), _DUTY, style="primary"),)]
    keys += [(Key(each.name, ANSWER, draft.id, tail_of(each.id)),) for each in people]
    return Saying(lines=(say(speaker, N_("派给谁？")),), keys=tuple(keys))


async def _press_to(speaker: Speaker, draft: Draft, argument: str) -> Next:
    order = await order_for(speaker.person, order_id(draft))
    people = await maintainers_for(speaker.person, order.unit)
    chosen: list[str] = []
    if argument != _DUTY:
        chosen = [str(each.id) for each in people if tail_of(each.id) == argument]
        if not chosen:
            raise BadInput(N_("请选择维保人员"))
    if act_of(draft) is Act.REASSIGN:
        return Next(step="why", answers={"to": chosen})
    to = tuple(PersonId(UUID(each)) for each in chosen)
    return finished(speaker, await perform(speaker.person, order.id, act_of(draft), speaker.via, Said(to=to)))


async def take_proof(speaker: Speaker, order: UUID, heard: Heard) -> int:
    """What a message brings becomes the order's evidence, its words a note; answers how many pieces that were."""
    pieces = await kept(speaker.person, heard)
    if pieces:
        await add_evidence(speaker.person, order, pieces, speaker.via)
    if heard.location is not None:
        at = Where(latitude=heard.location.latitude, longitude=heard.location.longitude)
        await add_location(speaker.person, order, at, speaker.via)
    if pieces and heard.text.strip():
        await add_note(speaker.person, order, heard.text, speaker.via)
    return len(pieces) + (heard.location is not None)


async def lacking(speaker: Speaker, order: WorkOrder) -> str:
    """The kinds of evidence that are asked for and not there yet, in words."""
    had = await proofs_of(order)
    missing = (say(speaker, PROOF_LABELS[each]) for each in Proof if each in order.needs and each not in had)
    return in_a_row(missing, speaker.language)


async def _ask_proof(speaker: Speaker, draft: Draft) -> Saying:
    order = await order_for(speaker.person, order_id(draft))
    lines = [say(speaker, N_("请发送照片、语音或位置，可连续发送多条，完成后按“发送完毕”。"))]
    if missing := await lacking(speaker, order):
        lines.append(say(speaker, N_("还需要：{kinds}"), kinds=missing))
    return Saying(lines=tuple(lines), keys=((key(speaker, draft, N_("发送完毕"), _DONE, style="primary"),),))


async def _hear_proof(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    count = await take_proof(speaker, order_id(draft), heard)
    if not count:
        raise BadInput(N_("请发送照片、语音或位置"))
    return Next(step="proof", saying=Saying(lines=(say(speaker, N_("已收到 {n} 件佐证"), n=count),)))


async def _press_proof(speaker: Speaker, draft: Draft, _: str) -> Next:
    return finished(speaker, await order_for(speaker.person, order_id(draft)))


async def take_loose(speaker: Speaker, heard: Heard) -> Spoken | None:
    """A photo, a voice note or a place that came alone, from somebody at work: it is of their order, or of which?"""
    orders = await under_way_of(speaker.person)
    if not orders:
        return None
    if len(orders) == 1:
        return await _taken(speaker, orders[0], heard)
    pieces = [str(each) for each in await kept(speaker.person, heard)]
    place = [] if heard.location is None else [str(heard.location.latitude), str(heard.location.longitude)]
    return Begin(dialogue=WHICH, answers={"pieces": pieces, "place": place, "words": heard.text})


async def _taken(speaker: Speaker, order: WorkOrder, heard: Heard) -> Saying:
    await take_proof(speaker, order.id, heard)
    return Saying(lines=(say(speaker, N_("已记入工单 {number}"), number=order.number),))


async def _ask_which(speaker: Speaker, draft: Draft) -> Saying:
    keys = tuple(
        (Key(f"#{each.number} {each.where or each.what}", ANSWER, draft.id, tail_of(each.id)),)
        for each in await under_way_of(speaker.person)
    )
    return Saying(lines=(say(speaker, N_("这是哪张工单的？")),), keys=keys)


async def _press_which(speaker: Speaker, draft: Draft, argument: str) -> Next:
    order = next((each for each in await under_way_of(speaker.person) if tail_of(each.id) == argument), None)
    if order is None:
        raise NoSuchOrder(N_("没有这张工单"))
    if sent := _sent(draft):
        await add_evidence(speaker.person, order.id, [EvidenceId(UUID(each)) for each in sent], speaker.via)
    place = draft.answers.get("place")
    if isinstance(place, list) and place:
        at = Where(latitude=float(place[0]), longitude=float(place[1]))
        await add_location(speaker.person, order.id, at, speaker.via)
    if sent and (words := str(draft.answers.get("words", "")).strip()):
        await add_note(speaker.person, order.id, words, speaker.via)
    return Next(step=END, saying=Saying(lines=(say(speaker, N_("已记入工单 {number}"), number=order.number),)))


async def _hear_which(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    """Of several sent at once, the others."""
    pieces = await kept(speaker.person, heard)
    if not pieces:
        raise BadInput(N_("请点下面的按钮回答，或发送“取消”。"))
    return Next(step="which", answers=_with(draft, pieces))


async def units_to_order(speaker: Speaker) -> list[Unit]:
    """The units the speaker may open an order for; in a group that is bound to one, that one."""
    found = [unit for unit in await units_for(speaker.person) if speaker.person.may(Right.ORDER, unit.id)]
    return [unit for unit in found if speaker.group_unit in {None, unit.id}]


async def _ask_unit(speaker: Speaker, draft: Draft) -> Saying:
    wanted = str(draft.answers.get("wanted", ""))
    units = [unit for unit in await units_to_order(speaker) if wanted.casefold() in unit.name.casefold()]
    keys = tuple((Key(unit.name, ANSWER, draft.id, tail_of(unit.id)),) for unit in units[:_MOST_UNITS])
    lines = [say(speaker, N_("为哪个单位报修？"))]
    if len(units) > _MOST_UNITS:
        lines.append(say(speaker, N_("单位较多，也可以发送单位名称中的几个字来查找。")))
    return Saying(lines=tuple(lines), keys=keys)


def _in_unit(unit: Unit, draft: Draft) -> Next:
    return Next(step="where" if draft.answers.get("what") else "what", answers={"unit": str(unit.id)})


async def _hear_unit(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    wanted = heard.text.strip()
    units = by_name(await units_to_order(speaker), wanted, lambda unit: unit.name)
    if not units:
        raise BadInput(N_("没有找到这个单位，请换几个字，或点下面的按钮"))
    if len(units) == 1:
        return _in_unit(units[0], draft)
    return Next(step="unit", answers={"wanted": wanted})


async def _press_unit(speaker: Speaker, draft: Draft, argument: str) -> Next:
    units = [unit for unit in await units_to_order(speaker) if tail_of(unit.id) == argument]
    if not units:
        raise BadInput(N_("请选择联网单位"))
    return _in_unit(units[0], draft)


async def _ask_what(speaker: Speaker, draft: Draft) -> Saying:
    if "alarm" not in draft.answers:
        return Saying(lines=(say(speaker, N_("请描述故障：什么设施、什么现象")),))
    line = say(speaker, N_("可补充说明故障现象，或直接报修"))
    return Saying(lines=(line,), keys=((key(speaker, draft, N_("直接报修"), _SKIP, style="primary"),),))


def _sent(draft: Draft) -> list[str]:
    """What was sent along so far."""
    before = draft.answers.get("pieces")
    return before if isinstance(before, list) else []


async def _hear_what(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    words = checked(heard.text)
    pieces = await kept(speaker.person, heard)
    if "alarm" in draft.answers and (words or pieces):
        return await _from_alarm(speaker, draft, words, pieces)
    if words:
        return Next(step="where", answers={"what": words, **_with(draft, pieces)})
    if pieces:
        line = say(speaker, N_("已收到 {n} 件佐证"), n=len(pieces))
        return Next(step="what", answers=_with(draft, pieces), saying=Saying(lines=(line,)))
    raise BadInput(N_("请写明报修内容"))


def _with(draft: Draft, pieces: Sequence[EvidenceId]) -> Answers:
    return {"pieces": [*_sent(draft), *(str(each) for each in pieces)]}


async def _press_what(speaker: Speaker, draft: Draft, _: str) -> Next:
    if "alarm" not in draft.answers:
        raise BadInput(N_("请写明报修内容"))
    return await _from_alarm(speaker, draft, "")


async def _from_alarm(speaker: Speaker, draft: Draft, words: str, pieces: Sequence[EvidenceId] = ()) -> Next:
    alarm = AlarmId(UUID(str(draft.answers["alarm"])))
    order, is_new = await open_from_alarm(speaker.person, alarm, speaker.via, words)
    if pieces:
        order = await add_evidence(speaker.person, order.id, pieces, speaker.via)
    return Next(step=END, saying=opened(speaker, order, is_new=is_new))


def opened(speaker: Speaker, order: WorkOrder, *, is_new: bool) -> Saying:
    """What is said when an order was opened, or its alarm had one: its number, how it stands, what may be done."""
    words = N_("已报修，工单号 {number}") if is_new else N_("该报警已有工单，工单号 {number}")
    after = stands(speaker, order)
    lines = (say(speaker, words, number=order.number), *after.lines)
    return Saying(lines=lines, keys=after.keys, brief=lines[0])


async def _ask_where(speaker: Speaker, draft: Draft) -> Saying:
    keys = ((key(speaker, draft, N_("跳过"), _SKIP),),)
    return Saying(lines=(say(speaker, N_("在什么位置？例如 2号楼 5层 走廊")),), keys=keys)


async def _open(speaker: Speaker, draft: Draft, where: str, pieces: Sequence[EvidenceId] = ()) -> Next:
    unit = UnitId(UUID(str(draft.answers["unit"])))
    opening = Opening(id=draft.id, unit=unit, what=str(draft.answers["what"]), where=where)
    order = await open_order(speaker.person, opening, speaker.via)
    sent = [*(EvidenceId(UUID(each)) for each in _sent(draft)), *pieces]
    if sent:
        order = await add_evidence(speaker.person, order.id, sent, speaker.via)
    return Next(step=END, saying=opened(speaker, order, is_new=True))


async def _hear_where(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    """Words, or a position; of several pictures sent at once the later ones come here, and say nothing of the place."""
    words = checked(heard.text)
    pieces = await kept(speaker.person, heard)
    if (place := heard.location) is not None and not words:
        words = f"{place.latitude:.5f}, {place.longitude:.5f}"
    if words:
        return await _open(speaker, draft, words, pieces)
    if not pieces:
        raise BadInput(N_("请说明位置，或点“跳过”"))
    line = say(speaker, N_("已收到 {n} 件佐证"), n=len(pieces))
    return Next(step="where", answers=_with(draft, pieces), saying=Saying(lines=(line,)))


async def _skip_where(speaker: Speaker, draft: Draft, _: str) -> Next:
    return await _open(speaker, draft, "")


def begun(order: UUID, act: Act) -> Answers:
    """What a dialogue about an act begins with."""
    return {"order": str(order), "act": str(act)}


_WHY_STEP: Final = Step(name="why", ask=_ask_why, hear=_hear_why)
_WHAT_STEP: Final = Step(name="what", ask=_ask_what, hear=_hear_what, press=_press_what, takes_files=True)
_WHERE_STEP: Final = Step(name="where", ask=_ask_where, hear=_hear_where, press=_skip_where, takes_files=True)
DIALOGUES: Final = (
    Dialogue(name=WHY, steps=(_WHY_STEP,)),
    Dialogue(name=WAIT, steps=(Step(name="reason", ask=_ask_wait, press=_press_wait),)),
    Dialogue(name=TO, steps=(Step(name="who", ask=_ask_to, press=_press_to), _WHY_STEP)),
    Dialogue(
        name=PROOF, steps=(Step(name="proof", ask=_ask_proof, hear=_hear_proof, press=_press_proof, takes_files=True),)
    ),
    Dialogue(
        name=WHICH,
        steps=(Step(name="which", ask=_ask_which, hear=_hear_which, press=_press_which, takes_files=True),),
    ),
    Dialogue(name=FROM_ALARM, steps=(_WHAT_STEP,)),
    Dialogue(name=NEW_HERE, steps=(_WHAT_STEP, _WHERE_STEP)),
    Dialogue(name=NEW_TOLD, steps=(_WHERE_STEP,)),
    Dialogue(
        name=NEW, steps=(Step(name="unit", ask=_ask_unit, hear=_hear_unit, press=_press_unit), _WHAT_STEP, _WHERE_STEP)
    ),
)
