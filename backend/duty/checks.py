"""What people do with a duty check (查岗): ask, answer, withdraw; and the chore that finds those nobody answered.

The rule: whether it was answered in time is decided by our clock and the row's compare-and-set; a missed one is
escalated in the transaction that calls it missed, and a late answer changes nothing of that.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from backend.alarms.masks.releasing import Released, tell
from backend.core import clock
from backend.core.db.engine import fetch, transaction
from backend.core.errors import BadInput
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.live import Hint
from backend.core.vocabulary import Role, Via
from backend.duty.handovers import DUTY_ROLES
from backend.duty.model import (
    CHECK_LABELS,
    DEFAULT_QUESTION,
    CheckMovedOn,
    CheckState,
    DutyCheck,
    LogKind,
    NotYourTurn,
    answered,
    check_limit,
    check_moved,
    clean_text,
    missed,
)
from backend.duty.rows import CHECK_COLUMNS, check_of, insert_check, locked_check, put_check, write_log
from backend.duty.telling import redraw_check, tell_of_answer, tell_of_check, tell_of_missed
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right
from backend.people.queries import people_who_may_see
from backend.rota.queries import on_duty_of

_ACTOR: Final = "duty"
_MOST: Final = 50
_ROLE: Final = """
    select distinct g.person from grants g join people p on p.id = g.person and p.is_active
    where g.unit = $1 and g.role = $2"""
_KEEPERS: Final = """
    select distinct g.person from grants g
    where g.person = any($1) and (g.unit = $2 or g.unit is null) and g.role = any($3)"""
_OVER: Final = f"""
    select {CHECK_COLUMNS} from duty_checks k where k.state = 'asked' and k.until_at <= $1
    order by k.id limit {_MOST} for no key update skip locked"""


async def ask(person: Person, unit: UnitId, within: timedelta, question: str, via: Via) -> DutyCheck:
    """查岗: ask whoever is on duty by the rota now; where nobody is, everybody with the duty role.

    Raises `NotFound`, `NotAllowed`, `BadInput`, `CheckMovedOn` when one waits already.
    """
    require(person, Right.CHECK_DUTY, unit)
    check_limit(within)
    released = Released()
    async with transaction():
        now = clock.now()
        people, is_by_rota = await people_on_duty(unit, now, person.id)
        if not people:
            raise BadInput(N_("该单位此刻没有可查岗的值班人员"))
        check = await insert_check(
            DutyCheck(
                id=new_id(),
                number=0,
                unit=unit,
                state=CheckState.ASKED,
                question=clean_text(question) or DEFAULT_QUESTION,
                asked_by=person.id,
                asked_at=now,
                until_at=now + within,
                people=people,
                is_by_rota=is_by_rota,
            )
        )
        await tell_of_check(check, released, now)
        await _record(person.code, "duty_check.asked", check, via)
        released.hints.append(Hint(unit=str(unit)))
    await tell(released)
    return check


async def people_on_duty(unit: UnitId, now: datetime, but: PersonId) -> tuple[tuple[PersonId, ...], bool]:
    """Who is asked, and whether the rota names them; never who asks."""
    on_duty = sorted(await on_watch(unit, now) - {but})
    if on_duty:
        return tuple(on_duty), True
    rows = await fetch(_ROLE, unit, str(Role.UNIT_DUTY))
    return tuple(sorted({PersonId(row["person"]) for row in rows} - {but})), False


async def on_watch(unit: UnitId, now: datetime) -> set[PersonId]:
    """Who is on duty by the rotas now: those who keep duty, and not who is on call for repairs beside them."""
    shifts = (await on_duty_of([unit], now)).get(unit, {})
    named = {person for people in shifts.values() for person in people}
    rows = await fetch(_KEEPERS, list(named), unit, DUTY_ROLES) if named else []
    return {PersonId(row["person"]) for row in rows} or named


async def answer(person: Person, check_id: UUID, via: Via) -> DutyCheck:
    """我在岗: by somebody who was asked, or is on duty now. A second tap finds the first answer.

    After the limit it is noted as late, and stays missed. Raises `NoSuchCheck`, `NotYourTurn`, `CheckMovedOn`.
    """
    released = Released()
    async with transaction():
        before = await locked_check(person, check_id)
        now = clock.now()
        await _must_be_on_duty(before, person, now)
        if before.answered_by is not None:
            return before
        is_over = before.state is CheckState.ASKED and now >= before.until_at
        if is_over:
            before = await _miss(before, now, released)
        after = answered(before, person.id, via, now)
        await put_check(before, after)
        await redraw_check(after, released)
        if not after.is_late:
            await tell_of_answer(after, released, now)
        word = N_("迟到的答复") if after.is_late else CHECK_LABELS[CheckState.ANSWERED]
        await _write(after, now, person.id, word, via)
        if is_over:
            await _record(_ACTOR, "duty_check.missed", before, None)
        await _record(person.code, "duty_check.answered_late" if after.is_late else "duty_check.answered", after, via)
        released.hints.append(Hint(unit=str(after.unit)))
    await tell(released)
    return after


async def _must_be_on_duty(check: DutyCheck, person: Person, now: datetime) -> None:
    if person.id not in await answerers(check, now):
        raise NotYourTurn(N_("只有当班人员可以答复查岗"))


async def answerers(check: DutyCheck, now: datetime) -> set[PersonId]:
    """Who may say that they are there: who was asked, and who is on duty now; never who asks.

    Where none of them is left in the unit, whoever would be asked now: a check that nobody can answer checks nobody.
    """
    found = {*check.people, *await on_watch(check.unit, now)} - {check.asked_by}
    if await people_who_may_see(check.unit, found):
        return found
    people, _ = await people_on_duty(check.unit, now, check.asked_by)
    return set(people)


async def withdraw(person: Person, check_id: UUID, via: Via) -> DutyCheck:
    """撤回: by who asked, or the provider's desk; never by the house that was asked. A second tap finds it withdrawn.

    Raises `NoSuchCheck`, `NotAllowed`, `NotYourTurn`, `CheckMovedOn`.
    """
    released = Released()
    async with transaction():
        before = await locked_check(person, check_id)
        require(person, Right.CHECK_DUTY, before.unit)
        if not may_withdraw(before, person):
            raise NotYourTurn(N_("只有查岗的人可以撤回"))
        if before.state is CheckState.WITHDRAWN:
            return before
        if clock.now() >= before.until_at:
            raise CheckMovedOn(N_("该查岗已结束"))
        after = check_moved(before, CheckState.WITHDRAWN)
        await put_check(before, after)
        await redraw_check(after, released)
        await _record(person.code, "duty_check.withdrawn", after, via)
        released.hints.append(Hint(unit=str(after.unit)))
    await tell(released)
    return after


def may_withdraw(check: DutyCheck, person: Person) -> bool:
    """Whether a check is this person's to take back: a missed one must not be made undone by who missed it."""
    if person.id == check.asked_by:
        return person.may(Right.CHECK_DUTY, check.unit)
    return person.id not in check.people and person.may(Right.CHECK_DUTY, None)


async def look_after_checks() -> int:
    """A chore: whatever nobody answered in time is missed, and escalated. Answers how many; any number may run."""
    released = Released()
    async with transaction():
        now = clock.now()
        checks = [check_of(row) for row in await fetch(_OVER, now)]
        over = [await _miss(check, now, released) for check in checks]
        for check in over:
            await _record(_ACTOR, "duty_check.missed", check, None)
    await tell(released)
    return len(over)


async def _miss(check: DutyCheck, now: datetime, released: Released) -> DutyCheck:
    """Call it missed and tell who must know, in the caller's transaction, which locked it."""
    after = missed(check, now)
    await put_check(check, after)
    await redraw_check(after, released)
    await tell_of_missed(after, released, now)
    await _write(after, now, None, CHECK_LABELS[CheckState.MISSED], None)
    released.hints.append(Hint(unit=str(after.unit)))
    return after


async def _write(check: DutyCheck, now: datetime, person: PersonId | None, what: str, via: Via | None) -> None:
    """The check's own line in the duty log."""
    await write_log(check.unit, now, person, LogKind.CHECK, f"#{check.number} {translate(what, 'zh_CN')}", via)


async def _record(actor: str, what: str, check: DutyCheck, via: Via | None) -> None:
    facts: dict[str, Any] = {
        "check": str(check.id),
        "number": check.number,
        "unit": str(check.unit),
        "state": str(check.state),
        "people": [str(each) for each in check.people],
        "is_by_rota": check.is_by_rota,
        "until": check.until_at.isoformat(),
        "via": str(via or ""),
    }
    await record_action(actor, what, facts)
