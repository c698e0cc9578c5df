"""The chore that takes due steps (升级): the alarm's row first, then its escalation, its story, and the rings after.

The rule: an alarm that somebody is just answering is left for the next pass, a second later.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from backend.alarms.rows import NewEntry, write_entries
from backend.core import clock
from backend.core.announce import announce
from backend.core.db.engine import SERVER_AWAY, fetch, transaction
from backend.core.ids import AlarmId, AttemptId
from backend.core.live import Hint
from backend.core.vocabulary import Lane
from backend.delivery.escalating import StepTaken, due_alarms, take_due
from backend.delivery.escalation import Event

log = logging.getLogger(__name__)
_HOLD: Final = "select id, unit from alarms where id = any($1) order by id for no key update skip locked"
#: a step that tells nobody, because all it would tell know, is no line of the story
_ALWAYS_TOLD: Final = frozenset({Event.SPENT})


async def escalate() -> int:
    """Take every step that is due, once, however many look at the same moment; answers how many were taken."""
    now = clock.now()
    due = await due_alarms(now)
    if not due:
        return 0
    try:
        return await _take(due, now)
    except SERVER_AWAY:
        raise
    except Exception:
        # one escalation that can't be read must not keep all others (house.md §6: this is the sweeper's pass)
        log.exception("steps not taken together, taking them one by one", extra={"alarms": len(due)})
        return sum([await _take_alone(alarm, now) for alarm in due])


async def _take_alone(alarm: AlarmId, now: datetime) -> int:
    try:
        return await _take([alarm], now)
    except SERVER_AWAY:
        raise
    except Exception:
        log.exception("step not taken", extra={"alarm": str(alarm)})
        return 0


async def _take(due: Sequence[AlarmId], now: datetime) -> int:
    async with transaction():
        held = {AlarmId(row["id"]): row["unit"] for row in await fetch(_HOLD, list(due))}
        steps = await take_due(list(held), now)
        await write_entries(
            [
                NewEntry(step.alarm, now, f"escalated_{step.event}", _facts(step))
                for step in steps
                if step.people or step.event in _ALWAYS_TOLD
            ]
        )
    rings: dict[Lane, list[AttemptId]] = {}
    for step in steps:
        for lane, attempts in step.attempts.items():
            rings.setdefault(lane, []).extend(attempts)
    hints = [Hint(unit=str(held[step.alarm] or ""), alarm=str(step.alarm)) for step in steps]
    if steps:
        await announce(rings, {}, hints)
    return len(steps)


def _facts(step: StepTaken) -> dict[str, str]:
    return {"step": str(step.step), "round": str(step.round), "people": str(step.people)}
