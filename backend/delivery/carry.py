"""Carrying: a lease on the row, the channel's answer, and what became of it. Idempotent at every step.

A worker claims rows by compare-and-set, renews its lease while a channel works, and writes outcomes in group
commits. A worker that dies leaves rows whose lease runs out; any other claims them.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from backend.core import clock, metrics
from backend.core.announce import announce
from backend.core.batching import Batcher
from backend.core.db.engine import fetch
from backend.core.deadlines import LEASE
from backend.core.ids import AttemptId, NoticeId
from backend.core.vocabulary import Channel as ChannelName
from backend.core.vocabulary import Severity
from backend.delivery import spending
from backend.delivery.budgets import Answer, Ask, Limits, Word, for_edits, gather
from backend.delivery.claims import CLAIM, CLAIM_REDRAW, RESTS, Claimed
from backend.delivery.claims import claimed as claimed_row
from backend.delivery.digest import Digest, drawn
from backend.delivery.fallback import Begun, begin_beside
from backend.delivery.model import (
    PERHAPS,
    Channel,
    EditsMany,
    NoticeKind,
    Receipt,
    Refusal,
    RefusalKind,
    SendsMany,
)
from backend.delivery.outcomes import Outcome, OutcomeKind, write_outcomes
from backend.delivery.reasons import Why, written
from backend.delivery.retrying import USEFUL

log = logging.getLogger(__name__)

_RESTED: Final = """
    select id, notice from attempts
    where id = any($1) and state = 'pending' and why = $2 and due_at > deadline_at"""
# a row that somebody holds is left alone: its outcome is being written, and who waits for one holds all the others up
_RENEW: Final = """
    with held as materialized (
        select id from attempts where id = any($1) and state = 'sending' and lease_by = $3
        order by id for no key update skip locked)
    update attempts a set lease_until = $2 from held where a.id = held.id returning a.id"""

#: a redraw that nobody finished is taken up again after this
_REDRAW_PATIENCE: Final = timedelta(seconds=4)
#: a change is shown however late; its row forgets it when the next one comes
_EDIT_USEFUL: Final = timedelta(days=1)
_LEAST_WAIT_S: Final = 0.1
#: t5 is taken when the carrier answers; writing it down may wait for the next few
_OUTCOMES_LINGER_S: Final = 0.015
#: one slot in so many is for drawing again
_REDRAW_SHARE: Final = 4
_RENEW_EVERY_S: Final = LEASE.total_seconds() / 3
#: a lease that is good for so long needs no renewing yet: hardly any attempt takes longer than what it has left
_YOUNG: Final = LEASE * 2 / 3


class Carrier:
    """One worker's hands: claims attempts, hands them to channels, writes what became of them."""

    def __init__(
        self,
        name: str,
        channels: Mapping[ChannelName, Channel],
        *,
        timeout_s: float,
        concurrency: int,
        limits: Limits | None = None,
    ) -> None:
        self._name = name
        self._channels = channels
        self._timeout_s = timeout_s
        self._limits: Limits = limits or {}
        self._edit_limits = for_edits(self._limits)
        self._slots = asyncio.Semaphore(concurrency)
        #: drawing again has slots of its own: what is told for the first time never waits behind it
        self._redraw_slots = asyncio.Semaphore(max(1, concurrency // _REDRAW_SHARE))
        self._held: dict[AttemptId, datetime] = {}  #: until when each lease is known to be ours
        self._resting: dict[ChannelName, datetime] = {}
        self._outcomes: Batcher[Outcome, None] = Batcher(
            write_outcomes, most=200, name="outcomes", linger_s=_OUTCOMES_LINGER_S
        )
        self._asking: Batcher[Ask, Answer] = Batcher(self._spend, most=200, name="spending")
        #: of their own, so that no first message waits for what they ask; and one at a time, however many come at once
        self._asking_for_edits: Batcher[Ask, Answer] = Batcher(self._spend_on_edits, most=200, name="edits")
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to renew leases, ask for room and write outcomes."""
        await self._outcomes.start()
        await self._asking.start()
        await self._asking_for_edits.start()
        self._renewing = asyncio.create_task(self._renew(), name="lease-renewal")

    async def stop(self) -> None:
        """Write what is known, then end. Rows still held are left to their leases."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self._asking.stop()
        await self._asking_for_edits.stop()
        await self._outcomes.stop()

    async def carry(self, attempts: Sequence[AttemptId]) -> int:
        """Send those of `attempts` that are due and that nobody else holds; answers how many that were."""
        now = clock.now()
        rows = await fetch(CLAIM, list(attempts), now + LEASE, self._name, now)
        claimed = [claimed_row(row) for row in rows]
        self._held.update((each.delivery.attempt, now + LEASE) for each in claimed)
        try:
            # all to their end, so that a lease is held as long as its attempt is in hand; then the first failure
            done = await asyncio.gather(
                *(self._send_group(*group) for group in _by_channel(claimed)),
                *([self._begin_beside_rests(attempts)] if len(claimed) < len(attempts) else []),
                return_exceptions=True,
            )
        finally:
            for each in claimed:
                self._held.pop(each.delivery.attempt, None)
        _raise_first(done)
        return len(claimed)

    async def redraw(self, attempts: Sequence[AttemptId]) -> int:
        """Draw again what changed since it was drawn; answers how many that were."""
        now = clock.now()
        rows = await fetch(CLAIM_REDRAW, list(attempts), now + _REDRAW_PATIENCE, now)
        groups = _by_channel([claimed_row(row) for row in rows])
        await asyncio.gather(*(self._redraw_group(*group) for group in groups))
        return len(rows)

    async def _redraw_group(self, name: ChannelName, group: list[Claimed]) -> None:
        channel = self._channels.get(name)
        if channel is not None and channel.can_edit and self._edit_limits.get(name):
            group = await self._paced(group)
        if channel is None or not channel.can_edit:
            answers: Sequence[Receipt | Refusal] = [Refusal("can't be drawn again", permanent=True)] * len(group)
        elif isinstance(channel, EditsMany):
            async with self._redraw_slots:
                answers = await channel.edit_many([each.delivery for each in group])
        else:
            answers = await asyncio.gather(*(self._redraw_one(channel, each) for each in group))
        await asyncio.gather(
            *(self._redrawn(each, answer) for each, answer in zip(group, answers, strict=True)),
        )

    async def _paced(self, group: list[Claimed]) -> list[Claimed]:
        """Those whose limits let them be drawn again now; the others' last face is drawn when there is room."""
        now = clock.now()
        asks = [msgspec.structs.replace(_ask(each), is_fire=False, useful_until=now + _EDIT_USEFUL) for each in group]
        answers = await asyncio.gather(*(self._asking_for_edits.post(each) for each in asks))
        going, later = [], []
        for each, answer in zip(group, answers, strict=True):
            if answer.word is Word.GO:
                going.append(each)
                continue
            wait = max((answer.at - now).total_seconds(), _LEAST_WAIT_S)
            refusal = Refusal(RESTS, permanent=False, retry_after=wait)
            later.append(_outcome(each, OutcomeKind.REDRAW_WAITS, None, refusal, now))
        await asyncio.gather(*(self._outcomes.post(each) for each in later))
        return going

    async def _send_group(self, name: ChannelName, group: list[Claimed]) -> None:
        channel = self._channels.get(name)
        if channel is None:
            refusal = Refusal(written(Why.NOT_CONFIGURED, channel=name), kind=RefusalKind.CONFIGURATION)
            await asyncio.gather(*(self._settle(each, None, refusal, clock.now()) for each in group))
        elif isinstance(channel, SendsMany):
            await self._send_many(channel, group)
        else:
            begun: Begun = {}
            if name in self._limits:
                group, begun = await self._within_limits(group)
            sending = (self._send_one(channel, each) for each in group)
            _raise_first(await asyncio.gather(announce(begun, {}, []), *sending, return_exceptions=True))

    async def _within_limits(self, group: list[Claimed]) -> tuple[list[Claimed], Begun]:
        """Those the carrier's limits let go now; the others are put back, skipped, or told in one message."""
        now = clock.now()
        asks = [_ask(each) for each in group]
        answered = await asyncio.gather(*(self._asking.post(each) for each in asks))
        answers = {ask.attempt: answer for ask, answer in zip(asks, answered, strict=True)}
        taking = gather(asks, answers)
        for each in (each for others in taking.values() for each in others):
            answers[each] = msgspec.structs.replace(answers[each], word=Word.WAIT)
        claims = [_claim(*each) for each in zip(asks, group, strict=True)]
        begun: Begun = {}
        if any(answer.word is not Word.GO for answer in answers.values()):
            begun = await spending.hold_back(claims, answers, self._name)
        going: list[Claimed] = []
        for claim, claimed in zip(claims, group, strict=True):
            if answers[claim.ask.attempt].word is Word.GO:
                digest = await spending.bundle(claim, now, self._name) if claim.ask.attempt in taking else None
                going.append(_summed_up(claimed, digest) if digest else claimed)
        return going, begun

    async def _spend(self, asks: Sequence[Ask]) -> list[Answer]:
        """One claim on the limits for all that asks at once: the account's own log is one row, and everybody's."""
        answers = await spending.spend(asks, self._limits, clock.now())
        return [answers[each.attempt] for each in asks]

    async def _spend_on_edits(self, asks: Sequence[Ask]) -> list[Answer]:
        answers = await spending.spend(asks, self._edit_limits, clock.now())
        return [answers[each.attempt] for each in asks]

    async def _begin_beside_rests(self, attempts: Sequence[AttemptId]) -> None:
        """What its resting channel can't make in time has its next kind begun now."""
        rows = await fetch(_RESTED, list(attempts), RESTS)
        if rows:
            begun = await begin_beside(
                [AttemptId(row["id"]) for row in rows], [NoticeId(row["notice"]) for row in rows]
            )
            await announce(begun, {}, [])

    async def _send_many(self, channel: SendsMany, group: list[Claimed]) -> None:
        t4 = clock.now()
        try:
            async with asyncio.timeout(self._timeout_s):
                answers = await channel.send_many([each.delivery for each in group])
        except TimeoutError:
            answers = [Refusal(written(Why.TIMEOUT), kind=RefusalKind.AWAY)] * len(group)
        await asyncio.gather(
            *(self._settle(each, t4, answer, clock.now()) for each, answer in zip(group, answers, strict=True))
        )

    async def _send_one(self, channel: Channel, claimed: Claimed) -> None:
        async with self._slots:
            held_until = self._held.get(claimed.delivery.attempt)
            if held_until is None or held_until <= clock.now():
                return  # it waited here too long, and another worker may have it by now
            rest = self._rest_of(channel.name)
            t4 = clock.now()
            answer = rest or await self._ask(channel.send(claimed.delivery))
            answered_at = clock.now()
        # outside the slot: writing it down may have to wait for a row that somebody else holds
        if rest is not None:
            await self._outcomes.post(_outcome(claimed, OutcomeKind.POSTPONED, None, rest, answered_at))
        else:
            await self._settle(claimed, t4, answer, answered_at)

    async def _ask(self, sending: Any) -> Receipt | Refusal:
        try:
            async with asyncio.timeout(self._timeout_s):
                receipt: Receipt = await sending
        except TimeoutError:
            return Refusal(written(Why.TIMEOUT), kind=RefusalKind.AWAY)
        except Refusal as refusal:
            return refusal
        return receipt

    async def _redraw_one(self, channel: Channel, claimed: Claimed) -> Receipt | Refusal:
        async with self._redraw_slots:
            answer = self._rest_of(channel.name) or await self._ask(channel.edit(claimed.delivery))
        self._heed(claimed.channel, answer, clock.now())
        return answer

    async def _redrawn(self, claimed: Claimed, answer: Receipt | Refusal) -> None:
        kind = OutcomeKind.REDRAWN if isinstance(answer, Receipt) else OutcomeKind.REDRAW_REFUSED
        await self._outcomes.post(_outcome(claimed, kind, None, answer, clock.now()))

    def _rest_of(self, channel: ChannelName) -> Refusal | None:
        """A channel that asked this worker to wait since the claim: the refusal that puts a row back."""
        until, now = self._resting.get(channel), clock.now()
        if until is None or until <= now:
            return None
        return Refusal(RESTS, permanent=False, retry_after=(until - now).total_seconds())

    def _heed(self, channel: ChannelName, answer: Receipt | Refusal, now: datetime) -> None:
        """Remember a rest here at once; the outcome tells the other workers."""
        if isinstance(answer, Refusal) and answer.hold_channel and answer.retry_after:
            self._resting[channel] = now + timedelta(seconds=answer.retry_after)

    async def _settle(self, claimed: Claimed, t4: datetime | None, answer: Receipt | Refusal, now: datetime) -> None:
        if isinstance(answer, Receipt):
            kind = OutcomeKind.ACCEPTED
            metrics.DELIVERY_SECONDS.labels(claimed.severity).observe((now - claimed.t0).total_seconds())
            if t4 is not None:
                metrics.SEND_SECONDS.labels(claimed.channel).observe((now - t4).total_seconds())
        else:
            kind = OutcomeKind.REFUSED if answer.permanent else OutcomeKind.POSTPONED
            self._heed(claimed.channel, answer, now)
        metrics.ATTEMPTS.labels(claimed.channel, kind).inc()
        await self._outcomes.post(_outcome(claimed, kind, t4, answer, now))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_EVERY_S)
            now = clock.now()
            until = now + LEASE
            old = [attempt for attempt, held_until in self._held.items() if held_until < now + _YOUNG]
            if not old:
                continue
            try:
                rows = await fetch(_RENEW, old, until, self._name)
                self._held.update((each, until) for row in rows if (each := AttemptId(row["id"])) in self._held)
            except Exception:
                # the sweeper's loops must not die (house.md §6); a lease that could not be renewed runs out,
                # and the worst is a second message
                log.exception("leases not renewed")


def _ask(claimed: Claimed) -> Ask:
    delivery = claimed.delivery
    is_fire = claimed.severity is Severity.FIRE and claimed.kind is not NoticeKind.RESTORED
    return Ask(
        attempt=delivery.attempt,
        person=delivery.person,
        medium=claimed.channel,
        address=delivery.address,
        is_fire=is_fire,
        deadline_at=claimed.deadline_at,
        useful_until=claimed.t0 + USEFUL[claimed.severity],
        may_join=claimed.kind not in {NoticeKind.CONTACT_TEST, NoticeKind.COMPLAINT},
    )


def _claim(ask: Ask, claimed: Claimed) -> spending.Claim:
    return spending.Claim(ask=ask, notice=claimed.delivery.notice, card=claimed.own_card, digest=claimed.digest)


def _summed_up(claimed: Claimed, digest: Digest) -> Claimed:
    delivery = msgspec.structs.replace(claimed.delivery, card=drawn(claimed.own_card, digest, claimed.language))
    return msgspec.structs.replace(claimed, delivery=delivery, digest=digest)


def _raise_first(done: Sequence[object]) -> None:
    """What `gather` gave back: the first failure, if there was one."""
    for each in done:
        if isinstance(each, BaseException):
            raise each


def _by_channel(claimed: Sequence[Claimed]) -> list[tuple[ChannelName, list[Claimed]]]:
    groups: dict[ChannelName, list[Claimed]] = {}
    for each in claimed:
        groups.setdefault(each.channel, []).append(each)
    return list(groups.items())


def _perhaps(refusal: Refusal) -> dict[str, str | int] | None:
    """Who may have sent it all the same: the next try knows."""
    return {PERHAPS: ",".join(refusal.perhaps)} if refusal.perhaps else None


def _outcome(
    claimed: Claimed, kind: OutcomeKind, t4: datetime | None, answer: Receipt | Refusal, now: datetime
) -> Outcome:
    refusal = answer if isinstance(answer, Refusal) else None
    return Outcome(
        attempt=claimed.delivery.attempt,
        notice=claimed.delivery.notice,
        person=claimed.delivery.person,
        channel=claimed.channel,
        address=claimed.delivery.address,
        severity=claimed.severity,
        t0=claimed.t0,
        kind=kind,
        at=now,
        t4=t4,
        tries=claimed.tries,
        revision=claimed.revision,
        deadline_at=claimed.deadline_at,
        surface=answer.surface if isinstance(answer, Receipt) else _perhaps(answer),
        reason=refusal.reason if refusal else None,
        retry_after_s=refusal.retry_after if refusal else None,
        is_permanent=refusal.permanent if refusal else False,
        refusal=refusal.kind if refusal else None,
        contact_is_dead=refusal.contact_is_dead if refusal else False,
        holds_channel=bool(refusal and refusal.hold_channel and refusal.retry_after),
        redraw_claim=claimed.redraw_claim,
    )
