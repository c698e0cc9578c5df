"""Complaints, rounds and entries to and from rows. Reads answer structs; rows don't leave this folder."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.complaints.model import (
    CauseClass,
    Complaint,
    ComplaintMovedOn,
    NoSuchComplaint,
    Round,
    State,
)
from backend.complaints.rules import may_see
from backend.core.clock import in_zone
from backend.core.db.engine import execute, fetch, fetch_one
from backend.core.i18n import N_
from backend.core.ids import new_id
from backend.core.vocabulary import ComplaintKind, Via
from backend.people.model import Person


class EntryKind(StrEnum):
    """What an entry of a complaint's story tells. The value stands in rows and is never reused."""

    FILED = "filed"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"  #: nobody can take it; the duty desk was told
    TAKEN = "taken"
    TRANSFERRED = "transferred"
    NOTE = "note"  #: internal
    REPLY = "reply"
    ASKED = "asked"
    HEARD = "heard"  #: the complainant's own words
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"
    RATED = "rated"
    CLOSED = "closed"
    REOPENED = "reopened"
    REMINDED = "reminded"
    BREACH = "breach"
    ORDERED = "ordered"  #: a work order was opened from it
    UNREACHED = "unreached"  #: no way took what the complainant was to be told
    TEXTED = "texted"  #: only a text message or a call went, which has no room for all of it


ENTRY_LABELS: Final = {
    EntryKind.FILED: N_("提交"),
    EntryKind.ASSIGNED: N_("已分派"),
    EntryKind.UNASSIGNED: N_("无人可受理，已通知值班台"),
    EntryKind.TAKEN: N_("接手"),
    EntryKind.TRANSFERRED: N_("转交"),
    EntryKind.NOTE: N_("内部备注"),
    EntryKind.REPLY: N_("答复"),
    EntryKind.ASKED: N_("请补充"),
    EntryKind.HEARD: N_("投诉人补充"),
    EntryKind.SETTLED: N_("办结"),
    EntryKind.WITHDRAWN: N_("撤回"),
    EntryKind.RATED: N_("评价"),
    EntryKind.CLOSED: N_("未评价，自动关闭"),
    EntryKind.REOPENED: N_("重新打开"),
    EntryKind.REMINDED: N_("临期提醒"),
    EntryKind.BREACH: N_("超过时限"),
    EntryKind.ORDERED: N_("已开工单"),
    EntryKind.UNREACHED: N_("投诉人各种方式均未送达"),
    EntryKind.TEXTED: N_("仅短信送达，放不下全部内容，请致电投诉人"),
}
#: what the provider does among itself
INTERNAL: Final = frozenset(
    {EntryKind.NOTE, EntryKind.REMINDED, EntryKind.UNREACHED, EntryKind.TEXTED, EntryKind.UNASSIGNED}
)

ROUND_COLUMNS: Final = """r.number as r_number, r.began_at as r_began_at, r.reply_due_at as r_reply_due_at,
    r.settle_due_at as r_settle_due_at, r.replied_at as r_replied_at, r.paused_at as r_paused_at,
    r.settled_at as r_settled_at, r.is_justified as r_is_justified, r.cause as r_cause,
    r.improvement as r_improvement, r.rating_asked_at as r_rating_asked_at, r.rating as r_rating,
    r.rating_reason as r_rating_reason, r.closed_at as r_closed_at"""
COLUMNS: Final = f"""c.id, c.number, c.unit, c.kind, c.complainant, c.via, c.text, c.about, c.about_person,
    c.about_words, c.named, c.is_flagged, c.state, c.assignee, c.filed_at, c.revision, u.timezone, {ROUND_COLUMNS}"""
TABLES: Final = """complaints c join units u on u.id = c.unit
    join complaint_rounds r on r.complaint = c.id and r.number = c.round"""
_ONE: Final = f"select {COLUMNS} from {TABLES} where c.id = $1"
#: by itself: a row that was waited for is read anew, but what is joined to it would be read as it was before the wait
_LOCK: Final = "select id from complaints where id = $1 for no key update"
_NUMBER: Final = """
    insert into complaint_days (day, last) values ($1, 1)
    on conflict (day) do update set last = complaint_days.last + 1 returning last"""
_INSERT: Final = """
    insert into complaints (id, number, unit, kind, complainant, via, text, about, about_person, about_words,
        is_flagged, state, assignee, round, revision, filed_at, named)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, $14, $15)"""
_PUT: Final = """
    update complaints set state = $3, assignee = $4, round = $5, revision = $6, is_flagged = $7
    where id = $1 and revision = $2 returning id"""
_INSERT_ROUND: Final = """
    insert into complaint_rounds (id, complaint, number, began_at, reply_due_at, settle_due_at, improvement,
        rating_reason, reminders)
    values ($1, $2, $3, $4, $5, $6, '', '', 0)"""
_PUT_ROUND: Final = """
    update complaint_rounds set settle_due_at = $3, replied_at = $4, paused_at = $5, settled_at = $6,
        is_justified = $7, cause = $8, improvement = $9, rating_asked_at = $10, rating = $11, rating_reason = $12,
        closed_at = $13
    where complaint = $1 and number = $2"""
_INSERT_ENTRY: Final = """
    insert into complaint_entries (id, complaint, round, kind, at, person, via, text, is_internal, is_flagged, facts)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb)"""
_encode = msgspec.json.Encoder().encode


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a complaint; `person` None: the service itself."""

    id: UUID = msgspec.field(default_factory=new_id)
    kind: EntryKind
    at: datetime
    person: UUID | None = None
    via: Via | None = None
    text: str = ""
    is_flagged: bool = False
    facts: dict[str, str | int | None] = {}

    @property
    def is_internal(self) -> bool:
        """Whether the complainant does not see it."""
        return self.kind in INTERNAL


def complaint_of(row: Mapping[str, Any]) -> Complaint:
    """A row of `COLUMNS` as a struct."""
    round_ = {name: row[f"r_{name}"] for name in Round.__struct_fields__}
    round_["cause"] = CauseClass(round_["cause"]) if round_["cause"] else None
    values = {name: row[name] for name in Complaint.__struct_fields__ if name != "round"}
    values |= {
        "named": tuple(row["named"]),
        "kind": ComplaintKind(row["kind"]),
        "via": Via(row["via"]),
        "state": State(row["state"]),
    }
    return Complaint(**values, round=Round(**round_))


async def complaint_now(complaint_id: UUID) -> Complaint:
    """One whose row the caller has locked, as it stands; for the service itself, which asks no door."""
    row = await fetch_one(_ONE, complaint_id)
    assert row is not None
    return complaint_of(row)


async def complaint_for(person: Person, complaint_id: UUID, *, lock: bool = False) -> Complaint:
    """A complaint that the person may see. Raises `NoSuchComplaint`: unknown and forbidden look the same."""
    if lock:
        await fetch_one(_LOCK, complaint_id)
    row = await fetch_one(_ONE, complaint_id)
    complaint = complaint_of(row) if row is not None else None
    if complaint is None or not may_see(person, complaint):
        raise NoSuchComplaint(N_("没有这条投诉或反馈"))
    return complaint


async def next_number(complaint_prefix: str, now: datetime, timezone: str) -> str:
    """The day's next number, in the caller's transaction: "TS-20261126-001"; days are the unit's."""
    day = f"{complaint_prefix}-{in_zone(now, timezone):%Y%m%d}"
    row = await fetch_one(_NUMBER, day)
    assert row is not None
    return f"{day}-{row['last']:03}"


async def insert_complaint(new: Complaint) -> None:
    """Write a new complaint and its first round, in the caller's transaction."""
    await execute(
        _INSERT,
        new.id,
        new.number,
        new.unit,
        str(new.kind),
        new.complainant,
        str(new.via),
        new.text,
        new.about,
        new.about_person,
        new.about_words,
        new.is_flagged,
        str(new.state),
        new.assignee,
        new.filed_at,
        list(new.named),
    )
    await _insert_round(new)


async def put_complaint(before: Complaint, after: Complaint) -> None:
    """Write the next state by compare-and-set, and its round. Raises `ComplaintMovedOn`."""
    row = await fetch(
        _PUT,
        after.id,
        before.revision,
        str(after.state),
        after.assignee,
        after.round.number,
        after.revision,
        after.is_flagged,
    )
    if not row:
        raise ComplaintMovedOn(N_("该投诉的状态已改变，请刷新后重试"))
    if after.round.number != before.round.number:
        await _insert_round(after)
    elif after.round != before.round:
        await _put_round(after)


async def _insert_round(complaint: Complaint) -> None:
    each = complaint.round
    times = (each.began_at, each.reply_due_at, each.settle_due_at)
    await execute(_INSERT_ROUND, new_id(), complaint.id, each.number, *times)


async def _put_round(complaint: Complaint) -> None:
    each = complaint.round
    await execute(
        _PUT_ROUND,
        complaint.id,
        each.number,
        each.settle_due_at,
        each.replied_at,
        each.paused_at,
        each.settled_at,
        each.is_justified,
        str(each.cause) if each.cause else None,
        each.improvement,
        each.rating_asked_at,
        each.rating,
        each.rating_reason,
        each.closed_at,
    )


async def write_entries(complaint: Complaint, entries: Iterable[Entry]) -> None:
    """Add to its story, in the caller's transaction."""
    for each in entries:
        await execute(
            _INSERT_ENTRY,
            each.id,
            complaint.id,
            complaint.round.number,
            str(each.kind),
            each.at,
            each.person,
            str(each.via) if each.via else None,
            each.text,
            each.is_internal,
            each.is_flagged,
            _encode(each.facts).decode(),
        )
