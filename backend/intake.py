"""The front door: a batch of received frames becomes ledger rows, states, alarms and notices in one transaction.

Group commit: the reports of all connections that wait now go in together. The device is confirmed only after
`take` answers. A batch that fails as a whole is taken again frame by frame, so that one poisoned frame never
stops the others; a frame whose meaning can't be worked out is still written to the ledger and told as unreadable.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Self

import asyncpg
import msgspec

from backend.alarms import raising
from backend.alarms.mass_outages import tend_outages
from backend.alarms.raising import Raised
from backend.alarms.storm_tending import tend
from backend.alarms.unled import tell_unled
from backend.core import clock, metrics
from backend.core.batching import Batcher
from backend.core.db.engine import SERVER_AWAY, execute, fetch, transaction
from backend.core.deadlines import REPEAT_WINDOW
from backend.core.ids import AttemptId, NoticeId
from backend.core.live import Hint
from backend.core.settings import Carriers, Storms
from backend.core.vocabulary import Lane
from backend.delivery.plan import Planned, mark_durable
from backend.delivery.revising import Redraws
from backend.ledger import service as ledger
from backend.ledger.model import Entry
from backend.monitoring import service as monitoring
from backend.monitoring.model import Report, UnreadableSaid
from backend.monitoring.silence import stale
from backend.registry.directory import Directory
from backend.work_orders.testing import hear

log = logging.getLogger(__name__)

#: two writers met; nothing is wrong with either
_TRY_AGAIN: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError)
_TRIES: Final = 3
#: an unreadable fallback keeps the frame's head for the person who looks; the ledger has all of it
_SHOWN_OCTETS: Final = 512
_STAMP_AFTER_S: Final = 0.2
#: while frames keep coming a commit waits this long for company: half as many commits cost half as much, and what
#: would have queued behind them comes sooner. The first frame after a pause never waits.
_LINGER_S: Final = 0.008

_FRESH: Final = """
    insert into frame_fingerprints as f (fingerprint, received_at)
    select * from unnest($1::bytea[], $2::timestamptz[])
    on conflict (fingerprint) do update set received_at = excluded.received_at
        where f.received_at < excluded.received_at - $3::interval
    returning fingerprint"""
_FORGET: Final = "delete from frame_fingerprints where received_at < $1"


class NotDurable(Exception):  # noqa: N818 - the fact, as house.md §5 names refusals
    """The frame could not be committed. It must not be confirmed: the device will send it again."""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One received frame on its way in; `report` is None for what says nothing (bad octets, what we sent)."""

    entry: Entry
    report: Report | None = None


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What a commit leaves to do outside: rings and hints. Losing it costs time, never an alarm."""

    raised: Raised
    hints: tuple[Hint, ...]


class Intake:
    """The front door of one process."""

    def __init__(
        self,
        directory: Directory,
        announce: Callable[[Committed], Awaitable[None]],
        *,
        most: int = 500,
        storms: Storms | None = None,
    ) -> None:
        self._directory = directory
        self._announce = announce
        self._storms = storms or Storms()
        self._batcher: Batcher[Incoming, None] = Batcher(
            self._flush, most=most, name="intake", linger_s=_LINGER_S, lingers_idle=False
        )
        self._telling: set[asyncio.Future[None]] = set()
        self._stops = asyncio.Event()
        self._unstamped: list[tuple[NoticeId, datetime]] = []

    async def __aenter__(self) -> Self:
        await self._batcher.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._batcher.stop()
        self._stops.set()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def post(self, incoming: Incoming) -> "asyncio.Future[None]":
        """Hand over; the future answers after COMMIT, or raises `NotDurable`."""
        return self._batcher.post(incoming)

    async def take(self, incoming: Incoming) -> None:
        """Take one in; answers after COMMIT. Raises `NotDurable`."""
        await self._batcher.post(incoming)

    @property
    def waiting(self) -> int:
        """How many wait for the next commit."""
        return self._batcher.waiting

    async def _flush(self, batch: Sequence[Incoming]) -> Sequence[Exception | None]:
        began = clock.monotonic()
        answers: Sequence[Exception | None] = [None] * len(batch)
        try:
            await self._commit(batch)
        except SERVER_AWAY as error:
            log.warning("intake not durable", extra={"frames": len(batch), "error": type(error).__name__})
            raise NotDurable from error
        except Exception:
            # a bug or a poisoned frame: never let one frame stop the others (house.md §6, this is the job's loop)
            log.exception("batch refused, taking its frames one by one", extra={"frames": len(batch)})
            answers = [await self._alone(incoming) for incoming in batch]
        metrics.INTAKE_BATCH.observe(len(batch))
        metrics.INTAKE_SECONDS.observe(clock.monotonic() - began)
        return answers

    async def _alone(self, incoming: Incoming) -> NotDurable | None:
        """One frame by itself: what becomes of it is its own sender's affair."""
        try:
            await self._commit([incoming])
        except SERVER_AWAY:
            return NotDurable()
        except Exception:
            log.exception("frame not understood", extra={"ledger_id": str(incoming.entry.id)})
            try:
                await self._as_unreadable(incoming)
            except NotDurable as refused:
                return refused
        return None

    async def _as_unreadable(self, incoming: Incoming) -> None:
        """Keep the octets and tell the duty desk; if even that fails the frame is not confirmed."""
        report = incoming.report
        if report is None:
            raise NotDurable
        said = UnreadableSaid(type_flag=None, body=incoming.entry.octets[:_SHOWN_OCTETS].hex())
        plain = msgspec.structs.replace(report, statements=(said,), fingerprint=None)
        try:
            await self._commit([Incoming(entry=incoming.entry, report=plain)])
        except Exception as error:
            log.exception("frame not durable", extra={"ledger_id": str(incoming.entry.id)})
            raise NotDurable from error

    async def _commit(self, batch: Sequence[Incoming]) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                committed, notices = await self._transaction(batch)
            except _TRY_AGAIN as error:
                if attempt == _TRIES:
                    raise
                log.info("intake met another writer", extra={"error": type(error).__name__})
                await self._directory.refresh_if_changed()
                continue
            self._tell(committed, notices)
            return

    async def _transaction(self, batch: Sequence[Incoming]) -> tuple[Committed, list[NoticeId]]:
        async with transaction():
            reports = [incoming.report for incoming in batch if incoming.report is not None]
            told = await _told(reports)
            observed = await monitoring.observe(reports, told, self._directory)
            raised = await raising.apply(observed.changes, self._storms)
            await hear(observed.changes)
            await ledger.append([incoming.entry for incoming in batch])
        metrics.FRAMES.labels("taken").inc(len(batch))
        metrics.FRAMES.labels("repeated").inc(len(reports) - len(told))
        return Committed(raised=raised, hints=_hints(raised)), list(raised.planned.notices)

    def _tell(self, committed: Committed, notices: list[NoticeId]) -> None:
        """Ring and hint beside the next batch, not before it."""
        if not (committed.hints or committed.raised.planned.attempts or committed.raised.redraws):
            return
        self._beside(self._announce(committed))
        at = clock.now()
        self._unstamped += [(notice, at) for notice in notices]
        if self._unstamped and len(self._unstamped) == len(notices):
            self._beside(self._stamp())

    def _beside(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: "asyncio.Future[None]") -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("after a commit", exc_info=error)

    async def _stamp(self) -> None:
        """Stamp t2 of several commits at once: it is evidence, and nobody waits for it."""
        with contextlib.suppress(TimeoutError):  # a process that stops waits no more
            await asyncio.wait_for(self._stops.wait(), _STAMP_AFTER_S)
        unstamped, self._unstamped = self._unstamped, []
        await mark_durable(unstamped)


async def _told(reports: Sequence[Report]) -> dict[int, bool]:
    """Which reports (by position) are no repeats: of (source, serial, command, ADU) within 130 s (13.3).

    True: said again, after a reset or a restoration. Then it may be a new fire, and it may be an old restoration
    whose confirmation was lost: what it finds counts, what it ends does not.
    """
    first: dict[bytes, int] = {}
    for position, report in enumerate(reports):
        if report.fingerprint is not None:
            first.setdefault(report.fingerprint, position)
            if report.since_fingerprint is not None:
                first.setdefault(report.since_fingerprint, position)
    new: set[bytes] = set()
    if first:
        # one order for all writers, so that two batches never wait for each other in a ring
        prints = sorted(first)
        times = [reports[first[each]].received_at for each in prints]
        new = {row["fingerprint"] for row in await fetch(_FRESH, prints, times, REPEAT_WINDOW)}
    told: dict[int, bool] = {}
    for position, report in enumerate(reports):
        plain, since = report.fingerprint, report.since_fingerprint
        if plain is None or (plain in new and first[plain] == position):
            told[position] = False
        elif since is not None and since in new and first[since] == position:
            told[position] = True
    return told


async def sweep_stale(
    directory: Directory, announce: Callable[[Committed], Awaitable[None]], storms: Storms | None = None
) -> None:
    """Tell of analog points that fell silent; the routine worker's chore."""
    async with transaction():
        raised = await raising.apply(await stale(clock.now(), directory), storms)
    if raised.touched:
        await announce(Committed(raised=raised, hints=_hints(raised)))


async def sweep_storms(storms: Storms, announce: Callable[[Committed], Awaitable[None]]) -> None:
    """Fires that no card tells of any more, cards that count, digests of storms that are over; the routine chore."""
    await tell_unled()
    tended = await tend(storms)
    if not tended.touched:
        return
    attempts: dict[Lane, list[AttemptId]] = {}
    redraws: Redraws = {}
    for planned in tended.planned:
        for lane, ids in planned.attempts.items():
            attempts.setdefault(lane, []).extend(ids)
    for each in tended.redraws:
        for lane, ids in each.items():
            redraws.setdefault(lane, []).extend(ids)
    raised = Raised(planned=Planned(attempts=attempts, notices=[]), redraws=redraws, touched=tended.touched)
    await announce(Committed(raised=raised, hints=_hints(raised)))


async def sweep_outages(carriers: Carriers, announce: Callable[[Committed], Awaitable[None]]) -> None:
    """Lines over which many devices fell silent together; the routine worker's chore."""
    raised = await tend_outages(carriers)
    if raised.touched:
        await announce(Committed(raised=raised, hints=_hints(raised)))


def _hints(raised: Raised) -> tuple[Hint, ...]:
    """One for each unit: pages read the rows, and a storm must not become as many hints as alarms."""
    last = {alarm.unit: alarm.id for alarm in raised.touched}
    return tuple(Hint(unit=str(unit or ""), alarm=str(alarm)) for unit, alarm in last.items())


async def forget_fingerprints() -> None:
    """Drop fingerprints beyond the window; the routine sweeper's work."""
    await execute(_FORGET, clock.now() - 2 * REPEAT_WINDOW - timedelta(minutes=1))
