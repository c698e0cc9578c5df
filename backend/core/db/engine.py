"""One engine and one pool a process. Piccolo's queries and plain SQL share the pool and the transaction.

`transaction()` is where a use case begins; inside it no network is called and no task spawned
(examples.md 2.3: a child task would inherit the connection).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from piccolo.engine.postgres import PostgresEngine

from backend.core.settings import Settings

#: the role every service process works under: it can't change the ledger nor the tables
SERVICE_ROLE: Final = "fenghuo_service"
_COMMAND_TIMEOUT_S: Final = 10


class _Engine(PostgresEngine):
    """Piccolo's engine, without its connection at import: the address is known only at `open_database`."""

    async def check_version(self) -> None:
        """PostgreSQL 18 is what we ship and name; nothing to ask."""

    async def prep_database(self) -> None:
        """No extension is used."""


ENGINE: Final = _Engine(config={}, extensions=())


async def open_database(url: str, *, pool: int = 8, role: str = SERVICE_ROLE) -> None:
    """Start the pool. `role` is taken on at connect; migrations pass an empty one to stay the owner."""
    settings = {"application_name": "fenghuo", "timezone": "UTC"}
    if role:
        settings["role"] = role
    ENGINE.config = {"dsn": url, "server_settings": settings, "command_timeout": _COMMAND_TIMEOUT_S}
    await ENGINE.start_connection_pool(min_size=1, max_size=pool)


async def close_database() -> None:
    """Give the connections back. A connection that does not end in 5 s is cut."""
    if ENGINE.pool is not None:
        pool, ENGINE.pool = ENGINE.pool, None
        try:
            await asyncio.wait_for(pool.close(), 5)
        except TimeoutError:
            pool.terminate()


@asynccontextmanager
async def database(settings: Settings, url: str | None = None) -> AsyncIterator[None]:
    """The pool for the length of a process."""
    await open_database(url or settings.database.url.value, pool=settings.database.pool)
    try:
        yield
    finally:
        await close_database()


@asynccontextmanager
async def transaction() -> AsyncIterator[asyncpg.Connection]:
    """One transaction, joined by every Piccolo query made in this task meanwhile; nested calls join it too."""
    async with ENGINE.transaction(allow_nested=True):
        current = ENGINE.current_transaction.get()
        assert current is not None
        yield current.connection


@asynccontextmanager
async def connection() -> AsyncIterator[asyncpg.Connection]:
    """The transaction's connection when there is one, else one from the pool."""
    current = ENGINE.current_transaction.get()
    if current is not None:
        yield current.connection
        return
    assert ENGINE.pool is not None, "open_database first"
    async with ENGINE.pool.acquire() as one:
        yield one


async def fetch(sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a plain query as dicts (hot paths and joins; house.md §6)."""
    async with connection() as one:
        return [dict(row) for row in await one.fetch(sql, *values)]


async def fetch_one(sql: str, *values: Any) -> dict[str, Any] | None:
    """The first row, or None."""
    async with connection() as one:
        row = await one.fetchrow(sql, *values)
        return dict(row) if row is not None else None


async def execute(sql: str, *values: Any) -> str:
    """Run one statement; answers PostgreSQL's command tag."""
    async with connection() as one:
        return str(await one.execute(sql, *values))


async def execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for many rows in one round trip."""
    async with connection() as one:
        await one.executemany(sql, rows)
