"""A fresh database for each test, made while the one before it is in use."""

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from backend.core.db.migrate import migrate

T = TypeVar("T")
_TEMPLATE = "template_fenghuo"


def in_database(url: str, name: str) -> str:
    """The same server's URL for another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


class Databases:
    """Copies of one migrated database. A thread makes the next one and drops the last one: no test waits for either."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, "databases")
        self._runner = asyncio.Runner()
        self._owner: asyncpg.Connection
        self._in(self._begin).result()
        self._next = self._in(self._make)
        self._dropped: list[Future[None]] = []

    def _in(self, act: Callable[..., T], *facts: Any) -> Future[T]:
        return self._thread.submit(act, *facts)

    def _begin(self) -> None:
        self._runner.run(self._connect())
        self._runner.run(self._owner.execute(f"create database {_TEMPLATE}"))
        self._runner.run(migrate(in_database(self._url, _TEMPLATE)))

    async def _connect(self) -> None:
        for _ in range(200):
            try:
                self._owner = await asyncpg.connect(in_database(self._url, "postgres"))
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.05)
            else:
                return
        raise AssertionError("PostgreSQL did not start")

    def _make(self) -> str:
        name = f"t_{uuid.uuid4().hex[:12]}"
        self._runner.run(self._owner.execute(f"create database {name} template {_TEMPLATE} strategy file_copy"))
        return name

    def _drop(self, name: str) -> None:
        self._runner.run(self._owner.execute(f"drop database {name} with (force)"))

    async def take(self) -> str:
        """The name of a migrated, empty database that nobody else has."""
        name = await asyncio.wrap_future(self._next)
        self._next = self._in(self._make)
        return name

    def give_back(self, name: str) -> None:
        """Drop it, soon."""
        self._dropped.append(self._in(self._drop, name))

    def close(self) -> None:
        """Wait for the last one. Raises what a drop raised."""
        self._in(lambda: self._runner.run(self._owner.close())).result()
        self._in(self._runner.close).result()
        self._thread.shutdown()
        for each in self._dropped:
            each.result()
