"""Keys, indexes, the ledger with its partitions and triggers, and the service's role: what Piccolo can't say."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine.finder import engine_finder

ID = "2026-11-22T23:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "keys, ledger, service role"

_SQL = Path(__file__).parent.parent / "sql"


async def _run(name: str) -> None:
    engine = engine_finder()
    current = engine.current_transaction.get()
    script = (_SQL / name).read_text(encoding="utf-8")
    if current is not None:
        await current.connection.execute(script)
        return
    connection = await engine.get_new_connection()
    try:
        await connection.execute(script)
    finally:
        await connection.close()


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="fenghuo", description=DESCRIPTION)

    async def run():
        await _run("0001_forwards.sql")

    async def run_backwards():
        await _run("0001_backwards.sql")

    manager.add_raw(run)
    manager.add_raw_backwards(run_backwards)
    return manager
