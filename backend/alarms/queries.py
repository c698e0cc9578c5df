"""Reads of alarms for pages, phones and chats: the same answers everywhere, each through the person's doors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.model import CLEARED_BY_LABELS, Alarm, HistoryLine, NoSuchAlarm, reason_words
from backend.alarms.rows import COLUMNS, alarms_of
from backend.core.db.engine import fetch, fetch_one
from backend.core.i18n import N_, translate
from backend.core.ids import AlarmId, UnitId
from backend.core.vocabulary import CHANNEL_LABELS, VERDICT_LABELS, VIA_LABELS, Channel, Severity, Verdict, Via
from backend.delivery.model import Card
from backend.delivery.reasons import sentence
from backend.people.doors import units_seen
from backend.people.model import Person, Right

Which = Literal["active", "recent", "masked"]

#: fire first, unacknowledged first, oldest first (experience.md, duty console)
_ORDER: Final = """case a.severity when 'fire' then 0 when 'fault' then 2 when 'abnormal' then 1 else 3 end,
    a.acknowledged_at is not null, a.raised_at"""
_MINE: Final = "($1::uuid[] is null or a.unit = any($1))"
_OF_ONE: Final = "($3::uuid is null or a.unit = $3)"
_OPEN: Final = f"""
    select {COLUMNS} from alarms a where a.closed_at is null and {_MINE} and {_OF_ONE} order by {_ORDER} limit $2"""
_MASKED: Final = f"""
    select {COLUMNS} from alarms a where a.closed_at is null and {_MINE} and {_OF_ONE} and a.marks ? 'masked'
    order by {_ORDER} limit $2"""
#: of a storm only what people were told of, as long as that is open, and every fire; in the order of `alarms_urgency`
_SHOWN: Final = f"""
    from alarms a where a.closed_at is null and {_MINE} and not a.marks ? 'masked' and (
        a.led_by is null or a.severity = 'fire' or not exists(
        select from alarms l where l.id = a.led_by and l.closed_at is null))"""
_LISTED: Final = f"""
    select {COLUMNS} {_SHOWN}
    order by case a.severity when 'fire' then 0 when 'abnormal' then 1 when 'fault' then 2 else 3 end,
        a.cleared_at is not null, a.acknowledged_at is not null, a.raised_at, a.id offset $2 limit $3"""
_LED: Final = f"""
    select {COLUMNS} from alarms a where a.closed_at is null and {_MINE} and (a.led_by = $4 or a.id = $4)
    order by a.id = $4 desc, a.raised_at, a.id offset $2 limit $3"""
_LED_COUNTS: Final = """
    select led_by, count(*) as n from alarms where led_by = any($1) and closed_at is null group by led_by"""
_RECENT: Final = f"select {COLUMNS} from alarms a where {_MINE} and {_OF_ONE} order by a.raised_at desc limit $2"
_LISTS: Final = {"active": _OPEN, "recent": _RECENT, "masked": _MASKED}
_MOST: Final = 500


class StatusCounts(msgspec.Struct, frozen=True, kw_only=True):
    """A person's units at a glance: open alarms by severity, those nobody acknowledged, devices and links."""

    fire: int
    fault: int
    abnormal: int
    offline: int
    unacknowledged: int
    devices: int
    devices_online: int  #: in touch; one that has never called is neither online nor lost
    devices_lost: int
    components: int


async def alarm_for(person: Person, alarm_id: AlarmId) -> Alarm:
    """The only way to an alarm for anything a person asked. Unknown and forbidden look the same."""
    row = await fetch_one(f"select {COLUMNS} from alarms a where a.id = $1", alarm_id)
    if row is None:
        raise NoSuchAlarm(N_("没有这条报警"))
    if not person.may(Right.SEE, row["unit"]):
        raise NoSuchAlarm(N_("没有这条报警"))
    return (await alarms_of([row]))[0]


async def alarms_for(person: Person, which: Which, limit: int = 100, unit: UnitId | None = None) -> list[Alarm]:
    """Alarms of the person's units: `active` are those not closed, most urgent first; `recent` the newest first.

    `masked` are those not closed that a mask keeps quiet (屏蔽). `unit`: of that one alone.
    """
    seen = units_seen(person)
    units = None if seen is None else list(seen)
    return await alarms_of(await fetch(_LISTS[which], units, min(limit, _MOST), unit))


async def open_alarms_for(
    person: Person, *, led_by: AlarmId | None = None, after: int = 0, limit: int = 100
) -> list[Alarm]:
    """A page of what is not closed, most urgent first, a storm's by their leaders; `led_by`: those of one leader."""
    seen = units_seen(person)
    units = None if seen is None else list(seen)
    page = (units, max(after, 0), min(limit, _MOST))
    return await alarms_of(await (fetch(_LISTED, *page) if led_by is None else fetch(_LED, *page, led_by)))


async def led_counts(leaders: Sequence[AlarmId]) -> dict[AlarmId, int]:
    """How many open alarms each of these tells of beside itself; of alarms the caller may see."""
    rows = await fetch(_LED_COUNTS, list(leaders)) if leaders else []
    return {AlarmId(row["led_by"]): row["n"] for row in rows}


async def card_for(person: Person, alarm_id: AlarmId, language: str) -> Card:
    """One alarm's card in a language."""
    return alarm_card(await alarm_for(person, alarm_id), language)


async def history_for(person: Person, alarm_id: AlarmId, language: str) -> list[HistoryLine]:
    """An alarm's story, oldest first: raised, told, acknowledged, cleared, judged, closed."""
    alarm = await alarm_for(person, alarm_id)
    rows = await fetch(
        """select e.at, e.kind, e.facts, e.via, p.name from alarm_entries e left join people p on p.id = e.person
           where e.alarm = $1 order by e.at, e.id""",
        alarm_id,
    )
    lines = [_line(row, language) for row in rows]
    lines += [_told(row, language) for row in await _deliveries(alarm_id)]
    lines += [_contact_failed(row, language) for row in await _dead_contacts(alarm_id)]
    lines += [HistoryLine(at=at, text=translate(_UNHEARD, language)) for at in await _unheard(alarm_id)]
    lines += [_not_reached(row, language) for row in await _undelivered(alarm_id)]
    if alarm.closed_at is not None:
        lines.append(HistoryLine(at=alarm.closed_at, text=translate(N_("报警关闭"), language)))
    return sorted(lines, key=lambda line: line.at)


async def _deliveries(alarm_id: AlarmId) -> list[dict[str, Any]]:
    return await fetch(
        """select a.t5, a.t6, a.channel, a.state, a.why, a.because, a.is_held, a.created_at, p.name, n.t1, n.kind
           from attempts a join notices n on n.id = a.notice join people p on p.id = a.person
           where n.alarm = $1 order by a.created_at, a.id""",
        alarm_id,
    )


async def _unheard(alarm_id: AlarmId) -> list[datetime]:
    """When no way of a notice was left, and the duty desk was told."""
    rows = await fetch("select unheard_at from notices where alarm = $1 and unheard_at is not null", alarm_id)
    return [row["unheard_at"] for row in rows]


async def _dead_contacts(alarm_id: AlarmId) -> list[dict[str, Any]]:
    """Ways to people that their carriers called dead while this alarm was told: the duty desk must mend them."""
    return await fetch(
        """select r.at, a.channel, r.facts ->> 'reason' as why, p.name
           from receipts r join attempts a on a.id = r.attempt join notices n on n.id = a.notice
           join people p on p.id = a.person
           where n.alarm = $1 and r.facts @> '{"contact_is_dead": true}' order by r.at, r.id""",
        alarm_id,
    )


def _contact_failed(row: dict[str, Any], language: str) -> HistoryLine:
    channel = translate(CHANNEL_LABELS[Channel(row["channel"])], language)
    text = translate(N_("联络方式失效 {channel}：{why}"), language, channel=channel, why=row["why"] or "")
    return HistoryLine(at=row["at"], text=text, person=row["name"])


_UNHEARD: Final = N_("所有通知方式均未送达，已转服务机构值班台")


async def _undelivered(alarm_id: AlarmId) -> list[dict[str, Any]]:
    """What a carrier took and then said that it did not reach the person."""
    return await fetch(
        """select r.at, a.channel, coalesce(nullif(r.facts ->> 'reason', ''), r.facts ->> 'code') as why, p.name
           from receipts r join attempts a on a.id = r.attempt join notices n on n.id = a.notice
           join people p on p.id = a.person
           where n.alarm = $1 and r.kind = 'undelivered' and not r.facts ? 'contact_is_dead' order by r.at, r.id""",
        alarm_id,
    )


def _not_reached(row: dict[str, Any], language: str) -> HistoryLine:
    channel, why = translate(CHANNEL_LABELS[Channel(row["channel"])], language), row["why"] or ""
    why = translate(why, language)
    text = translate(N_("运营商回执：未送达 {channel}：{why}"), language, channel=channel, why=why)
    return HistoryLine(at=row["at"], text=text, person=row["name"])


_SENTENCES: Final = {
    "raised": N_("报警产生"),
    "cleared": N_("信号恢复"),
    "acknowledged": N_("确认"),
    "judged": N_("处置"),
    "nobody_told": N_("无人可通知：联网单位与值班台均无联络方式"),
    "desk_called": N_("转值班室"),
    "desk_unmanned": N_("转值班室：值班室无人可通知"),
    "handed_over": N_("设备已登记，报警移交联网单位"),
    "acknowledged_again": N_("再次确认"),
    "escalated_step": N_("升级至第 {step} 步（第 {round} 轮）：通知 {people} 人"),
    "escalated_round": N_("无人答复，开始第 {round} 轮通知：通知 {people} 人"),
    "escalated_unjudged": N_("已确认但未处置，重新开始第 {round} 轮通知：通知 {people} 人"),
    "escalated_spent": N_("各轮通知均已完成，仍未处置"),
    "masked": N_("已屏蔽，不发通知"),
    "drill": N_("演练期间，只通知单位内部"),
    "test_window": N_("测试期间，只通知单位内部"),
    "told_after_all": N_("不再屏蔽，现在通知"),
    "told_alone": N_("合并通知的报警已处置或恢复，现在单独通知"),
    "made_real": N_("升级为真实报警，现在通知"),
    "order_opened": N_("已报修，生成工单"),
    "order_accept": N_("工单已接单"),
    "order_expect_test": N_("工单请求触发测试"),
    "order_test_signal": N_("工单测试信号已收到"),
    "order_finish": N_("工单处理完成"),
    "order_verify": N_("工单已验收"),
    "order_send_back": N_("工单被退回"),
    "order_close": N_("工单关闭"),
    "order_withdraw": N_("工单撤回"),
    "noted": N_("备注"),
    "acknowledged_for": N_("代 {name} 记录已知晓"),
    "acknowledgement_undone": N_("撤销了“已知晓”"),
    "verdict_undone": N_("撤销了处置结论"),
}
#: facts that stand inside a sentence
_INSIDE: Final = ("step", "round", "people", "name")


def _line(row: dict[str, Any], language: str) -> HistoryLine:
    facts = msgspec.json.decode(row["facts"], type=dict[str, str])
    inside = {name: facts[name] for name in _INSIDE if name in facts}
    words = [translate(_SENTENCES.get(row["kind"], row["kind"]), language, **inside)]
    if "verdict" in facts:
        words.append(translate(VERDICT_LABELS[Verdict(facts["verdict"])], language))
    if facts.get("by"):
        words.append(translate(CLEARED_BY_LABELS.get(facts["by"], ""), language))
    if facts.get("unit"):
        words.append(facts["unit"])
    if facts.get("note"):
        words.append(reason_words(facts["note"], language))
    if facts.get("evidence"):
        words.append(translate(N_("附件 {count} 件"), language, count=facts["evidence"]))
    via = translate(VIA_LABELS[Via(row["via"])], language) if row["via"] else ""
    return HistoryLine(at=row["at"], text=" · ".join(words), person=row["name"] or "", via=via)


def _told(row: dict[str, Any], language: str) -> HistoryLine:
    """One attempt as a line: who was reached by what way and how fast, or why not."""
    channel = translate(CHANNEL_LABELS[Channel(row["channel"])], language)
    if row["t5"] is not None:
        seconds = f"{(row['t5'] - row['t1']).total_seconds():.2f}"
        text = translate(N_("已送达 {channel}，用时 {seconds} 秒"), language, channel=channel, seconds=seconds)
    elif row["state"] in {"refused", "skipped"}:
        why = sentence(row["why"], language)
        words = N_("未送达 {channel}：{why}") if row["state"] == "refused" else N_("未发送 {channel}：{why}")
        text = translate(words, language, channel=channel, why=why)
    else:
        why = sentence(row["why"], language)
        text = translate(N_("正在发送 {channel}"), language, channel=channel) + (f" · {why}" if why else "")
    if row["because"]:
        text += f" · {sentence(row['because'], language)}"
    return HistoryLine(at=row["t5"] or row["created_at"], text=text, person=row["name"])


async def status_for(person: Person) -> StatusCounts:
    """The person's units at a glance."""
    seen = units_seen(person)
    units = None if seen is None else list(seen)
    alarms = await fetch(
        f"""select a.severity, count(*) as n, count(*) filter (where a.acknowledged_at is null) as unknown
            from alarms a where a.closed_at is null and {_MINE} group by a.severity""",
        units,
    )
    devices = await fetch_one(
        """select count(*) as n, count(*) filter (where l.is_lost) as lost,
               count(*) filter (where not l.is_lost) as online
           from devices d left join device_links l on l.device = d.id
           where d.unit is not null and ($1::uuid[] is null or d.unit = any($1))""",
        units,
    )
    components = await fetch_one(
        """select count(distinct (c.device, c.system_type, c.system_address, c.component_address)) as n
           from components c join devices d on d.id = c.device where ($1::uuid[] is null or d.unit = any($1))""",
        units,
    )
    assert devices is not None
    assert components is not None
    by_severity = {row["severity"]: row["n"] for row in alarms}
    return StatusCounts(
        **{str(severity): by_severity.get(str(severity), 0) for severity in Severity},
        unacknowledged=sum(row["unknown"] for row in alarms),
        devices=devices["n"],
        devices_online=devices["online"],
        devices_lost=devices["lost"],
        components=components["n"],
    )
