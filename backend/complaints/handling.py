"""What a handler does with a complaint: take, hand over, note, reply, ask back, settle. One transaction each."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from backend.alarms.masks.releasing import Released
from backend.complaints.acts import Said, announced, carry_out, cleaned, must_handle, must_have_it
from backend.complaints.card import Told
from backend.complaints.model import (
    Complaint,
    Settlement,
    asked_back,
    assigned,
    check_settlement,
    replied,
    settled,
    taken,
)
from backend.complaints.routing import candidates
from backend.complaints.rows import EntryKind
from backend.complaints.telling import tell_complainant, tell_people
from backend.core import working_time
from backend.core.errors import NotFound
from backend.core.i18n import N_
from backend.core.ids import PersonId
from backend.core.vocabulary import Via
from backend.evidence.model import EvidenceId
from backend.people.model import Person


async def take(person: Person, complaint_id: UUID, via: Via) -> Complaint:
    """接手: begins, or takes over from another handler. A second tap finds it in their hands.

    Raises `NoSuchComplaint`, `NotAllowed`, `ComplaintMovedOn`.
    """

    def change(complaint: Complaint, _: datetime) -> Complaint:
        after = taken(complaint, person.id)
        is_same = (after.state, after.assignee) == (complaint.state, complaint.assignee)
        return complaint if is_same else after

    return await carry_out(person, complaint_id, via, Said(kind=EntryKind.TAKEN), must_handle, change, _nobody)


async def transfer(person: Person, complaint_id: UUID, to: PersonId, why: str, via: Via) -> Complaint:
    """转交: to another who may handle it, never the person it is about. Raises what `take` raises, and `NotFound`."""
    text = cleaned(why)
    known = {each.person for each in await candidates()}

    def change(complaint: Complaint, _: datetime) -> Complaint:
        if to not in known - {complaint.complainant, *complaint.concerned}:
            raise NotFound(N_("没有此投诉处理人"))
        return assigned(complaint, to)

    async def after(complaint: Complaint, released: Released, now: datetime) -> None:
        await tell_people(complaint, Told.ASSIGNED, text or complaint.text, [to], released, now)

    said = Said(kind=EntryKind.TRANSFERRED, text=text, facts={"to": str(to)})
    return await carry_out(person, complaint_id, via, said, must_handle, change, after)


async def note(
    person: Person, complaint_id: UUID, text: str, via: Via, evidence: Sequence[EvidenceId] = ()
) -> Complaint:
    """内部备注: the complainant never sees it. Raises `NoSuchComplaint`, `NotAllowed`, `BadInput`."""
    said = Said(kind=EntryKind.NOTE, text=cleaned(text, lacks=N_("请填写内容")), evidence=evidence)
    return await carry_out(person, complaint_id, via, said, must_handle, lambda complaint, _: complaint, _nobody)


async def reply(
    person: Person, complaint_id: UUID, text: str, via: Via, evidence: Sequence[EvidenceId] = ()
) -> Complaint:
    """答复: reaches the complainant in the chat they used, or by the next way when that one is closed.

    Raises `NoSuchComplaint`, `NotAllowed`, `BadInput`, `ComplaintMovedOn`, `HandledByAnother`.
    """
    said = Said(kind=EntryKind.REPLY, text=cleaned(text, lacks=N_("请填写答复的内容")), evidence=evidence)

    def change(complaint: Complaint, now: datetime) -> Complaint:
        return replied(complaint, person.id, now, working_time.calendar())

    async def after(complaint: Complaint, released: Released, now: datetime) -> None:
        text = await announced(said.text, evidence, complaint.complainant)
        await tell_complainant(complaint, Told.REPLY, text, released, now)

    return await carry_out(person, complaint_id, via, said, must_have_it, change, after)


async def ask_back(
    person: Person, complaint_id: UUID, text: str, via: Via, evidence: Sequence[EvidenceId] = ()
) -> Complaint:
    """请补充: the settlement's clock rests until the complainant answers. Raises what `reply` raises."""
    said = Said(kind=EntryKind.ASKED, text=cleaned(text, lacks=N_("请填写要补充什么")), evidence=evidence)

    def change(complaint: Complaint, now: datetime) -> Complaint:
        return asked_back(complaint, person.id, now)

    async def after(complaint: Complaint, released: Released, now: datetime) -> None:
        text = await announced(said.text, evidence, complaint.complainant)
        await tell_complainant(complaint, Told.ASKED, text, released, now)

    return await carry_out(person, complaint_id, via, said, must_have_it, change, after)


async def settle(person: Person, complaint_id: UUID, how: Settlement, via: Via) -> Complaint:
    """办结: with cause class and improvement where the complaint is justified; asks how satisfied they are.

    Raises what `reply` raises.
    """
    clean = msgspec.structs.replace(how, text=cleaned(how.text), improvement=cleaned(how.improvement))
    cause = str(clean.cause) if clean.cause else None
    said = Said(kind=EntryKind.SETTLED, text=clean.text, facts={"cause": cause})

    def change(complaint: Complaint, now: datetime) -> Complaint:
        check_settlement(complaint.kind, clean)
        return settled(complaint, person.id, clean, now, working_time.calendar())

    async def after(complaint: Complaint, released: Released, now: datetime) -> None:
        await tell_complainant(complaint, Told.SETTLED, clean.text, released, now)

    return await carry_out(person, complaint_id, via, said, must_have_it, change, after)


async def _nobody(_: Complaint, __: Released, ___: datetime) -> None:
    """Nobody needs to be told."""
