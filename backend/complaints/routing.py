"""Who at the provider takes a complaint: candidates from the rows, the choice from the rules; and who is for what."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.masks.releasing import Released
from backend.complaints.acts import announced
from backend.complaints.card import Told
from backend.complaints.model import OPEN_STATES, Complaint, State, assigned
from backend.complaints.rows import Entry, EntryKind, complaint_for, put_complaint, write_entries
from backend.complaints.rules import Candidate, chosen, named_by
from backend.complaints.telling import redraw, tell_desk, tell_people
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId, new_id
from backend.core.vocabulary import ComplaintKind, Role, Via
from backend.evidence.model import EvidenceId
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right

ROLES: Final = (Role.COMPLAINT_HANDLER, Role.QUALITY_LEAD, Role.ADMINISTRATOR)
_CANDIDATES: Final = """
    select p.id, p.code, p.name, g.role,
        array(select d.kind from complaint_duties d where d.person = p.id order by d.kind) as kinds,
        (select count(*) from complaints c where c.assignee = p.id and c.state = any($2)) as open
    from people p join grants g on g.person = p.id and g.unit is null and g.role = any($1)
    where p.is_active order by g.role, p.code"""
#: whether the duty desk was told already, since somebody last had it
_DESK_KNOWS: Final = """
    select 1 as one from complaint_entries e where e.complaint = $1 and e.kind = 'unassigned' and e.at >= coalesce(
        (select max(had.at) from complaint_entries had
         where had.complaint = $1 and had.kind in ('assigned', 'taken', 'transferred')), '-infinity')
    limit 1"""
#: two who decide at once decide one after the other
_LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('complaint duties ' || $1::text, 0))"
_FORGET: Final = "delete from complaint_duties where person = $1"
_ADD: Final = "insert into complaint_duties (id, person, kind) values ($1, $2, $3)"


async def candidates() -> list[Candidate]:
    """Everybody at the provider who may be given a complaint, once for each role they hold."""
    return [_candidate(row) for row in await _rows()]


async def _rows() -> list[dict[str, Any]]:
    return await fetch(_CANDIDATES, [str(each) for each in ROLES], [str(each) for each in OPEN_STATES])


def _candidate(row: dict[str, Any]) -> Candidate:
    kinds = frozenset(ComplaintKind(each) for each in row["kinds"])
    return Candidate(
        person=row["id"], code=row["code"], role=Role(row["role"]), name=row["name"], kinds=kinds, open=row["open"]
    )


async def handlers(person: Person) -> list[tuple[PersonId, str]]:
    """Whom a complaint may be handed to. Raises `NotFound`, for whoever handles none."""
    require(person, Right.HANDLE_COMPLAINTS, None)
    return list({PersonId(row["id"]): row["name"] for row in await _rows()}.items())


async def _choose(complaint: Complaint) -> PersonId | None:
    found = await candidates()
    never = {complaint.complainant, *complaint.concerned}
    if complaint.kind is ComplaintKind.PERSON:  # also who came to the provider after it was filed
        never |= named_by(found, f"{complaint.about_words} {complaint.text}")
    return chosen(found, complaint.kind, never)


async def may_be_handed_to(person: Person, complaint_id: UUID) -> list[tuple[PersonId, str]]:
    """Whom the person may hand one over to: neither themselves nor a party to it. Raises what its door raises."""
    complaint = await complaint_for(person, complaint_id)
    never = {person.id, complaint.complainant, *complaint.concerned}
    return [(each, name) for each, name in await handlers(person) if each not in never]


async def route(
    complaint: Complaint,
    told: Told,
    released: Released,
    now: datetime,
    *,
    text: str = "",
    evidence: Sequence[EvidenceId] = (),
) -> Complaint:
    """Give it to somebody, who is told `text` or what was filed; when nobody can take it the duty desk is told.

    In the caller's transaction.
    """
    to = await _choose(complaint)
    if to is None:
        await _nobody(complaint, released, now)
        return complaint
    return await _give(complaint, to, told, await announced(text or complaint.text, evidence, to), released, now)


async def route_again(complaint: Complaint, released: Released, now: datetime) -> Complaint | None:
    """For one that nobody could take: somebody may by now. None: still nobody. In the caller's transaction."""
    assert complaint.state in {State.FILED, State.REOPENED}
    to = await _choose(complaint)
    if to is None:
        return None
    after = await _give(complaint, to, Told.ASSIGNED, complaint.text, released, now)
    await redraw(after, released)
    return after


async def hand_on(complaint: Complaint, released: Released, now: datetime) -> Complaint | None:
    """For one whose handler may handle none any more: to another. None: nobody can; the duty desk is told once."""
    to = await _choose(complaint)
    if to is None:
        if await fetch_one(_DESK_KNOWS, complaint.id) is None:
            await _nobody(complaint, released, now)
        return None
    after = await _give(complaint, to, Told.ASSIGNED, complaint.text, released, now)
    await redraw(after, released)
    return after


async def _give(  # noqa: PLR0917 - what, to whom, and in which words
    complaint: Complaint, to: PersonId, told: Told, text: str, released: Released, now: datetime
) -> Complaint:
    after = assigned(complaint, to)
    await put_complaint(complaint, after)
    await write_entries(after, [Entry(kind=EntryKind.ASSIGNED, at=now, facts={"to": str(to)})])
    await tell_people(after, told, text, [to], released, now)
    return after


async def _nobody(complaint: Complaint, released: Released, now: datetime) -> None:
    await write_entries(complaint, [Entry(kind=EntryKind.UNASSIGNED, at=now)])
    await tell_desk(complaint, released, now)


class HandlerDuties(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint handler and the kinds they are there for; none: all."""

    id: PersonId
    name: str
    kinds: tuple[ComplaintKind, ...]


def may_set_duties(person: Person) -> bool:
    """Whether it is this person's to say who is for what."""
    return person.may(Right.ADMINISTER, None) or person.may(Right.IMPROVE, None)


async def duties_for(person: Person) -> list[HandlerDuties]:
    """Who is for what, for whoever may set it. Raises `NotFound`, `NotAllowed`."""
    if not may_set_duties(person):
        require(person, Right.IMPROVE, None)
    return [
        HandlerDuties(id=row["id"], name=row["name"], kinds=tuple(ComplaintKind(each) for each in row["kinds"]))
        for row in await _rows()
        if row["role"] == Role.COMPLAINT_HANDLER
    ]


async def set_duties(person: Person, handler: PersonId, kinds: Collection[ComplaintKind], via: Via) -> None:
    """Which kinds a complaint handler is there for; none: all. By whoever administers, or leads quality.

    Raises `NotFound`, `NotAllowed`.
    """
    if not may_set_duties(person):
        require(person, Right.IMPROVE, None)
    async with transaction():
        await execute(_LOCK, str(handler))
        known = {row["id"] for row in await _rows() if row["role"] == Role.COMPLAINT_HANDLER}
        if handler not in known:
            raise NotFound(N_("没有此投诉处理人"))
        await execute(_FORGET, handler)
        for kind in sorted(set(kinds)):
            await execute(_ADD, new_id(), handler, str(kind))
        facts = {"handler": str(handler), "kinds": sorted(map(str, kinds)), "via": str(via)}
        await record_action(person.code, "complaint.duties", facts)
