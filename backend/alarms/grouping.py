"""Detectors that fail together are told together (GB 50440 extract, 5 a, "Group"): one message that lists them.

The rule: from the fifth detector fault of one system within 10 s on, a fault is told by the card of the first one in
those 10 s that people were told of; every alarm stays a row of its own. When nobody was told within 10 s, the next
fault is told by itself and lists those after it, so that a storm costs a message in 10 s and is never silent.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.model import Alarm
from backend.alarms.rows import COLUMNS, alarm_of, alarms_of
from backend.core.db.engine import fetch, fetch_one
from backend.core.i18n import N_
from backend.core.ids import AlarmId
from backend.delivery.service import revise
from backend.monitoring.words import LIST_MARK

_CONDITION: Final = "detector_fault"
_LEAST: Final = 5
_WITHIN: Final = timedelta(seconds=10)
#: a card that grows is drawn again no oftener than this
_REDRAW_AFTER: Final = timedelta(seconds=1)
_MOST_NAMED: Final = 20
_COUNT: Final = N_("同时故障的探测器数")
_NAMES: Final = N_("同时故障的探测器")
_ELLIPSIS: Final = "…"

_RECENT: Final = f"""
    select {COLUMNS}, exists(
        select from notices n join attempts t on t.notice = n.id
        where n.alarm = a.id and n.kind = 'raised' and t.state <> 'skipped')
        and not a.marks ?| array['masked', 'drill', 'test_window'] as is_told
    from alarms a
    where a.raised_at >= $1 and a.condition = $2
      and split_part(a.subject, '/', 1) || '/' || split_part(a.subject, '/', 2) = any($3)
    order by a.raised_at, a.number"""
_PUT_FACTS: Final = f"""
    update alarms a set facts = $2::jsonb, revision = a.revision + $3 where a.id = $1 returning {COLUMNS}"""
_NEVER_TOLD: Final = """
    select n.alarm, min(t.why) as why from notices n join attempts t on t.notice = n.id
    where n.alarm = any($1) and n.kind = 'raised'
    group by n.alarm having bool_and(t.state = 'skipped')"""
_encode = msgspec.json.Encoder().encode


class Grouped(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a batch's alarms another one tells of, and why; and those of the batch that list others now."""

    told: dict[AlarmId, str] = {}
    listing: dict[AlarmId, Alarm] = {}


async def group(raised: Sequence[Alarm]) -> Grouped:
    """Group what a batch raised, inside the caller's transaction, before it is planned."""
    faults = {alarm.id: alarm for alarm in raised if alarm.condition == _CONDITION}
    if not faults:
        return Grouped()
    since = min(alarm.raised_at for alarm in faults.values()) - _WITHIN
    rows = await fetch(_RECENT, since, _CONDITION, sorted({_system(alarm) for alarm in faults.values()}))
    by_system: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_system.setdefault(_system(alarm_of(row)), []).append(row)
    told: dict[AlarmId, str] = {}
    listing: dict[AlarmId, Alarm] = {}
    for together in by_system.values():
        for leader in _lead(together, faults, told):
            listed = await _list(leader, together, is_new=leader.id in faults)
            if leader.id in faults:
                listing[leader.id] = listed
    return Grouped(told=told, listing=listing)


def _system(alarm: Alarm) -> str:
    return "/".join(alarm.subject.split("/", 2)[:2])


def _lead(rows: Sequence[dict[str, Any]], faults: dict[AlarmId, Alarm], told: dict[AlarmId, str]) -> list[Alarm]:
    """Who tells of whom among one system's faults, in their order: writes `told`, answers those that list others."""
    window: deque[tuple[datetime, Alarm, bool]] = deque()
    leaders: dict[AlarmId, Alarm] = {}
    for row in rows:
        alarm, is_told = alarm_of(row), bool(row["is_told"])
        while window and window[0][0] < alarm.raised_at - _WITHIN:
            window.popleft()
        if alarm.id in faults:
            leader = next((other for _, other, has_told in window if has_told), None)
            is_told = leader is None or len(window) + 1 < _LEAST
            if leader is not None and not is_told:
                told[alarm.id] = f"told together with alarm {leader.number}"
                leaders[leader.id] = leader
        window.append((alarm.raised_at, alarm, is_told))
    return list(leaders.values())


async def _list(leader: Alarm, rows: Sequence[dict[str, Any]], *, is_new: bool) -> Alarm:
    """All faults since the leader's own, on the leader's card; one that was sent is drawn again."""
    members = [alarm_of(row) for row in rows if row["raised_at"] >= leader.raised_at]
    names = [each.place.description or each.place.wire_key for each in members[:_MOST_NAMED]]
    names += [_ELLIPSIS] if len(members) > _MOST_NAMED else []
    kept = tuple(fact for fact in leader.facts if fact[0] not in {_COUNT, _NAMES})
    facts = (*kept, (_COUNT, str(len(members))), (_NAMES, LIST_MARK.join(names)))
    row = await fetch_one(_PUT_FACTS, leader.id, _encode(facts).decode(), 0 if is_new else 1)
    assert row is not None, "alarms are never deleted"
    (listed,) = await alarms_of([row])
    if not is_new:
        await revise(listed.id, listed.revision, lambda language: alarm_card(listed, language), after=_REDRAW_AFTER)
    return listed


async def never_told(alarms: Sequence[AlarmId]) -> dict[AlarmId, str]:
    """Those of `alarms` that others told of, and why: that they are over is then no message either."""
    rows = await fetch(_NEVER_TOLD, list(alarms)) if alarms else []
    return {AlarmId(row["alarm"]): row["why"] for row in rows}
