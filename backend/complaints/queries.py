"""Reads of complaints for pages, phones and chats: the same answers everywhere, through the person's doors."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from backend.complaints.acts import EVIDENCE
from backend.complaints.model import (
    ASKED_STATES,
    CAUSE_LABELS,
    OPEN_STATES,
    STATE_LABELS,
    UNTAKEN_STATES,
    CauseClass,
    Complaint,
    State,
    may_reopen,
)
from backend.complaints.rows import COLUMNS, ENTRY_LABELS, TABLES, EntryKind, complaint_for, complaint_of
from backend.complaints.rules import may_handle, may_order, may_see, may_see_causes
from backend.core import clock, working_time
from backend.core.clock import in_zone
from backend.core.db.engine import fetch
from backend.core.deadlines import FIRST_REPLY, SETTLEMENT
from backend.core.errors import NotFound
from backend.core.i18n import N_, translate
from backend.core.ids import PersonId
from backend.core.vocabulary import COMPLAINT_LABELS, VIA_LABELS, ComplaintKind, Via
from backend.evidence.model import EvidenceId
from backend.evidence.service import evidence_of, octets_of
from backend.people.model import Person, Right
from backend.people.queries import names_of
from backend.work_orders.model import STATE_LABELS as ORDER_STATES
from backend.work_orders.model import Origin, WorkOrder
from backend.work_orders.queries import orders_of_complaint

Which = Literal["open", "over", "all"]

_MOST: Final = 300
#: may_see in SQL: own; of all units; of the units whose manager asks; never about oneself
_MINE: Final = """(c.complainant = $1 or (
    c.about_person is distinct from $1 and $1 <> all(c.named) and ($2 or c.unit = any($3::uuid[]))))"""
_LIST: Final = f"""
    select {COLUMNS}, u.name as unit_name, who.name as complainant_name, has.name as assignee_name,
        (select count(*) from complaint_breaches b where b.complaint = c.id) as breaches
    from {TABLES} join people who on who.id = c.complainant left join people has on has.id = c.assignee
    where {_MINE} and c.state = any($4::text[]) and (not $5 or c.complainant = $1) and ($6::uuid is null or c.id = $6)
    order by c.state in ('rated', 'closed'), c.state in ('settled', 'withdrawn'), c.state = 'waiting',
        case when c.state in ('settled', 'withdrawn', 'rated', 'closed') then null
             when r.replied_at is null then least(r.reply_due_at, r.settle_due_at) else r.settle_due_at end,
        case when c.state not in ('settled', 'withdrawn', 'rated', 'closed') then c.filed_at end, c.filed_at desc, c.id
    limit $7"""
_STORY: Final = """
    select e.id, e.round, e.kind, e.at, e.via, e.text, e.is_internal, e.is_flagged, e.facts, p.name as who,
        p.id as person
    from complaint_entries e left join people p on p.id = e.person
    where e.complaint = $1 and (not e.is_internal or $2) order by e.at, e.id"""
_ROUNDS: Final = "select * from complaint_rounds where complaint = $1 order by number"
_STATES: Final = {
    "open": [str(each) for each in (*OPEN_STATES, *ASKED_STATES)],
    "over": [str(State.RATED), str(State.CLOSED)],
    "all": [str(each) for each in State],
}
#: the clock that a reminder or a breach is of
_CLOCKS: Final = {"reply": N_("首次答复"), "settlement": N_("办结")}
_decode = msgspec.json.Decoder(dict[str, str | int | None]).decode


class ClockOut(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline as a bar: when it is due, how much of its working time is used, whether it rests or was missed."""

    due_at: datetime
    done_at: datetime | None
    share: float  #: 0 to 1 and more
    left_minutes: int  #: working time that is left
    is_paused: bool
    is_missed: bool


class ComplaintLine(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint as people read it in a list, and what the reader may do."""

    id: UUID
    number: str
    unit: UUID
    unit_name: str
    kind: ComplaintKind
    kind_word: str
    state: State
    state_word: str
    complainant: str
    assignee: str
    about_words: str
    text: str
    is_flagged: bool
    filed_at: datetime
    round: int
    breaches: int
    reply: ClockOut
    settlement: ClockOut
    rating: int | None
    is_mine: bool
    may_handle: bool
    may_reply: bool  #: it is the reader's, or nobody's yet
    may_answer: bool
    may_rate: bool
    may_reopen: bool
    is_waiting: bool


class PieceOut(msgspec.Struct, frozen=True, kw_only=True):
    """A photo, a voice note or a paper that came with an entry."""

    id: UUID
    kind: str
    media_type: str
    name: str
    size: int


class EntryLine(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as people read it."""

    id: UUID
    kind: EntryKind
    word: str
    at: datetime
    who: str
    via: str
    text: str
    is_internal: bool
    is_flagged: bool
    round: int
    detail: str
    evidence: list[PieceOut]


class RoundOut(msgspec.Struct, frozen=True, kw_only=True):
    """One round: what was done in it, and how it ended."""

    number: int
    began_at: datetime
    replied_at: datetime | None
    settled_at: datetime | None
    is_justified: bool | None
    cause: str
    improvement: str
    rating: int | None
    rating_reason: str
    closed_at: datetime | None


class OrderSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A work order that was opened from it, or that it is about; who handles it sees that much without its unit."""

    id: UUID
    number: int
    state_word: str
    what: str
    is_from_here: bool
    may_open: bool  #: whether the reader may read all of it


class ComplaintStory(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint with its story and its rounds."""

    line: ComplaintLine
    entries: list[EntryLine]
    rounds: list[RoundOut]
    orders: list[OrderSeen]
    may_order: bool


def _doors(person: Person) -> tuple[PersonId, bool, list[UUID]]:
    units = [unit for unit in person.units if person.may(Right.SEE_COMPLAINTS, unit)]
    return person.id, person.may(Right.HANDLE_COMPLAINTS, None), list(units)


async def complaints_for(
    person: Person, which: Which = "open", *, own: bool = False, limit: int = 100
) -> list[ComplaintLine]:
    """Those the person may see, the nearest deadline first; `own`: only what they filed themselves."""
    rows = await fetch(_LIST, *_doors(person), _STATES[which], own, None, max(1, min(limit, _MOST)))
    return [_line(row, person) for row in rows]


async def complaint_story(person: Person, complaint_id: UUID) -> ComplaintStory:
    """One with all that happened; the complainant's has nothing internal. Raises `NoSuchComplaint`."""
    complaint = await complaint_for(person, complaint_id)
    (row,) = await fetch(_LIST, *_doors(person), _STATES["all"], False, complaint_id, 1)
    is_handler = may_see(person, complaint) and may_handle(person, complaint)
    entries = await fetch(_STORY, complaint_id, is_handler)
    hidden = set() if may_see_causes(person, complaint) else {"cause"}
    facts = {each["id"]: _without(_decode(each["facts"]), hidden) for each in entries}
    named = {UUID(str(each["to"])) for each in facts.values() if each.get("to")}
    names = {str(each): name for each, name in (await names_of(named)).items()}
    zone, language = complaint.timezone, person.language
    rounds = await fetch(_ROUNDS, complaint_id)
    return ComplaintStory(
        line=_line(row, person),
        entries=[
            _entry(each, facts[each["id"]], names, zone, language, is_handler, await _pieces(each["id"], facts))
            for each in entries
        ],
        rounds=[_round(_without(each, hidden), zone, language) for each in rounds],
        orders=[_order(each, person) for each in await orders_of(complaint)],
        may_order=may_order(person, complaint),
    )


def _without(values: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


async def orders_of(complaint: Complaint) -> list[WorkOrder]:
    """The work orders that came of it, and the one it is about."""
    return await orders_of_complaint(complaint.id, complaint.about if complaint.kind is ComplaintKind.ORDER else None)


def _order(order: WorkOrder, person: Person) -> OrderSeen:
    return OrderSeen(
        id=order.id,
        number=order.number,
        state_word=translate(ORDER_STATES[order.state], person.language),
        what=translate(order.what, person.language),
        is_from_here=order.origin is Origin.COMPLAINT,
        may_open=person.may(Right.SEE, order.unit),
    )


async def _pieces(entry: UUID, facts: dict[UUID, dict[str, Any]]) -> list[PieceOut]:
    if not facts[entry].get("evidence"):
        return []
    found = await evidence_of(EVIDENCE, entry)
    return [
        PieceOut(id=each.id, kind=str(each.kind), media_type=each.media_type, name=each.name, size=each.size)
        for each in found
    ]


async def piece_for(person: Person, complaint_id: UUID, piece: UUID) -> tuple[PieceOut, bytes]:
    """A piece of evidence with its octets, if it came with an entry that the person may read. Raises `NotFound`."""
    for entry in (await complaint_story(person, complaint_id)).entries:
        for each in entry.evidence:
            if each.id == piece:
                return each, await octets_of(EvidenceId(piece))
    raise NotFound(N_("没有找到"))


def _line(row: dict[str, Any], person: Person) -> ComplaintLine:
    complaint = complaint_of(row)
    now, language, round_ = clock.now(), person.language, complaint.round
    handles, is_mine = may_handle(person, complaint), complaint.complainant == person.id
    is_open = complaint.state in OPEN_STATES
    has_it = complaint.state in UNTAKEN_STATES or complaint.assignee in {None, person.id}
    return ComplaintLine(
        id=complaint.id,
        number=complaint.number,
        unit=complaint.unit,
        unit_name=row["unit_name"],
        kind=complaint.kind,
        kind_word=translate(COMPLAINT_LABELS[complaint.kind], language),
        state=complaint.state,
        state_word=translate(_state_label(complaint, person), language),
        complainant=row["complainant_name"],
        assignee=row["assignee_name"] or "",
        about_words=complaint.about_words,
        text=complaint.text,
        is_flagged=complaint.is_flagged and handles,
        filed_at=in_zone(complaint.filed_at, complaint.timezone),
        round=round_.number,
        breaches=row["breaches"],
        reply=_clock(complaint, round_.reply_due_at, round_.replied_at, now, is_reply=True),
        settlement=_clock(complaint, round_.settle_due_at, round_.settled_at, now, is_reply=False),
        rating=round_.rating,
        is_mine=is_mine,
        may_handle=handles and is_open,
        may_reply=handles and is_open and has_it,
        may_answer=is_mine and is_open,
        may_rate=is_mine and complaint.state in ASKED_STATES,
        may_reopen=is_mine and may_reopen(complaint, now),
        is_waiting=complaint.state is State.WAITING,
    )


def _state_label(complaint: Complaint, person: Person) -> str:
    """Who is waited for is told so to their face."""
    is_asked = complaint.state is State.WAITING and complaint.complainant == person.id
    return N_("等待您补充") if is_asked else STATE_LABELS[complaint.state]


def _clock(complaint: Complaint, due: datetime, done: datetime | None, now: datetime, *, is_reply: bool) -> ClockOut:
    calendar, zone, round_ = working_time.calendar(), complaint.timezone, complaint.round
    whole = (FIRST_REPLY if is_reply else SETTLEMENT)[complaint.kind].within(calendar)
    paused = None if is_reply else round_.paused_at
    until = done or round_.rating_asked_at or round_.closed_at or paused or now
    left = calendar.between(until, due, zone)
    late = calendar.between(due, until, zone)
    return ClockOut(
        due_at=in_zone(due, zone),
        done_at=in_zone(done, zone) if done else None,
        share=round((whole - left + late) / whole, 3),
        left_minutes=int(left.total_seconds() // 60),
        is_paused=paused is not None,
        is_missed=until > due,
    )


def _entry(  # noqa: PLR0917 - an entry and who reads it
    row: dict[str, Any],
    facts: dict[str, Any],
    names: dict[str, str],
    zone: str,
    language: str,
    is_handler: bool,
    pieces: list[PieceOut],
) -> EntryLine:
    kind = EntryKind(row["kind"])
    detail = names.get(str(facts.get("to")), "")
    if kind in {EntryKind.BREACH, EntryKind.REMINDED}:
        detail = translate(_CLOCKS[str(facts["of"])], language)
    if kind is EntryKind.ORDERED:
        detail = f"#{facts.get('order')}"
    if kind in {EntryKind.UNREACHED, EntryKind.TEXTED}:
        detail = str(facts.get("phone") or "")
    if facts.get("rating"):
        detail = f"{facts['rating']} ★"
    if facts.get("cause"):
        detail = translate(CAUSE_LABELS[CauseClass(facts["cause"])], language)
    return EntryLine(
        id=row["id"],
        kind=kind,
        word=translate(ENTRY_LABELS[kind], language),
        at=in_zone(row["at"], zone),
        who=row["who"] or "",
        via=translate(VIA_LABELS[Via(row["via"])], language) if row["via"] else "",
        # why it was handed over is said among the provider's people
        text=row["text"] if is_handler or kind is not EntryKind.TRANSFERRED else "",
        is_internal=row["is_internal"],
        is_flagged=row["is_flagged"] and is_handler,
        round=row["round"],
        detail=detail,
        evidence=pieces,
    )


def _round(row: dict[str, Any], zone: str, language: str) -> RoundOut:
    def at(moment: datetime | None) -> datetime | None:
        return in_zone(moment, zone) if moment else None

    cause = translate(CAUSE_LABELS[CauseClass(row["cause"])], language) if row.get("cause") else ""
    return RoundOut(
        number=row["number"],
        began_at=in_zone(row["began_at"], zone),
        replied_at=at(row["replied_at"]),
        settled_at=at(row["settled_at"]),
        is_justified=row["is_justified"],
        cause=cause,
        improvement=row["improvement"],
        rating=row["rating"],
        rating_reason=row["rating_reason"],
        closed_at=at(row["closed_at"]),
    )
