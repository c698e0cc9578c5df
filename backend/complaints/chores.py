"""What time does with complaints: reminders, breaches, closing of what nobody rated. The routine worker's; idempotent.

The rule: a breach is recorded once for each round, whoever looks and however late, also when it was done after all.
Several workers may do this at once: each row is taken by one of them, and the others pass over it.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from backend.alarms.masks.releasing import Released, tell
from backend.complaints.acts import facts_of
from backend.complaints.card import Told
from backend.complaints.model import OPEN_STATES, Complaint, asked_later, closed_unrated, unanswered, unasked
from backend.complaints.routing import ROLES, hand_on, route_again
from backend.complaints.rows import (
    COLUMNS,
    TABLES,
    Entry,
    EntryKind,
    complaint_now,
    complaint_of,
    put_complaint,
    write_entries,
)
from backend.complaints.telling import redraw, tell_people
from backend.core import clock, working_time
from backend.core.db.engine import execute, fetch, fetch_one, transaction
from backend.core.deadlines import COMPLAINT_REMINDERS, RATING_AWAITED
from backend.core.ids import AttemptId, NoticeId, PersonId, new_id
from backend.core.live import COMPLAINT, Hint
from backend.core.vocabulary import Role
from backend.delivery.claims import GONE, LET_GO
from backend.delivery.fallback import begin_next, lock_notices
from backend.ledger.service import record_action
from backend.people.model import UNLINKED

_ACTOR: Final = "complaints"
_MOST: Final = 50
REPLY: Final = "reply"
SETTLEMENT: Final = "settlement"
_BIT: Final = {REPLY: 1, SETTLEMENT: 2}
_OPEN: Final = "c.state in ('filed', 'assigned', 'in_progress', 'waiting', 'answered', 'reopened')"
#: whose reminders were not all given, the nearest first; what rests is nobody's to hurry, of what has passed it is too
#: late to remind. How near a deadline is the calendar says
_NEAR: Final = f"""
    select {COLUMNS}, r.reminders from {TABLES}
    where {_OPEN} and c.state <> 'waiting' and r.paused_at is null
      and ((r.replied_at is null and r.reminders & 1 = 0
            and r.reply_due_at > $1 and r.reply_due_at <= $1::timestamptz + interval '15 days')
        or (r.reminders & 2 = 0 and r.settle_due_at > $1 and r.settle_due_at <= $1::timestamptz + interval '15 days'))
    order by case when r.replied_at is null and r.reminders & 1 = 0 and r.reply_due_at > $1
                  then least(r.reply_due_at, r.settle_due_at) else r.settle_due_at end, c.id
    limit 500"""
_REMINDED: Final = """
    update complaint_rounds set reminders = reminders | $3
    where complaint = $1 and number = $2 and reminders & $3 = 0 returning id"""
#: of any round: past its deadline, or done past it, and not recorded. While a clock rests its deadline does not pass.
#: What was done in time is in neither of the two indexes (sql/late_rounds), which say the same words
_PASSED: Final = f"""
    select d.kind as breach, d.due_at, d.done_at, d.round as d_round, {COLUMNS}
    from (
        select complaint, number as round, 'reply' as kind, reply_due_at as due_at,
            coalesce(replied_at, rating_asked_at, closed_at) as done_at, null::timestamptz as paused_at
        from complaint_rounds
        where coalesce(replied_at, rating_asked_at, closed_at) is null
           or coalesce(replied_at, rating_asked_at, closed_at) > reply_due_at
        union all
        select complaint, number, 'settlement', settle_due_at, coalesce(settled_at, rating_asked_at, closed_at),
            paused_at
        from complaint_rounds
        where coalesce(settled_at, rating_asked_at, closed_at) is null
           or coalesce(settled_at, rating_asked_at, closed_at) > settle_due_at
    ) d join complaints c on c.id = d.complaint join units u on u.id = c.unit
        join complaint_rounds r on r.complaint = c.id and r.number = c.round
    where d.due_at < coalesce(d.done_at, d.paused_at, $1::timestamptz)
      and not exists (select from complaint_breaches b
                      where b.complaint = d.complaint and b.round = d.round and b.kind = d.kind)
    order by c.id limit {_MOST} for no key update of c skip locked"""
_RECORD: Final = """
    insert into complaint_breaches (id, complaint, round, kind, due_at, found_at, done_at)
    values ($1, $2, $3, $4, $5, $6, $7) on conflict (complaint, round, kind) do nothing returning id"""
_UNRATED: Final = f"""
    select {COLUMNS} from {TABLES}
    where c.state in ('settled', 'withdrawn') and r.rating_asked_at <= $1
    order by c.id limit {_MOST} for no key update of c skip locked"""
_NOBODYS: Final = f"""
    select {COLUMNS} from {TABLES} where c.state in ('filed', 'reopened')
    order by c.id limit {_MOST} for no key update of c skip locked"""
#: whoever has it may handle none any more
_LEFT: Final = f"""
    select {COLUMNS} from {TABLES}
    where {_OPEN} and c.assignee is not null and not exists (
        select from people p join grants g on g.person = p.id and g.unit is null and g.role = any($1)
        where p.id = c.assignee and p.is_active)
    order by c.id limit {_MOST} for no key update of c skip locked"""
#: what its complainant still has to answer, or never got, and no way that took it works any more
_CLOSED: Final = f"""
    select {COLUMNS}, n.id as notice, n.created_at as told_at, a.id as attempt
    from {TABLES} join notices n on n.alarm = c.id join attempts a on a.id = (
        select t.id from attempts t where t.notice = n.id and t.person = c.complainant order by t.number desc limit 1)
    where c.state not in ('rated', 'closed') and n.kind = 'complaint' and n.unit is not null and n.unheard_at is null
      and a.why is distinct from '{GONE}'
      and ((c.state = 'waiting' and n.created_at >= r.paused_at)
        or (c.state = 'settled' and n.created_at >= r.rating_asked_at)
        or (a.why = '{LET_GO}' and n.created_at > $1::timestamptz - interval '7 days'))
      and not exists (select from attempts t left join contact_points w on w.id = t.contact_point
                      where t.notice = n.id and t.person = c.complainant and (t.state in ('pending', 'sending')
                          or (t.state = 'accepted' and w.failure is null)))
    order by c.id limit {_MOST} for no key update of c skip locked"""
#: what a complainant was to be told, and no way took or may still take; what a carrier took and could not deliver has
#: its reason (carrier_words)
_UNREACHED: Final = f"""
    select {COLUMNS}, n.id as notice, n.created_at as told_at from notices n join complaints c on c.id = n.alarm
        join units u on u.id = c.unit join complaint_rounds r on r.complaint = c.id and r.number = c.round
    where n.kind = 'complaint' and n.unheard_at is null and n.unit is not null
      and n.created_at > $1::timestamptz - interval '7 days'
      and not exists (select from attempts t where t.notice = n.id and t.person <> c.complainant)
      and not exists (select from attempts t where t.notice = n.id
                      and (t.state in ('pending', 'sending') or (t.state = 'accepted' and t.why is null)
                           or t.t6 is not null or t.t7 is not null))
    order by c.id limit {_MOST} for no key update of c skip locked"""
#: what a complainant was told by text message alone (or fell back to it), of which it had no room for all the words
_TEXTED: Final = f"""
    select {COLUMNS}, n.id as notice, n.created_at as told_at from notices n join complaints c on c.id = n.alarm
        join units u on u.id = c.unit join complaint_rounds r on r.complaint = c.id and r.number = c.round
    where n.kind = 'complaint' and n.unit is not null and n.cards -> 'zh_CN' ? 'short'
      and n.created_at > $1::timestamptz - interval '7 days'
      and exists (select from attempts t where t.notice = n.id and t.state = 'accepted'
                  and t.channel in ('sms', 'voice'))
      and not exists (select from attempts t left join contact_points w on w.id = t.contact_point
                      where t.notice = n.id and (t.state in ('pending', 'sending')
                      or (t.state = 'accepted' and t.channel not in ('sms', 'voice') and w.failure is null)))
      and not exists (select from complaint_entries e where e.complaint = c.id and e.kind = 'texted'
                      and e.facts ->> 'notice' = n.id::text)
    order by c.id limit {_MOST} for no key update of c skip locked"""
_PHONE: Final = """
    select coalesce((select a.address from attempts a where a.notice = $1 and a.channel in ('sms', 'voice')
                     order by a.state <> 'accepted', a.id limit 1),
                    (select nullif(p.phone, '') from people p where p.id = $2)) as phone"""
#: why the next way was begun, where a chat had taken it
_CLOSED_WHY: Final = f"""
    update attempts a set why = case when p.failure = '{UNLINKED}' then '{LET_GO}' else p.failure end
    from contact_points p where a.id = $1 and a.state = 'accepted' and a.why is null and p.id = a.contact_point
      and p.failure is not null"""
_STAMP: Final = "update notices set unheard_at = $2 where id = $1 and unheard_at is null returning id"
#: the first word of a round that reached them. Once its handler was told to call, what they write is what they said
_FIRST_HEARD: Final = """
    select min(n.created_at) as at from notices n
    where n.alarm = $1 and n.kind = 'complaint' and n.unit is not null and n.cards -> 'zh_CN' ->> 'topic' = any($2)
      and (n.unheard_at is null or n.created_at > (
          select min(e.at) from complaint_entries e
          where e.complaint = $1 and e.round = $3 and e.kind = 'unreached'))"""
#: the first question, but one, since the clock rests that they got and could read
_ASKED: Final = """
    select min(n.created_at) as at from notices n
    where n.alarm = $1 and n.kind = 'complaint' and n.unit is not null and n.cards -> 'zh_CN' ->> 'topic' = $2
      and n.created_at >= $3 and n.id <> $4 and n.unheard_at is null and not exists (
          select from complaint_entries e
          where e.complaint = $1 and e.kind = 'texted' and e.facts ->> 'notice' = n.id::text)"""
_LEADS: Final = """
    select distinct p.id from people p join grants g on g.person = p.id and g.unit is null and g.role = $1
    where p.is_active"""


async def look_after_complaints() -> None:
    """One pass: remind, record what passed, close what nobody rated, give what nobody had, say who can't be reached."""
    steps: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
        ("reminders", _remind),
        ("breaches", lambda: _each(_PASSED, clock.now(), _record_breach)),
        ("ratings", lambda: _each(_UNRATED, clock.now() - RATING_AWAITED, _close)),
        ("nobody's", lambda: _each(_NOBODYS, None, _give)),
        ("left", lambda: _each(_LEFT, [str(each) for each in ROLES], _hand_on)),
        ("closed chats", lambda: _each(_CLOSED, clock.now(), _send_again)),
        ("unreached", lambda: _each(_UNREACHED, clock.now(), _say_unreached)),
        ("texted", lambda: _each(_TEXTED, clock.now(), _say_texted)),
    )
    failures: list[Exception] = []
    for name, step in steps:
        try:
            await step()
        except Exception as failure:  # noqa: BLE001 - a chore: one that fails stops no other; all are raised below
            failure.add_note(f"looking after complaints: {name}")
            failures.append(failure)
    if failures:
        raise ExceptionGroup("complaints were not all looked after", failures)


Act = Callable[[Complaint, dict[str, Any], Released, datetime], Awaitable[dict[str, Any] | None]]


async def _each(which: str, asked: datetime | list[str] | None, act: Act) -> None:
    """Do `act` for what `which` finds, in one transaction; what it answers goes into the ledger, last."""
    released, acts = Released(), []
    async with transaction():
        rows = await fetch(which, *((asked,) if asked is not None else ()))
        for row in rows:
            done = await act(complaint_of(row), row, released, clock.now())
            if done is not None:
                acts.append(done)
                released.hints.append(Hint(unit=str(row["unit"]), about=COMPLAINT))
        for facts in acts:
            await record_action(_ACTOR, facts.pop("what"), facts)
    await tell(released)


async def _remind() -> None:
    """Before a deadline, by working time: whoever has it, once for each deadline of a round."""
    released, calendar = Released(), working_time.calendar()
    async with transaction():
        now = clock.now()
        for row in await fetch(_NEAR, now):
            complaint = complaint_of(row)
            for kind, left in zip((REPLY, SETTLEMENT), COMPLAINT_REMINDERS, strict=True):
                due = complaint.round.reply_due_at if kind == REPLY else complaint.round.settle_due_at
                is_done = kind == REPLY and complaint.round.replied_at is not None
                if not is_done and now < due <= calendar.add(now, left, complaint.timezone):
                    await _remind_of(complaint, kind, released, now)
    await tell(released)


async def _remind_of(complaint: Complaint, kind: str, released: Released, now: datetime) -> None:
    if not await fetch(_REMINDED, complaint.id, complaint.round.number, _BIT[kind]):
        return
    await write_entries(complaint, [Entry(kind=EntryKind.REMINDED, at=now, facts={"of": kind})])
    await tell_people(complaint, Told.REMINDER, complaint.text, [complaint.assignee], released, now)


async def _leads(complaint: Complaint) -> list[PersonId]:
    """Who answers for all complaints: the quality leads; where there is none but whom it is about, administrators."""
    for role in (Role.QUALITY_LEAD, Role.ADMINISTRATOR):
        found = {PersonId(row["id"]) for row in await fetch(_LEADS, str(role))} - complaint.concerned
        if found:
            return sorted(found)
    return []


async def _record_breach(
    complaint: Complaint, row: dict[str, Any], released: Released, now: datetime
) -> dict[str, Any] | None:
    kind, number = row["breach"], row["d_round"]
    written = await fetch(_RECORD, new_id(), complaint.id, number, kind, row["due_at"], now, row["done_at"])
    if not written:
        return None
    due = row["due_at"].isoformat()
    await write_entries(complaint, [Entry(kind=EntryKind.BREACH, at=now, facts={"of": kind, "due_at": due})])
    people = dict.fromkeys([*await _leads(complaint), complaint.assignee])
    await tell_people(complaint, Told.BREACH, complaint.text, list(people), released, now)
    return facts_of(complaint) | {"what": "complaint.breach", "breach": kind, "of_round": number, "due_at": due}


async def _close(complaint: Complaint, _: dict[str, Any], released: Released, now: datetime) -> dict[str, Any]:
    after = closed_unrated(complaint, now)
    await put_complaint(complaint, after)
    await write_entries(after, [Entry(kind=EntryKind.CLOSED, at=now)])
    await redraw(after, released)
    return facts_of(after) | {"what": "complaint.closed_unrated"}


async def _give(complaint: Complaint, _: dict[str, Any], released: Released, now: datetime) -> dict[str, Any] | None:
    after = await route_again(complaint, released, now)
    return None if after is None else facts_of(after) | {"what": "complaint.assigned"}


async def _hand_on(complaint: Complaint, _: dict[str, Any], released: Released, now: datetime) -> dict[str, Any] | None:
    after = await hand_on(complaint, released, now)
    return None if after is None else facts_of(after) | {"what": "complaint.assigned"}


async def _unasked(complaint: Complaint, row: dict[str, Any], now: datetime) -> Complaint:
    """Nobody is waited for who was never asked: when no question reached them, the clock goes on."""
    before = await complaint_now(complaint.id)
    paused = before.round.paused_at
    if paused is None or row["told_at"] < paused:
        return before
    other = await fetch_one(_ASKED, complaint.id, f"{Told.ASKED}-{before.round.number}", paused, row["notice"])
    since = other["at"] if other else None
    if since is not None and since <= row["told_at"]:
        return before
    after = unasked(before, now, working_time.calendar()) if since is None else asked_later(before, since)
    await put_complaint(before, after)
    return after


async def _send_again(
    complaint: Complaint, row: dict[str, Any], released: Released, now: datetime
) -> dict[str, Any] | None:
    """The chat that it went to is closed: by the next way; when there is none, it reached nobody."""
    await lock_notices([NoticeId(row["notice"])])
    await execute(_CLOSED_WHY, row["attempt"])
    begun = await begin_next([AttemptId(row["attempt"])], [])
    if not begun:
        return await _say_unreached(complaint, row, released, now)
    for lane, attempts in begun.items():
        released.attempts.setdefault(lane, []).extend(attempts)
    return facts_of(complaint) | {"what": "complaint.sent_again", "notice": str(row["notice"])}


async def _unanswered(complaint: Complaint, told_at: datetime) -> None:
    """A first reply that reached nobody is none: the clock goes on, unless a later one reached them (5.5)."""
    before = await complaint_now(complaint.id)
    round_ = before.round
    if before.state not in OPEN_STATES or round_.replied_at is None or told_at < round_.began_at:
        return
    topics = [f"{told}-{round_.number}" for told in (Told.REPLY, Told.ASKED)]
    row = await fetch_one(_FIRST_HEARD, complaint.id, topics, round_.number)
    first = row["at"] if row else None
    if first is None or first > told_at:
        await put_complaint(before, unanswered(before, first))


async def _say_unreached(
    complaint: Complaint, row: dict[str, Any], released: Released, now: datetime
) -> dict[str, Any] | None:
    if not await fetch(_STAMP, row["notice"], now):
        return None
    await _unanswered(complaint, row["told_at"])
    return await _must_call(complaint, row, (EntryKind.UNREACHED, Told.UNREACHED), released, now)


async def _say_texted(complaint: Complaint, row: dict[str, Any], released: Released, now: datetime) -> dict[str, Any]:
    """They know that there is an answer, and not what it says: whoever handles it calls."""
    return await _must_call(complaint, row, (EntryKind.TEXTED, Told.TEXTED), released, now)


async def _must_call(
    complaint: Complaint, row: dict[str, Any], what: tuple[EntryKind, Told], released: Released, now: datetime
) -> dict[str, Any]:
    """A clock that rested for a question that was not read goes on; the number to call stands in the story."""
    entry, told = what
    complaint = await _unasked(complaint, row, now)
    phone = await fetch_one(_PHONE, row["notice"], complaint.complainant)
    facts = {"notice": str(row["notice"]), "phone": phone["phone"] if phone else None}
    await write_entries(complaint, [Entry(kind=entry, at=now, facts=facts)])
    people = [complaint.assignee] if complaint.assignee else await _leads(complaint)
    await tell_people(complaint, told, complaint.text, people, released, now)
    replied = complaint.round.replied_at
    first = {"replied_at": replied.isoformat() if replied else None}  # what of the first reply still holds
    return facts_of(complaint) | {"what": f"complaint.{entry}", "notice": str(row["notice"])} | first
