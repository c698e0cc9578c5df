"""What people do with an alarm: acknowledge, judge. One transaction each, compare-and-set, in the ledger too.

After the commit the other surfaces are rung for; the sweeper finds them if that word is lost.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from backend.alarms.card import alarm_card
from backend.alarms.masks.releasing import Released, tell, tell_if_held
from backend.alarms.model import ENDED_BY_PEOPLE, Acknowledged, Alarm, AlreadyClosed, NoSuchAlarm
from backend.alarms.rows import COLUMNS, alarm_of, known_by
from backend.core import clock
from backend.core.announce import announce
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import BadInput
from backend.core.i18n import N_
from backend.core.ids import AlarmId, PersonId, new_id
from backend.core.live import Hint
from backend.core.vocabulary import Role, Severity, Verdict, Via
from backend.delivery import escalating
from backend.delivery.escalation import JUDGED
from backend.delivery.plan import resume_waiting, skip_waiting
from backend.delivery.reasons import Why, written
from backend.delivery.revising import Redraws, revise
from backend.delivery.service import answered
from backend.evidence.model import Evidence, EvidenceId, ledger_facts
from backend.evidence.service import bind
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right

_LOCK: Final = f"select {COLUMNS} from alarms a where a.id = $1 for update"
_ACKNOWLEDGE: Final = """
    insert into acknowledgements (id, alarm, person, via, at, is_late, recorded_by)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (alarm, person) do nothing returning id"""
_ENTRY: Final = """
    insert into alarm_entries (id, alarm, at, kind, person, via, facts) values ($1, $2, $3, $4, $5, $6, $7::jsonb)"""
#: $6: no later signal can end it, so the verdict does
_JUDGE: Final = """
    update alarms set verdict = $2, verdict_at = $3, verdict_by = $4, verdict_via = $5,
        cleared_by = case when cleared_at is null and $6 then 'people' else cleared_by end,
        cleared_at = case when $6 then coalesce(cleared_at, $3) else cleared_at end,
        closed_at = case when cleared_at is not null or $6 then $3::timestamptz end
    where id = $1"""
_encode = msgspec.json.Encoder().encode
LONGEST_NOTE: Final = 1000
#: what PostgreSQL's text can't hold (NUL), and what no note is written with
_CONTROLS: Final = dict.fromkeys((*range(0x20), 0x7F), " ")


async def acknowledge(person: Person, alarm_id: AlarmId, via: Via, note: str = "") -> Acknowledged:
    """确认: the person knows. Idempotent: a second tap is answered with the first one's time and way.

    `note`: why, where several are acknowledged together.
    Raises `NoSuchAlarm` when the alarm is unknown or not the person's.
    """
    async with transaction():
        now = clock.now()
        alarm = await locked(person, alarm_id, Right.ACKNOWLEDGE)
        is_new = await know(person, alarm, via, now)
        is_held = await held(person, alarm, now)
        story = _noted(note)
        redraws = await written_down(person, alarm, "alarm.acknowledged", via, now, facts=story) if is_new else {}
        if is_held and not is_new:
            await _again(person, alarm, via, now)
        known = (await known_by([alarm_id]))[alarm_id]
    mine = next(each for each in known if each.person == person.id)
    if is_new:
        await tell_others(alarm, redraws)
    return Acknowledged(
        alarm=alarm_id,
        number=alarm.number,
        is_new=is_new,
        at=mine.at,
        via=mine.via,
        is_late=mine.is_late,
        timezone=alarm.place.timezone,
        known_by=tuple(known),
        is_again=is_held and not is_new,
    )


def _noted(note: str) -> dict[str, str]:
    note = tidy_note(note)
    return {"note": note} if note else {}


def tidy_note(note: str) -> str:
    """A note as it is kept: printable, without blanks around it, of bounded length."""
    return note.translate(_CONTROLS).strip()[:LONGEST_NOTE]


async def tell_others(alarm: Alarm, redraws: Redraws) -> None:
    """Other surfaces change within a second, pages that hold no card of it too."""
    await announce({}, redraws, [Hint(unit=str(alarm.unit or ""), alarm=str(alarm.id))])


async def judge(  # noqa: PLR0917 - a verdict and what goes with it
    person: Person,
    alarm_id: AlarmId,
    verdict: Verdict,
    via: Via,
    note: str = "",
    evidence: Sequence[EvidenceId] = (),
) -> None:
    """处置: the verdict. It implies knowing, and closes the alarm once the condition has cleared.

    A real fire that a drill or a mask kept quiet is told to everybody at once.
    The same person's same verdict without a note is a second tap, and changes nothing.
    Raises `NoSuchAlarm`, `AlreadyClosed` when another verdict stands and the alarm is closed, or `BadInput` for a real
    fire where no fire was reported.
    """
    released = Released()
    async with transaction():
        now = clock.now()
        alarm = await locked(person, alarm_id, Right.JUDGE)
        if alarm.closed_at is not None:
            is_said_anew = alarm.verdict_by != person.id and bool(tidy_note(note) or evidence)
            if alarm.verdict is verdict and not is_said_anew:  # another's reason is not taken for kept
                return
            raise AlreadyClosed(N_("该报警已关闭，处置结论不再更改"))
        if verdict is Verdict.REAL and alarm.severity is not Severity.FIRE:
            raise BadInput(N_("只有火灾报警可以判为真实火警"))
        note = tidy_note(note)
        if not note and not evidence and (alarm.verdict, alarm.verdict_by) == (verdict, person.id):
            return
        await know(person, alarm, via, now)
        is_ended = alarm.rule in ENDED_BY_PEOPLE
        await execute(_JUDGE, alarm_id, str(verdict), now, person.id, str(via), is_ended)
        await escalating.ended([alarm_id], JUDGED)
        if verdict is Verdict.REAL:
            await tell_if_held(person, alarm, via, released)
            if alarm.verdict_at is not None:  # it was judged otherwise before, which held messages back
                await resume_waiting(alarm_id)
        else:
            await skip_waiting(alarm_id, written(Why.JUDGED))
        facts = {"verdict": str(verdict), "note": note}
        bound = await bind(evidence, "alarm", alarm_id, by=person.id)
        redraws = await written_down(person, alarm, "alarm.judged", via, now, facts=facts, evidence=bound)
        released.add(redraws=redraws)
    released.touch([alarm])
    await tell(released)


async def locked(person: Person, alarm_id: AlarmId, right: str) -> Alarm:
    """An alarm, locked, when the person has `right` over it. Raises `NoSuchAlarm`, `NotAllowed`."""
    row = await fetch_one(_LOCK, alarm_id)
    if row is None:
        raise NoSuchAlarm(N_("没有这条报警"))
    alarm = alarm_of(row)
    await require_alarm(person, alarm, right)
    return alarm


async def require_alarm(person: Person, alarm: Alarm, right: str) -> None:
    """The door to an alarm: its unit's rights; unknown and forbidden look the same."""
    if not person.may(Right.SEE, alarm.unit):
        raise NoSuchAlarm(N_("没有这条报警"))
    require(person, right, alarm.unit)


async def know(person: Person, alarm: Alarm, via: Via, now: datetime, *, recorded_by: PersonId | None = None) -> bool:
    """Record that the person knows; false when that was known. `recorded_by`: who says so for them."""
    is_late = alarm.closed_at is not None
    rows = await fetch(_ACKNOWLEDGE, new_id(), alarm.id, person.id, str(via), now, is_late, recorded_by)
    if not rows:
        return False
    await execute("update alarms set acknowledged_at = coalesce(acknowledged_at, $2) where id = $1", alarm.id, now)
    if recorded_by is None:  # a phone proves itself only by its owner's answer
        await answered(alarm.id, person.id, via, now)
    return True


async def held(person: Person, alarm: Alarm, now: datetime) -> bool:
    """Nobody is told again whom this answers for; false when it said nothing new since the notices last began."""
    return alarm.closed_at is None and await escalating.acknowledged(alarm.id, person.id, roles_in(person, alarm), now)


def roles_in(person: Person, alarm: Alarm) -> frozenset[Role]:
    """The roles a person holds over an alarm."""
    return frozenset(grant.role for grant in person.grants if grant.unit is None or grant.unit == alarm.unit)


async def _again(person: Person, alarm: Alarm, via: Via, now: datetime) -> None:
    """They knew, were told anew for want of a verdict, and say again that they are at it."""
    await execute(_ENTRY, new_id(), alarm.id, now, "acknowledged_again", person.id, str(via), "{}")
    await record_action(person.code, "alarm.acknowledged_again", {"alarm": str(alarm.id), "via": str(via)})


async def written_down(
    person: Person,
    alarm: Alarm,
    what: str,
    via: Via,
    now: datetime,
    *,
    facts: dict[str, str],
    evidence: Sequence[Evidence] = (),
) -> Redraws:
    """The story's line, the next revision, every card's new face, and last the ledger (it holds the chain's lock)."""
    kind = what.removeprefix("alarm.")
    story = {**facts, "evidence": str(len(evidence))} if evidence else facts
    await execute(_ENTRY, new_id(), alarm.id, now, kind, person.id, str(via), _encode(story).decode())
    row = await fetch_one(f"update alarms a set revision = revision + 1 where id = $1 returning {COLUMNS}", alarm.id)
    assert row is not None
    known = (await known_by([alarm.id])).get(alarm.id, [])
    revised = alarm_of(row, known)
    redraws = await revise(alarm.id, revised.revision, lambda language: alarm_card(revised, language))
    shown = {"evidence": ledger_facts(evidence)} if evidence else {}
    await record_action(person.code, what, {"alarm": str(alarm.id), "via": str(via), **facts, **shown})
    return redraws
