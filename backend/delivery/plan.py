"""Planning: from drafts to notices and attempts, inside the transaction that raised the alarm (the outbox).

This is a policy's first step, taken at once: by default everyone with a role in the unit, by all their contact points;
the provider's duty desk too where fewer than two kinds of contact work, or the unit is not known (`reaching`). What
comes later if nobody answers begins here as well (`escalation_rows`) and is taken by `escalating`.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from backend.core import clock, metrics
from backend.core.db.engine import Write, execute, fetch, write_together
from backend.core.i18n import DEFAULT_LANGUAGE, known_language
from backend.core.ids import AlarmId, AttemptId, NoticeId, PersonId, UnitId, new_id
from backend.core.vocabulary import Channel, Lane, Severity
from backend.delivery.escalation_rows import Begun, begin
from backend.delivery.fallback import lock_notices_of
from backend.delivery.model import AttemptState, Card, NoticeKind
from backend.delivery.policies import policies_of
from backend.delivery.policy import EVERYBODY, Policy, Step
from backend.delivery.reaching import Circle, Way, circles_of, dead, first_ways
from backend.delivery.reasons import Why, written
from backend.people.model import Reach

log = logging.getLogger(__name__)
encode_cards = msgspec.json.Encoder().encode
#: ways that stay inside the house: what rings no telephone
INSIDE_CHANNELS: Final = frozenset({Channel.APP, Channel.TELEGRAM})

_TO_EVERYBODY: Final = Step(after=timedelta(), targets=(EVERYBODY,))
_INSERT_NOTICES: Final = """
    insert into notices (id, alarm, unit, kind, severity, lane, cards, revision, deadline_at, clause, t0, t1, t3,
                         created_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[]::jsonb[],
        $8::int[], $9::timestamptz[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],
        $13::timestamptz[])"""
_INSERT_ATTEMPTS: Final = """
    insert into attempts (id, notice, person, contact_point, channel, address, lane, state, language, due_at,
                          deadline_at, tries, drawn_revision, created_at, why, step, round)
    select i, n, p, c, ch, a, l, s, la, d, dl, 0, 0, cr, w, st, ro
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[], $14::int[], $15::int[])
        as x(i, n, p, c, ch, a, l, s, la, d, dl, cr, w, st, ro)
    on conflict (notice, person, channel, address, step, round) do nothing"""

_LOOK_AGAIN: Final = """
    with marks as materialized (select name from audit_marks where at > $1 order by name for update)
    update audit_marks m set at = $1 from marks where m.name = marks.name"""


class Audience(msgspec.Struct, frozen=True, kw_only=True):
    """Whom of a unit a notice is for when it is not for everybody by every way: a drill's, a mask's.

    Nobody beyond the unit is added. When it would leave nobody to tell of an alarm, everybody is told.
    `ways`: just these, whoever's they are; another kind follows when one of them fails.
    """

    people: frozenset[PersonId] = frozenset()  #: empty: all of the unit's people
    channels: frozenset[Channel] = INSIDE_CHANNELS
    why_not: str = ""  #: stands on the ways that are not tried
    ways: tuple[Reach, ...] | None = None
    beside: tuple[Reach, ...] = ()  #: more ways, to people whom the unit's circle lacks: on its rota, of the provider

    def skips(self, way: Reach) -> str:
        """Why this way is not tried; empty: it is."""
        return "" if self.ways is not None or way.channel in self.channels else self.why_not


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
    escalates: bool = True  #: whether its policy goes on while nobody answers
    audience: Audience | None = None  #: None: whom the policy names, by every way it names


class AttemptDraft(msgspec.Struct, frozen=True, kw_only=True):
    """One notice to one person by one way, at a step of its policy; why it is not tried, or empty."""

    id: AttemptId = msgspec.field(default_factory=lambda: AttemptId(new_id()))
    notice: NoticeId
    reach: Reach
    skipped_because: str
    lane: Lane
    due_at: datetime
    deadline_at: datetime | None
    created_at: datetime
    step: int = 0
    round: int = 0


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit leaves to ring for."""

    attempts: dict[Lane, list[AttemptId]]
    notices: list[NoticeId]
    unreached: list[AlarmId] = []  #: of what has a deadline and there is nobody to tell, not even at the duty desk


async def plan(drafts: Sequence[NoticeDraft], beside: Sequence[Write] = ()) -> Planned:
    """Write notices and attempts inside the caller's transaction; the answer is for `ring`, after the commit.

    `beside`: other rows of the caller's that go in the same round trip.
    """
    if not drafts:
        await write_together(beside)
        return Planned(attempts={}, notices=[])
    now = clock.now()
    policies = await policies_of({draft.unit for draft in drafts})
    first = [_first_step(draft, policies[draft.unit, draft.severity]) for draft in drafts]
    circles = await circles_of([(draft.unit, step) for draft, step in zip(drafts, first, strict=True)], now)
    notices: list[tuple[object, ...]] = []
    attempts: list[AttemptDraft] = []
    escalations: list[Begun] = []
    unreached: list[AlarmId] = []
    for draft, step in zip(drafts, first, strict=True):
        notice = NoticeId(new_id())
        ways = _ways(draft, step, circles[draft.unit], now)
        if _unreached(draft, ways):
            unreached.append(draft.alarm)
        notices.append(_notice_row(notice, draft, ways, now))
        attempts += [_attempt(notice, draft, way, now) for way in ways]
        escalations += _begun(notice, draft, policies[draft.unit, draft.severity], now)
    written = (_INSERT_NOTICES, [*map(list, zip(*notices, strict=True))])
    await write_together([*beside, written, *attempt_rows(attempts), *begin(escalations)])
    ids = [NoticeId(row[0]) for row in notices]  # type: ignore[arg-type]
    return Planned(attempts=_due_now(attempts, now), notices=ids, unreached=unreached)


def _first_step(draft: NoticeDraft, policy: Policy) -> Step:
    """That it is over is for everybody; who is told at once of what began is the policy's affair."""
    return policy.steps[0] if draft.kind is NoticeKind.RAISED else _TO_EVERYBODY


def _ways(draft: NoticeDraft, step: Step, circle: Circle, now: datetime) -> list[Way]:
    if draft.audience is not None:
        named = draft.audience.ways
        inside = _inside(draft, draft.audience, circle.unit if named is None else named)
        if draft.deadline is None or any(not way.skipped_because for way in inside):
            return inside
    ways = first_ways(step, circle, draft.severity, now)
    if draft.skipped_because:
        ways = [Way(way.reach, draft.skipped_because) for way in ways]
    if draft.kind is NoticeKind.RESTORED:
        # the phone page redraws its card live; a second one would only repeat it
        ways = [way for way in ways if way.reach.channel != Channel.APP]
    return ways


def _inside(draft: NoticeDraft, audience: Audience, reach: Sequence[Reach]) -> list[Way]:
    """The ways to an audience; the phone page redraws a restoration by itself, as above."""
    every = {(way.person, way.channel, way.address): way for way in (*reach, *audience.beside)}.values()
    ways = [way for way in every if not audience.people or way.person in audience.people]
    if draft.kind is NoticeKind.RESTORED:
        ways = [way for way in ways if way.channel != Channel.APP]
    return [Way(way, draft.skipped_because or audience.skips(way) or dead(way)) for way in ways]


def _begun(notice: NoticeId, draft: NoticeDraft, policy: Policy, now: datetime) -> list[Begun]:
    if draft.kind is not NoticeKind.RAISED or draft.skipped_because or not draft.escalates or draft.audience:
        return []
    at = now + draft.delay
    return [Begun(notice=notice, alarm=draft.alarm, unit=draft.unit, severity=draft.severity, policy=policy, at=at)]


def _unreached(draft: NoticeDraft, ways: list[Way]) -> bool:
    """Nobody can be told of what must be: the notice is kept, and this is a breach whoever looks at it."""
    if ways or draft.deadline is None or draft.skipped_because:
        return False
    log.error("nobody to tell, not even at the duty desk", extra={"alarm": str(draft.alarm)})
    metrics.BREACHES.labels(draft.severity).inc()
    return True


def _notice_row(notice: NoticeId, draft: NoticeDraft, ways: list[Way], now: datetime) -> tuple[object, ...]:
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


def _attempt(notice: NoticeId, draft: NoticeDraft, way: Way, now: datetime) -> AttemptDraft:
    return AttemptDraft(
        notice=notice,
        reach=way.reach,
        skipped_because=way.skipped_because,
        lane=draft.lane,
        due_at=now + draft.delay,
        deadline_at=draft.t1 + draft.deadline if draft.deadline is not None else None,
        created_at=now,
    )


async def write_attempts(attempts: Sequence[AttemptDraft]) -> None:
    """Write attempts inside the caller's transaction; one that is there already stays as it is."""
    await write_together(attempt_rows(attempts))


def attempt_rows(attempts: Sequence[AttemptDraft]) -> list[Write]:
    """The same as a part of a larger write."""
    return [(_INSERT_ATTEMPTS, [*map(list, zip(*map(_attempt_row, attempts), strict=True))])] if attempts else []


def _attempt_row(attempt: AttemptDraft) -> tuple[object, ...]:
    way = attempt.reach
    return (
        attempt.id,
        attempt.notice,
        way.person,
        way.contact_point,
        str(way.channel),
        way.address,
        str(attempt.lane),
        str(AttemptState.SKIPPED if attempt.skipped_because else AttemptState.PENDING),
        known_language(way.language),
        attempt.due_at,
        attempt.deadline_at,
        attempt.created_at,
        attempt.skipped_because or None,
        attempt.step,
        attempt.round,
    )


def _due_now(attempts: Sequence[AttemptDraft], now: datetime) -> dict[Lane, list[AttemptId]]:
    due: dict[Lane, list[AttemptId]] = {}
    for attempt in attempts:
        if not attempt.skipped_because and attempt.due_at == now:
            due.setdefault(attempt.lane, []).append(attempt.id)
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


async def skip_waiting(alarm: AlarmId, why: str) -> None:
    """What waits beyond its deadline, for a limit's window or a retry, is not sent any more: it was judged meanwhile.

    In the caller's transaction. What is still due within its deadline goes out all the same.
    """
    await lock_notices_of(alarm)
    await execute(
        """with waiting as materialized (
               select a.id from attempts a join notices n on n.id = a.notice
               where n.alarm = $1 and n.kind in ('raised', 'desk', 'overdue') and a.state = 'pending' and a.due_at > $3
                 and (a.deadline_at is null or a.due_at > a.deadline_at)
               order by a.id for no key update of a)
           update attempts a set state = 'skipped', why = $2 from waiting where a.id = waiting.id""",
        alarm,
        why,
        clock.now(),
    )


async def resume_waiting(alarm: AlarmId) -> None:
    """What `skip_waiting` held back for verdicts waits again: none of them stands any more.

    In the caller's transaction. Each keeps its turn and its deadline; the sweeper finds those whose turn has come.
    A deadline that passed meanwhile is a breach now: the auditor looks again from there on.
    """
    await lock_notices_of(alarm)
    held = await fetch(
        """with held as materialized (
               select a.id from attempts a join notices n on n.id = a.notice
               where n.alarm = $1 and a.state = 'skipped' and a.why = $2
               order by a.id for no key update of a)
           update attempts a set state = 'pending', why = $3 from held where a.id = held.id returning a.deadline_at""",
        alarm,
        written(Why.JUDGED),
        written(Why.UNDONE),
    )
    if passed := [row["deadline_at"] for row in held if row["deadline_at"] is not None]:
        await execute(_LOOK_AGAIN, min(passed))


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
