"""Filing a complaint or feedback (提交投诉或服务反馈): its number and deadlines at once, and somebody who has it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from backend.alarms.masks.releasing import Released, tell
from backend.complaints.acts import SAME_WITHIN, cleaned, facts_of, has_pieces, write_said, written_in
from backend.complaints.card import Told
from backend.complaints.model import LONGEST_ABOUT, OPEN_STATES, Complaint, new_round
from backend.complaints.routing import route
from backend.complaints.rows import COLUMNS, TABLES, Entry, EntryKind, complaint_of, insert_complaint, next_number
from backend.complaints.rules import is_abusive
from backend.complaints.subjects import name_of, named_in, words_of
from backend.core import clock, working_time
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.errors import NotFound, TooMany
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.live import COMPLAINT, Hint
from backend.core.vocabulary import FEEDBACK_KINDS, ComplaintKind, Via
from backend.evidence.model import EvidenceId
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right

#: more than this a day by one person is refused, and they are told to call
_MOST_A_DAY: Final = 30
_LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('complaints ' || $1::text, 0))"
_SAME: Final = f"""
    select {COLUMNS}, (select e.id from complaint_entries e where e.complaint = c.id and e.kind = 'filed') as entry
    from {TABLES}
    where c.complainant = $1 and c.unit = $2 and c.kind = $3 and c.text = $4 and c.filed_at > $5
      and c.about is not distinct from $6 and ($7::uuid is null or c.about_person = $7)
      and ($6 is not null or $7 is not null or c.about_words = $8) and c.state = any($9)
    order by c.filed_at"""
_ASKED: Final = f"select {COLUMNS} from {TABLES} where c.id = $1 and c.complainant = $2"
_TODAY: Final = "select count(*) as n from complaints where complainant = $1 and filed_at > $2"
_TIMEZONE: Final = "select timezone from units where id = $1"


class Filing(msgspec.Struct, frozen=True, kw_only=True):
    """What is filed: of which unit, what kind, which words, and about what or whom."""

    unit: UnitId
    kind: ComplaintKind
    text: str
    about: UUID | None = None
    about_person: PersonId | None = None
    about_words: str = ""  #: for what has no id of ours
    chat: str = ""  #: the private chat it was written in; answers go there
    id: UUID | None = None  #: of the complaint, where the caller may ask twice (a chat's draft); None: a new one


async def file(person: Person, filing: Filing, via: Via, evidence: Sequence[EvidenceId] = ()) -> Complaint:
    """提交: answers it with number and deadlines; somebody at the provider has it and is told.

    Raises `NotFound`, `NotAllowed`, `BadInput`, `TooMany`.
    """
    require(person, Right.COMPLAIN, filing.unit)
    text = cleaned(filing.text, lacks=N_("请填写投诉或反馈的内容"))
    released = Released()
    async with transaction():
        now = clock.now()
        # the same tap twice at the same moment is one complaint
        await execute(_LOCK, str(person.id))
        if (same := await _same(person, filing, text, evidence, now)) is not None:
            return same
        await _check_today(person, now)
        new = await _new(person, filing, text, via, now)
        await insert_complaint(new)
        entry = Entry(
            kind=EntryKind.FILED, at=now, person=person.id, via=via, text=text, is_flagged=new.is_flagged,
            facts=written_in(filing.chat),
        )  # fmt: skip
        kept = await write_said(person, new, entry, evidence)
        new = await route(new, Told.ASSIGNED, released, now, evidence=evidence)
        released.hints.append(Hint(unit=str(new.unit), about=COMPLAINT))
        await record_action(person.code, "complaint.filed", facts_of(new, entry, via) | kept)
    await tell(released)
    return new


async def _new(person: Person, filing: Filing, text: str, via: Via, now: datetime) -> Complaint:
    row = await fetch_one(_TIMEZONE, filing.unit)
    if row is None:
        raise NotFound(N_("没有找到"))
    timezone = row["timezone"]
    prefix = "FK" if filing.kind in FEEDBACK_KINDS else "TS"
    words = await _about(person, filing)
    about_person, named = await _whom(person, filing, words, text)
    return Complaint(
        id=filing.id or new_id(),
        number=await next_number(prefix, now, timezone),
        unit=filing.unit,
        timezone=timezone,
        kind=filing.kind,
        complainant=person.id,
        via=via,
        text=text,
        about=filing.about,
        about_person=about_person,
        about_words=words,
        named=named,
        is_flagged=is_abusive(text),
        filed_at=now,
        round=new_round(filing.kind, now, timezone, working_time.calendar()),
    )


async def _whom(person: Person, filing: Filing, words: str, text: str) -> tuple[PersonId | None, tuple[PersonId, ...]]:
    """Whom a complaint about a person is about; where that is not clear, all whom it names: it may be any of them."""
    if filing.kind is not ComplaintKind.PERSON or filing.about_person is not None:
        return filing.about_person, ()
    # words chosen for whom it is about say it best; without them whoever alone is named in what is said
    found = await named_in(filing.unit, words or text, person.id)
    if len(found) == 1:
        return found[0], ()
    return None, await named_in(filing.unit, f"{words} {text}", person.id)


async def _about(person: Person, filing: Filing) -> str:
    words = await words_of(person, filing.unit, filing.kind, filing.about)
    if filing.about_person is not None:
        words = await name_of(filing.unit, filing.about_person)
    return words or cleaned(filing.about_words, most=LONGEST_ABOUT)


async def _same(
    person: Person, filing: Filing, text: str, evidence: Sequence[EvidenceId], now: datetime
) -> Complaint | None:
    words = cleaned(filing.about_words, most=LONGEST_ABOUT)
    what = (person.id, filing.unit, str(filing.kind), text, now - SAME_WITHIN, filing.about, filing.about_person)
    if filing.id is not None and (row := await fetch_one(_ASKED, filing.id, person.id)) is not None:
        return complaint_of(row)
    for row in await fetch(_SAME, *what, words, list(OPEN_STATES)):
        if await has_pieces(row["entry"], evidence):
            return complaint_of(row)
    return None


async def _check_today(person: Person, now: datetime) -> None:
    row = await fetch_one(_TODAY, person.id, now - timedelta(days=1))
    if row is not None and row["n"] >= _MOST_A_DAY:
        raise TooMany(N_("今天提交的投诉已很多，请直接致电服务机构"))
