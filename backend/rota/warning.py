"""Gaps (空缺) are warned of seven days ahead: once each, in the ledger and on the pages of who can mend them.

The rule: a gap that was warned of is the same gap while it overlaps what was written down, so that a horizon that
moves makes no new one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from backend.core import clock
from backend.core.db.engine import execute, fetch, transaction
from backend.core.deadlines import GAP_WARNING
from backend.core.ids import new_id
from backend.ledger.service import record_action
from backend.rota.model import Schedule, Shift, gaps
from backend.rota.queries import schedules_of

_SERVICE: Final = "rota"
_ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(7310868735422361456)"
_OPEN: Final = "select id, schedule, starts_at, ends_at from gap_warnings where closed_at is null"
_WARN: Final = """
    insert into gap_warnings (id, schedule, starts_at, ends_at, warned_at) values ($1, $2, $3, $4, $5)"""


async def warn_of_gaps() -> int:
    """Write down every gap of the next seven days that was not; close those that are filled. Answers the new ones."""
    async with transaction():
        await execute(_ONE_AT_A_TIME)
        now = clock.now()
        open_warnings = await fetch(_OPEN)
        new: list[tuple[Schedule, Shift]] = []
        still: set[UUID] = set()
        for schedule in await schedules_of(None):
            known = [each for each in open_warnings if each["schedule"] == schedule.id]
            for gap in gaps(schedule, now, now + GAP_WARNING):
                overlapping = {each["id"] for each in known if _overlap(each, gap)}
                still |= overlapping
                new += [] if overlapping else [(schedule, gap)]
        filled = [each["id"] for each in open_warnings if each["id"] not in still]
        if filled:
            await execute("update gap_warnings set closed_at = $2 where id = any($1)", filled, now)
        await _write(new, now)
    return len(new)


def _overlap(warning: dict[str, Any], gap: Shift) -> bool:
    return bool(warning["starts_at"] <= gap.ends_at and gap.starts_at <= warning["ends_at"])


async def _write(new: Sequence[tuple[Schedule, Shift]], now: datetime) -> None:
    for schedule, gap in new:
        await execute(_WARN, new_id(), schedule.id, gap.starts_at, gap.ends_at, now)
    if new:
        named = [
            {"schedule": str(schedule.id), "unit": str(schedule.unit), "from": gap.starts_at.isoformat(),
             "to": gap.ends_at.isoformat()}
            for schedule, gap in new
        ]  # fmt: skip
        await record_action(_SERVICE, "schedule.gaps_warned", {"gaps": named})
