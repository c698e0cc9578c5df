"""What the auditor looks for among notices and attempts, as data: a name, a search, a repair.

A check's search is a pure read of PostgreSQL; its repair runs in the transaction that records the finding. The check
for alarms without notices needs the alarm's card and stands in `alarms.untold`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from backend.core.db.engine import fetch
from backend.core.deadlines import (
    CONTACT_KINDS_CLAUSE,
    LEAST_CONTACT_KINDS,
    NOTICE_DEADLINES,
    OVERDUE_FIRE,
    OVERDUE_ROUTINE,
)
from backend.core.ids import AttemptId, UnitId
from backend.core.vocabulary import Lane, Severity
from backend.delivery.audit_repairs import plan_again, tell_desk
from backend.delivery.audit_rules import INVOLUNTARY, Deadline, cause_of, cause_of_kinds
from backend.delivery.breach_model import AttemptSeen, BreachKind, Cause, CauseCode, Check, Finding, Scene, Window
from backend.people.queries import recipients_of

MOST: Final = 500
_OVERDUE: Final = {Lane.FIRE: OVERDUE_FIRE, Lane.ROUTINE: OVERDUE_ROUTINE}

_SEEN: Final = """
    t.id, t.state, t.channel, t.lane, t.tries, t.due_at, t.why, t.t4, t.t5, t.lease_until,
    (select c.failure from contact_points c where c.id = t.contact_point) as contact_failure"""
#: a notice that was planned after its deadline is the late half of a breach that is recorded already
_LATE: Final = f"""
    select {_SEEN}, t.notice, t.deadline_at, t.created_at, n.alarm, n.unit, n.severity, n.clause, n.t1, n.t3
    from attempts t join notices n on n.id = t.notice
    where t.deadline_at >= $1 and t.deadline_at < $2 and t.is_held is distinct from true
      and (t.t5 is null or t.t5 > t.deadline_at) and t.state <> 'skipped'
      and n.t3 <= t.deadline_at and not (t.tries = 0 and t.due_at > t.deadline_at)
      and not exists (select from breaches b where b.kind = 'attempt_late' and b.subject = t.id)
    order by t.deadline_at, t.id limit $3"""
#: a drill stays inside the house, by as many kinds as the house has
_SHORT: Final = """
    select n.id as notice, n.alarm, n.unit, n.severity, n.deadline_at, n.t1, n.t3
    from notices n join attempts t on t.notice = n.id
    where n.deadline_at >= $1 and n.deadline_at < $2 and n.kind = 'raised' and n.t3 <= n.deadline_at
      and not exists (select from breaches b where b.kind = 'kinds_short' and b.subject = n.id)
    group by n.id
    having count(distinct t.channel) filter (where t.t5 <= n.deadline_at) < case when n.unit is null then 1 else $4 end
      and bool_or(t.state <> 'skipped' or t.why ilike any($5))
      and not bool_or(coalesce(t.why, '') like '{"code":"inside"%')
    order by n.deadline_at, n.id limit $3"""
#: the same before the deadline: nothing is under way that could still be accepted in time
_BLOCKED: Final = """
    select n.id as notice, n.alarm, n.unit, n.severity, n.deadline_at as due_at
    from notices n join attempts t on t.notice = n.id
    where n.deadline_at > $1 and n.deadline_at < $2 and n.kind = 'raised'
    group by n.id
    having count(distinct t.channel) filter (where t.t5 is not null) < case when n.unit is null then 1 else $4 end
      and bool_and(t.state not in ('pending', 'sending') or t.due_at > n.deadline_at)
      and bool_or(t.state = 'refused' or (t.state = 'pending' and t.tries > 0))
      and not bool_or(coalesce(t.why, '') like '{"code":"inside"%')
    order by n.deadline_at, n.id limit $3"""
_LONGEST_DEADLINE: Final = max(each.within for each in NOTICE_DEADLINES.values())
_OF_NOTICES: Final = f"select t.notice, {_SEEN} from attempts t where t.notice = any($1) order by t.id"
_EMPTY: Final = """
    select n.id as notice, n.alarm, n.unit, n.severity, n.clause, coalesce(n.deadline_at, n.t1) as due_at
    from notices n
    where n.created_at >= $1 and n.created_at < $2 and n.kind = 'raised'
      and not exists (select from attempts t where t.notice = n.id)
      and not exists (select from breaches b where b.kind = 'notice_unattempted' and b.subject = n.id)
    order by n.created_at, n.id limit $3"""
#: what has no deadline of its own (a later step, a message that it is over) is overdue by our own rule
_STUCK: Final = f"""
    select {_SEEN}, t.notice, n.alarm, n.unit, n.severity, n.t1, n.t3
    from attempts t join notices n on n.id = t.notice
    where t.lane = $1 and t.state in ('pending', 'sending') and t.deadline_at is null
      and ((t.state = 'pending' and t.due_at < $2) or (t.state = 'sending' and t.lease_until < $2))
      and not exists (select from breaches b where b.kind = 'attempt_stuck' and b.subject = t.id)
    order by t.due_at, t.id limit $3"""
#: a step is taken by a sweep every second; this much later nobody takes it. Each step is a breach of its own
_STEP_OVERDUE: Final = timedelta(seconds=5)
_LATE_STEPS: Final = """
    with late as (
        select e.*, md5(e.notice::text || '/' || e.round || '/' || e.step || '/' || e.state)::uuid as subject
        from escalations e where e.state <> 'ended' and e.due_at < $1)
    select notice, alarm, unit, severity, due_at, step, round, subject from late
    where not exists (select from breaches b where b.kind = 'escalation_late' and b.subject = late.subject)
    order by due_at, id limit $2"""
_OVERDUE_ONES: Final = """
    select id from attempts
    where lane = $1 and state in ('pending', 'sending')
      and ((state = 'pending' and due_at < $2) or (state = 'sending' and lease_until < $2))
    order by due_at limit $3"""


def _seen(row: Mapping[str, Any]) -> AttemptSeen:
    return AttemptSeen(**{name: row[name] for name in AttemptSeen.__struct_fields__})


def _about(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"alarm": row["alarm"], "unit": row["unit"], "severity": Severity(row["severity"])}


async def late_attempts(window: Window, scene: Scene) -> list[Finding]:
    """Attempts whose deadline ran out unaccepted (4.3.1, 4.3.2)."""
    found = []
    for row in await fetch(_LATE, window.since, window.until, MOST):
        seen = _seen(row)
        # a later step's time runs from its own beginning
        began = row["t1"] if row["created_at"] <= row["t3"] else row["created_at"]
        deadline = Deadline(began, max(row["t3"], began), row["deadline_at"])
        late = None if seen.t5 is None else round((seen.t5 - deadline.at).total_seconds() * 1000)
        found.append(
            Finding(
                kind=BreachKind.ATTEMPT_LATE,
                clause=row["clause"],
                notice=row["notice"],
                attempt=seen.id,
                due_at=deadline.at,
                late_ms=late,
                cause=cause_of(seen, deadline, scene),
                **_about(row),
            )
        )
    return found


async def short_notices(window: Window, scene: Scene) -> list[Finding]:
    """Notices of which fewer than two kinds of contact were accepted within the deadline (4.3.3)."""
    words = [f"%{each}%" for each in INVOLUNTARY]
    rows = await fetch(_SHORT, window.since, window.until, MOST, LEAST_CONTACT_KINDS, words)
    attempts: dict[UUID, list[AttemptSeen]] = {}
    for each in await fetch(_OF_NOTICES, [row["notice"] for row in rows]) if rows else []:
        attempts.setdefault(each["notice"], []).append(_seen(each))
    return [
        Finding(
            kind=BreachKind.KINDS_SHORT,
            clause=CONTACT_KINDS_CLAUSE,
            notice=row["notice"],
            due_at=row["deadline_at"],
            cause=cause_of_kinds(attempts[row["notice"]], Deadline(row["t1"], row["t3"], row["deadline_at"]), scene),
            **_about(row),
        )
        for row in rows
    ]


async def blocked_notices(scene: Scene) -> list[Finding]:
    """Notices that can't reach two kinds in time any more: no breach yet, but the desk need not wait for it (4.3.3)."""
    rows = await fetch(_BLOCKED, scene.now, scene.now + _LONGEST_DEADLINE, MOST, LEAST_CONTACT_KINDS)
    return [
        Finding(
            kind=BreachKind.KINDS_SHORT,
            clause=CONTACT_KINDS_CLAUSE,
            notice=row["notice"],
            due_at=row["due_at"],
            cause=Cause(code=CauseCode.UNKNOWN),
            **_about(row),
        )
        for row in rows
    ]


async def empty_notices(window: Window, _: Scene) -> list[Finding]:
    """Notices without a single attempt: rows that are gone, or nobody who could be told."""
    rows = await fetch(_EMPTY, window.since, window.until, MOST)
    if not rows:
        return []
    reach = await recipients_of({None, *(UnitId(row["unit"]) if row["unit"] else None for row in rows)})
    return [
        Finding(
            kind=BreachKind.NOTICE_UNATTEMPTED,
            clause=row["clause"],
            notice=row["notice"],
            due_at=row["due_at"],
            cause=Cause(code=CauseCode.ROWS_MISSING if reach.get(row["unit"]) or reach[None] else CauseCode.NOBODY),
            **_about(row),
        )
        for row in rows
    ]


async def stuck_attempts(_: Window, scene: Scene) -> list[Finding]:
    """Attempts without a deadline of their own that are due for long and in nobody's hands."""
    found = []
    for lane, overdue in _OVERDUE.items():
        for row in await fetch(_STUCK, str(lane), scene.now - overdue, MOST):
            seen = _seen(row)
            cause = cause_of(seen, Deadline(row["t1"], row["t1"], seen.due_at + overdue), scene)
            found.append(
                Finding(
                    kind=BreachKind.ATTEMPT_STUCK,
                    clause=None,
                    notice=row["notice"],
                    attempt=seen.id,
                    due_at=seen.due_at + overdue,
                    cause=cause,
                    **_about(row),
                )
            )
    return found


async def late_escalations(_: Window, scene: Scene) -> list[Finding]:
    """Steps of a policy whose time came and that nobody took."""
    code = CauseCode.BACKLOG if Lane.ROUTINE in scene.living else CauseCode.WORKER_DEAD
    return [
        Finding(
            kind=BreachKind.ESCALATION_LATE,
            clause=None,
            notice=row["notice"],
            about=row["subject"],
            due_at=row["due_at"],
            cause=Cause(code=code, facts={"step": row["step"], "round": row["round"]}),
            **_about(row),
        )
        for row in await fetch(_LATE_STEPS, scene.now - _STEP_OVERDUE, MOST)
    ]


async def overdue_attempts(scene: Scene) -> dict[Lane, list[AttemptId]]:
    """What is due for long and in nobody's hands, with a deadline or without: to be rung for once more."""
    found = {
        lane: [AttemptId(row["id"]) for row in await fetch(_OVERDUE_ONES, str(lane), scene.now - overdue, MOST)]
        for lane, overdue in _OVERDUE.items()
    }
    return {lane: ids for lane, ids in found.items() if ids}


#: in this order; the alarms' own check and those of other rooms are put beside them by the composition root
CHECKS: Final = (
    Check(name="notices", find=empty_notices, repair=plan_again, at_once=1),
    Check(name="kinds", find=short_notices, repair=tell_desk, at_once=50),
    Check(name="attempts", find=late_attempts),
    Check(name="stuck", find=stuck_attempts),
    Check(name="escalations", find=late_escalations),
)
