"""查岗 in a chat: who may asks with a time limit, whoever is on duty answers with one key."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from backend.chat.model import Command, Key, Said, Saying, Speaker, Talk
from backend.core.errors import NotFound
from backend.core.i18n import N_, in_a_row, translate
from backend.core.ids import UnitId
from backend.duty.checks import answer, ask, withdraw
from backend.duty.model import CHECK_MINUTES, CheckState
from backend.duty.queries import CheckLine, check_for, checks_for, duty_units
from backend.people.model import Right

_MOST_KEYS: Final = 12
_MOST_LINES: Final = 5
_A_ROW: Final = 2  #: four in a row break their words on a phone
_DEFAULT_MINUTES: Final = 10
_ICONS: Final = {CheckState.ASKED: "⏳", CheckState.ANSWERED: "✅", CheckState.MISSED: "❗", CheckState.WITHDRAWN: "▫️"}


def _say(speaker: Speaker, sentence: str, **values: object) -> str:
    return translate(sentence, speaker.language, **values)


async def duty_check(speaker: Speaker, words: str) -> Said:
    """查岗: where, and within how many minutes; the last ones below. Somebody on duty sees what waits for them."""
    places = await duty_units(speaker.person, Right.CHECK_DUTY)
    if speaker.group_unit is not None:
        places = [each for each in places if each[0] == speaker.group_unit]
    if words.strip():
        places = _called(places, words)
    if len(places) == 1:
        return await _ways(speaker, *places[0])
    last = await checks_for(speaker.person, unit=speaker.group_unit, limit=_MOST_LINES)
    if not places and not last:
        return Saying(lines=(_say(speaker, N_("没有等待您答复的查岗。")),))
    keys = tuple((Key(name, "dc-unit", unit),) for unit, name in places[:_MOST_KEYS])
    waiting = tuple(row for each in last for row in _keys(speaker, each))
    question = N_("查哪个单位的岗？") if places else N_("查岗")
    more = (_say(speaker, N_("其他单位请发送“查岗 单位名称”。")),) if len(places) > _MOST_KEYS else ()
    lines = (_say(speaker, question), *more, *(_line(speaker, each) for each in last))
    return Saying(lines=lines, keys=(*waiting, *keys))


def _called(places: list[tuple[UnitId | None, str]], words: str) -> list[tuple[UnitId | None, str]]:
    """Those of the places whose name has these words. Raises `NotFound` when none has."""
    found = [each for each in places if words.strip().casefold() in each[1].casefold()]
    if places and not found:
        raise NotFound(N_("没有找到这个单位，请换几个字"))
    return found


async def _ways(speaker: Speaker, unit: UnitId | None, name: str) -> Saying:
    """The time limits to choose from, and the unit's last checks."""
    last = await checks_for(speaker.person, unit=unit, limit=_MOST_LINES)
    keys = tuple(
        Key(_say(speaker, N_("{n} 分钟"), n=minutes), "dc-ask", unit, str(minutes)) for minutes in CHECK_MINUTES
    )
    waiting = tuple(row for each in last for row in _keys(speaker, each))
    return Saying(
        lines=(_say(speaker, N_("查岗 · {name}：请选择答复时限"), name=name), *(_line(speaker, each) for each in last)),
        keys=(*waiting, *(keys[at : at + _A_ROW] for at in range(0, len(keys), _A_ROW))),
    )


def _line(speaker: Speaker, check: CheckLine) -> str:
    parts = [
        f"{_ICONS[check.state]} #{check.number} {check.unit_name}",
        check.state_word,
        in_a_row(check.people, speaker.language),
    ]
    if check.state is CheckState.ASKED:
        parts.append(_say(speaker, N_("时限 {time}"), time=check.until_at.strftime("%H:%M:%S")))
    else:
        parts.append(check.asked_at.strftime("%m-%d %H:%M"))
    if check.answered_at:
        label = N_("迟到的答复") if check.is_late else N_("答复")
        parts.append(f"{_say(speaker, label)} {check.answered_by} {check.answered_at.strftime('%H:%M:%S')}")
    return " · ".join(parts)


def _keys(speaker: Speaker, check: CheckLine) -> tuple[tuple[Key, ...], ...]:
    """What the reader may do with one that waits."""
    keys = []
    if check.may_answer:
        keys.append(Key(_say(speaker, N_("我在岗")), "dc-here", check.id, style="primary"))
    if check.may_withdraw:
        keys.append(Key(f"{_say(speaker, N_('撤回'))} #{check.number}", "dc-undo", check.id))
    return (tuple(keys),) if keys else ()


def _id(about: UUID | None) -> UUID:
    if about is None:
        raise NotFound(N_("没有这次查岗"))
    return about


async def _press_unit(speaker: Speaker, about: UUID | None, _: str) -> Said:
    unit = UnitId(_id(about))
    places = dict(await duty_units(speaker.person, Right.CHECK_DUTY))
    if speaker.group_unit not in {None, unit} or unit not in places:
        raise NotFound(N_("没有找到"))
    return await _ways(speaker, unit, places[unit])


async def _press_ask(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    minutes = int(argument) if argument.isascii() and argument.isdecimal() else _DEFAULT_MINUTES
    if speaker.group_unit not in {None, about}:
        raise NotFound(N_("没有找到"))
    check = await ask(speaker.person, UnitId(_id(about)), timedelta(minutes=minutes), "", speaker.via)
    return await _one(speaker, check.id)


async def _press_here(speaker: Speaker, about: UUID | None, _: str) -> Said:
    check = await answer(speaker.person, _id(about), speaker.via)
    saying = await _one(speaker, check.id)
    brief = N_("已超过时限，记为迟到的答复") if check.is_late else N_("已答复在岗")
    return Saying(lines=saying.lines, keys=saying.keys, brief=_say(speaker, brief), is_alert=check.is_late)


async def _press_withdraw(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await _one(speaker, (await withdraw(speaker.person, _id(about), speaker.via)).id)


async def _one(speaker: Speaker, check_id: UUID) -> Saying:
    """How one check stands, for whoever just did something with it."""
    check = await check_for(speaker.person, check_id)
    if check is None:
        raise NotFound(N_("没有这次查岗"))
    return Saying(lines=(_line(speaker, check),), keys=_keys(speaker, check))


CHECK_TALK: Final = Talk(
    concept="duty_check",
    commands=(
        Command(
            name="dutycheck",
            words=("查岗", "duty check"),
            help=N_("查岗：询问当班人员是否在岗，限时答复"),
            do=duty_check,
            right=Right.CHECK_DUTY,
        ),
    ),
    presses={
        "dc-unit": _press_unit,
        "dc-ask": _press_ask,
        "dc-here": _press_here,
        "dc-undo": _press_withdraw,
    },
)
