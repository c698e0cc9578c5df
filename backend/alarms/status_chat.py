"""The status review in chats: `/status`, "状态 2号楼 水箱", 离线, 屏蔽, 今天, 本周, and the keys that lead down.

The rule: a saying only draws what `status_review` and `monitoring` answer; the doors are in those.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.masks.card import ASK as ASK_MASK
from backend.alarms.masks.card import SHOW as SHOW_MASK
from backend.alarms.status_drill import (
    DRILL_PRESSES,
    building_saying,
    component_saying,
    key_of,
    keys_of,
    rows_of,
    system_saying,
)
from backend.alarms.status_keys import Part
from backend.alarms.status_review import SPAN_LABELS, Span, period_for, review_for, zone_of
from backend.alarms.status_words import lost_lines, mask_lines, period_lines, review_lines
from backend.chat.model import Command, Key, Said, Saying, Speaker, Talk
from backend.core.errors import NotAllowed, NotFound
from backend.core.i18n import N_, translate
from backend.core.ids import BuildingId, DeviceId, UnitId
from backend.monitoring.place_search import Found, Spot, SpotKind, find_places
from backend.monitoring.place_words import words as words_of
from backend.people.doors import units_seen
from backend.people.model import Right
from backend.registry.queries import unit_tree, units_for

_MOST_KEYS: Final = 12
#: what people say with 离线, 屏蔽, 今天 and 本周 that names no unit
_SAY_NO_UNIT: Final = frozenset({"设备", "装置", "报警", "列表", "有哪些", "devices", "alarms", "list"})
_SPAN_VERBS: Final = {Span.DAY: "st-day", Span.WEEK: "st-week"}


def _must_see(speaker: Speaker) -> None:
    """Who sees no unit is not told that all is well there. Raises `NotAllowed`."""
    if units_seen(speaker.person) == frozenset():
        raise NotAllowed(N_("您还没有任何单位的查看权限"))


async def status(speaker: Speaker, words: str) -> Said:
    """状态: the unit at a glance; or what words name. Several are keys to choose; none: what there is."""
    _must_see(speaker)
    text = words.strip()
    if not text:
        return await overview(speaker, speaker.group_unit)
    found = await find_places(speaker.person, text, speaker.group_unit)
    if len(found.spots) == 1:
        return await _spot(speaker, found.spots[0])
    return _choose(speaker, text, found)


async def _spot(speaker: Speaker, spot: Spot) -> Saying:
    """What a spot says."""
    if spot.kind is SpotKind.UNIT and spot.unit:
        return await overview(speaker, UnitId(spot.unit))
    if spot.kind is SpotKind.BUILDING and spot.building:
        return await building_saying(speaker, BuildingId(spot.building))
    assert spot.device is not None, "systems and components stand behind a device"
    part = Part(system=spot.system, component=spot.component)
    saying = component_saying if spot.component else system_saying
    return await saying(speaker, DeviceId(spot.device), part)


def _choose(speaker: Speaker, text: str, found: Found) -> Saying:
    """Several are meant, or nothing: keys for what there is."""
    spots = found.spots or found.there_is
    if found.is_unit_asked:
        sentence = N_("请先说明是哪个单位，例如“状态 {example}”")
    elif found.spots:
        sentence = N_("“{text}”有 {count} 处，请选择")
    elif spots:
        sentence = N_("没有找到“{text}”。可以查询：")
    else:
        sentence = N_("没有找到“{text}”，您的单位还没有登记设施")
    example = spots[0].label if spots else ""
    lines = [translate(sentence, speaker.language, text=text, count=len(spots), example=example)]
    if len(spots) > _MOST_KEYS:
        more = N_("只列出前 {count} 处，请再说得具体些")
        lines.append(translate(more, speaker.language, count=_MOST_KEYS))
    return Saying(lines=tuple(lines), keys=rows_of([key_of(each) for each in spots[:_MOST_KEYS]]))


async def overview(speaker: Speaker, unit: UnitId | None, *, in_place: bool = False) -> Saying:
    """A unit at a glance with the keys that lead down; without `unit` all of the person's together."""
    _must_see(speaker)
    review = await review_for(speaker.person, unit)
    ways = await _ways_down(speaker, unit)
    lines = list(review_lines(review, speaker.language))
    if len(ways) > _MOST_KEYS:
        more = N_("只列出前 {count} 处，请再说得具体些")
        lines.append(translate(more, speaker.language, count=_MOST_KEYS))
    rows: list[tuple[Key, ...]] = list(rows_of(ways[:_MOST_KEYS]))
    rows.append(_lists(speaker, unit))
    if unit is not None and speaker.group_unit is None and len(await units_for(speaker.person)) > 1:
        rows.append((Key(translate(N_("全部联网单位"), speaker.language), "st"),))
    return Saying(lines=tuple(lines), keys=tuple(rows), in_place=in_place)


async def _ways_down(speaker: Speaker, unit: UnitId | None) -> list[Key]:
    """The unit's buildings; of several units, the units."""
    units = await units_for(speaker.person)
    if unit is None and len(units) != 1:
        return [Key(each.name, "st", each.id) for each in units]
    tree = await unit_tree(speaker.person, unit or units[0].id)
    keys = [Key(each.name, "st-bld", each.id) for each in tree.buildings]
    keys += [Key(each.name or each.address, "st-dev", each.id) for each in tree.devices if each.building is None]
    return keys


def _lists(speaker: Speaker, unit: UnitId | None) -> tuple[Key, ...]:
    def key(label: str, verb: str) -> Key:
        return Key(translate(label, speaker.language), verb, unit)

    return (
        key(N_("离线"), "st-off"),
        key(N_("屏蔽"), "st-mask"),
        *(key(label, _SPAN_VERBS[span]) for span, label in SPAN_LABELS.items()),
    )


def _back(speaker: Speaker, unit: UnitId | None) -> tuple[tuple[Key, ...], ...]:
    return (*keys_of(speaker, [(N_("刷新"), "st", unit, "")]), _lists(speaker, unit))


async def _of_unit_meant(
    speaker: Speaker, text: str, answer: Callable[[Speaker, UnitId | None], Awaitable[Saying]]
) -> Saying:
    """The answer of the unit that words after 离线, 屏蔽, 今天 or 本周 name; where they name none, of all there are."""
    _must_see(speaker)
    named = [each for each in words_of(text) if each not in _SAY_NO_UNIT]
    if speaker.group_unit is not None or not named:
        return await answer(speaker, speaker.group_unit)
    found = await find_places(speaker.person, text)
    if len(found.spots) == 1 and found.spots[0].kind is SpotKind.UNIT and found.spots[0].unit:
        return await answer(speaker, UnitId(found.spots[0].unit))
    saying = await answer(speaker, None)
    first = translate(N_("没有叫“{text}”的单位，以下是您能看到的全部："), speaker.language, text=text.strip())
    return msgspec.structs.replace(saying, lines=(first, *saying.lines))


async def lost(speaker: Speaker, unit: UnitId | None) -> Saying:
    """离线: the devices that are offline."""
    _must_see(speaker)
    review = await review_for(speaker.person, unit)
    return Saying(lines=tuple(lost_lines(review.lost, speaker.language)), keys=_back(speaker, unit))


async def masked(speaker: Speaker, unit: UnitId | None) -> Saying:
    """屏蔽: masks and windows in force, and the alarms they keep quiet."""
    _must_see(speaker)
    review = await review_for(speaker.person, unit)
    keys = [Key(f"🔕 #{each.number}", SHOW_MASK, each.id) for each in review.masks[:_MOST_KEYS]]
    if speaker.person.may(Right.MASK, unit) if unit else speaker.person.may_anywhere(Right.MASK):
        keys.append(Key(translate(N_("申请屏蔽"), speaker.language), ASK_MASK, unit))
    lines = tuple(mask_lines(review, speaker.language))
    return Saying(lines=lines, keys=(*rows_of(keys), *_back(speaker, unit)))


async def period(speaker: Speaker, span: Span, unit: UnitId | None) -> Saying:
    """今天、本周: what happened."""
    _must_see(speaker)
    name, _ = await zone_of(speaker.person, unit)
    found = await period_for(speaker.person, span, unit)
    return Saying(lines=tuple(period_lines(found, span, name, speaker.language)), keys=_back(speaker, unit))


def _unit_id(speaker: Speaker, about: UUID | None) -> UnitId | None:
    """The unit a key speaks of; a unit's group hears of that unit alone. Raises `NotFound`."""
    if about and speaker.group_unit not in {None, about}:
        raise NotFound(N_("没有找到"))
    return UnitId(about) if about else speaker.group_unit


async def _press_overview(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await overview(speaker, _unit_id(speaker, about), in_place=True)


async def _press_lost(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await lost(speaker, _unit_id(speaker, about))


async def _press_masked(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await masked(speaker, _unit_id(speaker, about))


async def _press_day(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await period(speaker, Span.DAY, _unit_id(speaker, about))


async def _press_week(speaker: Speaker, about: UUID | None, _: str) -> Said:
    return await period(speaker, Span.WEEK, _unit_id(speaker, about))


async def _say_lost(speaker: Speaker, words: str) -> Said:
    return await _of_unit_meant(speaker, words, lost)


async def _say_masked(speaker: Speaker, words: str) -> Said:
    return await _of_unit_meant(speaker, words, masked)


async def _say_day(speaker: Speaker, words: str) -> Said:
    return await _of_unit_meant(speaker, words, lambda who, unit: period(who, Span.DAY, unit))


async def _say_week(speaker: Speaker, words: str) -> Said:
    return await _of_unit_meant(speaker, words, lambda who, unit: period(who, Span.WEEK, unit))


def _commands() -> Sequence[Command]:
    return (
        Command(
            name="status",
            words=("状态", "查询", "status"),
            help=N_("状态 2号楼 水箱：单位、建筑、系统、部件的当前状态"),
            do=status,
            right=Right.SEE,
        ),
        Command(
            name="offline", words=("离线", "offline"), help=N_("离线：失去联系的设备"), do=_say_lost, right=Right.SEE
        ),
        Command(
            name="masks",
            words=("屏蔽", "masks"),
            help=N_("屏蔽：正在屏蔽的与演练、测试"),
            do=_say_masked,
            right=Right.SEE,
        ),
        Command(
            name="today",
            words=("今天", "今日", "today"),
            help=N_("今天：今天的报警与处置"),
            do=_say_day,
            right=Right.SEE,
        ),
        Command(
            name="week",
            words=("本周", "这周", "week"),
            help=N_("本周：本周的报警与处置"),
            do=_say_week,
            right=Right.SEE,
        ),
    )


STATUS_TALK: Final = Talk(
    concept="status",
    commands=tuple(_commands()),
    presses={
        "st": _press_overview,
        "st-off": _press_lost,
        "st-mask": _press_masked,
        "st-day": _press_day,
        "st-week": _press_week,
        **DRILL_PRESSES,
    },
)
