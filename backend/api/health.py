"""`/health/live`, `/health/ready` and `/metrics`: what a supervisor and Prometheus ask.

The rule: PostgreSQL and its schema decide readiness; Redis is told and never decides (house.md §3.2).
"""

import asyncio
from typing import Final

import asyncpg
import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from backend.core.db.engine import fetch_one
from backend.core.metrics import exposition
from backend.core.redis import RedisError, connect
from backend.core.settings import Settings

_PATIENCE_S: Final = 2.0


class Ready(msgspec.Struct, frozen=True):
    """What the web process can reach."""

    ready: bool
    database: str
    redis: str


@get("/health/live", include_in_schema=False)
async def live() -> dict[str, bool]:
    """The process answers."""
    return {"live": True}


async def _database() -> str:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            row = await fetch_one("select to_regclass('inbox_items') is not null as is_there")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        return type(error).__name__
    return "ok" if row and row["is_there"] else "no schema"


async def _redis(url: str) -> str:
    if not url:
        return "not set"
    client = connect(url)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await client.ping()
    except (RedisError, OSError, TimeoutError) as error:
        return type(error).__name__
    finally:
        await client.aclose()
    return "ok"


@get("/health/ready", include_in_schema=False)
async def ready(settings: NamedDependency[Settings]) -> Response[Ready]:
    """Whether requests can be served; 503 when the database or its schema is missing."""
    database, redis = await asyncio.gather(_database(), _redis(settings.redis.url.value))
    is_ready = database == "ok"
    return Response(Ready(is_ready, database, redis), status_code=200 if is_ready else 503)


@get("/metrics", include_in_schema=False, media_type="text/plain; version=0.0.4; charset=utf-8")
async def metrics() -> bytes:
    """All processes' metrics."""
    return await asyncio.to_thread(exposition)


HEALTH: Final = [live, ready, metrics]
