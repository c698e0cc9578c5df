"""Rows of escalations: begun with a batch of notices in one insert, loaded under lock, saved by compare-and-set."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.db.engine import Write, execute, fetch
from backend.core.ids import AlarmId, NoticeId, UnitId, new_id
from backend.core.vocabulary import Severity
from backend.delivery.escalation import JUDGED, Answer, Escalation, State, begun
from backend.delivery.policies import document_of, policy_from
from backend.delivery.policy import Policy

_INSERT: Final = """
    insert into escalations (id, notice, alarm, unit, severity, policy, state, step, round, passes, began_at, due_at,
                             answers, why, revision)
    select i, n, a, u, s, p::jsonb, 'running', 0, 0, 0, b, d, '[]', '', 0
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[],
        $8::timestamptz[]) as x(i, n, a, u, s, p, b, d)"""
_COLUMNS: Final = """e.id, e.notice, e.alarm, e.unit, e.severity, e.policy, e.state, e.step, e.round, e.passes,
    e.began_at, e.due_at, e.answers, e.why, e.revision"""
_OF_ALARMS: Final = f"""
    select {_COLUMNS} from escalations e where e.alarm = any($1) and e.state <> 'ended' order by e.id for update"""
_JUDGED_OF_ALARM: Final = f"""
    select {_COLUMNS} from escalations e
    where e.alarm = $1 and e.state = 'ended' and e.why = $2 order by e.id for update"""
_DUE_OF_ALARMS: Final = f"""
    select {_COLUMNS} from escalations e
    where e.alarm = any($1) and e.state <> 'ended' and e.due_at <= $2 order by e.id for update skip locked"""
_SAVE: Final = """
    update escalations e set state = x.state, step = x.step, round = x.round, passes = x.passes,
        began_at = x.began_at, due_at = x.due_at, answers = x.answers::jsonb, why = x.why, revision = e.revision + 1
    from unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::int[], $6::int[], $7::timestamptz[],
        $8::timestamptz[], $9::text[], $10::text[])
        as x(id, revision, state, step, round, passes, began_at, due_at, answers, why)
    where e.id = x.id and e.revision = x.revision"""
_encode = msgspec.json.Encoder().encode
_decode_answers = msgspec.json.Decoder(tuple[Answer, ...]).decode


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A notice whose policy begins at `at`."""

    notice: NoticeId
    alarm: AlarmId
    unit: UnitId | None
    severity: Severity
    policy: Policy
    at: datetime


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An escalation with what it belongs to, as its row has it."""

    id: UUID
    notice: NoticeId
    alarm: AlarmId
    unit: UnitId | None
    revision: int
    escalation: Escalation


def begin(notices: Sequence[Begun]) -> list[Write]:
    """The rows of a batch's escalations, to be written with its notices."""
    if not notices:
        return []
    rows = [
        (
            new_id(),
            each.notice,
            each.alarm,
            each.unit,
            str(each.severity),
            document_of(each.policy),
            each.at,
            begun(each.policy, each.severity, each.at).due_at,
        )
        for each in notices
    ]
    return [(_INSERT, [*map(list, zip(*rows, strict=True))])]


async def load(alarms: Sequence[AlarmId]) -> list[Standing]:
    """The escalations of these alarms that have not ended, locked. Lock the alarms first."""
    return [_standing(row) for row in await fetch(_OF_ALARMS, list(alarms))]


async def load_judged(alarm: AlarmId) -> list[Standing]:
    """Those that a verdict on this alarm ended, locked."""
    return [_standing(row) for row in await fetch(_JUDGED_OF_ALARM, alarm, JUDGED)]


async def load_due(alarms: Sequence[AlarmId], now: datetime) -> list[Standing]:
    """Those of them that are due, unless somebody else has them in hand."""
    return [_standing(row) for row in await fetch(_DUE_OF_ALARMS, list(alarms), now)]


async def save(changed: Sequence[tuple[Standing, Escalation]]) -> None:
    """Write what became of them."""
    if changed:
        rows = [
            (
                standing.id,
                standing.revision,
                str(after.state),
                after.step,
                after.round,
                after.passes,
                after.began_at,
                after.due_at,
                _encode(after.answers).decode(),
                after.why,
            )
            for standing, after in changed
        ]
        await execute(_SAVE, *map(list, zip(*rows, strict=True)))


def _standing(row: dict[str, Any]) -> Standing:
    escalation = Escalation(
        policy=policy_from(row["policy"]),
        severity=Severity(row["severity"]),
        state=State(row["state"]),
        step=row["step"],
        round=row["round"],
        passes=row["passes"],
        began_at=row["began_at"],
        due_at=row["due_at"],
        answers=_decode_answers(row["answers"]),
        why=row["why"],
    )
    return Standing(
        id=row["id"],
        notice=NoticeId(row["notice"]),
        alarm=AlarmId(row["alarm"]),
        unit=None if row["unit"] is None else UnitId(row["unit"]),
        revision=row["revision"],
        escalation=escalation,
    )
