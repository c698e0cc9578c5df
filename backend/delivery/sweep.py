"""The sweeper: looks into PostgreSQL for what nobody rang for, independent of Redis and arq (house.md §3.2).

Pure reads; `Carrier.carry` claims what is found, so any number of sweepers may look at once.
"""

from datetime import timedelta
from typing import Final

from backend.core import clock, metrics
from backend.core.announce import announce
from backend.core.db.engine import fetch
from backend.core.deadlines import UNRUNG_FIRE, UNRUNG_ROUTINE
from backend.core.ids import AttemptId, NoticeId
from backend.core.vocabulary import Lane
from backend.delivery.fallback import begin_beside

_UNRUNG: Final = {Lane.FIRE: UNRUNG_FIRE, Lane.ROUTINE: UNRUNG_ROUTINE}
_MOST: Final = 200

_DUE: Final = """
    select id from attempts
    where lane = $1 and state in ('pending', 'sending')
      and ((state = 'pending' and due_at <= case when due_at > created_at then $3 else $2::timestamptz end)
        or (state = 'sending' and lease_until < $3))
    order by due_at limit $4"""
_REDRAWS: Final = """
    select id from attempts where lane = $1 and redraw_at <= $2 and state = 'accepted'
    order by redraw_at limit $3"""
_BREACHED: Final = """
    with late as materialized (
        select id from attempts
        where is_held is null and deadline_at < $1 and state <> 'skipped' and t5 is null
        order by id for no key update)
    update attempts a set is_held = false from notices n, late
    where a.id = late.id and a.notice = n.id
    returning a.id, a.notice, n.severity, a.t4"""


async def due_attempts(lane: Lane, *, grace: timedelta = timedelta()) -> list[AttemptId]:
    """Attempts that should have been rung for by now, or whose worker is gone. Oldest first.

    `grace` is how much later a worker of another lane looks, that stands in when a lane's own are all gone.
    """
    now = clock.now() - grace
    # an attempt that was postponed is due the moment its time has come: nobody rings for it
    rows = await fetch(_DUE, str(lane), now - _UNRUNG[lane], now, _MOST)
    if rows:
        metrics.SWEPT.labels(lane).inc(len(rows))
    return [AttemptId(row["id"]) for row in rows]


async def due_redraws(lane: Lane, most: int = _MOST) -> list[AttemptId]:
    """Cards that changed and were not drawn again within half a second; oldest first."""
    late = clock.now() - timedelta(milliseconds=500)
    rows = await fetch(_REDRAWS, str(lane), late, most)
    return [AttemptId(row["id"]) for row in rows]


async def mark_breaches() -> int:
    """Attempts whose deadline passed unaccepted are marked for good; answers how many are new."""
    rows = await fetch(_BREACHED, clock.now())
    for row in rows:
        metrics.BREACHES.labels(row["severity"]).inc()
    # a carrier that had it and has not taken it by now: another kind, or the duty desk, has to
    tried = [row for row in rows if row["t4"] is not None]
    if tried:
        attempts, notices = [AttemptId(row["id"]) for row in tried], [NoticeId(row["notice"]) for row in tried]
        await announce(await begin_beside(attempts, notices), {}, [])
    return len(rows)
