"""Migrations: Piccolo's, run as the owner under an advisory lock, so that any number of processes may start at once."""

import asyncio
import contextlib
import io
import logging
from typing import Final

import asyncpg
from piccolo.apps.migrations.commands.backwards import run_backwards
from piccolo.apps.migrations.commands.forwards import run_forwards

from backend.core.db.engine import close_database, open_database
from backend.core.errors import Refused

_LOCK: Final = 0x66656E6768756F  # "fenghuo"
_PATIENCE_S: Final = 60
#: what no waiting mends
_NO_SUCH: Final = (asyncpg.InvalidCatalogNameError, asyncpg.InvalidPasswordError)
log = logging.getLogger(__name__)


async def migrate(owner_url: str, *, patience_s: float = _PATIENCE_S) -> None:
    """Bring the schema up to date. Raises `Refused` when a migration fails or the server can't be reached."""
    lock = await _connect(owner_url, patience_s)
    try:
        await lock.execute("select pg_advisory_lock($1)", _LOCK)
        await open_database(owner_url, pool=2, role="")
        try:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                result = await run_forwards("fenghuo", "all")
            if not result.success:
                raise Refused(f"migration failed: {result.message}")
        finally:
            await close_database()
    finally:
        await lock.close()


async def undo(owner_url: str, migration: str) -> None:
    """Go back to before `migration` ("all" for an empty schema); for tests and emergencies."""
    await open_database(owner_url, pool=2, role="")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            result = await run_backwards("fenghuo", migration, auto_agree=True)
        if not result.success:
            raise Refused(f"migration could not be undone: {result.message}")
    finally:
        await close_database()


async def _connect(url: str, patience_s: float) -> asyncpg.Connection:
    """Connect, with patience for a server that is just starting."""
    waited = 0.0
    while True:
        try:
            return await asyncpg.connect(url, timeout=5)
        except (asyncpg.InterfaceError, asyncpg.InvalidAuthorizationSpecificationError, *_NO_SUCH) as error:
            raise Refused(f"PostgreSQL refuses us: {type(error).__name__}; look at FENGHUO_DATABASE_URL") from None
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError) as error:
            if waited >= patience_s:
                raise Refused(f"PostgreSQL can't be reached: {type(error).__name__}") from None
            await asyncio.sleep(0.1)
            waited += 0.1
