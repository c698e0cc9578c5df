"""Masks in any chat (屏蔽): approve or refuse what another asked for, lift, extend, and ask for one; 申请屏蔽, `/mask`.

The rule: every right, and that the second person is another one, is asked in the use case; here are words and keys.
"""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from backend.alarms.masks.card import APPROVE, ASK, LIFT, MORE, PART, REFUSE, SHOW
from backend.alarms.masks.chat_asking import ASKING, begin_asking, press_more, press_part, say
from backend.alarms.masks.model import STATE_LABELS, Mask, MaskMovedOn, MaskState, NoSuchMask
from backend.alarms.masks.queries import MaskLine, mask_for
from backend.alarms.masks.service import approve, lift, refuse
from backend.chat.model import (
    ANSWER,
    END,
    Begin,
    Command,
    Dialogue,
    Draft,
    Heard,
    Key,
    Next,
    Said,
    Saying,
    Speaker,
    Step,
    Talk,
)
from backend.core.errors import BadInput, NotAllowed
from backend.core.i18n import N_
from backend.core.ids import UnitId
from backend.people.doors import require
from backend.people.model import Right

_WHY_NOT, _WHY_LIFT = "mask-refuse", "mask-lift"
_SKIP: Final = "skip"
_FORM: Final = "%m-%d %H:%M"


async def _seen(speaker: Speaker, about: UUID | None) -> MaskLine:
    """A mask that the speaker may see, and of this group's unit in a group. Raises `NoSuchMask`."""
    line = await mask_for(speaker.person, about)
    if speaker.group_unit not in {None, line.unit}:
        raise NoSuchMask(N_("没有这条屏蔽"))
    return line


async def _show(speaker: Speaker, about: UUID | None, _: str) -> Said:
    line = await _seen(speaker, about)
    lines = [
        f"🔕 #{line.number} {line.state_word} · {line.what}",
        line.reason,
        say(speaker, N_("申请人 {name}"), name=line.asked_by),
        say(speaker, N_("批准人 {name}"), name=line.decided_by) if line.decided_by else "",
        say(speaker, N_("截止 {time}"), time=line.until_at.strftime(_FORM)),
        say(speaker, N_("其中 {count} 条报警仍未恢复"), count=line.standing) if line.standing else "",
    ]
    return Saying(lines=tuple(each for each in lines if each), keys=_keys(speaker, line))


def _keys(speaker: Speaker, line: MaskLine) -> tuple[tuple[Key, ...], ...]:
    def key(label: str, verb: str, style: str = "plain") -> Key:
        return Key(say(speaker, label), verb, line.id, "", style)

    rows: list[tuple[Key, ...]] = []
    if line.may_approve:
        rows.append((key(N_("批准"), APPROVE, "primary"), key(N_("拒绝"), REFUSE)))
    beside = ((LIFT, N_("提前解除"), line.may_lift), (MORE, N_("延长"), line.may_extend))
    rows.append(tuple(key(label, verb) for verb, label, may in beside if may))
    return tuple(row for row in rows if row)


def _stands(speaker: Speaker, mask: Mask) -> Saying:
    state = say(speaker, STATE_LABELS[mask.state])
    line = say(speaker, N_("屏蔽 #{number}：{state}"), number=mask.number, state=state)
    return Saying(lines=(f"🔕 {line}",), brief=line, keys=((Key(say(speaker, N_("查看")), SHOW, mask.id),),))


async def _approve(speaker: Speaker, about: UUID | None, _: str) -> Said:
    line = await _seen(speaker, about)
    return _stands(speaker, await approve(speaker.person, line.id, speaker.via))


def _must_be(line: MaskLine, states: Collection[MaskState]) -> None:
    """Nobody is asked for words that can't be used any more. Raises `MaskMovedOn`."""
    if line.state not in states:
        raise MaskMovedOn(N_("该屏蔽的状态已改变"))


async def _refuse(speaker: Speaker, about: UUID | None, _: str) -> Said:
    line = await _seen(speaker, about)
    require(speaker.person, Right.APPROVE_MASK, UnitId(line.unit))
    _must_be(line, {MaskState.ASKED})
    return Begin(dialogue=_WHY_NOT, answers={"mask": str(line.id), "number": line.number})


async def _lift(speaker: Speaker, about: UUID | None, _: str) -> Said:
    line = await _seen(speaker, about)
    require(speaker.person, Right.MASK, UnitId(line.unit))
    _must_be(line, {MaskState.ASKED, MaskState.ACTIVE})
    return Begin(dialogue=_WHY_LIFT, answers={"mask": str(line.id), "number": line.number})


async def _extend(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    await _seen(speaker, about)
    return await press_more(speaker, about, argument)


async def _new(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """申请屏蔽 under a list: in that unit, or where the speaker may."""
    return await begin_asking(speaker, "", about)


def _of(draft: Draft) -> UUID:
    return UUID(str(draft.answers["mask"]))


async def _ask_why_not(speaker: Speaker, draft: Draft) -> Saying:
    return Saying(lines=(say(speaker, N_("屏蔽 #{number}：为什么不批准？"), number=draft.answers["number"]),))


async def _hear_why_not(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    return Next(step=END, saying=_stands(speaker, await refuse(speaker.person, _of(draft), heard.text, speaker.via)))


async def _ask_why_lift(speaker: Speaker, draft: Draft) -> Saying:
    line = say(
        speaker, N_("屏蔽 #{number}：为什么提前解除？仍未恢复的报警会立即通知。"), number=draft.answers["number"]
    )
    skip = Key(say(speaker, N_("直接解除")), ANSWER, draft.id, _SKIP, "primary")
    return Saying(lines=(line,), keys=((skip,),))


async def _hear_why_lift(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    if not heard.text.strip():
        raise BadInput(N_("请用文字写明，或点下面的按钮"))
    return Next(step=END, saying=_stands(speaker, await lift(speaker.person, _of(draft), heard.text, speaker.via)))


async def _press_lift(speaker: Speaker, draft: Draft, _: str) -> Next:
    return Next(step=END, saying=_stands(speaker, await lift(speaker.person, _of(draft), "", speaker.via)))


async def _command(speaker: Speaker, rest: str) -> Said:
    if not speaker.person.may_anywhere(Right.MASK):
        raise NotAllowed(N_("您没有进行此操作的权限"))
    return await begin_asking(speaker, rest)


MASKS: Final = Talk(
    concept="masks",
    commands=(
        Command(
            name="mask",
            words=("申请屏蔽", "mask"),
            help=N_("申请屏蔽 2号楼 水泵：申请屏蔽部件、系统、装置或区域"),
            do=_command,
            right=Right.MASK,
        ),
    ),
    presses={
        APPROVE: _approve,
        REFUSE: _refuse,
        LIFT: _lift,
        MORE: _extend,
        SHOW: _show,
        ASK: _new,
        PART: press_part,
    },
    dialogues=(
        *ASKING,
        Dialogue(name=_WHY_NOT, steps=(Step(name="why", ask=_ask_why_not, hear=_hear_why_not),)),
        Dialogue(name=_WHY_LIFT, steps=(Step(name="why", ask=_ask_why_lift, hear=_hear_why_lift, press=_press_lift),)),
    ),
)
