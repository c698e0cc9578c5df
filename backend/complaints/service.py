"""What a complainant does with their complaint after filing: answer, withdraw, rate, reopen. One transaction each."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from backend.alarms.masks.releasing import Released
from backend.complaints.acts import Said, announced, carry_out, cleaned, must_be_own, written_in
from backend.complaints.card import Told
from backend.complaints.model import Complaint, assigned, heard, rated, reopened, withdrawn
from backend.complaints.routing import candidates, route
from backend.complaints.rows import Entry, EntryKind, put_complaint, write_entries
from backend.complaints.telling import tell_people
from backend.core import working_time
from backend.core.db.engine import fetch_one
from backend.core.i18n import N_
from backend.core.ids import PersonId
from backend.core.vocabulary import Via
from backend.evidence.model import EvidenceId
from backend.people.model import Person

_LAST_HANDLER = """
    select person from complaint_entries where complaint = $1 and kind = 'settled' order by at desc limit 1"""


async def answer(
    person: Person, complaint_id: UUID, text: str, via: Via, evidence: Sequence[EvidenceId] = (), *, chat: str = ""
) -> Complaint:
    """补充说明: the complainant's words, from whichever way; a clock that rested goes on. `chat`: as in `Filing`.

    Raises `NoSuchComplaint`, `NotAllowed`, `BadInput`, `ComplaintMovedOn`.
    """
    words, facts = cleaned(text, lacks=N_("请填写内容")), written_in(chat)
    said = Said(kind=EntryKind.HEARD, text=words, evidence=evidence, facts=facts)

    def change(complaint: Complaint, now: datetime) -> Complaint:
        return heard(complaint, now, working_time.calendar())

    async def after(complaint: Complaint, released: Released, now: datetime) -> None:
        text = await announced(said.text, evidence, complaint.assignee)
        await tell_people(complaint, Told.HEARD, text, [complaint.assignee], released, now)

    return await carry_out(person, complaint_id, via, said, must_be_own, change, after)


async def withdraw(person: Person, complaint_id: UUID, why: str, via: Via) -> Complaint:
    """撤回: the complainant takes it back, and is asked how satisfied they are all the same.

    Raises `NoSuchComplaint`, `NotAllowed`, `ComplaintMovedOn`.
    """
    said = Said(kind=EntryKind.WITHDRAWN, text=cleaned(why))

    def change(complaint: Complaint, now: datetime) -> Complaint:
        return withdrawn(complaint, now, working_time.calendar())

    async def after(complaint: Complaint, released: Released, now: datetime) -> None:
        await tell_people(complaint, Told.WITHDRAWN, said.text, [complaint.assignee], released, now)

    return await carry_out(person, complaint_id, via, said, must_be_own, change, after)


async def rate(person: Person, complaint_id: UUID, rating: int, reason: str, via: Via) -> Complaint:
    """评价: 1 to 5 and why; this closes it. A second tap finds it rated.

    Raises `NoSuchComplaint`, `NotAllowed`, `BadInput`, `ComplaintMovedOn`.
    """
    text = cleaned(reason, lacks=N_("请填写评价的理由"))
    said = Said(kind=EntryKind.RATED, text=text, facts={"rating": rating})

    def change(complaint: Complaint, now: datetime) -> Complaint:
        return rated(complaint, rating, text, now)

    async def after(complaint: Complaint, released: Released, now: datetime) -> None:
        words = f"{rating} ★ {text}"
        await tell_people(complaint, Told.RATED, words, [complaint.assignee], released, now)

    return await carry_out(person, complaint_id, via, said, must_be_own, change, after)


async def reopen(
    person: Person, complaint_id: UUID, why: str, via: Via, evidence: Sequence[EvidenceId] = (), *, chat: str = ""
) -> Complaint:
    """重新打开, within 15 days: a new round with new deadlines, for whoever settled it; the old one stays as it was.

    Raises `NoSuchComplaint`, `NotAllowed`, `BadInput`, `ComplaintMovedOn`, `TooLateToReopen`.
    """
    words, facts = cleaned(why, lacks=N_("请填写重新打开的理由")), written_in(chat)
    said = Said(kind=EntryKind.REOPENED, text=words, evidence=evidence, facts=facts)

    def change(complaint: Complaint, now: datetime) -> Complaint:
        return reopened(complaint, now, working_time.calendar())

    async def after(complaint: Complaint, released: Released, now: datetime) -> Complaint:
        before = await _last_handler(complaint)
        if before is None:
            return await route(complaint, Told.REOPENED, released, now, text=said.text, evidence=evidence)
        again = assigned(complaint, before)
        await put_complaint(complaint, again)
        await write_entries(again, [Entry(kind=EntryKind.ASSIGNED, at=now, facts={"to": str(before)})])
        text = await announced(said.text, evidence, before)
        await tell_people(again, Told.REOPENED, text, [before], released, now)
        return again

    return await carry_out(person, complaint_id, via, said, must_be_own, change, after)


async def _last_handler(complaint: Complaint) -> PersonId | None:
    """Who settled it, if they still may handle it."""
    row = await fetch_one(_LAST_HANDLER, complaint.id)
    known = {each.person for each in await candidates()} - {complaint.complainant, *complaint.concerned}
    return PersonId(row["person"]) if row and row["person"] in known else None
