"""撤销: an answer given by mistake is taken back at once, by who gave it, and the story and the ledger keep both.

The rule: ten seconds, by compare-and-set on that very answer. What it held back or ended goes on; that somebody was
told can't be taken back.
"""

from datetime import timedelta
from typing import Final

import asyncpg
import msgspec

from backend.alarms.model import Alarm, TooLate
from backend.alarms.service import locked, roles_in, tell_others, written_down
from backend.core import clock
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import Conflict
from backend.core.i18n import N_
from backend.core.ids import AlarmId, PersonId
from backend.core.vocabulary import Verdict, Via
from backend.delivery import escalating
from backend.delivery.plan import resume_waiting, skip_waiting
from backend.delivery.reasons import Why, written
from backend.people.model import Person, Right

UNDO_WITHIN: Final = timedelta(seconds=10)
_TOO_LATE: Final = N_("只能在 10 秒内撤销；如结论有误，请重新选择结论")
_TAKE_BACK: Final = """
    delete from acknowledgements where alarm = $1 and person = $2 and at >= $3 and recorded_by is null returning id"""
_UNKNOW: Final = """
    update alarms set undone = undone + 1,
        acknowledged_at = (select min(at) from acknowledgements where alarm = $1) where id = $1"""
#: what its condition ended meanwhile is closed no more where no verdict is left, and stays cleared
_UNJUDGE: Final = """
    update alarms set undone = undone + 1, verdict = $3, verdict_at = $4, verdict_by = $5, verdict_via = $6,
        closed_at = case when $3::text is null or closed_at = verdict_at then null else closed_at end,
        cleared_at = case when cleared_by = 'people' and cleared_at = verdict_at then null else cleared_at end,
        cleared_by = case when cleared_by = 'people' and cleared_at = verdict_at then null else cleared_by end
    where id = $1 and verdict_at = $2 returning id"""
_VERDICTS: Final = """
    select kind, facts, at, person, via from alarm_entries
    where alarm = $1 and kind in ('judged', 'verdict_undone') order by at, id"""


class _Given(msgspec.Struct, frozen=True):
    """A verdict as it was given."""

    verdict: Verdict
    at: object
    person: PersonId | None
    via: str | None


async def undo_acknowledgement(person: Person, alarm_id: AlarmId, via: Via) -> None:
    """Take back that one knows (撤销确认). Raises `NoSuchAlarm`, `TooLate`, `Conflict` after a verdict of theirs."""
    async with transaction():
        now = clock.now()
        alarm = await locked(person, alarm_id, Right.ACKNOWLEDGE)
        if alarm.verdict_by == person.id:
            raise Conflict(N_("您已作出处置结论，请先撤销结论"))
        if await fetch_one(_TAKE_BACK, alarm_id, person.id, now - UNDO_WITHIN) is None:
            raise TooLate(_TOO_LATE)
        await execute(_UNKNOW, alarm_id)
        await escalating.unacknowledged(alarm_id, person.id)
        redraws = await written_down(person, alarm, "alarm.acknowledgement_undone", via, now, facts={})
    await tell_others(alarm, redraws)


async def undo_verdict(person: Person, alarm_id: AlarmId, via: Via) -> None:
    """Take a verdict back (撤销结论): the one before it stands again, if any. That the person knows stays.

    Raises `NoSuchAlarm`, `TooLate`, or `Conflict` when the same point has reported anew meanwhile.
    """
    try:
        async with transaction():
            now = clock.now()
            alarm = await locked(person, alarm_id, Right.JUDGE)
            if alarm.verdict_by != person.id or alarm.verdict_at is None or alarm.verdict_at < now - UNDO_WITHIN:
                raise TooLate(_TOO_LATE)
            before = await _put_back(alarm)
            if before is None:
                await escalating.unjudged(alarm_id, person.id, roles_in(person, alarm), now)
                if alarm.cleared_at is not None and alarm.cleared_by != "people":
                    await escalating.ended([alarm_id], "cleared", but_fires=True)
            if before is None or before is Verdict.REAL:
                await resume_waiting(alarm_id)
            else:
                await skip_waiting(alarm_id, written(Why.JUDGED))
            facts = {"undone": str(alarm.verdict)}
            redraws = await written_down(person, alarm, "alarm.verdict_undone", via, now, facts=facts)
    except asyncpg.UniqueViolationError:
        raise Conflict(N_("同一点位已有新的报警，此结论不再撤销")) from None
    await tell_others(alarm, redraws)


async def _put_back(alarm: Alarm) -> Verdict | None:
    """The verdict before it, which stands again and keeps what it ended; None: there was none."""
    before = await _verdict_before(alarm.id)
    values = (None, None, None, None) if before is None else (before.verdict, before.at, before.person, before.via)
    if await fetch_one(_UNJUDGE, alarm.id, alarm.verdict_at, *values) is None:
        raise TooLate(_TOO_LATE)
    return before.verdict if before is not None else None


async def _verdict_before(alarm_id: AlarmId) -> _Given | None:
    """The verdict that stood before the last one: each undone one takes its own away."""
    stack: list[_Given] = []
    for row in await fetch(_VERDICTS, alarm_id):
        if row["kind"] == "judged":
            verdict = Verdict(msgspec.json.decode(row["facts"])["verdict"])
            stack.append(_Given(verdict, row["at"], row["person"], row["via"]))
        elif stack:
            stack.pop()
    return stack[-2] if len(stack) > 1 else None
