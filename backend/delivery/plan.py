"""Planning: from drafts to notices and attempts, inside the transaction that raised the alarm (the outbox).

The plan here is simple: everyone with a role in the unit, by all their contact points, at once; the provider's
duty desk where a unit has fewer than two kinds of contact that work, or is not known. A way that its carrier called
dead is skipped, and says so, unless it is all its person has.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from backend.core import clock, metrics
from backend.core.db.engine import execute, fetch
from backend.core.deadlines import LEAST_CONTACT_KINDS
from backend.core.i18n import DEFAULT_LANGUAGE, known_language
from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId, UnitId, new_id
from backend.core.vocabulary import Channel, Lane, Severity
from backend.delivery.model import AttemptState, Card, NoticeKind
from backend.people.model import Reach
from backend.people.queries import recipients_of

log = logging.getLogger(__name__)
encode_cards = msgspec.json.Encoder().encode
#: ways that stay inside the house: what rings no telephone
INSIDE_CHANNELS: Final = frozenset({Channel.APP, Channel.TELEGRAM})

_INSERT_NOTICES: Final = """
    insert into notices (id, alarm, unit, kind, severity, lane, cards, revision, deadline_at, clause, t0, t1, t3,
                         created_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]::jsonb[],
        $8::int[], $9::timestamptz[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
        $13::timestamptz[])"""
_INSERT_ATTEMPTS: Final = """
    insert into attempts (id, notice, person, contact_point, channel, address, lane, state, language, due_at,
                          deadline_at, tries, drawn_revision, created_at, why)
    select i, n, p, c, ch, a, l, s, la, d, dl, 0, 0, cr, w
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[])
        as x(i, n, p, c, ch, a, l, s, la, d, dl, cr, w)
    on conflict (notice, person, channel, address, step, round) do nothing"""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Whom of a unit a notice is for when it is not for everybody by every way: a drill's, a mask's.

    Nobody beyond the unit is added. When it would leave nobody to tell of an alarm, everybody is told.
    """

    people: frozenset[PersonId] = frozenset()  #: empty: all of the unit's people
    channels: frozenset[Channel] = INSIDE_CHANNELS
    why_not: str  #: stands on the ways that are not tried

    def skips(self, way: Reach) -> str:
        """Why this way is not tried; empty: it is."""
        return "" if way.channel in self.channels else self.why_not


class NoticeDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a feature asks delivery to tell. `draw` makes the card in a language."""

    alarm: AlarmId
    unit: UnitId | None  #: None: the provider's duty desk
    kind: NoticeKind
    severity: Severity
    lane: Lane
    draw: Callable[[str], Card]
    revision: int
    t0: datetime
    t1: datetime
    deadline: timedelta | None
    clause: str | None
    delay: timedelta = timedelta()
    skipped_because: str | None = None
    audience: Audience | None = None  #: None: everybody, by every way


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit leaves to ring for."""

    attempts: dict[Lane, list[AttemptId]]
    notices: list[NoticeId]
    unreached: list[AlarmId] = []  #: of what has a deadline and there is nobody to tell, not even at the duty desk


class _Way(NamedTuple):
    """One way to one person, and why it is not tried; empty: it is."""

    reach: Reach
    skipped_because: str


async def plan(drafts: Sequence[NoticeDraft]) -> Planned:
    """Write notices and attempts inside the caller's transaction; the answer is for `ring`, after the commit."""
    if not drafts:
        return Planned(attempts={}, notices=[])
    now = clock.now()
    reach = await recipients_of({draft.unit for draft in drafts} | {None})
    notices: list[tuple[object, ...]] = []
    attempts: list[tuple[object, ...]] = []
    unreached: list[AlarmId] = []
    for draft in drafts:
        notice = NoticeId(new_id())
        ways = _ways(draft, reach)
        if _unreached(draft, ways):
            unreached.append(draft.alarm)
        notices.append(_notice_row(notice, draft, ways, now))
        attempts += [_attempt_row(notice, draft, way, now) for way in ways]
    await execute(_INSERT_NOTICES, *map(list, zip(*notices, strict=True)))
    if attempts:
        await execute(_INSERT_ATTEMPTS, *map(list, zip(*attempts, strict=True)))
    ids = [NoticeId(row[0]) for row in notices]  # type: ignore[arg-type]
    return Planned(attempts=_due_now(attempts, now), notices=ids, unreached=unreached)


def _ways(draft: NoticeDraft, reach: dict[UnitId | None, tuple[Reach, ...]]) -> list[_Way]:
    """Who hears it, and how. A unit with too few kinds of contact that work gets the duty desk as well (4.3.3)."""
    if draft.audience is not None:
        inside = _inside(draft, draft.audience, reach.get(draft.unit, ()))
        if draft.deadline is None or any(not way.skipped_because for way in inside):
            return inside
    ways = list(reach.get(draft.unit, ()))
    if draft.unit is not None and len({way.channel for way in ways if way.failure is None}) < LEAST_CONTACT_KINDS:
        known = {(way.person, way.channel, way.address) for way in ways}
        ways += [way for way in reach.get(None, ()) if (way.person, way.channel, way.address) not in known]
    reached = {way.person for way in ways if way.failure is None}
    told_why = draft.skipped_because or ""
    planned = [_Way(way, told_why or (_dead(way) if way.person in reached else "")) for way in ways]
    if draft.kind is NoticeKind.RESTORED:
        # the phone page redraws its card live; a second one would only repeat it
        planned = [way for way in planned if way.reach.channel != Channel.APP]
    return planned


def _inside(draft: NoticeDraft, audience: Audience, reach: Sequence[Reach]) -> list[_Way]:
    """The ways to an audience; the phone page redraws a restoration by itself, as below."""
    ways = [way for way in reach if not audience.people or way.person in audience.people]
    if draft.kind is NoticeKind.RESTORED:
        ways = [way for way in ways if way.channel != Channel.APP]
    return [_Way(way, draft.skipped_because or audience.skips(way) or _dead(way)) for way in ways]


def _dead(way: Reach) -> str:
    return "" if way.failure is None else way.failure or "the contact is dead"


def _unreached(draft: NoticeDraft, ways: list[_Way]) -> bool:
    """Nobody can be told of what must be: the notice is kept, and this is a breach whoever looks at it."""
    if ways or draft.deadline is None or draft.skipped_because:
        return False
    log.error("nobody to tell, not even at the duty desk", extra={"alarm": str(draft.alarm)})
    metrics.BREACHES.labels(draft.severity).inc()
    return True


def _notice_row(notice: NoticeId, draft: NoticeDraft, ways: list[_Way], now: datetime) -> tuple[object, ...]:
    languages = {known_language(way.reach.language) for way in ways} | {DEFAULT_LANGUAGE}
    cards = {language: draft.draw(language) for language in sorted(languages)}
    deadline_at = draft.t1 + draft.deadline if draft.deadline is not None else None
    return (
        notice,
        draft.alarm,
        draft.unit,
        str(draft.kind),
        str(draft.severity),
        str(draft.lane),
        encode_cards(cards).decode(),
        draft.revision,
        deadline_at,
        draft.clause,
        draft.t0,
        draft.t1,
        now,
    )


def _attempt_row(notice: NoticeId, draft: NoticeDraft, planned: _Way, now: datetime) -> tuple[object, ...]:
    way, why = planned
    state = AttemptState.SKIPPED if why else AttemptState.PENDING
    return (
        new_id(),
        notice,
        way.person,
        way.contact_point,
        str(way.channel),
        way.address,
        str(draft.lane),
        str(state),
        known_language(way.language),
        now + draft.delay,
        draft.t1 + draft.deadline if draft.deadline is not None else None,
        now,
        why or None,
    )


def _due_now(attempts: list[tuple[object, ...]], now: datetime) -> dict[Lane, list[AttemptId]]:
    due: dict[Lane, list[AttemptId]] = {}
    for row in attempts:
        lane, state, due_at = Lane(str(row[6])), row[7], row[9]
        if state == AttemptState.PENDING and due_at == now:
            due.setdefault(lane, []).append(AttemptId(row[0]))  # type: ignore[arg-type]
    return due


async def skip_pending(alarms: Sequence[AlarmId], why: str) -> int:
    """Attempts that nobody has begun are not made; `why` stands on them. In the caller's transaction."""
    rows = await fetch(
        """update attempts a set state = 'skipped', why = $2 from notices n
           where a.notice = n.id and n.alarm = any($1) and a.state = 'pending' and a.tries = 0 returning a.id""",
        list(alarms),
        why,
    )
    return len(rows)


async def mark_durable(notices: Sequence[tuple[NoticeId, datetime]]) -> None:
    """Stamp t2, the time of the commit, which only its own successor can know."""
    if notices:
        ids, times = zip(*notices, strict=True)
        await execute(
            """update notices n set t2 = x.at from unnest($1::uuid[], $2::timestamptz[]) as x(id, at)
               where n.id = x.id and n.t2 is null""",
            list(ids),
            list(times),
        )
