"""What is held back is told after all: its mask or window ended and it still stands, or a person says that it is real.

The rule: alarms are locked first, in the order of their ids, as every other writer of alarms does; then their holds.
A hold whose mask has ended is found by looking, so that whoever was raised while the mask was ending is found too.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.hearing import lane_of, listeners
from backend.alarms.masks.covering import covers_of
from backend.alarms.masks.model import INSIDE_MARKS, Cover, Point, held_note, without_inside
from backend.alarms.masks.rows import write_holds
from backend.alarms.model import Alarm
from backend.alarms.raising import write_unreached
from backend.alarms.rows import COLUMNS, NewEntry, alarm_of, alarms_of, write_entries
from backend.core import clock
from backend.core.announce import announce
from backend.core.db.engine import SERVER_AWAY, execute, fetch
from backend.core.deadlines import NOTICE_DEADLINES
from backend.core.ids import AlarmId, AttemptId, NoticeId
from backend.core.live import Hint
from backend.core.vocabulary import Lane, Severity, Via
from backend.delivery import escalating
from backend.delivery import plan as delivery
from backend.delivery.model import NoticeKind
from backend.delivery.plan import NoticeDraft, Planned
from backend.delivery.revising import Redraws, revise
from backend.people.model import Person

log = logging.getLogger(__name__)

_STRANDED: Final = f"""
    select {COLUMNS} from alarms a where a.id in (
        select h.alarm from alarm_holds h
        left join masks m on m.id = h.mask left join test_windows w on w.id = h."window"
        where h.ended_at is null and coalesce(m.state <> 'active', w.state <> 'open'))
    order by a.id limit $1 for update of a"""
_HELD: Final = """select alarm, "window" is not null as is_window from alarm_holds
    where alarm = any($1) and ended_at is null"""
_END_HOLDS: Final = "update alarm_holds set ended_at = $2, ended_why = $3 where alarm = any($1) and ended_at is null"
_MARKS: Final = """
    update alarms a set marks = x.marks::jsonb, revision = a.revision + 1
    from unnest($1::uuid[], $2::text[]) as x(id, marks) where a.id = x.id"""
_NOW: Final = f"select {COLUMNS} from alarms a where a.id = any($1) order by a.id"
#: a fire that burns already is never masked: it is judged first
_STANDING: Final = f"""
    select {COLUMNS} from alarms a
    where a.cleared_at is null and a.closed_at is null and a.unit = $1 and a.severity <> '{Severity.FIRE}'
      and not exists (select from alarm_holds h where h.alarm = a.id and h.ended_at is null)
    order by a.id for update of a"""
_MOST: Final = 200
_encode = msgspec.json.Encoder().encode


class Released(msgspec.Struct, kw_only=True):
    """What a transaction leaves to ring for, after its commit. Losing it costs time only."""

    attempts: dict[Lane, list[AttemptId]] = {}
    notices: list[NoticeId] = []
    redraws: Redraws = {}
    hints: list[Hint] = []

    def add(self, planned: Planned | None = None, redraws: Redraws | None = None) -> None:
        """What one more act leaves."""
        self.notices += planned.notices if planned else []
        for lane, attempts in (planned.attempts if planned else {}).items():
            self.attempts.setdefault(lane, []).extend(attempts)
        for lane, attempts in (redraws or {}).items():
            self.redraws.setdefault(lane, []).extend(attempts)

    def touch(self, alarms: Sequence[Alarm]) -> None:
        """Pages that show these alarms change."""
        self.hints += [Hint(unit=str(alarm.unit or ""), alarm=str(alarm.id)) for alarm in alarms]


async def tell(released: Released) -> None:
    """Ring and hint, after the commit, and stamp t2. What is lost here costs time only."""
    at = clock.now()
    await announce(released.attempts, released.redraws, released.hints)
    try:
        await delivery.mark_durable([(notice, at) for notice in released.notices])
    except (*SERVER_AWAY, asyncpg.PostgresError) as error:
        log.warning("notices not stamped", extra={"error": type(error).__name__})


async def release_ended(released: Released, *, most: int = _MOST) -> int:
    """What ended masks and windows held: under another one it changes hands, else it is told if it still stands.

    In the caller's transaction; idempotent. Answers how many alarms were looked at.
    """
    alarms = [alarm_of(row) for row in await fetch(_STRANDED, most)]
    if not alarms:
        return 0
    held = {row["alarm"]: row["is_window"] for row in await fetch(_HELD, [alarm.id for alarm in alarms])}
    alarms = [alarm for alarm in alarms if alarm.id in held]
    found = await covers_of([point_of(alarm) for alarm in alarms])
    # a window takes over what a window held and told inside, but no fire: one window after the other would keep it from
    # people for ever; what a mask kept from everybody is told, drill or not
    fires = {alarm.id for alarm in alarms if alarm.severity is Severity.FIRE}
    covers = {alarm: cover for alarm, cover in found.items() if cover.mask or (held[alarm] and alarm not in fires)}
    now = clock.now()
    await _change_hands([alarm for alarm in alarms if alarm.id in covers], covers, released, now)
    over = [alarm for alarm in alarms if alarm.id not in covers]
    # after a drill, what people judged is known; after a mask everything is told that still stands
    told = [alarm for alarm in over if alarm.is_active and not (held[alarm.id] and alarm.verdict is not None)]
    await execute(_END_HOLDS, [alarm.id for alarm in over], now, "over")
    await tell_after_all(told, released, "told_after_all", now)
    return len(alarms)


async def _change_hands(
    alarms: Sequence[Alarm], covers: dict[AlarmId, Cover], released: Released, now: datetime
) -> None:
    """Another mask or window holds them from now on, and they say so."""
    await write_holds([(alarm.id, covers[alarm.id].mask, covers[alarm.id].window, now) for alarm in alarms])
    other = [alarm for alarm in alarms if covers[alarm.id].mark not in alarm.marks]
    if other:
        await _mark(other, [(covers[alarm.id].mark, *without_inside(alarm.marks)) for alarm in other])
        await _redraw(await alarms_of(await fetch(_NOW, [alarm.id for alarm in other])), released)


async def tell_after_all(
    alarms: Sequence[Alarm],
    released: Released,
    kind: str,
    now: datetime,
    *,
    person: Person | None = None,
    via: Via | None = None,
) -> None:
    """These alarms, locked by the caller, are told like any other from now on: deadlines count from this moment."""
    if not alarms:
        return
    ids = [alarm.id for alarm in alarms]
    await execute(_END_HOLDS, ids, now, kind)
    await _mark(alarms, [without_inside(alarm.marks) for alarm in alarms])
    by = person.id if person else None
    await write_entries([NewEntry(each, now, kind, {}, by, via) for each in ids])
    fresh = await alarms_of(await fetch(_NOW, ids))
    await _redraw(fresh, released)
    planned = await delivery.plan([draft_now(alarm, now) for alarm in fresh])
    await write_unreached(planned, now)
    released.add(planned)
    released.touch(fresh)


async def tell_if_held(person: Person, alarm: Alarm, via: Via, released: Released) -> bool:
    """In the caller's transaction, the alarm locked: tell everybody if a mask or a window kept it from them."""
    if not INSIDE_MARKS.intersection(alarm.marks):
        return False
    await tell_after_all([alarm], released, "made_real", clock.now(), person=person, via=via)
    return True


def draft_now(alarm: Alarm, now: datetime) -> NoticeDraft:
    """A notice of an alarm that could not be told earlier."""
    deadline = NOTICE_DEADLINES[alarm.severity]
    return NoticeDraft(
        alarm=alarm.id,
        unit=listeners(alarm),
        kind=NoticeKind.RAISED,
        severity=alarm.severity,
        lane=lane_of(alarm),
        draw=partial(alarm_card, alarm),
        revision=alarm.revision,
        t0=now,
        t1=now,
        deadline=deadline.within,
        clause=deadline.clause,
    )


async def cover_standing(unit: UUID, released: Released) -> None:
    """A mask began: what stands already under it, and is no fire, rings no more; what is on its way is not sent."""
    alarms = [alarm_of(row) for row in await fetch(_STANDING, unit)]
    covers = await covers_of([point_of(alarm) for alarm in alarms])
    masked = [(alarm, covers[alarm.id]) for alarm in alarms if alarm.id in covers and covers[alarm.id].mask]
    if not masked:
        return
    now = clock.now()
    await _mark([alarm for alarm, _ in masked], [(cover.mark, *alarm.marks) for alarm, cover in masked])
    await write_holds([(alarm.id, cover.mask, cover.window, now) for alarm, cover in masked])
    await write_entries([_masked_entry(alarm.id, cover, now) for alarm, cover in masked])
    for alarm, cover in masked:
        await delivery.skip_pending([alarm.id], cover.why)
    await escalating.ended([alarm.id for alarm, _ in masked], "masked")
    fresh = await alarms_of(await fetch(_NOW, [alarm.id for alarm, _ in masked]))
    await _redraw(fresh, released)
    released.touch(fresh)


def point_of(alarm: Alarm) -> Point:
    """An alarm as covers are looked up for it."""
    return Point(
        alarm=alarm.id,
        unit=alarm.unit,
        device=alarm.device,
        subject=alarm.subject,
        is_fire=alarm.severity is Severity.FIRE,
    )


def _masked_entry(alarm: AlarmId, cover: Cover, now: datetime) -> NewEntry:
    return NewEntry(alarm, now, cover.mark, {"note": held_note(cover)})


async def _mark(alarms: Sequence[Alarm], marks: Sequence[Sequence[str]]) -> None:
    await execute(_MARKS, [alarm.id for alarm in alarms], [_encode(tuple(each)).decode() for each in marks])


async def _redraw(alarms: Sequence[Alarm], released: Released) -> None:
    for alarm in alarms:
        released.add(redraws=await revise(alarm.id, alarm.revision, partial(alarm_card, alarm)))
