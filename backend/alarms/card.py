"""An alarm's neutral Card, in a person's language and the unit's zone. Pure; the order is experience.md's."""

from datetime import datetime
from typing import Final

import msgspec

from backend.alarms.model import CLEARED_BY_LABELS, SPOTS_FACT, Alarm, Known
from backend.core.clock import in_zone
from backend.core.i18n import N_, translate
from backend.core.vocabulary import (
    SEVERITY_ICONS,
    SEVERITY_LABELS,
    VERDICT_LABELS,
    VIA_LABELS,
    AlarmClass,
    Severity,
)
from backend.delivery.model import Action, Card, Fact, Key, Verb
from backend.monitoring.changes import Mark
from backend.monitoring.words import component_type_name, fact_text, system_type_name

_BANNERS: Final = {
    Mark.UNIDENTIFIED: N_("未登记设备"),
    Mark.FROM_TEXT: N_("由文字识别，请核实"),
    Mark.TEST: N_("设备报告为测试"),
    Mark.HISTORY: N_("补传记录"),
    Mark.UNKNOWN_POINT: N_("点表中没有此部件"),
    Mark.MASKED: N_("屏蔽"),
    Mark.DRILL: N_("演练"),
    Mark.TEST_WINDOW: N_("测试"),
}
_INSIDE: Final = frozenset({Mark.MASKED, Mark.DRILL, Mark.TEST_WINDOW})
_CHOICES: Final = (
    Action(Verb.VERDICT_REAL, N_("真实火警"), "danger"),
    Action(Verb.VERDICT_FALSE, N_("误报")),
    Action(Verb.VERDICT_TEST, N_("测试/检修")),
    Action(Verb.VERDICT_FAULT, N_("设备故障")),
)
_ACKNOWLEDGE: Final = Action(Verb.ACKNOWLEDGE, N_("我已知晓"), "primary")
_HISTORY: Final = Action(Verb.HISTORY, N_("查看历史"))
_REPAIR: Final = Key(N_("报修"), "o-new")
_DUTY_DESK: Final = Key(N_("呼叫值班室"), "desk")
_MORE: Final = Key(N_("更多"), "a-more")
#: answered by the talk about complaints, where there is one
COMPLAIN: Final = Key(N_("投诉"), "c-file")


def alarm_card(alarm: Alarm, language: str) -> Card:
    """The card of `alarm` as it stands now."""
    return Card(
        alarm=alarm.id,
        number=alarm.number,
        severity=alarm.severity,
        icon=SEVERITY_ICONS[alarm.severity],
        headline=_headline(alarm, language),
        status=translate(_status(alarm), language),
        is_active=alarm.is_active and alarm.closed_at is None,
        banner=" · ".join(translate(_BANNERS[mark], language) for mark in alarm.marks if mark in _BANNERS),
        unit=alarm.place.unit_name,
        where=_where(alarm, language),
        what=_what(alarm, language),
        facts=tuple(_facts(alarm, language)),
        known_by=tuple(_known(alarm, language)),
        verdict=_verdict(alarm, language),
        actions=_actions(alarm, language),
        keys=_keys(alarm, language),
        raised_at=in_zone(alarm.raised_at, alarm.place.timezone),
        revision=alarm.revision,
    )


def inside_words(alarm: Alarm, language: str) -> str:
    """屏蔽、演练、测试: why the alarm rings nowhere, or only inside the house; empty: it is told like any other."""
    return " · ".join(translate(_BANNERS[mark], language) for mark in alarm.marks if mark in _INSIDE)


def _headline(alarm: Alarm, language: str) -> str:
    """Fire says fire; anything else says which, for "异常" alone helps nobody."""
    if alarm.severity is Severity.FIRE and alarm.alarm_class is AlarmClass.F:
        return translate(SEVERITY_LABELS[Severity.FIRE], language)
    return translate(alarm.title, language)


def _status(alarm: Alarm) -> str:
    if alarm.closed_at is not None:
        return N_("已关闭")
    return N_("报警中") if alarm.is_active else N_("已恢复")


def _where(alarm: Alarm, language: str) -> str:
    place = alarm.place
    parts = [place.building, place.floor, place.zone if place.zone != place.floor else "", place.description]
    if not place.description:
        # the point table lacks it: the device and its wire key are all there is to go by
        parts += [place.device_name, place.wire_key]
    return " ".join(part for part in parts if part) or translate(N_("未知位置"), language)


def _what(alarm: Alarm, language: str) -> str:
    place = alarm.place
    kind = ""
    if place.component_type is not None:
        kind = component_type_name(place.component_type, language, place.profile)
    elif place.system_type is not None:
        kind = system_type_name(place.system_type, language, place.profile)
    title = translate(alarm.title, language)
    return f"{kind} · {title}" if kind else title


def _facts(alarm: Alarm, language: str) -> list[Fact]:
    zone = alarm.place.timezone
    facts = [Fact(translate(label, language), _value(label, value, language)) for label, value in alarm.facts]
    facts += _wire_facts(alarm, language)
    facts.append(Fact(translate(N_("接收时间"), language), _time(alarm.raised_at, zone)))
    if alarm.device_time is not None:
        facts.append(Fact(translate(N_("设备时间"), language), _time(alarm.device_time, zone)))
    if alarm.repeats:
        facts.append(Fact(translate(N_("重复上报"), language), translate(N_("{n} 次"), language, n=alarm.repeats)))
    if alarm.cleared_at is not None:
        why = translate(CLEARED_BY_LABELS.get(alarm.cleared_by or "", ""), language)
        facts.append(Fact(translate(N_("恢复时间"), language), f"{_time(alarm.cleared_at, zone)} {why}".strip()))
    return facts


def _value(label: str, value: str, language: str) -> str:
    if label != SPOTS_FACT:
        return fact_text(value, language)
    nth, _, same = value.partition("/")
    return translate(N_("第 {nth} 个点位，同层 {same} 个"), language, nth=nth, same=same)


def _wire_facts(alarm: Alarm, language: str) -> list[Fact]:
    """Where the panel's own words stand for a place that the point table lacks: which device and wire key said so."""
    place = alarm.place
    if not (place.wire_key and place.description):
        return []
    return [
        Fact(translate(N_("上报设备"), language), place.device_name),
        Fact(translate(N_("线路编号"), language), place.wire_key),
    ]


def _known(alarm: Alarm, language: str) -> list[str]:
    zone = alarm.place.timezone
    return [_one_who_knows(known, zone, language) for known in alarm.known_by]


def _one_who_knows(known: Known, zone: str, language: str) -> str:
    words = translate(
        N_("{name} 已确认 {time} · {via}"),
        language,
        name=known.name,
        time=in_zone(known.at, zone).strftime("%H:%M:%S"),
        via=translate(VIA_LABELS[known.via], language),
    )
    if not known.recorded_by:
        return words
    return words + translate(N_("（{name} 代为记录）"), language, name=known.recorded_by)


def _verdict(alarm: Alarm, language: str) -> str:
    if alarm.verdict is None:
        return ""
    who = next((known.name for known in alarm.known_by if known.person == alarm.verdict_by), "")
    words = translate(VERDICT_LABELS[alarm.verdict], language)
    via = translate(VIA_LABELS[alarm.verdict_via], language) if alarm.verdict_via else ""
    at = in_zone(alarm.verdict_at, alarm.place.timezone).strftime("%H:%M:%S") if alarm.verdict_at else ""
    return " · ".join(part for part in (words, who, at, via) if part)


def _actions(alarm: Alarm, language: str) -> tuple[Action, ...]:
    if alarm.closed_at is not None:
        offered: tuple[Action, ...] = (_HISTORY,)
    elif alarm.verdict is not None or not alarm.known_by:
        offered = (_ACKNOWLEDGE, _HISTORY)
    else:
        offered = (_ACKNOWLEDGE, *verdicts_of(alarm), _HISTORY)
    return tuple(Action(each.verb, translate(each.label, language), each.style) for each in offered)


def verdicts_of(alarm: Alarm) -> tuple[Action, ...]:
    """The verdicts that an alarm may be given: 真实火警 is a fire's alone."""
    return _CHOICES if alarm.severity is Severity.FIRE else _CHOICES[1:]


def _keys(alarm: Alarm, language: str) -> tuple[tuple[Key, ...], ...]:
    """What its talk offers beside the answers: calling the desk, a repair, more."""
    if alarm.closed_at is not None:  # all of the service can be judged now
        return ((msgspec.structs.replace(COMPLAIN, label=translate(COMPLAIN.label, language)),),)
    # a silent device is mended by nobody's knowing of it: its repair is one tap away from the first card on
    first = (_DUTY_DESK, _REPAIR) if alarm.known_by or alarm.severity is Severity.OFFLINE else (_DUTY_DESK,)
    rows = (first, (_MORE,)) if alarm.known_by else (first,)
    return tuple(
        tuple(msgspec.structs.replace(key, label=translate(key.label, language)) for key in row) for row in rows
    )


def _time(moment: datetime, zone: str) -> str:
    return in_zone(moment, zone).strftime("%Y-%m-%d %H:%M:%S")
