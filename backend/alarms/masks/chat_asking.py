"""Asking for a mask in a chat: of which unit, what, why, until when, and a last look; and to extend one.

The rule: what may be masked is picked by words among what the person sees; the use case asks for every right.
"""

import zlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.masks.locating import locate
from backend.alarms.masks.model import MASK_POLICY, Mask, MaskState, Scope, ScopeKind, check_until
from backend.alarms.masks.queries import choices_for, mask_for
from backend.alarms.masks.service import ask, clean_reason, extend
from backend.alarms.masks.until_words import until_of
from backend.alarms.status_keys import part_of
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
    Said,
    Saying,
    Speaker,
    Step,
    tail_of,
)
from backend.chat.words import worded
from backend.core import clock
from backend.core.clock import in_zone
from backend.core.errors import BadInput, NotFound
from backend.core.i18n import N_, translate
from backend.core.ids import DeviceId, UnitId
from backend.monitoring.place_search import Spot, SpotKind, find_places, units_named
from backend.monitoring.place_words import all_in, name_of, words
from backend.people.doors import require
from backend.people.model import Person, Right
from backend.registry.model import Unit
from backend.registry.queries import units_for

ASK, ASK_HERE, ASK_OF, MORE = "mask", "mask-here", "mask-of", "mask-more"
_MOST: Final = 12
_LONGEST_LABEL: Final = 60
_SURE: Final = "sure"
_FORM: Final = "%m-%d %H:%M"
#: hours that a key offers; a mask over fire points may not last longer than its policy says
_HOURS: Final = (1, 4, 8, 24, 72, 168)
_A_ROW: Final = 3
_HOURS_A_DAY: Final = 24
_PICKED: Final = frozenset({SpotKind.SYSTEM, SpotKind.COMPONENT})
_CHOSEN: Final = frozenset({ScopeKind.ZONE, ScopeKind.DEVICE})
_decode = msgspec.json.Decoder(Scope).decode
_encode = msgspec.json.Encoder().encode


def say(speaker: Speaker, message: str, **values: object) -> str:
    """A sentence in the speaker's language."""
    return translate(message, speaker.language, **values)


async def begin_asking(speaker: Speaker, rest: str, unit: UUID | None = None) -> Said:
    """申请屏蔽: what shall be masked? Words that came along are looked for at once. `unit`: that one alone.

    Raises `NotFound` for who may mask nothing, there or anywhere.
    """
    units = [each for each in await _units(speaker) if unit is None or each.id == unit]
    if not units:
        raise NotFound(N_("没有您可以申请屏蔽的联网单位"))
    if len(units) > 1:
        return Begin(dialogue=ASK, answers=_text(rest))
    here: Answers = {"unit": str(units[0].id)}
    return Begin(dialogue=ASK_HERE, answers=here | (await _offer(speaker.person, UnitId(units[0].id), rest)))


async def press_part(speaker: Speaker, about: UUID | None, argument: str) -> Said:
    """屏蔽 under a component: what is known. Raises `NotFound`, `NotAllowed`."""
    part = part_of(argument)
    if about is None or not part.component:
        raise NotFound(N_("没有找到"))
    scope = Scope(
        kind=ScopeKind.COMPONENT,
        device=DeviceId(about),
        system_type=part.system[0],
        system_address=part.system[1],
        component_address=part.component,
    )
    picked = await _picked(speaker.person, scope)
    if speaker.group_unit is not None and picked["unit"] != str(speaker.group_unit):
        raise NotFound(N_("没有找到"))
    return Begin(dialogue=ASK_OF, answers=picked)


async def press_more(speaker: Speaker, about: UUID | None, _: str) -> Said:
    """延长: why, and until when. Raises `NoSuchMask`, `NotAllowed`; `BadInput` for one that is not in force."""
    line = await mask_for(speaker.person, about)
    require(speaker.person, Right.MASK, UnitId(line.unit))
    if line.state is not MaskState.ACTIVE:
        raise BadInput(N_("只能延长正在生效的屏蔽"))
    fire = "yes" if line.is_fire else ""
    known: Answers = {"mask": str(line.id), "unit": str(line.unit), "what": line.what, "fire": fire}
    return Begin(dialogue=MORE, answers=known)


async def _units(speaker: Speaker) -> list[Unit]:
    found = [unit for unit in await units_for(speaker.person) if speaker.person.may(Right.MASK, unit.id)]
    return [unit for unit in found if speaker.group_unit in {None, unit.id}]


def _text(rest: str) -> Answers:
    return {"text": rest.strip()} if rest.strip() else {}


def _unit(draft: Draft) -> UnitId:
    return UnitId(UUID(str(draft.answers["unit"])))


def _key(speaker: Speaker, draft: Draft, label: str, argument: str, style: str = "plain") -> Key:
    return Key(say(speaker, label), ANSWER, draft.id, argument, style)


# -- of which unit -----------------------------------------------------------------------------------------------------


async def _ask_unit(speaker: Speaker, draft: Draft) -> Saying:
    units = await _units(speaker)
    lines = [say(speaker, N_("在哪个单位屏蔽？"))]
    if len(units) > _MOST:
        lines.append(say(speaker, N_("只列出前 {count} 个，也可以直接写单位名称。"), count=_MOST))
    keys = tuple((Key(unit.name, ANSWER, draft.id, tail_of(unit.id)),) for unit in units[:_MOST])
    return Saying(lines=tuple(lines), keys=keys)


async def _press_unit(speaker: Speaker, draft: Draft, argument: str) -> Next:
    named = [unit for unit in await _units(speaker) if tail_of(unit.id) == argument]
    if len(named) != 1:
        raise BadInput(N_("请选择联网单位"))
    return await _in_unit(speaker, draft, UnitId(named[0].id))


async def _hear_unit(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    """A unit by its name; a part of it will do where it names one."""
    units = await _units(speaker)
    named, _rest = units_named(units, words(heard.text))
    if len(named) != 1 or len(units) < 2:
        raise BadInput(N_("没有这个单位，请写单位名称，或点下面的按钮"))
    return await _in_unit(speaker, draft, UnitId(named[0].id))


async def _in_unit(speaker: Speaker, draft: Draft, unit: UnitId) -> Next:
    offered = await _offer(speaker.person, unit, str(draft.answers.get("text", "")))
    return Next(step="what", answers={"unit": str(unit)} | offered)


# -- what --------------------------------------------------------------------------------------------------------------


async def scopes_named(person: Person, unit: UnitId, text: str) -> list[tuple[Scope, str]]:
    """What words name that may be masked, in words: components and systems, devices and zones; never a whole house."""
    found = await find_places(person, text, unit)
    named = [(_scope(spot), spot.label) for spot in found.spots if spot.kind in _PICKED]
    wanted = words(text)
    choices = [each for each in await choices_for(person, unit) if each.kind in _CHOSEN]
    return [*named, *((each.scope, each.words) for each in choices if all_in(wanted, name_of(each.words)))]


def _scope(spot: Spot) -> Scope:
    assert spot.device is not None, "systems and components stand behind a device"
    return Scope(
        kind=ScopeKind.COMPONENT if spot.component else ScopeKind.SYSTEM,
        device=DeviceId(spot.device),
        system_type=spot.system[0],
        system_address=spot.system[1],
        component_address=spot.component or None,
    )


async def _offer(person: Person, unit: UnitId, text: str) -> Answers:
    """What the step offers: the scopes that words name, kept so that its keys are few octets."""
    if not text.strip():
        return {}
    named = await scopes_named(person, unit, text)
    shown = named[:_MOST]
    return {
        "text": text.strip(),
        "scopes": [_encode(scope).decode() for scope, _ in shown],
        "names": [name[:_LONGEST_LABEL] for _, name in shown],
        "count": len(named),
    }


async def _ask_what(speaker: Speaker, draft: Draft) -> Saying:
    names, scopes = draft.answers.get("names"), draft.answers.get("scopes")
    if not isinstance(names, list) or not isinstance(scopes, list):
        return Saying(lines=(say(speaker, N_("要屏蔽什么？请写部件、系统、装置或区域，例如“2号楼 水泵”。")),))
    text, count = draft.answers["text"], int(str(draft.answers["count"]))
    sentence = N_("“{text}”有 {count} 处，请选择") if names else N_("没有找到“{text}”，请换个说法。")
    lines = [say(speaker, sentence, text=text, count=count)]
    if count > len(names):
        lines.append(say(speaker, N_("只列出前 {count} 处，请再说得具体些"), count=len(names)))
    offered = zip(names, scopes, strict=True)
    return Saying(
        lines=tuple(lines), keys=tuple((Key(name, ANSWER, draft.id, _tag(scope)),) for name, scope in offered)
    )


async def _hear_what(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    if not heard.text.strip():
        raise BadInput(N_("请用文字写明，或点下面的按钮"))
    # who found nothing begins anew with the command's own word
    again = worded(heard.text, {"申请屏蔽": ASK}, is_group=False)
    text = again.rest if again and again.rest else heard.text
    return Next(step="what", answers=await _offer(speaker.person, _unit(draft), text))


async def _press_what(speaker: Speaker, draft: Draft, argument: str) -> Next:
    scopes = draft.answers.get("scopes")
    chosen = [each for each in scopes if _tag(each) == argument] if isinstance(scopes, list) else []
    if not chosen:
        raise BadInput(N_("没有找到"))
    return Next(step="why", answers=await _picked(speaker.person, _decode(chosen[0])))


def _tag(scope: str) -> str:
    """What of a scope goes into its key, not its place: other words bring another list, and old keys hang on."""
    return f"{zlib.crc32(scope.encode()):08x}"


async def _picked(person: Person, scope: Scope) -> Answers:
    at = await locate(person, scope, Right.MASK)
    fire = "yes" if at.is_fire else ""
    return {"scope": _encode(scope).decode(), "unit": str(at.unit), "what": at.what, "fire": fire}


# -- why, until when ---------------------------------------------------------------------------------------------------


async def _ask_why(speaker: Speaker, draft: Draft) -> Saying:
    return Saying(lines=(f"🔕 {draft.answers['what']}", say(speaker, N_("为什么屏蔽？请写明原因。"))))


async def _hear_why(_: Speaker, __: Draft, heard: Heard) -> Next:
    return Next(step="until", answers={"reason": clean_reason(heard.text)})


def _longest(draft: Draft) -> timedelta:
    return MASK_POLICY[bool(draft.answers.get("fire"))].longest


async def _ask_until(speaker: Speaker, draft: Draft) -> Saying:
    longest = _longest(draft)
    keys = [
        Key(_hours(speaker, each), ANSWER, draft.id, str(each)) for each in _HOURS if timedelta(hours=each) <= longest
    ]
    rows = tuple(tuple(keys[at : at + _A_ROW]) for at in range(0, len(keys), _A_ROW))
    line = say(speaker, N_("到什么时候？可以选择，或写“2小时”“18:30”“明天 8:00”。"))
    return Saying(lines=(line,), keys=rows)


def _hours(speaker: Speaker, hours: int) -> str:
    if hours > _HOURS_A_DAY:
        return say(speaker, N_("{n} 天"), n=hours // _HOURS_A_DAY)
    return say(speaker, N_("{n} 小时"), n=hours)


async def _press_until(_: Speaker, draft: Draft, argument: str) -> Next:
    if argument not in {str(each) for each in _HOURS}:
        raise BadInput(N_("没有看懂时间，请写“2小时”“18:30”或“明天 8:00”"))
    return _until(draft, clock.now() + timedelta(hours=int(argument)))


async def _hear_until(speaker: Speaker, draft: Draft, heard: Heard) -> Next:
    until = until_of(heard.text, clock.now(), await _zone(speaker, draft))
    if until is None:
        raise BadInput(N_("没有看懂时间，请写“2小时”“18:30”或“明天 8:00”"))
    return _until(draft, until)


def _until(draft: Draft, until: datetime) -> Next:
    check_until(until, is_fire=bool(draft.answers.get("fire")), now=clock.now())
    return Next(step=_SURE, answers={"until": until.isoformat()})


async def _zone(speaker: Speaker, draft: Draft) -> str:
    units = {each.id: each.timezone for each in await units_for(speaker.person)}
    if _unit(draft) not in units:
        raise NotFound(N_("没有找到"))
    return units[_unit(draft)]


# -- the last look -----------------------------------------------------------------------------------------------------


async def _ask_sure(speaker: Speaker, draft: Draft) -> Saying:
    answers = draft.answers
    until = datetime.fromisoformat(str(answers["until"]))
    at = in_zone(until, await _zone(speaker, draft)).strftime(_FORM)
    lines = [f"🔕 {answers['what']}", str(answers["reason"]), say(speaker, N_("截止 {time}"), time=at)]
    if answers.get("fire"):
        lines.append(say(speaker, N_("涉及火灾报警点：须另一人批准后生效，批准前照常通知。")))
    lines.append(say(speaker, N_("确认申请？屏蔽期间继续监测，但不通知任何人。")))
    return Saying(lines=tuple(lines), keys=((_key(speaker, draft, N_("申请屏蔽"), _SURE, "primary"),),))


async def _press_sure(speaker: Speaker, draft: Draft, _: str) -> Next:
    answers = draft.answers
    reason, until = str(answers["reason"]), datetime.fromisoformat(str(answers["until"]))
    if "mask" in answers:
        mask = await extend(speaker.person, UUID(str(answers["mask"])), reason, until, speaker.via, draft.id)
    else:
        mask = await ask(speaker.person, _decode(str(answers["scope"])), reason, until, speaker.via, mask_id=draft.id)
    return Next(step=END, saying=asked_saying(speaker, mask))


def asked_saying(speaker: Speaker, mask: Mask) -> Saying:
    """What came of it, and the key that shows it."""
    is_waiting = mask.state is MaskState.ASKED
    sentence = N_("已申请屏蔽 #{number}，等待另一人批准") if is_waiting else N_("屏蔽 #{number} 已生效")
    line = say(speaker, sentence, number=mask.number)
    return Saying(lines=(f"🔕 {line}",), keys=((Key(say(speaker, N_("查看")), "m-show", mask.id),),))


_UNIT: Final = Step(name="unit", ask=_ask_unit, hear=_hear_unit, press=_press_unit)
_WHAT: Final = Step(name="what", ask=_ask_what, hear=_hear_what, press=_press_what)
_WHY: Final = Step(name="why", ask=_ask_why, hear=_hear_why)
_UNTIL: Final = Step(name="until", ask=_ask_until, hear=_hear_until, press=_press_until)
_LOOK: Final = Step(name=_SURE, ask=_ask_sure, press=_press_sure)
ASKING: Final = (
    Dialogue(name=ASK, steps=(_UNIT, _WHAT, _WHY, _UNTIL, _LOOK)),
    Dialogue(name=ASK_HERE, steps=(_WHAT, _WHY, _UNTIL, _LOOK)),
    Dialogue(name=ASK_OF, steps=(_WHY, _UNTIL, _LOOK)),
    Dialogue(name=MORE, steps=(_WHY, _UNTIL, _LOOK)),
)
