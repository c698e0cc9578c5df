"""One engine and one pool a process. Piccolo's queries and plain SQL share the pool and the transaction.

`transaction()` is where a use case begins; inside it no network is called and no task spawned
(examples.md 2.3: a child task would inherit the connection).
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from types import TracebackType
from typing import Any, Final

import asyncpg
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from backend.core.settings import Settings

#: the role every service process works under: it can't change the ledger nor the tables
SERVICE_ROLE: Final = "fenghuo_service"
_COMMAND_TIMEOUT_S: Final = 10


#: what says "not now" rather than "this statement is wrong": the server restarts, or is out of room
SERVER_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
#: what a connection that is being cut may raise at any moment; asyncpg raises the first when the server's farewell
#: came between two of our statements
_BROKEN: Final = (asyncpg.InternalClientError, asyncpg.InterfaceError, asyncpg.PostgresError, OSError)


class _Transaction(PostgresTransaction):
    """Piccolo's transaction, which also ends when its connection breaks.

    Piccolo's own leaves the context and the pool's connection taken when BEGIN, ROLLBACK or COMMIT fails: a task
    that lives on (the front door's) would join the dead transaction for ever.
    """

    async def __aenter__(self) -> PostgresTransaction:
        """Begin, or join the one that is open."""
        if self._parent is not None:
            return self._parent
        pool = self.engine.pool
        assert pool is not None, "open_database first"
        self.connection = await pool.acquire()
        try:
            self.transaction = self.connection.transaction()
            await self.transaction.start()
        except BaseException:
            await self._give_back()
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Commit or roll back. A rollback that fails is no news: the transaction is gone with its connection."""
        if self._parent is not None:
            return error is None
        try:
            if error is None:
                await self.transaction.commit()
            else:
                with contextlib.suppress(*_BROKEN):
                    await self.transaction.rollback()
        finally:
            self.engine.current_transaction.reset(self.context)
            await self._give_back()
        return error is None

    async def _give_back(self) -> None:
        """To the pool, which drops a broken one."""
        if self.engine.pool is not None:
            with contextlib.suppress(*_BROKEN):
                await self.engine.pool.release(self.connection)


class _Engine(PostgresEngine):
    """Piccolo's engine, without its connection at import: the address is known only at `open_database`."""

    async def check_version(self) -> None:
        """PostgreSQL 18 is what we ship and name; nothing to ask."""

    def transaction(self, allow_nested: bool = True) -> _Transaction:
        """A transaction that ends whatever happens to its connection."""
        return _Transaction(engine=self, allow_nested=allow_nested)

    async def prep_database(self) -> None:
        """No extension is used."""


ENGINE: Final = _Engine(config={}, extensions=())


async def open_database(url: str, *, pool: int = 8, role: str = SERVICE_ROLE) -> None:
    """Start the pool. `role` is taken on at connect; migrations pass an empty one to stay the owner."""
    settings = {"application_name": "fenghuo", "timezone": "UTC"}
    if role:
        settings["role"] = role
    ENGINE.config = {"dsn": url, "server_settings": settings, "command_timeout": _COMMAND_TIMEOUT_S}
    await ENGINE.start_connection_pool(min_size=1, max_size=pool, reset=_nothing_to_reset)


async def _nothing_to_reset(_: asyncpg.Connection) -> None:
    """No session state is ever set, so the pool's reset would be a round trip for nothing after every statement."""


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
    with _one_kind_of_trouble():
        async with ENGINE.transaction(allow_nested=True):
            current = ENGINE.current_transaction.get()
            assert current is not None
            yield current.connection


@contextlib.contextmanager
def _one_kind_of_trouble() -> Iterator[None]:
    """A connection that is being cut is an `InterfaceError`, whatever asyncpg makes of it."""
    try:
        yield
    except asyncpg.InternalClientError as error:
        raise asyncpg.InterfaceError(f"the connection is being cut: {error}") from error


@asynccontextmanager
async def connection() -> AsyncIterator[asyncpg.Connection]:
    """The transaction's connection when there is one, else one from the pool."""
    current = ENGINE.current_transaction.get()
    if current is not None:
        yield current.connection
        return
    assert ENGINE.pool is not None, "open_database first"
    with _one_kind_of_trouble():
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


#: a statement that writes, with its values
Write = tuple[str, Sequence[Any]]
_PLACE: Final = re.compile(r"\$(\d+)")


async def write_together(writes: Sequence[Write]) -> None:
    """Run several inserts, updates or deletes in one round trip, as one statement.

    None of them sees what another one writes, but a foreign key may point to what another one inserts. A round trip
    less is two changes of process less, which is most of what a small statement takes on a busy machine.
    """
    if not writes:
        return
    sql = _together(*((each, len(values)) for each, values in writes))
    await execute(sql, *(value for _, values in writes for value in values))


@lru_cache(maxsize=128)
def _together(*parts: tuple[str, int]) -> str:
    """The statements as one: all but the last as `with` clauses, the places of values counted through."""
    done, shifted = 0, []
    for sql, values in parts:
        shifted.append(_PLACE.sub(lambda place, by=done: f"${int(place[1]) + by}", sql))  # type: ignore[misc]
        done += values
    *first, last = shifted
    names = ", ".join(f"write_{number} as ({sql})" for number, sql in enumerate(first))
    return f"with {names} {last}" if names else last


async def execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for many rows in one round trip."""
    async with connection() as one:
        await one.executemany(sql, rows)
