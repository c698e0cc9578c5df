"""Spending: the claim on carriers' limits that many workers make at once, and what becomes of who may not be sent now.

The rule: the logs of one claim are locked in the order of their keys, decided on (delivery.budgets) and written in one
transaction, so that no two workers spend the same room. No network call in it. A process that stands still with logs in
its hands (a bot's answer takes the same ones) holds up no fire: it goes uncounted, and everything else waits.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import msgspec

from backend.core import metrics
from backend.core.db.engine import execute, fetch, transaction
from backend.core.ids import AttemptId, NoticeId
from backend.delivery.budgets import LEAST_BUNDLED, Answer, Ask, Limits, Log, Word, decide, keys_of, pruned, spent_of
from backend.delivery.digest import Digest, digest_of, encoded
from backend.delivery.fallback import Begun, begin_next, lock_notices
from backend.delivery.model import Card
from backend.delivery.reasons import Why, written

#: a claim takes a millisecond; who waits longer for its logs waits for somebody who stands still
_PATIENCE: Final = "set local lock_timeout = '300ms'"
_LOOK_AGAIN: Final = timedelta(seconds=1)
_LOCK: Final = "select key, spent from spendings where key = any($1) order by key for update"
_MAKE: Final = """
    insert into spendings (key, spent) select key, '{}' from unnest($1::text[]) as key order by key
    on conflict do nothing"""
_PUT: Final = """
    update spendings s set spent = x.spent::bigint[] from unnest($1::text[], $2::text[]) as x(key, spent)
    where s.key = x.key"""
_LOCK_ATTEMPTS: Final = "select id from attempts where id = any($1) order by id for no key update"
#: what our own hands hold goes back; it was not tried
_HOLD: Final = """
    update attempts a set state = 'pending', lease_until = null, due_at = x.at, why = x.why,
        tries = greatest(a.tries - 1, 0)
    from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as x(id, at, why)
    where a.id = x.id and a.state = 'sending' and a.lease_by = $4"""
_SKIP: Final = "update attempts set state = 'skipped' where id = any($1) and state = 'pending'"
# What waits for the same person and way: due, or held back by a limit. What waits for its alarm to settle is not due.
_WAITING: Final = """
    select a.id, coalesce(n.cards -> a.language, n.cards -> 'zh_CN') as card
    from attempts a join notices n on n.id = a.notice
    where a.state = 'pending' and a.person = $1 and a.channel = $2 and a.address = $3 and a.digest is null
        and n.severity <> 'fire' and n.kind <> 'contact_test'
        and (a.due_at <= $4 or a.why like '{"code":"waits"%')
    order by a.created_at, a.id limit 500"""
_TAKE: Final = """
    update attempts set state = 'skipped', why = $2 where id = any($1) and state = 'pending' returning id"""
_CARRY: Final = """
    update attempts set digest = $2::jsonb where id = $1 and state = 'sending' and lease_by = $3 returning id"""

log = logging.getLogger(__name__)
_decode_card = msgspec.json.Decoder(Card).decode


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt in a worker's hands that asks, with what bundling needs of it."""

    ask: Ask
    notice: NoticeId
    card: Card  #: its own alarm's, not the summary's
    digest: Digest | None = None


async def spend(asks: Sequence[Ask], limits: Limits, now: datetime) -> dict[AttemptId, Answer]:
    """Ask for all of `asks` at once, and enter what goes. Each message is entered before it is sent, or not at all."""
    began = time.perf_counter()
    try:
        return await _spend(asks, limits, now)
    except asyncpg.LockNotAvailableError:
        log.warning("carriers' limits are in the hands of somebody who stands still", extra={"asks": len(asks)})
        return {each.attempt: _uncounted(each, now) for each in asks}
    finally:
        metrics.SPENDING_SECONDS.observe(time.perf_counter() - began)


def _uncounted(ask: Ask, now: datetime) -> Answer:
    return Answer(word=Word.GO, at=now) if ask.is_fire else Answer(word=Word.WAIT, at=now + _LOOK_AGAIN)


async def _spend(asks: Sequence[Ask], limits: Limits, now: datetime) -> dict[AttemptId, Answer]:
    keys: dict[str, Any] = {}
    for ask in asks:
        keys |= keys_of(limits, ask.medium, ask.address)
    wanted = sorted(keys)
    async with transaction():
        await execute(_PATIENCE)
        rows = await fetch(_LOCK, wanted)
        if len(rows) < len(wanted):
            await execute(_MAKE, wanted)
            rows = await fetch(_LOCK, wanted)
        before = {row["key"]: list(map(spent_of, row["spent"])) for row in rows}
        logs: dict[str, Log] = {key: list(log) for key, log in before.items()}
        answers = decide(asks, logs, limits, now)
        changed = [key for key in wanted if len(logs[key]) != len(before[key])]
        if changed:
            kept = [_written(pruned(logs[key], keys[key], now)) for key in changed]
            await execute(_PUT, changed, kept)
    return answers


def _written(log: Log) -> str:
    """As PostgreSQL writes an array: one text a key, for an array of arrays would lose its borders."""
    return "{" + ",".join(str(each.number) for each in log) + "}"


async def hold_back(claims: Sequence[Claim], answers: Mapping[AttemptId, Answer], worker: str) -> Begun:
    """Put back who may not be sent now, skip who never may; the next kind is begun where it can't be in time."""
    held = [each for each in claims if answers[each.ask.attempt].word is not Word.GO]
    late = [each for each in held if _needs_next(each.ask, answers[each.ask.attempt])]
    async with transaction():
        await lock_notices([each.notice for each in late])
        await execute(_LOCK_ATTEMPTS, [each.ask.attempt for each in held])
        await _put_back([(each.ask, answers[each.ask.attempt]) for each in held], worker)
        begun = await begin_next([each.ask.attempt for each in late], [each.notice for each in late]) if late else {}
    for each in held:
        metrics.HELD_BACK.labels(each.ask.medium, answers[each.ask.attempt].word).inc()
    return begun


def _needs_next(ask: Ask, answer: Answer) -> bool:
    """Skipped for good; or a fire whose turn comes after its deadline, which has the next kind begun beside it."""
    if answer.word is Word.SKIP:
        return True
    return ask.is_fire and ask.deadline_at is not None and answer.at > ask.deadline_at


async def _put_back(held: Sequence[tuple[Ask, Answer]], worker: str) -> None:
    await execute(
        _HOLD,
        [ask.attempt for ask, _ in held],
        [answer.at for _, answer in held],
        [written(Why.BUDGET if a.word is Word.SKIP else Why.WAITS, limit=a.limit) for _, a in held],
        worker,
    )
    skipped = [ask.attempt for ask, answer in held if answer.word is Word.SKIP]
    if skipped:
        await execute(_SKIP, skipped)


async def bundle(leader: Claim, now: datetime, worker: str) -> Digest | None:
    """Let `leader` tell of all that waits for the same person and way; None: too few, and it goes by itself.

    Whoever of them another worker takes up first is told by itself.
    """
    try:
        async with transaction():
            return await _bundle(leader, now, worker)
    except _LeaderLostError:
        return None


class _LeaderLostError(Exception):
    """The lease ran out meanwhile: nobody is taken along, and all is as it was."""


async def _bundle(leader: Claim, now: datetime, worker: str) -> Digest | None:
    ask = leader.ask
    rows = await fetch(_WAITING, ask.person, ask.medium, ask.address, now)
    if len(rows) + 1 < LEAST_BUNDLED:
        return None
    cards = {AttemptId(row["id"]): _decode_card(row["card"]) for row in rows}
    await execute(_LOCK_ATTEMPTS, [ask.attempt, *cards])
    before = leader.digest.count if leader.digest else 1
    why = written(Why.SUMMARY, number=leader.card.number, count=before + len(cards))
    taken = {row["id"] for row in await fetch(_TAKE, list(cards), why)}
    told = [card for attempt, card in cards.items() if attempt in taken]
    own = [] if leader.digest else [leader.card]
    digest = digest_of([*own, *told], leader.digest)
    if not told or not await fetch(_CARRY, ask.attempt, encoded(digest), worker):
        raise _LeaderLostError
    metrics.HELD_BACK.labels(ask.medium, "told_together").inc(len(told))
    return digest
