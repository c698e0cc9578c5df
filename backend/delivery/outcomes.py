"""Outcomes: what became of attempts, written many at a time. A later word never moves a state backwards."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final

import asyncpg
import msgspec

from backend.core import clock
from backend.core.announce import announce
from backend.core.db.engine import SERVER_AWAY, Write, execute, transaction, write_together
from backend.core.ids import AttemptId, NoticeId, PersonId, new_id
from backend.core.vocabulary import Channel, Severity
from backend.delivery.fallback import Begun, begin_next, lock_notices
from backend.delivery.model import RefusalKind
from backend.delivery.reasons import Why, written
from backend.delivery.retrying import Refused, Verdict, judge
from backend.people.service import mark_contact_failing, well_contacts

_encode = msgspec.json.Encoder().encode

#: a card that could not be drawn again just now is drawn later
_REDRAW_RETRY: Final = timedelta(seconds=2)

_LOCK: Final = "select id from attempts where id = any($1) order by id for no key update"
#: a ring of waiting writers was broken up at our cost: nothing is wrong with what we write
_TRY_AGAIN: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_TRIES: Final = 3
#: how long what became of attempts is kept in hand for a server that restarts, and how often it is tried
_SERVER_PATIENCE_S: Final = 8.0
_SERVER_PAUSE_S: Final = 0.05

# `revise` may run beside these statements. Whoever comes second to an attempt's row sees what the first one wrote
# there, but a notice as its own snapshot has it: so what `revise` put into `redraw_at` is kept unless it is the very
# moment that our own claim put there.
_ACCEPT: Final = """
    with held as materialized (select id from attempts where id = any($1) order by id for no key update)
    update attempts a set state = 'accepted', lease_until = null, t4 = coalesce(a.t4, x.t4), t5 = coalesce(a.t5, x.at),
        is_held = coalesce(a.is_held, case when a.deadline_at is null then null else x.at <= a.deadline_at end),
        surface = x.surface::jsonb, drawn_revision = x.revision, why = null,
        redraw_at = case when n.revision > x.revision then x.at else a.redraw_at end
    from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::int[])
        as x(id, at, t4, surface, revision), notices n, held
    where a.id = held.id and a.id = x.id and n.id = a.notice and a.state = 'sending'"""
_REFUSE: Final = """
    update attempts a set state = 'refused', lease_until = null, t4 = coalesce(a.t4, x.t4), why = x.why
    from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as x(id, t4, why)
    where a.id = x.id and a.state = 'sending'"""
_POSTPONE: Final = """
    update attempts a set state = 'pending', lease_until = null, t4 = coalesce(a.t4, x.t4), due_at = x.due_at,
        why = x.why, surface = coalesce(x.surface::jsonb, a.surface)
    from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[])
        as x(id, t4, due_at, why, surface)
    where a.id = x.id and a.state = 'sending'"""
_REDRAWN: Final = """
    update attempts a set drawn_revision = greatest(a.drawn_revision, x.revision),
        surface = coalesce(x.surface::jsonb, a.surface),
        redraw_at = case when n.revision > x.revision then x.at
                         when a.redraw_at is distinct from x.claimed then a.redraw_at end
    from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::int[], $5::timestamptz[])
        as x(id, at, surface, revision, claimed), notices n
    where a.id = x.id and n.id = a.notice"""
_REDRAW_LATER: Final = """
    update attempts a set redraw_at = x.due_at
    from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as x(id, due_at, claimed)
    where a.id = x.id and a.redraw_at = x.claimed"""
_RECEIPTS: Final = """
    insert into receipts (id, attempt, kind, at, facts)
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[]::jsonb[])"""

_REST: Final = """
    insert into channel_rests as r (channel, until) values ($1, $2)
    on conflict (channel) do update set until = greatest(r.until, excluded.until)"""


class OutcomeKind(StrEnum):
    """What the channel's answer means for the row."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    POSTPONED = "postponed"
    REDRAWN = "redrawn"
    REDRAW_REFUSED = "redraw_refused"
    REDRAW_WAITS = "redraw_waits"  #: for a limit's window: our own doing, of which no carrier said anything


_REFUSALS: Final = frozenset({OutcomeKind.REFUSED, OutcomeKind.POSTPONED, OutcomeKind.REDRAW_REFUSED})
_DRAWN_LATER: Final = frozenset({OutcomeKind.REDRAW_REFUSED, OutcomeKind.REDRAW_WAITS})
_ARRIVED: Final = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REDRAWN})
#: a telephone carrier takes a message to any number: only its receipt shows that the number works
_PROVEN_LATER: Final = frozenset({Channel.SMS, Channel.VOICE})


class Outcome(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One channel's answer to one attempt."""

    attempt: AttemptId
    notice: NoticeId
    person: PersonId
    channel: Channel
    address: str
    severity: Severity
    t0: datetime
    kind: OutcomeKind
    at: datetime
    t4: datetime | None
    tries: int
    revision: int
    deadline_at: datetime | None
    surface: dict[str, str | int] | None
    reason: str | None
    retry_after_s: float | None
    is_permanent: bool
    refusal: RefusalKind | None
    contact_is_dead: bool
    holds_channel: bool  #: the carrier asked the whole channel to wait (429)
    redraw_claim: datetime | None  #: of a redraw: what its claim put into `redraw_at`

    @cached_property
    def verdict(self) -> Verdict:
        """What follows from this refusal, by the table of delivery.retrying."""
        refused = Refused(
            kind=self.refusal or RefusalKind.AWAY,
            severity=self.severity,
            tries=self.tries,
            at=self.at,
            since=self.t0,
            deadline_at=self.deadline_at,
            retry_after_s=self.retry_after_s,
        )
        verdict = judge(refused)
        if self.kind is OutcomeKind.REFUSED:  # whatever the table hopes for: the channel says that it is no use
            return msgspec.structs.replace(verdict, again_at=None, begins_next=True)
        return verdict

    @property
    def is_refusal(self) -> bool:
        """Of a message, not of a redraw."""
        return self.kind in {OutcomeKind.REFUSED, OutcomeKind.POSTPONED}

    @property
    def is_final_refusal(self) -> bool:
        """Refused for good, tried often enough, or no use any more."""
        return self.is_refusal and self.verdict.again_at is None

    @property
    def begins_next(self) -> bool:
        """Whether the next kind of contact is begun now."""
        return self.is_refusal and self.verdict.begins_next

    @property
    def why(self) -> str:
        """What stands on the attempt: the carrier's words, or that it was tried until it was no use."""
        reason = self.reason or ""
        tired = self.is_final_refusal and self.kind is OutcomeKind.POSTPONED and self.tries > 1
        return written(Why.USELESS, said=reason) if tired else reason

    @property
    def proves_the_contact(self) -> bool:
        """Whether the answer shows that the address works."""
        return self.kind in _ARRIVED and self.channel not in _PROVEN_LATER

    @property
    def due_at(self) -> datetime:
        """When to try again."""
        return self.verdict.again_at or self.at

    @property
    def rests_until(self) -> datetime:
        """How long the carrier asked the whole channel to wait."""
        return self.at + timedelta(seconds=self.retry_after_s or 0)

    @property
    def redraw_due_at(self) -> datetime | None:
        """When to draw again after a refused redraw; None: never."""
        if self.is_permanent:
            return None
        return self.at + (timedelta(seconds=self.retry_after_s) if self.retry_after_s else _REDRAW_RETRY)


async def write_outcomes(outcomes: Sequence[Outcome]) -> Sequence[None]:
    """Write a batch in one transaction. A server that is away is waited for: what a carrier took is never forgotten."""
    patience, tries = clock.monotonic() + _SERVER_PATIENCE_S, 0
    while True:
        tries += 1
        try:
            begun = await _write(outcomes)
            break
        except _TRY_AGAIN:
            if tries >= _TRIES:
                raise
        except SERVER_AWAY:
            if clock.monotonic() > patience:
                raise
            await asyncio.sleep(_SERVER_PAUSE_S)
    if begun:
        await announce(begun, {}, [])
    return [None] * len(outcomes)


async def _write(outcomes: Sequence[Outcome]) -> Begun:
    if all(each.kind is OutcomeKind.ACCEPTED for each in outcomes):
        await write_together(_accepted(outcomes))  # nearly always: one statement is its own transaction
        return {}
    failed = [each for each in outcomes if each.begins_next]
    async with transaction():
        if failed:
            await lock_notices([each.notice for each in failed])
        await execute(_LOCK, [each.attempt for each in outcomes])
        await write_together(_accepted([each for each in outcomes if each.kind is OutcomeKind.ACCEPTED]))
        await _refuse([each for each in outcomes if each.is_final_refusal])
        await _postpone([each for each in outcomes if each.kind is OutcomeKind.POSTPONED and not each.is_final_refusal])
        await _redrawn([each for each in outcomes if each.kind is OutcomeKind.REDRAWN])
        await _redraw_later([each for each in outcomes if each.kind in _DRAWN_LATER])
        await write_together(_receipts([each for each in outcomes if each.kind in _REFUSALS]))
        await _rest([each for each in outcomes if each.holds_channel])
        await write_together(_well([each for each in outcomes if each.kind is OutcomeKind.REDRAWN]))
        # in one order, so that two workers never wait for each other in a ring
        for each in sorted(outcomes, key=lambda each: (each.channel, each.address)):
            if each.contact_is_dead or (each.is_refusal and each.verdict.blames_contact):
                await mark_contact_failing(each.channel, each.address, each.reason or "")
        return await begin_next([each.attempt for each in failed], [each.notice for each in failed]) if failed else {}


def _accepted(outcomes: Sequence[Outcome]) -> list[Write]:
    if not outcomes:
        return []
    values = [
        [each.attempt for each in outcomes],
        [each.at for each in outcomes],
        [each.t4 for each in outcomes],
        [_encode(each.surface or {}).decode() for each in outcomes],
        [each.revision for each in outcomes],
    ]
    return [(_ACCEPT, values), *_receipts(outcomes), *_well(outcomes)]


def _well(outcomes: Sequence[Outcome]) -> list[Write]:
    return well_contacts((each.channel, each.address) for each in outcomes if each.proves_the_contact)


async def _refuse(outcomes: list[Outcome]) -> None:
    if outcomes:
        await execute(
            _REFUSE,
            [each.attempt for each in outcomes],
            [each.t4 for each in outcomes],
            [each.why for each in outcomes],
        )


async def _postpone(outcomes: list[Outcome]) -> None:
    if outcomes:
        await execute(
            _POSTPONE,
            [each.attempt for each in outcomes],
            [each.t4 for each in outcomes],
            [each.due_at for each in outcomes],
            [each.why for each in outcomes],
            [_encode(each.surface).decode() if each.surface else None for each in outcomes],
        )


async def _redrawn(outcomes: list[Outcome]) -> None:
    if outcomes:
        await execute(
            _REDRAWN,
            [each.attempt for each in outcomes],
            [each.at for each in outcomes],
            [_encode(each.surface).decode() if each.surface else None for each in outcomes],
            [each.revision for each in outcomes],
            [each.redraw_claim for each in outcomes],
        )


async def _redraw_later(outcomes: list[Outcome]) -> None:
    """A surface that can't be drawn again is left as it is; a carrier that is busy or away gets it later."""
    if outcomes:
        await execute(
            _REDRAW_LATER,
            [each.attempt for each in outcomes],
            [each.redraw_due_at for each in outcomes],
            [each.redraw_claim for each in outcomes],
        )


def _receipts(outcomes: Sequence[Outcome]) -> list[Write]:
    if not outcomes:
        return []
    values = [
        [new_id() for _ in outcomes],
        [each.attempt for each in outcomes],
        [str(each.kind) for each in outcomes],
        [each.at for each in outcomes],
        [_encode(_facts(each)).decode() for each in outcomes],
    ]
    return [(_RECEIPTS, values)]


def _facts(outcome: Outcome) -> Mapping[str, object]:
    facts: dict[str, object] = {"reason": outcome.reason, "try": outcome.tries, "surface": outcome.surface}
    return facts | {"contact_is_dead": True} if outcome.contact_is_dead else facts


async def _rest(outcomes: list[Outcome]) -> None:
    """Every worker leaves a channel alone that asked one of them to wait; the longest wait counts."""
    until: dict[Channel, datetime] = {}
    for each in outcomes:
        until[each.channel] = max(each.rests_until, until.get(each.channel, each.rests_until))
    for channel in sorted(until):
        await execute(_REST, str(channel), until[channel])
