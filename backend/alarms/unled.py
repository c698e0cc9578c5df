"""Fires that another fire's card told of, and tells of no more: its own was judged no fire, or has cleared.

The rule: a fire that stands is told by itself or by a card that stands. When a leader no longer speaks, the first of
those behind it is told at once and speaks for the others; people are never left with "误报" over a fire that burns.
"""

from typing import Final

from backend.alarms.masks.releasing import Released, tell, tell_after_all
from backend.alarms.rows import COLUMNS, alarm_of
from backend.core import clock
from backend.core.db.engine import execute, fetch, transaction

KIND: Final = "told_alone"  #: what the alarm's story says
_MOST: Final = 200
#: a real fire is known as one, and what burns beside it is the same story
_UNLED: Final = f"""
    select {COLUMNS}, a.led_by from alarms a join alarms l on l.id = a.led_by
    where a.severity = 'fire' and a.cleared_at is null and a.closed_at is null and a.verdict is null
      and l.verdict is distinct from 'real' and (l.cleared_at is not null or l.verdict is not null)
      and not exists (select from alarm_holds h where h.alarm = a.id and h.ended_at is null)
    order by a.id limit {_MOST} for no key update of a skip locked"""
_LEADS: Final = "update alarms set led_by = nullif($2::uuid, id) where id = any($1)"


async def tell_unled() -> int:
    """Tell what nobody's card tells of any more; answers how many alarms got another leader or lead themselves.

    Any number of workers may look: what one has in hand the others pass over.
    """
    released = Released()
    async with transaction():
        groups: dict[object, list[dict[str, object]]] = {}
        for row in await fetch(_UNLED):
            groups.setdefault(row.pop("led_by"), []).append(row)
        told = [alarm_of(rows[0]) for rows in groups.values()]
        for first, rows in zip(told, groups.values(), strict=True):
            await execute(_LEADS, [row["id"] for row in rows], first.id)
        await tell_after_all(told, released, KIND, clock.now())
    await tell(released)
    return sum(map(len, groups.values()))
