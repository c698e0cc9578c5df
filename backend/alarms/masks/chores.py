"""What time does with masks and windows: they open, are reminded of, end. The routine worker's chores; idempotent.

Several workers may do this at once: each row is taken by one of them, and the others pass over it.
"""

from datetime import datetime
from typing import Final

from backend.alarms.masks.model import MASK_POLICY, Mask, MaskState, WindowState, moved, reminders_due
from backend.alarms.masks.releasing import Released, release_ended, tell
from backend.alarms.masks.rows import MASK_COLUMNS, WINDOW_COLUMNS, mask_of, put_mask, window_of
from backend.alarms.masks.service import facts_of
from backend.alarms.masks.telling import redraw_mask, tell_of_mask
from backend.alarms.masks.windows import move_window, window_facts
from backend.core import clock
from backend.core.db.engine import execute, fetch, transaction
from backend.core.live import Hint
from backend.ledger.service import record_action

_ACTOR: Final = "masks"
_MOST: Final = 50
REPAIRED: Final = "repaired"
REAL_FIRE: Final = "real fire"
_OVER: Final = f"""
    select {MASK_COLUMNS} from masks m where m.state in ('asked', 'active') and m.until_at <= $1
    order by m.id limit {_MOST} for no key update skip locked"""
_WARNED: Final = f"""
    select {MASK_COLUMNS} from masks m where m.state = 'active' and m.until_at > $1 and m.until_at <= $2
      and m.reminders < $3 and m.is_fire = $4 order by m.id limit {_MOST} for no key update skip locked"""
#: a component that its own device calls well again, and that tells of nothing else any more
_REPAIRED: Final = f"""
    select {MASK_COLUMNS} from masks m
    where m.state = 'active' and m.is_until_repaired and m.until_at > $1
      and exists (select from alarm_holds h join alarms a on a.id = h.alarm
                  where h.mask = m.id and a.cleared_by in ('signal', 'restored') and a.cleared_at >= m.started_at)
      and not exists (select from alarm_holds h join alarms a on a.id = h.alarm
                      where h.mask = m.id and a.cleared_at is null)
    order by m.id limit {_MOST} for no key update skip locked"""
#: a fire that it kept quiet was called real: whatever else burns behind it must not be kept quiet
_REAL: Final = """exists (select from alarm_holds h join alarms a on a.id = h.alarm
    where {0} and h.ended_why = 'made_real' and a.severity = 'fire')"""
_BURNS: Final = f"""
    select {MASK_COLUMNS} from masks m
    where m.state = 'active' and m.until_at > $1 and {_REAL.format("h.mask = m.id")}
    order by m.id limit {_MOST} for no key update skip locked"""
_TURNING: Final = f"""
    select {WINDOW_COLUMNS} from test_windows w
    where (w.state = 'planned' and w.from_at <= $1) or (w.state in ('planned', 'open') and w.until_at <= $1)
      or (w.state = 'open' and {_REAL.format('h."window" = w.id')})
    order by w.id limit {_MOST} for no key update skip locked"""


async def look_after_masks() -> None:
    """One pass: what is over, repaired or burning ends, who must be reminded is, windows turn."""
    await _end(_OVER, MaskState.EXPIRED, "expired")
    await _end(_REPAIRED, MaskState.LIFTED, REPAIRED)
    await _end(_BURNS, MaskState.LIFTED, REAL_FIRE)
    await _remind()
    await _turn_windows()
    await _release_stragglers()


async def _end(which: str, to: MaskState, why: str) -> None:
    """End what `which` finds; what it held and still stands is told in the same transaction."""
    released = Released()
    async with transaction():
        now = clock.now()
        masks = [mask_of(row) for row in await fetch(which, now)]
        ended = [moved(mask, to, now, None, why) for mask in masks]
        for before, after in zip(masks, ended, strict=True):
            await put_mask(before, after)
        if ended:
            await release_ended(released)
        for mask in ended:
            await redraw_mask(mask, released)
            if why == REPAIRED:
                await tell_of_mask(mask, "repaired", released, now)
            released.hints.append(Hint(unit=str(mask.unit)))
        for mask in ended:
            await record_action(_ACTOR, f"mask.{to}", facts_of(mask))
    await tell(released)


async def _remind() -> None:
    """Before its end, by the policy's times: the unit's managers, who asked, and the duty desk."""
    released = Released()
    async with transaction():
        now = clock.now()
        for is_fire, policy in MASK_POLICY.items():
            rows = await fetch(_WARNED, now, now + max(policy.reminders), len(policy.reminders), is_fire)
            for mask in map(mask_of, rows):
                await _remind_of(mask, released, now)
    await tell(released)


async def _remind_of(mask: Mask, released: Released, now: datetime) -> None:
    due = reminders_due(mask, now)
    if due > mask.reminders:
        await execute("update masks set reminders = $2 where id = $1", mask.id, due)
        await tell_of_mask(mask, "reminder", released, now)


async def _turn_windows() -> None:
    """Windows open and end by themselves; a real fire ends a drill."""
    released = Released()
    async with transaction():
        now = clock.now()
        turned = []
        for window in map(window_of, await fetch(_TURNING, now)):
            begins = window.state is WindowState.PLANNED and window.until_at > now
            to = WindowState.OPEN if begins else WindowState.ENDED
            turned.append(await move_window(window, to, None, released))
        for window in turned:
            await record_action(_ACTOR, f"window.{window.state}", window_facts(window))
    await tell(released)


async def _release_stragglers() -> None:
    """What was raised while its mask was ending, and what one pass was too small for."""
    released = Released()
    async with transaction():
        await release_ended(released)
    await tell(released)
