"""Storms while they last and when they end: the leader's card counts, one digest at the end, one word when all is over.

The rule: nothing here is in the way of an alarm. The routine workers look about once a second; each step is a
transaction of its own that takes alarms before storms, as the intake does, and changes a storm by compare-and-set,
so that any number of workers may look at once.
"""

import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms import storms as rule
from backend.alarms.card import alarm_card
from backend.alarms.model import Alarm
from backend.alarms.rows import COLUMNS, alarms_of
from backend.alarms.storms import Episode, Leader
from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.i18n import N_
from backend.core.ids import AlarmId, UnitId
from backend.core.settings import Storms
from backend.core.vocabulary import Lane
from backend.delivery import plan as delivery
from backend.delivery.model import NoticeKind
from backend.delivery.plan import NoticeDraft, Planned
from backend.delivery.revising import Redraws, revise
from backend.monitoring.words import LIST_MARK

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Episode).decode

TOGETHER_FACT: Final = N_("同时报警数")
NAMES_FACT: Final = N_("同时报警的点位")
STANDING_FACT: Final = N_("仍未恢复")
SUMMARY_FACT: Final = N_("汇总")
OVER: Final = N_("本轮报警已停止增加")
ALL_WELL: Final = N_("全部恢复")
_ELLIPSIS: Final = "…"
_MOST_NAMED: Final = 20
_MOST_CLASSES: Final = 12
#: points of one zone that are told by themselves: more of them are on a card
_CONFIRMED: Final = 2
#: storms that one pass tends; the next comes a second later
_MOST: Final = 100
#: an episode that never became a storm is forgotten; the next alarm would find it over anyway
_FORGET_AFTER: Final = timedelta(minutes=30)

_STORMS: Final = "select id, kind, unit, state, last_at, members from storms"
_QUIET: Final = f"""
    {_STORMS} where ended_at is null and is_storm and kind = $1 and last_at < $2 and touched_at < $2
    order by last_at limit $3"""
_GROWN: Final = f"""
    {_STORMS} where ended_at is null and is_storm and drawn_members < members order by last_at limit $1"""
_UNSETTLED: Final = f"""
    {_STORMS} s where is_storm and ended_at is not null and settled_at is null and not exists(
        select from alarms a where a.storm = s.id and a.cleared_at is null) order by ended_at limit $1"""
_FORGET: Final = "delete from storms where not is_storm and last_at < $1"
_END: Final = """
    update storms set ended_at = $2, drawn_members = members,
        settled_at = case when $4 then $2::timestamptz end
    where id = $1 and ended_at is null and last_at = $3 returning id"""
_SETTLE: Final = "update storms set settled_at = $2 where id = $1 and settled_at is null returning id"
_DRAWN: Final = "update storms set drawn_members = greatest(drawn_members, $2) where id = $1"
_TOTALS: Final = """
    select title, count(*) as n, count(*) filter (where cleared_at is null) as standing
    from alarms where storm = $1 group by title order by n desc, title"""
_TOLD_OF: Final = """
    select place from alarms where storm = $1 and ($2::uuid is null or led_by = $2 or id = $2)
    order by number limit $3"""
_LEADER: Final = f"select {COLUMNS} from alarms a where a.id = $1 for no key update of a"
_PUT_FACTS: Final = f"""
    update alarms a set facts = $2::jsonb, revision = a.revision + 1 where a.id = $1 returning {COLUMNS}"""


class Tended(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass came to, for rings and hints after it."""

    planned: list[Planned] = []
    redraws: list[Redraws] = []
    touched: list[Alarm] = []


class _Totals(msgspec.Struct, frozen=True):
    """A storm's alarms: by title, and how many stand."""

    titles: tuple[tuple[str, int], ...]
    standing: int


async def tend(storms: Storms) -> Tended:
    """One pass: cards that grew, storms that are over, and those of which nothing stands any more."""
    tended = Tended()
    now = clock.now()
    for row in await fetch(_GROWN, _MOST):
        await _draw(row, tended)
    for kind, each in rule.rules(storms).items():
        for row in await fetch(_QUIET, kind, now - each.quiet, _MOST):
            with contextlib.suppress(_Moved):
                await _end(row, tended, now)
    for row in await fetch(_UNSETTLED, _MOST):
        with contextlib.suppress(_Moved):
            await _settle(row, tended, now)
    await execute(_FORGET, now - _FORGET_AFTER)
    return tended


async def _draw(row: Mapping[str, Any], tended: Tended) -> None:
    """The cards people have say how many there are by now."""
    is_fire = row["kind"] == "fire"
    for leader, count in _cards(_decode(row["state"]), is_fire=is_fire):
        facts = await _facts(row["id"], leader if is_fire else None, count)
        async with transaction():
            alarm = await _put(leader.alarm, facts)
            if alarm is not None:
                tended.redraws.append(await _revise(alarm))
                tended.touched.append(alarm)
    await execute(_DRAWN, row["id"], row["members"])


def _cards(state: Episode, *, is_fire: bool) -> list[tuple[Leader, int]]:
    """Whose cards count: each zone's of a fire, else the one leader's."""
    if is_fire:
        zones = [(spot.leader, spot.count) for spot in state.spots.values() if spot.count > _CONFIRMED]
        return [(leader, count) for leader, count in zones if leader is not None]
    return [(state.leader, state.count)] if state.leader is not None else []


async def _end(row: Mapping[str, Any], tended: Tended, now: datetime) -> None:
    """One digest (汇总): the totals by class, and what still stands."""
    totals = await _totals(row["id"])
    state = _decode(row["state"])
    async with transaction():
        alarm = await _put(_speaker(state), _digest(totals, row["members"], OVER if totals.standing else ALL_WELL))
        redraws = await _revise(alarm) if alarm is not None else {}
        # a storm of which nobody was told by its own leader has another one's digest
        if not await fetch(_END, row["id"], now, row["last_at"], alarm is None or not totals.standing):
            raise _Moved
        if alarm is None:
            return
        planned = await delivery.plan([_draft(alarm, row["unit"], now)])
    _note(tended, alarm, planned, redraws)


async def _settle(row: Mapping[str, Any], tended: Tended, now: datetime) -> None:
    """Nothing of it stands any more: one word for all (恢复)."""
    totals = await _totals(row["id"])
    async with transaction():
        alarm = await _put(_speaker(_decode(row["state"])), _digest(totals, row["members"], ALL_WELL))
        if alarm is None:
            return
        redraws = await _revise(alarm)
        if not await fetch(_SETTLE, row["id"], now):
            raise _Moved
        planned = await delivery.plan([_draft(alarm, row["unit"], now)])
    _note(tended, alarm, planned, redraws)


class _Moved(Exception):  # noqa: N818 - the fact
    """Another worker was first, or the storm went on: this pass's transaction is rolled back."""


def _note(tended: Tended, alarm: Alarm, planned: Planned, redraws: Redraws) -> None:
    tended.planned.append(planned)
    tended.redraws.append(redraws)
    tended.touched.append(alarm)


def _speaker(state: Episode) -> AlarmId | None:
    """The alarm whose card people have."""
    return state.leader.alarm if state.leader is not None else None


async def _totals(storm: UUID) -> _Totals:
    rows = await fetch(_TOTALS, storm)
    return _Totals(tuple((row["title"], row["n"]) for row in rows), sum(row["standing"] for row in rows))


def _digest(totals: _Totals, count: int, summary: str) -> tuple[tuple[str, str], ...]:
    shown = totals.titles[:_MOST_CLASSES]
    rest = len(totals.titles) - len(shown)
    facts = [(SUMMARY_FACT, summary), (TOGETHER_FACT, str(count)), *((title, str(n)) for title, n in shown)]
    facts += [(_ELLIPSIS, str(rest))] if rest else []
    return (*facts, (STANDING_FACT, str(totals.standing)))


async def _facts(storm: UUID, leader: Leader | None, count: int) -> tuple[tuple[str, str], ...]:
    rows = await fetch(_TOLD_OF, storm, leader.alarm if leader else None, _MOST_NAMED + 1)
    places = [msgspec.json.decode(row["place"], type=_Named) for row in rows]
    names = [place.description or place.device_name or place.wire_key for place in places[:_MOST_NAMED]]
    names += [_ELLIPSIS] if len(places) > _MOST_NAMED else []
    return ((TOGETHER_FACT, str(count)), (NAMES_FACT, LIST_MARK.join(names)))


class _Named(msgspec.Struct, frozen=True):
    """What a place is called in a list."""

    description: str = ""
    device_name: str = ""
    wire_key: str = ""


async def _put(leader: AlarmId | None, facts: tuple[tuple[str, str], ...]) -> Alarm | None:
    """The leader with these facts after its own; None when there is no leader."""
    row = await fetch_one(_LEADER, leader) if leader is not None else None
    if row is None:
        return None
    (alarm,) = await alarms_of([row])
    own = _own_facts(alarm)
    written = await fetch_one(_PUT_FACTS, alarm.id, _encode((*own, *facts)).decode())
    assert written is not None, "alarms are never deleted"
    return (await alarms_of([written]))[0]


def _own_facts(alarm: Alarm) -> tuple[tuple[str, str], ...]:
    """What the alarm says of itself: everything before what a storm added."""
    labels = [label for label, _ in alarm.facts]
    added = [labels.index(each) for each in (SUMMARY_FACT, TOGETHER_FACT) if each in labels]
    return alarm.facts[: min(added)] if added else alarm.facts


async def _revise(alarm: Alarm) -> Redraws:
    return await revise(alarm.id, alarm.revision, lambda language: alarm_card(alarm, language))


def _draft(alarm: Alarm, unit: UnitId | None, now: datetime) -> NoticeDraft:
    """A courtesy without a deadline, never before anything urgent."""
    return NoticeDraft(
        alarm=alarm.id,
        unit=unit,
        kind=NoticeKind.DIGEST,
        severity=alarm.severity,
        lane=Lane.ROUTINE,
        draw=lambda language: alarm_card(alarm, language),
        revision=alarm.revision,
        t0=now,
        t1=now,
        deadline=None,
        clause=None,
    )
