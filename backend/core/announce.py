"""After a commit: ring for attempts and redraws, hint to pages. One announcer a process; without one, the sweeper does.

Nothing here may raise: the rows are safe, and a lost word costs only time.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from redis.asyncio import Redis

from backend.core.doorbell import Doorbell
from backend.core.live import Hint, publish
from backend.core.redis import connect
from backend.core.vocabulary import Lane


class Announcer:
    """Rings and hints over Redis."""

    def __init__(self, redis_url: str) -> None:
        self._doorbell = Doorbell(redis_url)
        self._redis: Redis = connect(redis_url)

    async def open(self) -> None:
        """Take up the connection pools."""
        await self._doorbell.open()

    async def close(self) -> None:
        """Give them back."""
        await self._doorbell.close()
        await self._redis.aclose()

    async def announce(
        self,
        attempts: Mapping[Lane, Sequence[UUID]],
        redraws: Mapping[Lane, Sequence[UUID]],
        hints: Sequence[Hint],
    ) -> None:
        """Fire first."""
        for lane in Lane:
            if attempts.get(lane):
                await self._doorbell.ring(lane, attempts[lane])
        for lane in Lane:
            if redraws.get(lane):
                await self._doorbell.ring_redraws(lane, redraws[lane])
        if hints:
            await publish(self._redis, *hints)


class _Current:
    announcer: Announcer | None = None


async def announce(
    attempts: Mapping[Lane, Sequence[UUID]], redraws: Mapping[Lane, Sequence[UUID]], hints: Sequence[Hint]
) -> None:
    """By this process's announcer; a process without one leaves it to the sweeper."""
    if _Current.announcer is not None:
        await _Current.announcer.announce(attempts, redraws, hints)


@asynccontextmanager
async def announcing(redis_url: str) -> AsyncIterator[Announcer]:
    """This process's announcer, for the length of the process."""
    announcer = Announcer(redis_url)
    await announcer.open()
    _Current.announcer = announcer
    try:
        yield announcer
    finally:
        _Current.announcer = None
        await announcer.close()
