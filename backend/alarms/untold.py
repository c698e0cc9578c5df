"""The auditor's check of this room: an alarm without a notice. It was committed with one, or something is wrong.

What is grouped, masked or told by another alarm has a notice too, whose attempts say why they were skipped.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from backend.alarms.card import alarm_card
from backend.alarms.hearing import lane_of, listeners
from backend.alarms.model import Alarm
from backend.alarms.rows import COLUMNS, alarm_of, alarms_of
from backend.core.db.engine import fetch
from backend.core.deadlines import NOTICE_DEADLINES
from backend.delivery import plan as delivery
from backend.delivery.breach_model import BreachKind, Cause, CauseCode, Check, Finding, Repair, Scene, Window
from backend.delivery.model import NoticeKind
from backend.delivery.plan import NoticeDraft

_MOST: Final = 100
_UNTOLD: Final = f"""
    select {COLUMNS} from alarms a
    where a.raised_at >= $1 and a.raised_at < $2
      and not exists (select from notices n where n.alarm = a.id)
      and not exists (select from breaches b where b.kind = 'alarm_untold' and b.subject = a.id)
    order by a.raised_at, a.id limit $3"""
_THESE: Final = f"select {COLUMNS} from alarms a where a.id = any($1) order by a.id"


async def untold_alarms(window: Window, _: Scene) -> list[Finding]:
    """Alarms that nobody was to be told of."""
    found = []
    for row in await fetch(_UNTOLD, window.since, window.until, _MOST):
        alarm = alarm_of(row)
        deadline = NOTICE_DEADLINES[alarm.severity]
        found.append(
            Finding(
                kind=BreachKind.ALARM_UNTOLD,
                clause=deadline.clause,
                alarm=alarm.id,
                severity=alarm.severity,
                unit=alarm.unit,
                due_at=alarm.raised_at + deadline.within,
                cause=Cause(code=CauseCode.ROWS_MISSING),
            )
        )
    return found


async def tell_now(findings: Sequence[Finding]) -> Repair:
    """Plan the notice that is missing: the deadline still counts from the frame."""
    alarms = await alarms_of(await fetch(_THESE, [each.alarm for each in findings]))
    planned = await delivery.plan([_draft(alarm) for alarm in alarms])
    done: dict[UUID, str] = {
        alarm.id: f"planned: notice {notice}" for alarm, notice in zip(alarms, planned.notices, strict=True)
    }
    return Repair(attempts=planned.attempts, notices=planned.notices, done=done)


def _draft(alarm: Alarm) -> NoticeDraft:
    deadline = NOTICE_DEADLINES[alarm.severity]
    return NoticeDraft(
        alarm=alarm.id,
        unit=listeners(alarm),
        kind=NoticeKind.RAISED,
        severity=alarm.severity,
        lane=lane_of(alarm),
        draw=lambda language: alarm_card(alarm, language),
        revision=alarm.revision,
        t0=alarm.raised_at,
        t1=alarm.raised_at,
        deadline=deadline.within,
        clause=deadline.clause,
    )


UNTOLD: Final = Check(name="alarms", find=untold_alarms, repair=tell_now, at_once=1)
