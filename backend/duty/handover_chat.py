"""Handing a shift over in a chat: `/handover` 交接班 shows what stands, takes notes and both signatures; 值班日志.

The rule: a key's `about` is a unit before a handover is begun, then the handover's id; rights are the use cases'.
"""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from backend.chat.model import (
    ANSWER,
    END,
    Answers,
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
    tail_of,
)
from backend.core.clock import in_zone
from backend.core.errors import NotAllowed, NotFound
from backend.core.i18n import N_, translate
from backend.core.ids import UnitId
from backend.duty.handovers import add_note, amend, begin, cancel, refuse, sign, take
from backend.duty.log import LogLine, log, log_for
from backend.duty.model import Content, LogKind, must_say
from backend.duty.queries import HandoverLine, duty_units, handover_for, open_handover_for
from backend.people.model import Right

_MOST_KEYS: Final = 12
_MOST_LINES: Final = 6
_MOST_LOG: Final = 10
_ICONS: Final = {"alarms": "🔥", "masks": "🔕", "orders": "🧰", "breaches": "⏱", "devices": "📡"}
_FORM: Final = "%m-%d %H:%M"


async def handover(speaker: Speaker, words: str) -> Said:
    """交接班: the one that is open where the person keeps duty, or a key to begin one."""
    places = await duty_units(speaker.person, Right.DUTY)
    if speaker.group_unit is not None:
        places = [each for each in places if each[0] == speaker.group_unit]
    if words.strip():
        found = [each for each in places if words.strip().casefold() in each[1].casefold()]
        if places and not found:
            raise NotFound(N_("没有找到这个单位，请换几个字"))
        places = found
    if not places:
        raise NotFound(N_("没有您可以交接班的地点"))
    if len(places) == 1:
        return await _place(speaker, *places[0])
    keys = [Key(name, "ho" if unit else "ho-desk", unit) for unit, name in places[:_MOST_KEYS]]
    more = (_say(speaker, N_("其他单位请发送“交接班 单位名称”。")),) if len(places) > _MOST_KEYS else ()
    return Saying(lines=(_say(speaker, N_("哪里的交接班？")), *more), keys=tuple((key,) for key in keys))


def _say(speaker: Speaker, sentence: str, **values: object) -> str:
    return translate(sentence, speaker.language, **values)


async def _place(speaker: Speaker, unit: UnitId | None, name: str) -> Saying:
    line = await open_handover_for(speaker.person, unit)
    if line is not None:
        return await show(speaker, line.id)
    key = Key(_say(speaker, N_("开始交班")), "ho-begin" if unit else "ho-dbegin", unit, style="primary")
    return Saying(lines=(_say(speaker, N_("{name}：没有未完成的交接班"), name=name),), keys=((key,),))


async def _seen(speaker: Speaker, handover_id: UUID) -> tuple[HandoverLine, Content]:
    """A handover that the speaker may see here. Raises `NotFound`."""
    line, content = await handover_for(speaker.person, handover_id)
    if speaker.group_unit is not None and line.unit != speaker.group_unit:
        raise NotFound(N_("没有这个交接班"))
    return line, content


async def show(speaker: Speaker, handover_id: UUID, first: str = "") -> Saying:
    """A handover with what it says, and the keys its reader may press."""
    line, content = await _seen(speaker, handover_id)
    lines = [first] if first else []
    return Saying(lines=(*lines, *_lines(speaker, line, content)), keys=tuple(_keys(speaker, line)))


def _lines(speaker: Speaker, line: HandoverLine, content: Content) -> Iterator[str]:
    def word(label: str, value: str) -> str:
        return f"{_say(speaker, label)} {value}"

    yield f"🔁 {_say(speaker, N_('交接班'))} #{line.number} · {line.unit_name} · {line.state_word}"
    yield word(N_("交班人"), line.outgoing) + (f" · {word(N_('接班人'), line.decided_by)}" if line.decided_by else "")
    since, until = (in_zone(each, content.timezone).strftime(_FORM) for each in (content.from_at, content.at))
    yield f"{since} – {until}"
    if line.why:
        yield word(N_("原因"), line.why)
    if content.notes:
        yield word(N_("备注"), content.notes)
    for section in content.sections:
        yield f"{_ICONS.get(section.name, '·')} {_say(speaker, section.label)} {section.count}"
        for each in section.lines[:_MOST_LINES]:
            at = f" {in_zone(each.at, content.timezone).strftime(_FORM)}" if each.at else ""
            yield f"　{each.text}{at}"
        if section.count > _MOST_LINES and section.lines:
            yield "　" + _say(speaker, N_("另有 {count} 条，请在页面查看"), count=section.count - _MOST_LINES)
    if line.sha256:
        yield f"SHA-256 {line.sha256[:16]}…"


def _keys(speaker: Speaker, line: HandoverLine) -> Iterator[tuple[Key, ...]]:
    def key(label: str, verb: str, argument: str = "", style: str = "plain") -> Key:
        return Key(_say(speaker, label), verb, line.id, argument, style)

    if line.may_sign:
        yield key(N_("写备注"), "ho-note"), key(N_("签字交班"), "ho-sign", style="primary")
    if line.may_take:
        yield (key(N_("签字接班"), "ho-take", line.sha256[:10], "primary"),)
        yield (key(N_("不接班，说明原因"), "ho-refuse", style="danger"),)
    if line.may_amend:
        yield (key(N_("修改后重新交班"), "ho-amend", style="primary"),)
    if line.may_cancel:
        yield (key(N_("作废"), "ho-cancel", style="danger"),)


def _id(about: UUID | None) -> UUID:
    if about is None:
        raise NotFound(N_("没有这个交接班"))
    return about


async def _press_place(speaker: Speaker, about: UUID | None, _: str) -> Said:
    unit = UnitId(about) if about else None
    places = dict(await duty_units(speaker.person, Right.DUTY))
    if unit not in places or speaker.group_unit not in {None, unit}:
        raise NotFound(N_("没有您可以交接班的地点"))
    return await _place(speaker, unit, places[unit])


async def _press_begin(speaker: Speaker, about: UUID | None, _: str) -> Said:
    if speaker.group_unit not in {None, about}:
        raise NotFound(N_("没有您可以交接班的地点"))
    begun = await begin(speaker.person, UnitId(about) if about else None, speaker.via)
    return await show(speaker, begun.id)


async def _press_show(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await show(speaker, _id(about))


async def _press_note(speaker: Speaker, about: UUID | None, _: str) -> Said:
    line, _content = await _seen(speaker, _id(about))
    return Begin(dialogue="handover_note", answers={"handover": str(line.id)})


async def _press_sign(speaker: Speaker, about: UUID | None, _: str) -> Said:
    await _seen(speaker, _id(about))
    signed = await sign(speaker.person, _id(about), speaker.via)
    return await show(speaker, signed.id, _say(speaker, N_("已签字，等待接班人签字")))


async def _press_take(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    """The key carries the beginning of the digest that its reader saw; if that is another now, they must read anew."""
    line, _ = await _seen(speaker, _id(about))
    seen = line.sha256 if not argument or line.sha256.startswith(argument) else argument
    taken = await take(speaker.person, line.id, speaker.via, sha256=seen)
    return await show(speaker, taken.id, _say(speaker, N_("已接班")))


async def _press_refuse(speaker: Speaker, about: UUID | None, _: str) -> Said:
    line, _content = await _seen(speaker, _id(about))
    return Begin(dialogue="handover_refusal", answers={"handover": str(line.id)})


async def _press_amend(speaker: Speaker, about: UUID | None, _: str) -> Said:
    await _seen(speaker, _id(about))
    return await show(speaker, (await amend(speaker.person, _id(about), speaker.via)).id)


async def _press_cancel(speaker: Speaker, about: UUID | None, _: str) -> Said:
    await _seen(speaker, _id(about))
    cancelled = await cancel(speaker.person, _id(about), speaker.via)
    return await show(speaker, cancelled.id, _say(speaker, N_("已作废")))


def _of(answers: Answers) -> UUID:
    return UUID(str(answers["handover"]))


async def _ask_note(speaker: Speaker, draft: Draft) -> Saying:
    line, _ = await handover_for(speaker.person, _of(draft.answers))
    lines = [_say(speaker, N_("请写备注：下一班还需要知道什么？"))]
    if line.notes:
        lines.append(_say(speaker, N_("现有备注：{notes}"), notes=line.notes))
        lines.append(_say(speaker, N_("（新的内容会加在后面；改写请在页面上进行）")))
    return Saying(lines=tuple(lines))


async def _hear_note(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    noted = await add_note(speaker.person, _of(draft.answers), heard.text, speaker.via)
    return Next(step=END, saying=await show(speaker, noted.id, _say(speaker, N_("已保存备注"))))


async def _ask_why(speaker: Speaker, _: Draft) -> Saying:
    return Saying(lines=(_say(speaker, N_("请写明不接班的原因")),))


async def _hear_why(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    refused = await refuse(speaker.person, _of(draft.answers), heard.text, speaker.via)
    return Next(step=END, saying=await show(speaker, refused.id, _say(speaker, N_("已告知交班人"))))


async def duty_log(speaker: Speaker, words: str) -> Said:
    """值班日志: with words they are written down, in the one place or at the desk, else where the person says."""
    if not words.strip():
        is_one = speaker.group_unit is not None
        return await _last_lines(speaker, N_("值班日志"), unit=speaker.group_unit, is_one=is_one)
    places = await duty_units(speaker.person, Right.DUTY)
    if speaker.group_unit is not None:
        places = [each for each in places if each[0] == speaker.group_unit]
    if not places:
        raise NotAllowed(N_("您没有进行此操作的权限"))
    if len(places) > 1 and places[0][0] is not None:
        must_say(words, N_("请写下要记录的内容"))
        return Begin(dialogue="duty_log", answers={"text": words})
    return await _written(speaker, *places[0], words)


async def _written(speaker: Speaker, unit: UnitId | None, name: str, words: str) -> Saying:
    await log(speaker.person, unit, words, speaker.via)
    return await _last_lines(speaker, N_("已记入值班日志 · {name}"), unit=unit, is_one=True, name=name)


async def _last_lines(speaker: Speaker, title: str, *, unit: UnitId | None, is_one: bool, **values: object) -> Saying:
    """The newest lines of one place, or of all of them: then each says where, and what it is about."""
    lines = await log_for(speaker.person, unit, is_one=is_one, limit=_MOST_LOG)
    has_one = is_one or len({each.unit for each in lines}) == 1
    said = [_log_line(each, has_one=has_one) for each in lines]
    return Saying(lines=(_say(speaker, title, **values), *said) if said else (_say(speaker, N_("还没有记录")),))


def _log_line(line: LogLine, *, has_one: bool) -> str:
    what = () if line.kind == LogKind.NOTE else (line.kind_word,)
    where = () if has_one else (line.unit_name,)
    return " ".join(filter(None, (line.at.strftime(_FORM), *where, line.person, *what, line.text)))


async def _ask_place(speaker: Speaker, draft: Draft) -> Saying:
    places = await duty_units(speaker.person, Right.DUTY)
    keys = tuple((Key(name, ANSWER, draft.id, _tail(unit)),) for unit, name in places)
    return Saying(lines=(_say(speaker, N_("记到哪里？")),), keys=keys)


async def _press_log(speaker: Speaker, draft: Draft, argument: str) -> Next:
    for unit, name in await duty_units(speaker.person, Right.DUTY):
        if _tail(unit) == argument:
            saying = await _written(speaker, unit, name, str(draft.answers["text"]))
            return Next(step=END, saying=saying)
    raise NotFound(N_("没有找到"))


def _tail(unit: UnitId | None) -> str:
    return tail_of(unit) if unit else ""


HANDOVER_TALK: Final = Talk(
    concept="handover",
    commands=(
        Command(
            name="handover",
            words=("交接班", "交班", "接班", "handover"),
            help=N_("交接班：未关闭的报警、屏蔽、超时与离线，双方签字"),
            do=handover,
            right=Right.DUTY,
        ),
        Command(
            name="dutylog",
            words=("值班日志", "记事", "log"),
            help=N_("值班日志 内容：记一笔；不写内容则查看"),
            do=duty_log,
            right=Right.DUTY,
        ),
    ),
    presses={
        "ho": _press_place,
        "ho-desk": _press_place,
        "ho-begin": _press_begin,
        "ho-dbegin": _press_begin,
        "ho-show": _press_show,
        "ho-note": _press_note,
        "ho-sign": _press_sign,
        "ho-take": _press_take,
        "ho-refuse": _press_refuse,
        "ho-amend": _press_amend,
        "ho-cancel": _press_cancel,
    },
    dialogues=(
        Dialogue(name="handover_note", steps=(Step(name="words", ask=_ask_note, hear=_hear_note),)),
        Dialogue(name="handover_refusal", steps=(Step(name="why", ask=_ask_why, hear=_hear_why),)),
        Dialogue(name="duty_log", steps=(Step(name="place", ask=_ask_place, press=_press_log),)),
    ),
)
