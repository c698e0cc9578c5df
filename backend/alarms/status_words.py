"""The status review's sentences: lines of a chat from what the queries answer. Pure; one place for all of them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from backend.alarms.masks.queries import MaskLine, WindowLine
from backend.alarms.status_review import LostLink, Period, Review, Span
from backend.core.i18n import N_, in_a_row, translate
from backend.core.vocabulary import (
    SEVERITY_ICONS,
    SEVERITY_LABELS,
    VERDICT_LABELS,
    Severity,
)
from backend.monitoring.facilities import TONE_LABELS, BuildingNow, ComponentNow, SystemNow, ValueNow, WordNow
from backend.monitoring.measures import Measure
from backend.monitoring.place_search import system_label

#: lines of one list in a chat; the pages have them all
MOST_LINES: Final = 12
_ICONS: Final = {
    **{str(each): icon for each, icon in SEVERITY_ICONS.items()},
    "stale": "⏸",
    "silent": "▫️",
    "well": "✅",
}
_MOMENT: Final = "%m-%d %H:%M"


def icon(tone: str) -> str:
    """The mark of a tone."""
    return _ICONS.get(str(tone), "▫️")


def tone_word(tone: str, language: str) -> str:
    """A tone in words."""
    return translate(TONE_LABELS.get(tone) or SEVERITY_LABELS[Severity(tone)], language)


def figure(value: Decimal | None) -> str:
    """A figure without an exponent and without noughts that say nothing."""
    text = "" if value is None else format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def counts_line(review: Review, language: str) -> str:
    """Open alarms by severity in one line."""
    counts = review.glance.counts
    return " · ".join(
        f"{SEVERITY_ICONS[each]} {translate(SEVERITY_LABELS[each], language)} {counts[each].open}" for each in Severity
    )


def review_lines(review: Review, language: str) -> Iterator[str]:
    """A unit as it stands."""

    def say(sentence: str, **values: object) -> str:
        return translate(sentence, language, **values)

    glance = review.glance
    yield f"{review.name or say(N_('全部联网单位'))} · {review.at.strftime('%m-%d %H:%M')}"
    yield counts_line(review, language)
    if glance.unanswered:
        yield say(N_("{count} 起无人确认"), count=glance.unanswered)
    if review.masks or review.windows or review.masked:
        yield "🔕 " + say(
            N_("屏蔽 {masks} 处（其中报警 {alarms} 起），演练或测试 {windows} 个"),
            masks=len(review.masks),
            alarms=review.masked,
            windows=len(review.windows),
        )
    yield link_line(review, language)
    yield from measure_lines(review.measures, language)


def link_line(review: Review, language: str) -> str:
    """How the devices' links are, and when the last word came."""
    glance = review.glance
    parts = [translate(N_("设备在线 {online}/{devices}"), language, online=glance.online, devices=glance.devices)]
    if glance.lost:
        parts.append(translate(N_("失联 {lost}"), language, lost=glance.lost))
    if glance.last_contact_at:
        at = glance.last_contact_at.astimezone(review.at.tzinfo).strftime("%m-%d %H:%M:%S")
        parts.append(f"{translate(N_('最近通信'), language)} {at}")
    else:
        parts.append(translate(N_("尚无通信"), language))
    return "📡 " + " · ".join(parts)


def measure_lines(measures: Sequence[Measure], language: str) -> Iterator[str]:
    """Levels and pressures beside their thresholds, the worst first."""
    several = len({each.unit for each in measures}) > 1
    for each in measures[:MOST_LINES]:
        place = " ".join(part for part in (each.unit_name if several else "", each.building, each.name) if part)
        yield f"{icon(each.tone)} {place} {value_words(each.value, language)}"
    if len(measures) > MOST_LINES:
        yield more_line(len(measures) - MOST_LINES, language)


def value_words(value: ValueNow, language: str) -> str:
    """A value beside its limits, and when it came."""
    if value.received_at is None:
        return translate(N_("尚无数据"), language)
    if value.value is not None:
        said = f"{figure(value.value)} {value.measure}".strip()
    else:
        said = translate(N_("原始读数 {reading}"), language, reading=value.reading)
    if value.low is not None or value.high is not None:
        said += f"（{figure(value.low) or '—'} … {figure(value.high) or '—'}）"
    found = in_a_row((each.title for each in value.findings if each.severity), language)
    stale = translate(N_("数据中断"), language) if value.is_stale else ""
    return " ".join(part for part in (said, found, stale, value.received_at.strftime(_MOMENT)) if part)


def more_line(count: int, language: str) -> str:
    """That a list goes on."""
    return translate(N_("另有 {count} 条，请在页面查看"), language, count=count)


def lost_lines(lost: Sequence[LostLink], language: str) -> Iterator[str]:
    """Devices that are offline, each with since when."""
    if not lost:
        yield translate(N_("没有离线的设备"), language)
        return
    yield "📡 " + translate(N_("离线设备 {count} 台"), language, count=len(lost))
    for each in lost[:MOST_LINES]:
        since = each.lost_at or each.last_contact_at
        place = " ".join(part for part in (each.unit_name, each.building, each.name) if part)
        yield f"· {place} · " + translate(N_("自 {time}"), language, time=since.strftime(_MOMENT))
    if len(lost) > MOST_LINES:
        yield more_line(len(lost) - MOST_LINES, language)


def mask_lines(review: Review, language: str) -> Iterator[str]:
    """Masks and windows in force or waiting, with why and until when."""
    if not review.masks and not review.windows:
        yield translate(N_("没有屏蔽，也没有演练"), language)
        return
    yield "🔕 " + translate(N_("被屏蔽的报警 {count} 起"), language, count=review.masked)
    several = len({each.unit for each in review.windows} | {each.unit for each in review.masks}) > 1
    lines = [_window_words(each.kind_word, each, is_named=several) for each in review.windows]
    lines += [_window_words(f"#{each.number} {each.state_word}", each, is_named=several) for each in review.masks]
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield more_line(len(lines) - MOST_LINES, language)


def _window_words(kind: str, of: MaskLine | WindowLine, *, is_named: bool) -> str:
    what = f"{of.unit_name} {of.what}" if is_named else of.what
    return f"· {kind} {what} · {of.reason} · → {of.until_at.strftime(_MOMENT)}"


def period_lines(period: Period, span: Span | None, name: str, language: str) -> Iterator[str]:
    """What happened today or this week."""

    def say(sentence: str, **values: object) -> str:
        return translate(sentence, language, **values)

    titles = {Span.DAY: say(N_("今天")), Span.WEEK: say(N_("本周"))}
    when = f"{period.since.strftime(_MOMENT)} – {period.until.strftime(_MOMENT)}"
    yield " · ".join(part for part in (titles[span] if span else "", name, when) if part)
    yield (
        say(N_("新报警"))
        + say(N_("："))
        + " · ".join(
            f"{SEVERITY_ICONS[each]} {say(SEVERITY_LABELS[each])} {count}" for each, count in period.raised.items()
        )
    )
    found = [f"{say(VERDICT_LABELS[each])} {count}" for each, count in period.verdicts.items() if count]
    if found:
        yield say(N_("处置结论")) + say(N_("：")) + " · ".join(found)
    yield say(N_("其中未关闭 {open} 起，无人确认 {unanswered} 起"), open=period.open, unanswered=period.unanswered)
    yield say(
        N_("通信中断 {outages} 次 · 新屏蔽 {masks} 处 · 演练或测试 {windows} 个"),
        outages=period.outages,
        masks=period.masks,
        windows=period.windows,
    )


def building_lines(unit_name: str, building: BuildingNow, language: str) -> Iterator[str]:
    """A building's devices and what is amiss behind each."""
    yield " · ".join(part for part in (unit_name, building.name) if part)
    for device in building.devices:
        said = translate(N_("部件 {count} 个"), language, count=device.components)
        if device.troubled:
            said += " · " + translate(N_("异常 {count}"), language, count=device.troubled)
        if device.silent:
            said += " · " + translate(N_("尚无数据 {count}"), language, count=device.silent)
        yield f"{icon(device.tone)} {device.name} · {said}"
        if device.link is None:
            yield "　" + translate(N_("尚无通信"), language)
        else:
            word = translate(N_("通信中断") if device.link.is_lost else N_("通信正常"), language)
            yield f"　{word} · {device.link.last_contact_at.strftime('%m-%d %H:%M:%S')}"


def system_lines(place: str, system: SystemNow, language: str) -> Iterator[str]:
    """A system and how many of its components are amiss."""
    yield f"{icon(system.tone)} {place} · {system_label(system)} · {tone_word(system.tone, language)}"
    if system.state:
        yield from word_lines(system.state, language)
    troubled = sum(each.tone not in {"well", "silent", "stale"} for each in system.components)
    said = translate(N_("部件 {count} 个"), language, count=len(system.components))
    yield f"{said} · {translate(N_('异常 {count}'), language, count=troubled)}" if troubled else said


def word_lines(word: WordNow, language: str) -> Iterator[str]:
    """What a state word says, and when."""
    yield in_a_row(word.says, language)
    found = [each for each in word.findings if each.severity]
    if found:
        yield " ".join(f"{icon(each.severity or '')} {each.title}" for each in found)
    yield f"{translate(N_('接收'), language)} {word.received_at.strftime('%m-%d %H:%M:%S')}"


def component_lines(place: str, part: ComponentNow, language: str) -> Iterator[str]:
    """A component: where, what it says, what it measures, and when."""
    yield f"{icon(part.tone)} {part.description or part.type_name} · {tone_word(part.tone, language)}"
    yield " · ".join(each for each in (place, part.zone, part.type_name) if each)
    if part.state:
        yield from word_lines(part.state, language)
    for value in part.values:
        yield f"{value.name} {value_words(value, language)}"
    if not part.state and not part.values:
        yield translate(N_("尚无数据"), language)
