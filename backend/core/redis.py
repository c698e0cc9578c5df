"""The fast path. Redis may vanish at any moment and cost time, never an alarm (house.md §3.2)."""

from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = ["RedisConnectionError", "RedisError", "RedisTimeoutError", "connect"]

_TIMEOUT_S: Final = 0.5


def connect(url: str, *, timeout: float | None = _TIMEOUT_S) -> Redis:
    """A client that gives up fast: a ring that fails is made good by the sweeper.

    `timeout` (seconds) bounds each command; None for a subscriber, which waits for ever.
    """
    client: Redis = Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=_TIMEOUT_S,
        # redis-py 5.3's own health check recurses without end when a server takes connections and answers nothing
        health_check_interval=0,
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), 1),
        retry_on_error=[RedisConnectionError],
    )
    return client
