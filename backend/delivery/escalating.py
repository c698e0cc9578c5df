"""What moves an escalation (升级): its time, an acknowledgement, a verdict. Each inside the caller's transaction.

The rule: whoever calls holds the alarm's row, so that a step and an answer of one alarm are never decided at once; what
is in somebody else's hands is left for the next pass, which comes within a second.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.deadlines import NOTICE_DEADLINES
from backend.core.ids import AlarmId, AttemptId, PersonId
from backend.core.vocabulary import Lane, Role, Severity
from backend.delivery import escalation as machine
from backend.delivery.escalation import Event, Taken
from backend.delivery.escalation_rows import Standing, load, load_due, load_judged, save
from backend.delivery.plan import AttemptDraft, write_attempts
from backend.delivery.policy import Step, Target, TargetKind
from backend.delivery.reaching import Circle, Way, circles_of, later_ways
from backend.delivery.reasons import Why, written
from backend.people.model import Reach

#: taken in one pass; a storm's later steps come in portions, fires first
_MOST: Final = 200
_DUE: Final = """
    select alarm from escalations where state <> 'ended' and due_at <= $1
    order by severity <> 'fire', due_at limit $2"""
#: what a carrier has not taken yet gives way to the later step's own attempt by the same way: one card, not two
_GIVE_WAY: Final = f"""
    with old as materialized (
        select a.id from attempts a
        join unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[])
            as x(notice, person, channel, address, round, step)
            on a.notice = x.notice and a.person = x.person and a.channel = x.channel and a.address = x.address
        where a.state = 'pending' and (a.round, a.step) < (x.round, x.step)
        order by a.id for no key update of a)
    update attempts a set state = 'skipped', why = '{written(Why.AGAIN)}' from old where a.id = old.id"""
_TOLD_AGAIN: Final = """
    select 1 from escalations
    where alarm = $1 and state <> 'ended' and round > 0 and not answers @> $2::jsonb limit 1"""
_PRESENT: Final = """
    select distinct g.role from grants g join people p on p.id = g.person and p.is_active where g.unit = $1"""


class StepTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass did for one alarm: for its story, and to ring for after the commit."""

    alarm: AlarmId
    event: Event
    step: int  #: as people count, from 1
    round: int  #: as people count, from 1
    people: int
    attempts: dict[Lane, list[AttemptId]]


async def due_alarms(now: datetime) -> list[AlarmId]:
    """Alarms with an escalation that is due, fires first. A look without a lock."""
    return list(dict.fromkeys(AlarmId(row["alarm"]) for row in await fetch(_DUE, now, _MOST)))


async def take_due(alarms: Sequence[AlarmId], now: datetime) -> list[StepTaken]:
    """Take the due step of each of these alarms, whose rows the caller holds: write its attempts and what is next."""
    due = [(each, taken) for each in await load_due(alarms, now) if (taken := machine.next_step(each.escalation, now))]
    wanted = [(each.unit, _with_answerers(taken)) for each, taken in due if taken.step is not None]
    circles = await circles_of(wanted, now) if wanted else {}
    steps: list[StepTaken] = []
    drafts: list[AttemptDraft] = []
    for each, taken in due:
        ways = _ways(taken, circles[each.unit], now) if taken.step is not None else []
        written = [_draft(each, taken, way, now) for way in ways]
        drafts += written
        steps.append(_taken(each, taken, written))
    await _give_way(drafts)
    await write_attempts(drafts)
    await save([(each, taken.after) for each, taken in due])
    return steps


async def _give_way(drafts: Sequence[AttemptDraft]) -> None:
    rows = [
        (each.notice, each.reach.person, str(each.reach.channel), each.reach.address, each.round, each.step)
        for each in drafts
        if not each.skipped_because
    ]
    if rows:
        await execute(_GIVE_WAY, *map(list, zip(*rows, strict=True)))


def _with_answerers(taken: Taken) -> Step:
    """The step, and by name those who had acknowledged: they are told that a verdict is missing."""
    assert taken.step is not None
    again = tuple(Target(kind=TargetKind.PERSON, id=person) for person in sorted(taken.also))
    return msgspec.structs.replace(taken.step, targets=(*taken.step.targets, *again))


def _ways(taken: Taken, circle: Circle, now: datetime) -> list[Way]:
    step, after = _with_answerers(taken), taken.after

    def is_needed(reach: Reach) -> bool:
        return machine.is_still_to_tell(after, reach.person, reach.roles)

    return later_ways(step, circle, after.severity, now, is_needed)


def _draft(standing: Standing, taken: Taken, way: Way, now: datetime) -> AttemptDraft:
    severity = taken.after.severity
    return AttemptDraft(
        notice=standing.notice,
        reach=way.reach,
        skipped_because=way.skipped_because,
        lane=Lane.FIRE if severity is Severity.FIRE else Lane.ROUTINE,
        due_at=taken.at,
        deadline_at=taken.at + NOTICE_DEADLINES[severity].within,
        created_at=now,
        step=taken.after.step,
        round=taken.after.round,
    )


def _taken(standing: Standing, taken: Taken, drafts: Sequence[AttemptDraft]) -> StepTaken:
    attempts: dict[Lane, list[AttemptId]] = {}
    for draft in drafts:
        if not draft.skipped_because:
            attempts.setdefault(draft.lane, []).append(draft.id)
    return StepTaken(
        alarm=standing.alarm,
        event=taken.event,
        step=taken.after.step + 1,
        round=taken.after.round + 1,
        people=len({draft.reach.person for draft in drafts if not draft.skipped_because}),
        attempts=attempts,
    )


async def acknowledged(alarm: AlarmId, person: PersonId, roles: frozenset[Role], at: datetime) -> bool:
    """Somebody knows: hold what they need not be told again. False when that was known since it last began."""
    return await _changed(await load([alarm]), lambda e, present: machine.acknowledged(e, person, roles, present, at))


async def unacknowledged(alarm: AlarmId, person: PersonId) -> None:
    """Their acknowledgement is undone: what it held goes on."""
    await _changed(await load([alarm]), lambda e, present: machine.unacknowledged(e, person, present))


async def unjudged(alarm: AlarmId, person: PersonId, roles: frozenset[Role], at: datetime) -> None:
    """Their verdict is undone: what it ended goes on."""
    standing = await load_judged(alarm)
    await _changed(standing, lambda e, present: machine.unjudged(e, person, roles, present, at))


async def _changed(
    standing: Sequence[Standing], change: Callable[[machine.Escalation, frozenset[Role]], machine.Escalation]
) -> bool:
    """Save what `change` makes of each; whether it changed anything."""
    changed: list[tuple[Standing, machine.Escalation]] = []
    for each in standing:
        present = frozenset(Role(row["role"]) for row in await fetch(_PRESENT, each.unit))
        after = change(each.escalation, present)
        changed += [] if after is each.escalation else [(each, after)]
    await save(changed)
    return bool(changed)


async def is_told_again(alarm: AlarmId, person: PersonId) -> bool:
    """Whether the notices began anew since this person acknowledged: their word is asked for once more."""
    row = await fetch_one(_TOLD_AGAIN, alarm, msgspec.json.encode([{"person": person}]).decode())
    return row is not None


async def ended(alarms: Sequence[AlarmId], why: str, *, but_fires: bool = False) -> None:
    """A verdict, a mask, or over: nobody more is told. `but_fires`: a fire goes on until somebody judged it."""
    if not alarms:
        return
    standing = [each for each in await load(alarms) if not (but_fires and each.escalation.severity is Severity.FIRE)]
    await save([(each, machine.ended(each.escalation, why)) for each in standing])
