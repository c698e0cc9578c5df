"""Alarms that come together are told together: the rule of `storms`, applied to what a batch raised.

Every alarm stays a row of its own. One that another's card tells of gets its notice and attempts all the same,
skipped, with the leader named; what is remembered of a group is one row of `storms`, locked in the order of keys.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from backend.alarms import storms as rule
from backend.alarms.model import MASS_OUTAGE, SPOTS_FACT, Alarm
from backend.alarms.storms import Decided, Episode, Point
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AlarmId, UnitId, new_id
from backend.core.settings import Storms
from backend.core.vocabulary import AlarmClass, Severity
from backend.delivery.reasons import Why, written
from backend.monitoring.changes import Mark

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Episode).decode

_OPEN: Final = """
    select id, key, state, is_storm from storms where key = any($1) and ended_at is null order by key for update"""
#: leaders whose cards people have and may still answer
_SPEAKING: Final = """
    select a.id, a.cleared_at is null as stands from alarms a
    where a.id = any($1) and a.verdict is null and a.closed_at is null and exists(
        select from notices n join attempts t on t.notice = n.id
        where n.alarm = a.id and n.kind = 'raised' and t.state <> 'skipped')"""
#: an episode that is over makes room for the next one of its group; its digest is still to be sent
_MAKE_ROOM: Final = "update storms set key = key || '/' || id where id = any($1)"
_PUT: Final = """
    insert into storms (id, key, kind, unit, state, began_at, last_at, members, is_storm, leader, drawn_members,
        touched_at)
    select i, k, g, u, s::jsonb, la, la, n, b, l, 0, $10::timestamptz
    from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::int[], $8::bool[],
        $9::uuid[]) as x(i, k, g, u, s, la, n, b, l)
    on conflict (id) do update set state = excluded.state, last_at = excluded.last_at, members = excluded.members,
        is_storm = excluded.is_storm, leader = excluded.leader, touched_at = excluded.touched_at"""
_MARK: Final = """
    update alarms a set storm = x.storm, led_by = coalesce(x.leader, a.led_by),
        facts = case when x.fact is null then a.facts else a.facts || x.fact::jsonb end
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) as x(id, storm, leader, fact)
    where a.id = x.id"""
_NEVER_TOLD: Final = """
    select n.alarm, min(t.why) as why from notices n join attempts t on t.notice = n.id
    where n.alarm = any($1) and n.kind = 'raised'
    group by n.alarm having bool_and(t.state = 'skipped')"""
#: leaders of links that fell together, while others of them are still down: their return is told as one
_STILL_TOGETHER: Final = """
    select a.id from alarms a join storms s on s.id = a.storm
    where a.id = any($1) and s.kind = 'links' and s.is_storm and s.settled_at is null"""


class Grouped(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a batch's alarms another one tells of, and why; and those that say how many there are."""

    told: dict[AlarmId, str] = {}
    listing: dict[AlarmId, Alarm] = {}


class _Marked(NamedTuple):
    """What is written on an alarm that is one of many."""

    alarm: AlarmId
    storm: UUID
    leader: AlarmId | None
    fact: str | None


class _Episodes:
    """The open episodes of a batch's groups, by key, as rows know them."""

    def __init__(self, rows: Sequence[dict[str, Any]], since: datetime, kinds: dict[str, rule.Rule]) -> None:
        self.states: dict[str, Episode] = {}
        self.ids: dict[str, UUID] = {}
        self.over: list[UUID] = []
        for row in rows:
            state = _decode(row["state"])
            if state.is_over(kinds[row["key"].partition("/")[0]], since):
                self.over.append(row["id"])
            else:
                self.states[row["key"]], self.ids[row["key"]] = state, row["id"]
        self.storms = {key for key, state in self.states.items() if state.is_storm}

    def leaders(self) -> list[AlarmId]:
        """Every alarm that may be asked to speak for others."""
        found: set[AlarmId] = set()
        for state in self.states.values():
            told = [state.leader, *(spot.leader for spot in state.spots.values()), *(each for _, each in state.recent)]
            found.update(leader.alarm for leader in told if leader is not None)
        return sorted(found)

    def id_of(self, key: str) -> UUID:
        """The row of a group; a new one for a group that begins."""
        return self.ids.setdefault(key, new_id())

    def begun(self, point: Point, known: set[AlarmId]) -> list[_Marked]:
        """Groups that this alarm makes a storm: those that were told before it was known are the storm's too."""
        found: list[_Marked] = []
        for _, key in rule.groups_of(point):
            state = self.states.get(key)
            if state is None or not state.is_storm or key in self.storms:
                continue
            self.storms.add(key)
            earlier = [told.alarm for _, told in state.recent if told is not None and told.alarm != point.alarm]
            found += [_Marked(alarm, self.id_of(key), None, None) for alarm in earlier if alarm not in known]
        return found


def told_by(number: int) -> str:
    """Why an alarm that a leader tells of is not sent by itself."""
    return written(Why.TOGETHER, number=number)


async def group(raised: Sequence[tuple[Alarm, UnitId | None]], storms: Storms) -> Grouped:
    """Group what a batch raised, each with who hears of it, in the caller's transaction, before it is planned."""
    if not (storms.is_on and raised):
        return Grouped()
    kinds = rule.rules(storms)
    points = [(_point(alarm, listeners), alarm, listeners) for alarm, listeners in raised]
    keys = sorted({key for point, _, _ in points for _, key in rule.groups_of(point)})
    episodes = _Episodes(await fetch(_OPEN, keys), min(point.at for point, _, _ in points), kinds)
    speaking = await _speaking(episodes.leaders())
    told: dict[AlarmId, str] = {}
    listing: dict[AlarmId, Alarm] = {}
    marks: list[_Marked] = []
    known: set[AlarmId] = set()
    whose: dict[str, UnitId | None] = {}
    for point, alarm, listeners in points:
        decided = rule.decide(episodes.states, point, kinds, speaking)
        whose |= dict.fromkeys((key for _, key in rule.groups_of(point)), listeners)
        if decided.leader is None:
            speaking[point.alarm] = alarm.cleared_at is None
        else:
            told[alarm.id] = told_by(decided.leader.number)
        marks += episodes.begun(point, known)
        fact = _fact(decided, point)
        if fact or decided.leader or decided.is_storm:
            leader = decided.leader.alarm if decided.leader else None
            known.add(alarm.id)
            marks.append(
                _Marked(alarm.id, episodes.id_of(decided.group), leader, _encode([fact]).decode() if fact else None)
            )
        if fact:
            listing[alarm.id] = msgspec.structs.replace(alarm, facts=(*alarm.facts, fact))
    await _write(episodes, whose, marks)
    return Grouped(told=told, listing=listing)


def _point(alarm: Alarm, listeners: UnitId | None) -> Point:
    place = alarm.place
    loop = "/".join(alarm.subject.split("/", 2)[:2])
    spot = f"{place.building}/{place.floor}/{place.zone}"
    is_fire = alarm.severity is Severity.FIRE
    return Point(
        alarm=alarm.id,
        number=alarm.number,
        at=alarm.raised_at,
        severity=alarm.severity,
        listeners=str(listeners or "desk"),
        loop=loop,
        spot=spot if place.floor or place.zone else f"{spot}{loop}",
        kind=f"{alarm.condition}/{place.component_type}" if is_fire else alarm.condition,
        never_grouped=(
            alarm.alarm_class is AlarmClass.G
            or alarm.condition == MASS_OUTAGE
            or (is_fire and Mark.HISTORY in alarm.marks)
        ),
    )


def _fact(decided: Decided, point: Point) -> tuple[str, str] | None:
    """Which point this is, on the card of one that is told; a lone alarm has no such line."""
    is_one_of_many = decided.is_storm or (point.severity is Severity.FIRE and decided.nth > 1)
    return (SPOTS_FACT, f"{decided.nth}/{decided.in_spot}") if is_one_of_many else None


async def _speaking(leaders: list[AlarmId]) -> dict[AlarmId, bool]:
    rows = await fetch(_SPEAKING, leaders) if leaders else []
    return {AlarmId(row["id"]): row["stands"] for row in rows}


async def _write(episodes: _Episodes, whose: dict[str, UnitId | None], marks: list[_Marked]) -> None:
    if episodes.over:
        await execute(_MAKE_ROOM, sorted(episodes.over))
    rows: list[tuple[object, ...]] = []
    for key in sorted(whose.keys() & episodes.states.keys()):
        state = episodes.states[key]
        leader = state.leader.alarm if state.leader else None
        kind = key.partition("/")[0]
        row = (episodes.id_of(key), key, kind, whose[key], _encode(state).decode(), state.last_at, state.count)
        rows.append((*row, state.is_storm, leader))
    await execute(_PUT, *map(list, zip(*rows, strict=True)), clock.now())
    if marks:
        await execute(_MARK, *map(list, zip(*sorted(marks, key=lambda mark: mark.alarm), strict=True)))


async def never_told(alarms: Sequence[AlarmId]) -> dict[AlarmId, str]:
    """Those of `alarms` that others told of, and why: that they are over is then no message either."""
    if not alarms:
        return {}
    found = {AlarmId(row["alarm"]): row["why"] for row in await fetch(_NEVER_TOLD, list(alarms))}
    together = await fetch(_STILL_TOGETHER, list(alarms))
    return found | {AlarmId(row["id"]): written(Why.WHEN_ALL_BACK) for row in together}
