"""The next kind, and at last the provider's duty desk: what is begun when a way fails (house.md §3.3).

The rule: for each person another kind that was not tried yet, one after the other; when no way of a notice has
succeeded and none can in time, the duty desk, once. All in the transaction that wrote the failure down, with the
reason on each new attempt. Whoever calls has locked the notices before the attempts, as `revise` does.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from backend.core import clock, metrics
from backend.core.db.engine import execute, fetch, transaction
from backend.core.i18n import known_language
from backend.core.ids import AlarmId, AttemptId, NoticeId, new_id
from backend.core.vocabulary import READ_CHANNELS, Lane
from backend.delivery.reasons import Why, written
from backend.people.queries import recipients

log = logging.getLogger(__name__)

_LOCK: Final = "select id from notices where id = any($1) order by id for no key update"
_LOCK_OF: Final = "select id from notices where alarm = $1 order by id for no key update"
#: a way that says it is over, and a test, are no alarm that somebody must hear
_URGENT: Final = "n.kind not in ('restored', 'contact_test', 'mask', 'window', 'digest', 'order')"
_READ: Final = ", ".join(f"'{each}'" for each in READ_CHANNELS)
_NEXT: Final = f"""
    select distinct on (a.notice, a.person) a.notice, a.person, way.id as contact_point, way.channel, way.address,
        a.lane, p.language, a.deadline_at, a.step, a.round, a.digest::text as digest, a.channel as failed, a.why
    from attempts a join notices n on n.id = a.notice and {_URGENT}
    join people p on p.id = a.person and p.is_active
    join contact_points way on way.person = a.person and way.failure is null
        and (n.kind <> 'complaint' or way.channel in ({_READ}))  -- whose words are to be read
    where a.id = any($1) and (a.t5 is null or n.kind = 'complaint') and not exists (
        select from attempts tried where tried.notice = a.notice and tried.person = a.person
            and tried.channel = way.channel and (n.kind <> 'complaint' or tried.address = way.address))
        and not exists (  -- somebody stands in for it already
            select from attempts other where other.notice = a.notice and other.person = a.person and other.id <> a.id
                and other.because is not null and other.state in ('pending', 'sending', 'accepted')
                and (n.kind <> 'complaint' or exists (
                    select from contact_points c where c.id = other.contact_point and c.failure is null)))
    order by a.notice, a.person, way.channel <> a.channel, way.verified_at is null, way.priority, way.channel,
        way.address"""
# What was said of a complaint may have been taken by a chat that is closed by now (complaints.chores): another chat of
# the same kind is as good as another kind.
# A complaint is nobody's but its own people's: who handles it hears that its complainant can't be reached.
# An attempt is hopeful as long as it may still be accepted in time: its next try is early enough, and it was not handed
# over in vain until its deadline had passed. One without a deadline hopes as long as it waits.
_UNHEARD: Final = f"""
    select n.id, n.alarm, n.severity, n.lane, a.deadline_at, a.step, a.round
    from notices n join lateral (
        select max(deadline_at) as deadline_at, max(step) as step, max(round) as round from attempts
        where notice = n.id) a on true
    where n.id = any($1) and n.unheard_at is null and {_URGENT} and n.kind <> 'complaint'
        and exists (select from attempts t where t.notice = n.id and t.state <> 'skipped')
        and not exists (
            select from attempts t where t.notice = n.id and (t.state = 'accepted' or t.t6 is not null
                or t.t7 is not null or (t.state in ('pending', 'sending') and (t.deadline_at is null or not (
                    t.due_at > t.deadline_at or (t.t4 is not null and $2 > t.deadline_at))))))"""
_STAMP: Final = "update notices set unheard_at = $2 where id = any($1) and unheard_at is null"
_KNOWN: Final = "select notice, person, channel, address from attempts where notice = any($1)"
_INSERT: Final = """
    insert into attempts (id, notice, person, contact_point, channel, address, lane, state, language, due_at,
                          deadline_at, tries, drawn_revision, created_at, step, round, digest, because)
    select i, n, p, c, ch, ad, l, 'pending', la, $14, dl, 0, 0, $14, s, r, dg::jsonb, b
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::timestamptz[], $10::int[], $11::int[], $12::text[], $13::text[])
        as x(i, n, p, c, ch, ad, l, la, dl, s, r, dg, b)
    on conflict (notice, person, channel, address, step, round) do nothing
    returning id, lane"""

Begun = dict[Lane, list[AttemptId]]


async def lock_notices(notices: Sequence[NoticeId]) -> None:
    """Before any attempt is locked: `revise` takes them in this order too."""
    await execute(_LOCK, sorted(set(notices)))


async def lock_notices_of(alarm: AlarmId) -> None:
    """The same of all that was told of one alarm: before an answer to it writes its attempts, and then its cards."""
    await execute(_LOCK_OF, alarm)


async def begin_beside(attempts: Sequence[AttemptId], notices: Sequence[NoticeId]) -> Begun:
    """`begin_next` in a transaction of its own."""
    async with transaction():
        await lock_notices(notices)
        return await begin_next(attempts, notices)


async def begin_next(attempts: Sequence[AttemptId], notices: Sequence[NoticeId]) -> Begun:
    """Begin what follows on these failed or late attempts, in the caller's transaction; the answer is to be rung."""
    now = clock.now()
    new = [_next_kind(row) for row in await fetch(_NEXT, list(attempts))] if attempts else []
    begun = await _insert(new, now)
    left = sorted(set(notices) - {row[1] for row in new})
    unheard = await fetch(_UNHEARD, left, now) if left else []
    if unheard:
        for lane, ids in (await _tell_duty_desk(unheard, now)).items():
            begun.setdefault(lane, []).extend(ids)
    return begun


def _next_kind(row: dict[str, Any]) -> tuple[Any, ...]:
    because = written(Why.INSTEAD, channel=row["failed"], said=row["why"] or "")
    return _row(row["notice"], row, row, because)


def _row(notice: NoticeId, way: dict[str, Any], like: dict[str, Any], because: str) -> tuple[Any, ...]:
    """One new attempt: `way` says to whom and how, `like` where in the plan it stands."""
    return (
        new_id(), notice, way["person"], way["contact_point"], str(way["channel"]), way["address"], like["lane"],
        known_language(way["language"]), like["deadline_at"], like["step"], like["round"], like.get("digest"), because,
    )  # fmt: skip


async def _tell_duty_desk(unheard: list[dict[str, Any]], now: datetime) -> Begun:
    """The provider's people, by every way that this notice has not been tried by."""
    notices = [row["id"] for row in unheard]
    await execute(_STAMP, notices, now)
    known = {(row["notice"], row["person"], row["channel"], row["address"]) for row in await fetch(_KNOWN, notices)}
    desk = [way for way in await recipients(None) if way.failure is None]
    because = written(Why.DUTY_DESK)
    for notice in unheard:
        metrics.UNHEARD.labels(notice["severity"]).inc()
        log.error("no way took it: the duty desk is told", extra={"alarm": str(notice["alarm"])})
    new = [
        _row(notice["id"], msgspec.structs.asdict(way), notice, because)
        for notice in unheard
        for way in desk
        if (notice["id"], way.person, str(way.channel), way.address) not in known
    ]
    return await _insert(new, now)


async def _insert(rows: list[tuple[Any, ...]], now: datetime) -> Begun:
    begun: Begun = {}
    if rows:
        for row in await fetch(_INSERT, *map(list, zip(*rows, strict=True)), now):
            begun.setdefault(Lane(row["lane"]), []).append(AttemptId(row["id"]))
    return begun
