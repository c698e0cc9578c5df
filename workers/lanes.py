"""The two lanes: an arq worker, a sweeper and a carrier in one process each. Fire is never behind anything else.

arq is the fast path: when Redis goes, its worker ends and is started again when Redis is back, while the
sweeper goes on over PostgreSQL without it (house.md §3.2).
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import Redis

from backend.core import clock
from backend.core.db.engine import SERVER_AWAY
from backend.core.doorbell import deserialize, queue_of, serialize, topic_of
from backend.core.ids import AttemptId
from backend.core.redis import RedisError, connect
from backend.core.vocabulary import Channel as ChannelName
from backend.core.vocabulary import Lane
from backend.delivery import sweep
from backend.delivery.budgets import Limits
from backend.delivery.carry import Carrier
from backend.delivery.model import Channel
from workers.rung import RungWorker

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

log = logging.getLogger(__name__)

#: how often a worker looks into its queue when nobody rings
_POLL_S: Final = {Lane.FIRE: 0.05, Lane.ROUTINE: 0.1}
_SWEEP_S: Final = {Lane.FIRE: 0.1, Lane.ROUTINE: 0.5}
_REDRAWS_S: Final = 0.5
#: cards that one worker's sweeper draws again at a time
_MOST_REDRAWS: Final = 128
_JOB_TIMEOUT_S: Final = 10
_REDIS_PAUSE_S: Final = 0.5
_CHORE_S: Final = 1.0
#: how much longer than a fire worker a routine worker waits before it takes up what is left lying on the fire lane
_COVER_GRACE: Final = timedelta(milliseconds=700)

Chore = Callable[[], Awaitable[object]]


class LaneWorker:
    """One process of a lane. `chores` run about once a second on every routine worker; each is idempotent."""

    def __init__(
        self,
        lane: Lane,
        channels: Mapping[ChannelName, Channel],
        *,
        redis_url: str,
        send_timeout_s: float,
        concurrency: int,
        limits: Limits | None = None,
        chores: Sequence[Chore] = (),
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self._lane = lane
        self._channels = channels
        self._redis_url = redis_url
        self._chores = chores
        self._on_ready = on_ready
        self._concurrency = concurrency
        name = f"{lane}-{socket.gethostname()}-{os.getpid()}"
        self._carrier = Carrier(name, channels, timeout_s=send_timeout_s, concurrency=concurrency, limits=limits)
        self._sweeping: set[AttemptId] = set()
        self._redrawing: set[AttemptId] = set()
        # a routine worker takes up what no fire worker touched: all of them may be gone at once
        self._cover = Carrier(
            f"{name}-cover", channels, timeout_s=send_timeout_s, concurrency=concurrency, limits=limits
        )
        self._covers = lane is Lane.ROUTINE

    async def run(self) -> None:
        """Work until cancelled; then write what is known and leave the rest to leases."""
        for channel in self._channels.values():
            await channel.open()
        await self._carrier.start()
        await self._cover.start()
        if self._on_ready is not None:
            self._on_ready()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(), name="arq")
                tasks.create_task(self._loop(self._sweep_once, _SWEEP_S[self._lane]), name="sweeper")
                tasks.create_task(self._loop(self._redraws_once, _REDRAWS_S), name="redraws")
                if self._covers:
                    tasks.create_task(self._loop(self._cover_once, _SWEEP_S[Lane.FIRE]), name="cover")
                if self._chores:
                    tasks.create_task(self._loop(self._chores_once, _CHORE_S), name="chores")
        finally:
            await self._carrier.stop()
            await self._cover.stop()
            for channel in self._channels.values():
                await channel.close()

    async def _listen(self) -> None:
        """Arq's own loop, for ever: it ends with Redis, and begins again."""
        while True:
            client, bell = connect(self._redis_url), connect(self._redis_url)
            worker: Worker | None = None
            try:
                worker = self._worker(client, bell)
                await worker.async_run()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("the doorbell is silent", extra={"error": type(error).__name__, "lane": self._lane})
            finally:
                if worker is not None:
                    await _end(worker)
                await client.aclose()
                await bell.aclose()
            await asyncio.sleep(_REDIS_PAUSE_S)

    def _worker(self, client: "Redis", bell: "Redis") -> Worker:
        redis = ArqRedis(client.connection_pool, job_serializer=serialize, job_deserializer=deserialize)
        return RungWorker(
            bell=bell,
            topic=topic_of(self._lane),
            functions=[func(_as_job(self._carry), name="carry"), func(_as_job(self._redraw), name="redraw")],
            queue_name=queue_of(self._lane),
            redis_pool=redis,
            poll_delay=_POLL_S[self._lane],
            max_jobs=self._concurrency,
            job_timeout=_JOB_TIMEOUT_S,
            keep_result=0,
            max_tries=1,
            health_check_interval=3600,
            handle_signals=False,
            job_serializer=serialize,
            job_deserializer=deserialize,
        )

    async def _carry(self, _: dict[Any, Any], attempts: list[str]) -> None:
        await self._carrier.carry([AttemptId(UUID(each)) for each in attempts])

    async def _redraw(self, _: dict[Any, Any], attempts: list[str]) -> None:
        await self._carrier.redraw([AttemptId(UUID(each)) for each in attempts])

    async def _loop(self, once: Chore, every_s: float) -> None:
        """A pass that fails is logged, and the next one comes (house.md §6: this loop must not die)."""
        while True:
            try:
                await once()
            except Exception:
                log.exception("sweeper pass failed", extra={"lane": self._lane})
            await asyncio.sleep(every_s)

    async def _sweep_once(self) -> None:
        """Begin what is due; a pass does not wait for slow carriers, or one of them would hold up the next."""
        due = [each for each in await sweep.due_attempts(self._lane) if each not in self._sweeping]
        self._begin(due, self._carrier.carry)

    async def _redraws_once(self) -> None:
        """In portions: a panel's reset changes thousands of cards, and none of them is urgent."""
        room = _MOST_REDRAWS - len(self._redrawing)
        redraws = await sweep.due_redraws(self._lane, room) if room > 0 else []
        self._begin([each for each in redraws if each not in self._redrawing], self._carrier.redraw, self._redrawing)

    async def _cover_once(self) -> None:
        """The fire lane, when its own workers left something lying."""
        due = await sweep.due_attempts(Lane.FIRE, grace=_COVER_GRACE)
        self._begin([each for each in due if each not in self._sweeping], self._cover.carry)

    def _begin(
        self,
        ids: list[AttemptId],
        work: Callable[[Sequence[AttemptId]], Awaitable[int]],
        in_hand: set[AttemptId] | None = None,
    ) -> None:
        hands = self._sweeping if in_hand is None else in_hand
        for start in range(0, len(ids), self._concurrency):
            chunk = ids[start : start + self._concurrency]
            hands.update(chunk)
            task = asyncio.ensure_future(work(chunk))
            task.add_done_callback(lambda done, chunk=chunk: self._swept(done, chunk, hands))  # type: ignore[misc]

    def _swept(self, done: "asyncio.Future[int]", chunk: list[AttemptId], hands: set[AttemptId]) -> None:
        hands.difference_update(chunk)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("swept attempts not carried", exc_info=error, extra={"lane": self._lane})

    async def _chores_once(self) -> None:
        """Each in its turn; one that fails is logged and keeps no other from its own."""
        for chore in self._chores:
            try:
                await chore()
            except SERVER_AWAY:
                raise  # the others can't do without it either
            except Exception:
                # the sweeper's pass (house.md §6): a bug in one chore must not stop escalations or masks
                log.exception("chore failed", extra={"lane": self._lane})


class Every:
    """A chore that is done at most each `seconds`, however often it is asked for."""

    def __init__(self, seconds: float, chore: Chore) -> None:
        self._seconds = seconds
        self._chore = chore
        self._next = 0.0

    async def __call__(self) -> None:
        """Do it when its time has come."""
        if clock.monotonic() >= self._next:
            self._next = clock.monotonic() + self._seconds
            await self._chore()


def _as_job(work: Callable[[dict[Any, Any], list[str]], Awaitable[None]]) -> "WorkerCoroutine":
    """Arq's protocol asks for a named coroutine function."""
    return cast("WorkerCoroutine", work)


async def _end(worker: Worker) -> None:
    """Let arq give its tasks up; a Redis that is away must not keep it."""
    try:
        async with asyncio.timeout(_REDIS_PAUSE_S):
            await worker.close()
    except (RedisError, OSError, TimeoutError) as error:
        log.info("arq's worker ended without Redis", extra={"error": type(error).__name__})
