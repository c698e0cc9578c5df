"""What people do with a handover (交接班): begin, note, sign, take, refuse, amend, cancel. One transaction each.

The rule: what the outgoing person signs is built, frozen and hashed in the transaction that signs it; its digest
stands in the ledger at both signatures, so that neither can later have signed something else.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.masks.releasing import Released, tell
from backend.core import clock
from backend.core.db.engine import fetch, fetch_one, transaction
from backend.core.errors import BadInput
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.live import Hint
from backend.core.vocabulary import Via
from backend.duty.model import (
    FIRST_SHIFT,
    LONGEST_SHIFT,
    Content,
    Handover,
    HandoverMovedOn,
    HandoverState,
    LogKind,
    amended,
    clean_text,
    decided,
    is_abandoned,
    moved,
    must_say,
    only_outgoing,
    signed,
)
from backend.duty.rows import HANDOVER_COLUMNS, handover_of, insert_handover, locked_handover, put_handover, write_log
from backend.duty.sections import Shift, sections_of
from backend.duty.telling import DESK_NAME, redraw_handover, tell_of_handover, unit_words
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import RIGHTS, Person, Right
from backend.people.queries import person as person_by_id

_OPEN: Final = f"""
    select {HANDOVER_COLUMNS} from handovers h
    where h.unit is not distinct from $1 and h.state in ('draft', 'signed', 'refused')"""
_LAST: Final = """
    select max(decided_at) as at from handovers where unit is not distinct from $1 and state = 'taken'"""
DUTY_ROLES: Final = [str(role) for role, rights in RIGHTS.items() if Right.DUTY in rights]
_INCOMING: Final = """
    select distinct g.person from grants g join people p on p.id = g.person and p.is_active
    where g.unit is not distinct from $1 and g.role = any($2) and g.person <> $3"""

_KEEPS_DUTY: Final = """
    select 1 from people p join grants g on g.person = p.id and g.role = any($3)
        and (g.unit is null or g.unit is not distinct from $2)
    where p.id = $1 and p.is_active limit 1"""


async def begin(person: Person, unit: UnitId | None, via: Via) -> Handover:
    """开始交班: a draft of one's own shift; a second time finds the first. `unit` None: the provider's duty desk.

    Raises `NotFound`, `NotAllowed`, `HandoverMovedOn` when another's is open.
    """
    require(person, Right.DUTY, unit)
    async with transaction():
        now = clock.now()
        row = await fetch_one(_OPEN, unit)
        if row is not None and row["outgoing"] == person.id:
            return handover_of(row)
        last = await fetch_one(_LAST, unit)
        since = max((last and last["at"]) or now - FIRST_SHIFT, now - LONGEST_SHIFT)
        handover = await insert_handover(
            Handover(
                id=new_id(),
                number=0,
                unit=unit,
                state=HandoverState.DRAFT,
                outgoing=person.id,
                from_at=since,
                made_at=now,
            )
        )
        await _record(person, "handover.begun", handover, via)
    await tell(_hints(handover))
    return handover


async def content_of(handover: Handover, person: Person, now: datetime) -> Content:
    """How things stand at this moment, as it would be signed; looked through the outgoing person's doors."""
    name, timezone = await unit_words(handover.unit)
    shift = Shift(person=person, unit=handover.unit, since=handover.from_at, until=now, timezone=timezone)
    return Content(
        handover=handover.id,
        number=handover.number,
        unit=handover.unit,
        unit_name=translate(name, "zh_CN") if name == DESK_NAME else name,
        timezone=timezone,
        outgoing=person.name,
        outgoing_code=person.code,
        from_at=handover.from_at,
        at=now,
        notes=handover.notes,
        sections=await sections_of(shift),
    )


async def note(person: Person, handover_id: UUID, notes: str, incoming: PersonId | None, via: Via) -> Handover:
    """备注: what the next shift should know besides, and for whom it is (none: whoever may take it).

    Raises `NoSuchHandover`, `NotYourTurn`, `HandoverMovedOn`, `BadInput`.
    """
    async with transaction():
        before = await _own(person, handover_id)
        if before.state is not HandoverState.DRAFT:
            raise HandoverMovedOn(N_("已签字的交接班不能再改"))
        if incoming is not None:
            await _may_take(before, incoming)
        after = msgspec.structs.replace(
            before, notes=clean_text(notes), incoming=incoming, revision=before.revision + 1
        )
        await put_handover(before, after)
        await _record(person, "handover.noted", after, via)
    await tell(_hints(after))
    return after


async def add_note(person: Person, handover_id: UUID, words: str, via: Via) -> Handover:
    """追加备注: a line below what is noted already; whom the shift is for stays. Raises as `note`."""
    async with transaction():
        before = await _own(person, handover_id)
        if before.state is not HandoverState.DRAFT:
            raise HandoverMovedOn(N_("已签字的交接班不能再改"))
        line = must_say(words, N_("请写下要记录的内容"))
        notes = must_say(f"{before.notes}\n{line}", N_("请写下要记录的内容"))
        after = msgspec.structs.replace(before, notes=notes, revision=before.revision + 1)
        await put_handover(before, after)
        await _record(person, "handover.noted", after, via)
    await tell(_hints(after))
    return after


async def _may_take(handover: Handover, incoming: PersonId) -> None:
    other = await person_by_id(incoming)
    if other.id == handover.outgoing or not other.may(Right.DUTY, handover.unit):
        raise BadInput(N_("此人不能接班"))


async def sign(person: Person, handover_id: UUID, via: Via) -> Handover:
    """交班人签字: freezes how things stand now. A second tap finds it signed.

    Raises `NoSuchHandover`, `NotYourTurn`, `HandoverMovedOn`.
    """
    released = Released()
    async with transaction():
        before = await _own(person, handover_id)
        if before.state is HandoverState.SIGNED:
            return before
        now = clock.now()
        content = await content_of(before, person, now)
        after = signed(before, content, person.id, via, now)
        await put_handover(before, after)
        await tell_of_handover(after, content, await _takers(after), released, now)
        await _write(after, now, person, N_("交班人已签字"), via)
        await _record(person, "handover.signed", after, via)
        released.hints.extend(_hints(after).hints)
    await tell(released)
    return after


async def take(person: Person, handover_id: UUID, via: Via, *, sha256: str | None = None) -> Handover:
    """接班人签字: what was frozen is taken over. A second tap of the same person finds it taken.

    `sha256`: of what they read, where the surface knows it. Raises `NoSuchHandover`, `NotAllowed`, `NotYourTurn`,
    `HandoverMovedOn`.
    """
    return await _decide(person, handover_id, HandoverState.TAKEN, via, sha256=sha256)


async def refuse(person: Person, handover_id: UUID, why: str, via: Via) -> Handover:
    """不接班: says why; the outgoing person is told and may amend it. Raises what `take` raises, and `BadInput`."""
    why = must_say(why, N_("请填写原因"))
    return await _decide(person, handover_id, HandoverState.REFUSED, via, why=why)


async def _decide(
    person: Person, handover_id: UUID, to: HandoverState, via: Via, *, sha256: str | None = None, why: str = ""
) -> Handover:
    released = Released()
    async with transaction():
        before = await locked_handover(person, handover_id)
        require(person, Right.DUTY, before.unit)
        if before.state is to and before.decided_by == person.id:
            return before
        if before.state is HandoverState.TAKEN:
            raise HandoverMovedOn(N_("已由另一人接班"))
        if sha256 is not None and sha256 != before.sha256:
            raise HandoverMovedOn(N_("交班内容已改变，请重新查看"))
        now = clock.now()
        after = decided(before, to, person.id, via, now, why=why)
        await put_handover(before, after)
        content = after.content
        assert content is not None, "what is decided was signed"
        await redraw_handover(after, content, released)
        if to is HandoverState.REFUSED:
            await tell_of_handover(after, content, (after.outgoing,), released, now)
        await _write(
            after, now, person, N_("接班人已签字") if to is HandoverState.TAKEN else N_("接班人未接"), via, why
        )
        await _record(person, f"handover.{to}", after, via)
        released.hints.extend(_hints(after).hints)
    await tell(released)
    return after


async def amend(person: Person, handover_id: UUID, via: Via) -> Handover:
    """修改: one that was refused is a draft again. Raises `NoSuchHandover`, `NotYourTurn`, `HandoverMovedOn`."""
    async with transaction():
        before = await _own(person, handover_id)
        if before.state is HandoverState.DRAFT:
            return before
        after = amended(before, person.id)
        await put_handover(before, after)
        await _record(person, "handover.amended", after, via)
    await tell(_hints(after))
    return after


async def cancel(person: Person, handover_id: UUID, via: Via) -> Handover:
    """作废: by who hands over, as long as nobody took it; by others on duty when it was left lying, or its person left.

    Raises what `amend` raises.
    """
    released = Released()
    async with transaction():
        before = await locked_handover(person, handover_id)
        require(person, Right.DUTY, before.unit)
        keeps_duty = await fetch_one(_KEEPS_DUTY, before.outgoing, before.unit, DUTY_ROLES) is not None
        if keeps_duty and not is_abandoned(before, clock.now()):
            only_outgoing(before, person.id)
        if before.state is HandoverState.CANCELLED:
            return before
        now = clock.now()
        after = moved(before, HandoverState.CANCELLED)
        await put_handover(before, after)
        if (content := after.content) is not None:
            await redraw_handover(after, content, released)
        if keeps_duty and person.id != before.outgoing:  # who left it lying hears that it is no longer theirs to finish
            content = content or await content_of(after, await person_by_id(after.outgoing), now)
            await tell_of_handover(after, content, (after.outgoing,), released, now, cancelled_by=person.id)
        await _write(after, now, person, N_("交接班已作废"), via)
        await _record(person, "handover.cancelled", after, via)
        released.hints.extend(_hints(after).hints)
    await tell(released)
    return after


async def _own(person: Person, handover_id: UUID) -> Handover:
    """A handover of one's own, locked. Raises `NoSuchHandover`, `NotAllowed`, `NotYourTurn`."""
    handover = await locked_handover(person, handover_id)
    require(person, Right.DUTY, handover.unit)
    only_outgoing(handover, person.id)
    return handover


async def _takers(handover: Handover) -> set[PersonId]:
    """Who is told that a shift waits for them: whom it was named for, or everybody of that house who may take it."""
    if handover.incoming is not None:
        return {handover.incoming}
    rows = await fetch(_INCOMING, handover.unit, DUTY_ROLES, handover.outgoing)
    return {PersonId(row["person"]) for row in rows}


async def _write(  # noqa: PLR0917 - a line's parts
    handover: Handover, now: datetime, person: Person, what: str, via: Via, why: str = ""
) -> None:
    """The handover's own line in the duty log."""
    text = f"#{handover.number} {translate(what, 'zh_CN')}"
    await write_log(handover.unit, now, person.id, LogKind.HANDOVER, f"{text} · {why}" if why else text, via)


async def _record(person: Person, what: str, handover: Handover, via: Via) -> None:
    facts: dict[str, Any] = {
        "handover": str(handover.id),
        "number": handover.number,
        "unit": str(handover.unit or ""),
        "state": str(handover.state),
        "via": str(via),
    }
    if handover.sha256:
        facts["sha256"] = handover.sha256
    if handover.why:
        facts["why"] = handover.why
    await record_action(person.code, what, facts)


def _hints(handover: Handover) -> Released:
    released = Released()
    released.hints.append(Hint(unit=str(handover.unit or "")))
    return released
