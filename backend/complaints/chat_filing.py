"""Filing in a chat: about what, the words with photos and voice, and a last look; then the number and both deadlines.

The rule: three questions at the most before the last look, and whatever is sent after it is added to it.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from backend.alarms.model import NoSuchAlarm
from backend.alarms.queries import alarm_for, alarms_for
from backend.chat.model import (
    ANSWER,
    END,
    Answers,
    Begin,
    Dialogue,
    Draft,
    Heard,
    Key,
    Media,
    Next,
    Said,
    Saying,
    Speaker,
    Step,
)
from backend.chat.words import by_name
from backend.complaints.acts import cleaned
from backend.complaints.filing import Filing, file
from backend.complaints.wire import promised
from backend.core.errors import BadInput, NotAllowed
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId, PersonId, UnitId
from backend.core.vocabulary import COMPLAINT_LABELS, FEEDBACK_KINDS, ComplaintKind
from backend.evidence.model import EvidenceId
from backend.evidence.service import keep
from backend.people.doors import require
from backend.people.model import Person, Right
from backend.people.queries import colleagues
from backend.registry.queries import units_for
from backend.work_orders.model import NoSuchOrder
from backend.work_orders.queries import OrderLine, order_for, order_numbered, orders_for

COMPLAIN: Final = "complain"
FEEDBACK: Final = "feedback"
COMPLAIN_OF: Final = "complain-of"
_COMPLAINTS: Final = (ComplaintKind.ALARM, ComplaintKind.ORDER, ComplaintKind.PERSON, ComplaintKind.OTHER)
_FEEDBACKS: Final = (ComplaintKind.PRAISE, ComplaintKind.QUESTION, ComplaintKind.SUGGESTION)
_NONE: Final = "none"
_MOST_CHOICES: Final = 8
_MOST_PIECES: Final = 10
_SHORT: Final = 60
_NOT_HERE: Final = N_("投诉人员请在与我的私聊中提交：群里的人都看得到。")
_LONGEST_NUMBER: Final = 9
_WHICH: Final = {
    ComplaintKind.ALARM: N_("是哪一条报警？没有列出的可以直接写明。"),
    ComplaintKind.ORDER: N_("是哪一张工单？没有列出的可以写工单号。"),
    ComplaintKind.PERSON: N_("是哪一位？没有列出的可以直接写姓名。"),
}


async def begin_complaint(speaker: Speaker, rest: str) -> Said:
    """投诉: what is it about?"""
    return await _begin(speaker, COMPLAIN, rest)


async def begin_feedback(speaker: Speaker, rest: str) -> Said:
    """反馈: praise, a question or a suggestion?"""
    return await _begin(speaker, FEEDBACK, rest)


async def begin_of_alarm(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """投诉 under an alarm's card: what it is about is known. Raises `NoSuchAlarm`, `NotAllowed`."""
    if about is None:
        raise NoSuchAlarm(N_("没有这条报警"))
    alarm = await alarm_for(speaker.person, AlarmId(about))
    if alarm.unit is None or speaker.group_unit not in {None, alarm.unit}:
        raise NoSuchAlarm(N_("没有这条报警"))
    require(speaker.person, Right.COMPLAIN, alarm.unit)
    known: Answers = {"kind": str(ComplaintKind.ALARM), "unit": str(alarm.unit), "about": str(alarm.id)}
    name = f"#{alarm.number} {alarm.title}"
    return Begin(dialogue=COMPLAIN_OF, answers=known | {"ids": [str(alarm.id)], "names": [name]})


async def begin_of_order(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """投诉 under an order: what it is about is known. Raises `NoSuchOrder`, `NotAllowed`."""
    if about is None:
        raise NoSuchOrder(N_("没有这张工单"))
    order = await order_for(speaker.person, about)
    if speaker.group_unit not in {None, order.unit}:
        raise NoSuchOrder(N_("没有这张工单"))
    require(speaker.person, Right.COMPLAIN, order.unit)
    known: Answers = {"kind": str(ComplaintKind.ORDER), "unit": str(order.unit), "about": str(order.id)}
    name = f"#{order.number} {translate(order.what, speaker.language)}"
    return Begin(dialogue=COMPLAIN_OF, answers=known | {"ids": [str(order.id)], "names": [name]})


async def _begin(speaker: Speaker, dialogue: str, rest: str) -> Begin:
    units = await units_of(speaker)
    if not units:
        raise NotAllowed(N_("只有联网单位的人员可以提交投诉或反馈"))
    rest = cleaned(rest)
    answers: Answers = {"unit": str(units[0][0])} if len(units) == 1 else {}
    return Begin(dialogue=dialogue, answers=answers | ({"text": rest} if rest else {}))


async def units_of(speaker: Speaker) -> list[tuple[UnitId, str]]:
    """The units the speaker may complain for; in a group that is bound to one, that one."""
    found = [
        (UnitId(unit.id), unit.name)
        for unit in await units_for(speaker.person)
        if speaker.person.may(Right.COMPLAIN, unit.id)
    ]
    return [each for each in found if speaker.group_unit in {None, each[0]}]


def _word(speaker: Speaker, message: str, **values: object) -> str:
    return translate(message, speaker.language, **values)


def _key(speaker: Speaker, draft: Draft, label: str, argument: str, style: str = "plain") -> Key:
    return Key(_word(speaker, label), ANSWER, draft.id, argument, style)


# -- what kind ---------------------------------------------------------------------------------------------------------


async def _ask_kind(speaker: Speaker, draft: Draft) -> Saying:
    is_complaint = draft.dialogue == COMPLAIN
    kinds = [each for each in (_COMPLAINTS if is_complaint else _FEEDBACKS) if _is_for(speaker, each)]
    keys = [_key(speaker, draft, COMPLAINT_LABELS[kind], str(kind)) for kind in kinds]
    lines = [_word(speaker, N_("要投诉什么？") if is_complaint else N_("您想反馈什么？"))]
    if is_complaint and speaker.is_group:
        lines.append(_word(speaker, _NOT_HERE))
    return Saying(lines=tuple(lines), keys=tuple(map(tuple, _rows(keys))))


def _is_for(speaker: Speaker, kind: ComplaintKind) -> bool:
    """Whom a complaint is about may well be in the group: of a person it is written in a private chat."""
    return kind is not ComplaintKind.PERSON or not speaker.is_group


def _rows(keys: Sequence[Key]) -> list[Sequence[Key]]:
    return [keys[at : at + 2] for at in range(0, len(keys), 2)]


async def _kind(speaker: Speaker, draft: Draft, argument: str) -> Next:
    if argument not in set(ComplaintKind):
        raise BadInput(N_("没有找到"))
    if not _is_for(speaker, ComplaintKind(argument)):
        raise NotAllowed(_NOT_HERE)
    answers: Answers = {"kind": argument}
    if "unit" in draft.answers:
        return await _which(speaker, {**draft.answers, **answers})
    units = await units_of(speaker)
    return Next(step="unit", answers=answers | _choices([(str(unit), name) for unit, name in units]))


def _choices(pairs: Sequence[tuple[str, str]]) -> Answers:
    """What a step offers, so that its keys are few octets and mean the same when they are pressed."""
    shown = pairs[:_MOST_CHOICES]
    return {"ids": [each for each, _ in shown], "names": [name for _, name in shown]}


def _chosen(draft: Draft, argument: str) -> str:
    ids = draft.answers.get("ids")
    if not isinstance(ids, list) or not argument.isdecimal() or int(argument) >= len(ids):
        raise BadInput(N_("没有找到"))
    return ids[int(argument)]


def _offered(speaker: Speaker, draft: Draft) -> list[tuple[Key, ...]]:
    names = draft.answers.get("names")
    listed = names if isinstance(names, list) else []
    return [(_key(speaker, draft, name[:_SHORT], str(at)),) for at, name in enumerate(listed)]


# -- of which unit -----------------------------------------------------------------------------------------------------


async def _ask_unit(speaker: Speaker, draft: Draft) -> Saying:
    lines, keys = [_word(speaker, N_("是哪个联网单位的？"))], _offered(speaker, draft)
    if len(await units_of(speaker)) > len(keys):
        lines.append(_word(speaker, N_("只列出前 {count} 个，也可以直接写单位名称。"), count=len(keys)))
    return Saying(lines=tuple(lines), keys=tuple(keys))


async def _hear_unit(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    """A unit by its name, or by a part of it that one alone has; of several one is to be chosen."""
    found = by_name(await units_of(speaker), heard.text, lambda each: each[1])
    if len(found) == 1:
        return await _which(speaker, {**draft.answers, "unit": str(found[0][0])})
    if not found:
        raise BadInput(N_("没有这个单位，请写单位名称，或点下面的按钮"))
    return Next(step="unit", answers=_choices([(str(unit), name) for unit, name in found]))


async def _unit(speaker: Speaker, draft: Draft, argument: str) -> Next:
    return await _which(speaker, {**draft.answers, "unit": _chosen(draft, argument)})


# -- about which -------------------------------------------------------------------------------------------------------


async def _which(speaker: Speaker, answers: Answers) -> Next:
    """The next step after kind and unit: which one, where that can be told; else the words."""
    kind, unit = ComplaintKind(str(answers["kind"])), UnitId(UUID(str(answers["unit"])))
    if kind in _WHICH:
        return Next(step="which", answers=answers | _choices(await _things(speaker.person, kind, unit)))
    return _to_words(answers)


async def _things(person: Person, kind: ComplaintKind, unit: UnitId) -> list[tuple[str, str]]:
    if kind is ComplaintKind.ALARM:
        alarms = [each for each in await alarms_for(person, "recent", 50) if each.unit == unit]
        return [(str(each.id), f"#{each.number} {each.title}") for each in alarms]
    if kind is ComplaintKind.ORDER:
        return [(str(each.id), _order_words(each)) for each in await _recent_orders(person, unit)]
    if kind is ComplaintKind.PERSON:
        return [(str(each.id), each.name) for each in await colleagues(unit) if each.id != person.id]
    return []


async def _recent_orders(person: Person, unit: UnitId) -> list[OrderLine]:
    """Those under way first, then those that ended last."""
    under_way = await orders_for(person, "open", unit=unit, limit=_MOST_CHOICES)
    ended = await orders_for(person, "ended", unit=unit, limit=_MOST_CHOICES)
    latest = sorted(under_way, key=lambda each: each.opened_at, reverse=True)
    return [*latest, *ended][:_MOST_CHOICES]


def _order_words(order: OrderLine) -> str:
    return f"#{order.number} {order.what} · {order.state_word}"


async def _numbered(person: Person, unit: UnitId, text: str) -> Answers | None:
    """An order that is named by its number. None: these words are no number. Raises `NoSuchOrder`."""
    number = text.strip().removeprefix("#").strip()
    if not number.isdecimal() or not number.isascii() or len(number) > _LONGEST_NUMBER:
        return None
    order = await order_numbered(person, int(number))
    if order.unit != unit:
        raise NoSuchOrder(N_("没有这张工单"))
    name = f"#{order.number} {translate(order.what, person.language)}"
    return {"ids": [str(order.id)], "names": [name], "about": str(order.id)}


def _to_words(answers: Answers) -> Next:
    return Next(step="sure" if answers.get("text") else "words", answers=answers)


async def _ask_which(speaker: Speaker, draft: Draft) -> Saying:
    kind = ComplaintKind(str(draft.answers["kind"]))
    keys = [*_offered(speaker, draft), (_key(speaker, draft, N_("不指明"), _NONE),)]
    return Saying(lines=(_word(speaker, _WHICH[kind]),), keys=tuple(keys))


async def _press_which(_: Speaker, draft: Draft, argument: str) -> Next:
    if argument == _NONE:
        return _to_words(draft.answers)
    return _to_words({**draft.answers, "about": _chosen(draft, argument)})


async def _hear_which(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    if not heard.text.strip():
        raise BadInput(N_("请用文字写明，或点下面的按钮"))
    if draft.answers["kind"] == ComplaintKind.ORDER:
        unit = UnitId(UUID(str(draft.answers["unit"])))
        if (named := await _numbered(speaker.person, unit, heard.text)) is not None:
            return _to_words({**draft.answers, **named})
    return _to_words({**draft.answers, "about_words": heard.text.strip()[:100]})


# -- the words, and the last look --------------------------------------------------------------------------------------


async def _ask_words(speaker: Speaker, _: Draft) -> Saying:
    return Saying(lines=(_word(speaker, N_("请说明情况：可以发文字、照片或语音。")),))


async def _hear_words(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    """Words are added to words, pieces to pieces."""
    had = draft.answers.get("evidence")
    pieces = [*(had if isinstance(had, list) else []), *await kept(speaker, heard.media)]
    if len(pieces) > _MOST_PIECES:
        raise BadInput(N_("最多附 10 个文件"))
    text = "\n".join(each for each in (str(draft.answers.get("text", "")), heard.text.strip()) if each)
    text = cleaned(text)
    if not text and not pieces:
        raise BadInput(N_("请发送文字、照片或语音"))
    return Next(step="sure", answers={"text": text, "evidence": pieces})


async def kept(speaker: Speaker, media: Sequence[Media]) -> list[str]:
    """What came with a message, kept; the ids of its pieces."""
    return [str(await keep(speaker.person, each.kind, each.name, await each.fetch())) for each in media]


def chat_of(speaker: Speaker) -> str:
    """The private chat somebody writes in; nothing of a group."""
    return "" if speaker.is_group else speaker.chat


def pieces_of(answers: Answers) -> tuple[EvidenceId, ...]:
    """The pieces of a draft."""
    had = answers.get("evidence")
    return tuple(EvidenceId(UUID(each)) for each in (had if isinstance(had, list) else []))


async def _ask_sure(speaker: Speaker, draft: Draft) -> Saying:
    answers = draft.answers
    kind = ComplaintKind(str(answers["kind"]))
    pieces = len(pieces_of(answers))
    lines = [
        f"📮 {_word(speaker, COMPLAINT_LABELS[kind])}{_about_line(answers)}",
        str(answers.get("text", "")),
        _word(speaker, N_("附件 {count} 个"), count=pieces) if pieces else "",
        _word(speaker, N_("确认提交？提交前还可以继续补充文字、照片或语音。")),
    ]
    keys = ((_key(speaker, draft, N_("提交"), "yes", "primary"),),)
    return Saying(lines=tuple(each for each in lines if each), keys=keys)


def _about_line(answers: Answers) -> str:
    if answers.get("about_words"):
        return f" · {answers['about_words']}"
    ids, names = answers.get("ids"), answers.get("names")
    if isinstance(ids, list) and isinstance(names, list) and answers.get("about") in ids:
        return f" · {names[ids.index(str(answers['about']))]}"
    return ""


async def _sure(speaker: Speaker, draft: Draft, _: str) -> Next:
    complaint = await file(speaker.person, _filing(speaker, draft), speaker.via, pieces_of(draft.answers))
    language = speaker.language
    lines = [promised(complaint, language)]
    if complaint.kind not in FEEDBACK_KINDS:
        here = N_("答复会发到这里；超过时限会记录并告知质量负责人。")
        apart = N_("答复会发到您与机器人的私聊；超过时限会记录并告知质量负责人。")
        lines.append(_word(speaker, apart if speaker.is_group else here))
    keys = ((Key(_word(speaker, N_("查看")), "c-show", complaint.id),),)
    return Next(step=END, saying=Saying(lines=tuple(lines), keys=() if speaker.is_group else keys))


def _filing(speaker: Speaker, draft: Draft) -> Filing:
    """Of one draft comes one complaint, however often it is sent."""
    answers = draft.answers
    kind = ComplaintKind(str(answers["kind"]))
    about = UUID(str(answers["about"])) if answers.get("about") else None
    is_person = kind is ComplaintKind.PERSON and about is not None
    return Filing(
        id=draft.id,
        unit=UnitId(UUID(str(answers["unit"]))),
        kind=kind,
        text=str(answers.get("text") or _word(speaker, N_("（见附件）"))),
        about=AlarmId(about) if about is not None and not is_person else None,
        about_person=PersonId(about) if about is not None and is_person else None,
        about_words=str(answers.get("about_words", "")),
        chat=chat_of(speaker),
    )


_UNIT: Final = Step(name="unit", ask=_ask_unit, hear=_hear_unit, press=_unit)
_WORDS: Final = Step(name="words", ask=_ask_words, hear=_hear_words, takes_files=True)
_SURE: Final = Step(name="sure", ask=_ask_sure, hear=_hear_words, press=_sure, takes_files=True)
_KIND: Final = Step(name="kind", ask=_ask_kind, press=_kind)
_WHICH_STEP: Final = Step(name="which", ask=_ask_which, hear=_hear_which, press=_press_which)
FILING: Final = (
    Dialogue(name=COMPLAIN, steps=(_KIND, _UNIT, _WHICH_STEP, _WORDS, _SURE)),
    Dialogue(name=FEEDBACK, steps=(_KIND, _UNIT, _WORDS, _SURE)),
    Dialogue(name=COMPLAIN_OF, steps=(_WORDS, _SURE)),
)
