"""Commands that need the database for a moment: the one that is named, or the embedded one.

If `fenghuo up` runs, its embedded server is used as it is; if nobody runs it, it is started for this command.
"""

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import asyncpg

from backend.core.db.embedded import EmbeddedServer, prepare_postgres
from backend.core.db.engine import close_database, open_database
from backend.core.db.migrate import migrate
from backend.core.errors import Refused
from backend.core.settings import Settings

Answer = TypeVar("Answer")
_PATIENCE_S: Final = 30.0
_STEP_S: Final = 0.05


async def with_database(
    settings: Settings, work: Callable[[Settings], Awaitable[Answer]], *, patience_s: float = _PATIENCE_S
) -> Answer:
    """Do `work` with the pool open on a migrated database. Raises `Refused` when the server can't be reached."""
    async with _server(settings) as url:
        await migrate(settings.database.owner_url.value or url, patience_s=patience_s)
        await open_database(url, pool=4)
        try:
            return await work(settings)
        finally:
            await close_database()


@contextlib.asynccontextmanager
async def _server(settings: Settings) -> AsyncIterator[str]:
    if settings.database.url:
        yield settings.database.url.value
        return
    server = prepare_postgres(Path(settings.data))
    if await _answers(server.url):
        yield server.url
        return
    process = await asyncio.create_subprocess_exec(
        *server.command,
        user=server.user,
        group=server.user,
        extra_groups=[] if server.user else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await _until_up(server, process)
        yield server.url
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await process.wait()


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=2)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


async def _until_up(server: EmbeddedServer, process: asyncio.subprocess.Process) -> None:
    waited = 0.0
    while not await _answers(server.url):
        if process.returncode is not None or waited > _PATIENCE_S:
            raise Refused("the embedded PostgreSQL did not start")
        await asyncio.sleep(_STEP_S)
        waited += _STEP_S
