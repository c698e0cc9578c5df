"""After a commit: ring for attempts and redraws, hint to pages. One announcer a process; without one, the sweeper does.

Nothing here may raise: the rows are safe, and a lost word costs only time.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from backend.core import clock
from backend.core.doorbell import Doorbell
from backend.core.live import Hint, publish
from backend.core.redis import connect
from backend.core.vocabulary import Lane

_PATIENCE_S: Final = 1.0
_QUIET_S: Final = 1.0
log = logging.getLogger(__name__)


class Announcer:
    """Rings and hints over Redis."""

    def __init__(self, redis_url: str) -> None:
        self._doorbell = Doorbell(redis_url)
        self._redis: Redis = connect(redis_url)
        self._quiet_until = 0.0

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
        """Fire first. A Redis that hangs holds nobody up for long, and is left alone for a second."""
        if clock.monotonic() < self._quiet_until:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                for lane in Lane:
                    if attempts.get(lane):
                        await self._doorbell.ring(lane, attempts[lane])
                for lane in Lane:
                    if redraws.get(lane):
                        await self._doorbell.ring_redraws(lane, redraws[lane])
                if hints:
                    await publish(self._redis, *hints)
        except TimeoutError:
            self._quiet_until = clock.monotonic() + _QUIET_S
            log.warning("Redis hangs: what was committed is left to the sweeper")


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
