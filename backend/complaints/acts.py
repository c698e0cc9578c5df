"""What every act on a complaint is made of: the locked row, the door, the next state, the story, the ledger.

The rule: all of it is one transaction, and the same words said twice by one person are one act (a second tap).
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.alarms.masks.releasing import Released, tell
from backend.complaints.model import LONGEST_TEXT, UNTAKEN_STATES, Complaint, ComplaintMovedOn, taken
from backend.complaints.rows import Entry, EntryKind, complaint_for, put_complaint, write_entries
from backend.complaints.rules import is_abusive, may_handle
from backend.complaints.telling import redraw
from backend.core import clock
from backend.core.db.engine import fetch_one, transaction
from backend.core.errors import BadInput, NotAllowed
from backend.core.i18n import N_, known_language, translate
from backend.core.ids import AlarmId, PersonId
from backend.core.live import COMPLAINT, Hint
from backend.core.vocabulary import Via
from backend.delivery.service import answered
from backend.evidence.model import EvidenceId, ledger_facts
from backend.evidence.service import bind, digests_of, evidence_of
from backend.ledger.service import record_action
from backend.people.model import Person

#: what evidence is bound to: an entry of a complaint's story
EVIDENCE: Final = "complaint_entry"
#: the same words within this time are one act: a second tap, a retry after a lost answer. Later they are said again
SAME_WITHIN: Final = timedelta(minutes=10)
#: what may well be said in the same words on another day; whatever else is done is done, however late it is asked again
_WORDS_ALONE: Final = frozenset({EntryKind.REPLY, EntryKind.ASKED, EntryKind.HEARD, EntryKind.NOTE})
_LAST: Final = """
    select id, kind, at, person, text, facts from complaint_entries
    where complaint = $1 order by at desc, id desc limit 1"""
_LANGUAGE: Final = "select language from people where id = $1"
_decode: Final = msgspec.json.Decoder(dict[str, str | int | None]).decode
_CONTROLS: Final = dict.fromkeys((*(each for each in range(0x20) if each != ord("\n")), 0x7F), " ")

Change = Callable[[Complaint, datetime], Complaint]
Tell = Callable[[Complaint, Released, datetime], Awaitable[Complaint | None]]


class HandledByAnother(ComplaintMovedOn):
    """Somebody else handles it; whoever means to go on takes it over first."""

    code = "handled_by_another"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a person does: the entry it makes, with words and evidence."""

    kind: EntryKind
    text: str = ""
    evidence: Sequence[EvidenceId] = ()
    facts: dict[str, str | int | None] = {}


def written_in(chat: str) -> dict[str, str | int | None]:
    """What an entry keeps of the private chat that its words came from, if they came from one."""
    return {"chat": chat} if chat else {}


def cleaned(text: str, *, lacks: str = "", most: int = LONGEST_TEXT) -> str:
    """Words as they are stored. Raises `BadInput` with `lacks` when there are none, and when they are too many."""
    clean = text.encode("utf-8", "replace").decode().translate(_CONTROLS).strip()
    if lacks and not clean:
        raise BadInput(lacks)
    if len(clean) > most:
        raise BadInput(N_("内容过长：最多 2000 字") if most == LONGEST_TEXT else N_("内容过长"), most=most)
    return clean


def must_handle(person: Person, complaint: Complaint) -> None:
    """Raises `NotAllowed` for who may see and not handle it."""
    if not may_handle(person, complaint):
        raise NotAllowed(N_("您没有进行此操作的权限"))


def must_have_it(person: Person, complaint: Complaint) -> None:
    """Raises `NotAllowed`; and `HandledByAnother` when somebody else has begun, so that nobody is answered twice."""
    must_handle(person, complaint)
    if complaint.state not in UNTAKEN_STATES and complaint.assignee not in {None, person.id}:
        raise HandledByAnother(N_("该投诉正由他人处理，如需继续请先接手"))


def must_be_own(person: Person, complaint: Complaint) -> None:
    """Raises `NotAllowed` for anybody but the complainant."""
    if person.id != complaint.complainant:
        raise NotAllowed(N_("只有投诉人本人可以进行此操作"))


async def carry_out(  # noqa: PLR0917 - the parts of an act
    person: Person,
    complaint_id: UUID,
    via: Via,
    said: Said,
    door: Callable[[Person, Complaint], None],
    change: Change,
    after_that: Tell,
) -> Complaint:
    """One act by one person. `after_that` tells whom it concerns, and may answer a further state."""
    released = Released()
    async with transaction():
        before = as_found = await complaint_for(person, complaint_id, lock=True)
        door(person, before)
        if await _was_said(person, before, said):
            return before
        now = clock.now()
        if door is must_have_it:
            before = await _take_first(person, before, via, now)
        after = change(before, now)
        flagged = is_abusive(said.text)
        if flagged and said.kind is not EntryKind.NOTE:
            after = msgspec.structs.replace(after, is_flagged=True)
        if after != before:
            await put_complaint(before, after)
        entry = Entry(
            kind=said.kind, at=now, person=person.id, via=via, text=said.text, is_flagged=flagged, facts=said.facts
        )
        kept = await write_said(person, after, entry, said.evidence)
        await answered(AlarmId(after.id), person.id, via, now)
        after = await after_that(after, released, now) or after
        if after != as_found:
            await redraw(after, released)
        released.hints.append(Hint(unit=str(after.unit), about=COMPLAINT))
        await record_action(person.code, f"complaint.{said.kind}", facts_of(after, entry, via) | kept)
    await tell(released)
    return after


async def _take_first(person: Person, complaint: Complaint, via: Via, now: datetime) -> Complaint:
    """Whoever answers what nobody has begun takes it with the answer, and the story says so."""
    if complaint.state not in UNTAKEN_STATES:
        return complaint
    begun = taken(complaint, person.id)
    await put_complaint(complaint, begun)
    await write_entries(begun, [Entry(kind=EntryKind.TAKEN, at=now, person=person.id, via=via)])
    return begun


async def write_said(
    person: Person, complaint: Complaint, entry: Entry, evidence: Sequence[EvidenceId]
) -> dict[str, Any]:
    """Write an entry with its evidence, which is bound to the entry: an internal note's is internal too."""
    facts = {**entry.facts, "evidence": len(evidence)} if evidence else entry.facts
    await write_entries(complaint, [msgspec.structs.replace(entry, facts=facts)])
    bound = await bind(evidence, EVIDENCE, entry.id, by=person.id)
    return {"evidence": ledger_facts(bound)} if bound else {}


async def _was_said(person: Person, complaint: Complaint, said: Said) -> bool:
    """Whether the very last thing that happened was this, by the same person and with the same pieces."""
    last = await fetch_one(_LAST, complaint.id)
    if last is None or (last["kind"], last["person"], last["text"]) != (str(said.kind), person.id, said.text):
        return False
    if said.kind in _WORDS_ALONE and clock.now() - last["at"] > SAME_WITHIN:
        return False
    facts = {name: value for name, value in _decode(last["facts"]).items() if name != "evidence"}
    return facts == said.facts and await has_pieces(last["id"], said.evidence)


async def announced(text: str, evidence: Sequence[EvidenceId], to: PersonId | None) -> str:
    """Words as they are told to somebody: that there are files too, which a card does not carry, in their language."""
    if not evidence:
        return text
    row = await fetch_one(_LANGUAGE, to)
    language = known_language(row["language"] if row else None)
    return translate(N_("{text}（附件 {count} 个）"), language, text=text, count=len(evidence))


async def has_pieces(entry: UUID, pieces: Sequence[EvidenceId]) -> bool:
    """Whether an entry's evidence is these files, whichever copies of them: two photos without words are two."""
    return {each.sha256 for each in await evidence_of(EVIDENCE, entry)} == set(await digests_of(pieces))


def facts_of(complaint: Complaint, entry: Entry | None = None, via: Via | None = None) -> dict[str, Any]:
    """A complaint as the ledger keeps it; of words their digest, which the entry proves."""
    round_ = complaint.round
    facts: dict[str, Any] = {
        "complaint": str(complaint.id),
        "number": complaint.number,
        "unit": str(complaint.unit),
        "kind": str(complaint.kind),
        "state": str(complaint.state),
        "round": round_.number,
        "assignee": str(complaint.assignee) if complaint.assignee else None,
        "reply_due_at": round_.reply_due_at.isoformat(),
        "settle_due_at": round_.settle_due_at.isoformat(),
    }
    if entry is not None:
        facts |= {"entry": str(entry.id), "text_sha256": sha256(entry.text.encode()).hexdigest()}
    if round_.rating is not None:
        facts["rating"] = round_.rating
    return facts | ({"via": str(via)} if via else {})
