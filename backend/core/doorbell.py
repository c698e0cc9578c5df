"""The doorbell: an arq job that says "look at these rows now". A lost ring costs time, never an alarm.

arq is a fast path only, behind this one class; the rows in PostgreSQL are the truth and the sweeper finds what
nobody rang for (house.md §3.2, known-traps.md).
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool

from backend.core.redis import RedisError, connect
from backend.core.vocabulary import Lane

_MOST_TOKENS: Final = 64
_CHUNK: Final = 32  #: attempts a job: a job's cost in Redis is shared, one slow carrier delays few
log = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder(enc_hook=str).encode
_decode = msgspec.msgpack.Decoder().decode


def serialize(job: dict[str, Any]) -> bytes:
    """A job as msgpack: ids only, never pickle."""
    return _encode(job)


def deserialize(octets: bytes) -> dict[str, Any]:
    """The other way round."""
    return dict(_decode(octets))


def queue_of(lane: Lane) -> str:
    """The lane's own queue, so that fire is never behind anything else."""
    return f"fenghuo:{lane}"


def topic_of(lane: Lane) -> str:
    """Where a token is pushed, beside the job it speaks of."""
    return f"fenghuo:ring:{lane}"


class Doorbell:
    """Rings for attempts and redraws. Never raises: a Redis that is away is logged once a second."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis: ArqRedis | None = None
        self._silent_until = 0.0

    async def open(self) -> None:
        """Take a connection pool; no connection is made yet."""
        pool: ConnectionPool = connect(self._url).connection_pool
        self._redis = ArqRedis(pool, job_serializer=serialize, job_deserializer=deserialize)

    async def close(self) -> None:
        """Give the connections back."""
        if self._redis is not None:
            await self._redis.aclose(close_connection_pool=True)

    async def ring(self, lane: Lane, attempts: Sequence[UUID]) -> None:
        """Say that these attempts are due."""
        for start in range(0, len(attempts), _CHUNK):
            await self._enqueue(lane, "carry", [str(each) for each in attempts[start : start + _CHUNK]])

    async def ring_redraws(self, lane: Lane, attempts: Sequence[UUID]) -> None:
        """Say that these attempts' cards are to be drawn again."""
        for start in range(0, len(attempts), _CHUNK):
            await self._enqueue(lane, "redraw", [str(each) for each in attempts[start : start + _CHUNK]])

    async def _enqueue(self, lane: Lane, job: str, ids: list[str]) -> None:
        now = asyncio.get_running_loop().time()
        if self._redis is None or now < self._silent_until:
            return
        try:
            await self._redis.enqueue_job(job, ids, _queue_name=queue_of(lane))
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.rpush(topic_of(lane), b"1")
                pipeline.ltrim(topic_of(lane), -_MOST_TOKENS, -1)  # nobody may be there to take them
                await pipeline.execute()
        except (RedisError, OSError) as error:
            self._silent_until = now + 1.0
            log.warning("nobody rang: Redis is away", extra={"error": type(error).__name__, "lane": lane})
