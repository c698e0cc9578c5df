"""Migrations that Piccolo's columns can't say: an SQL script forwards and one backwards, in `sql/`."""

from pathlib import Path
from typing import Final

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine.finder import engine_finder

_SQL: Final = Path(__file__).parent / "sql"


def script_migration(identity: str, description: str, name: str) -> MigrationManager:
    """A migration that runs `sql/<name>_forwards.sql`, and `sql/<name>_backwards.sql` to undo it."""
    manager = MigrationManager(migration_id=identity, app_name="fenghuo", description=description)

    async def forwards() -> None:
        await _run(f"{name}_forwards.sql")

    async def backwards() -> None:
        await _run(f"{name}_backwards.sql")

    manager.add_raw(forwards)
    manager.add_raw_backwards(backwards)
    return manager


async def _run(name: str) -> None:
    engine = engine_finder()
    assert engine is not None, "piccolo_conf names the engine"
    script = (_SQL / name).read_text(encoding="utf-8")
    current = engine.current_transaction.get()
    if current is not None:
        await current.connection.execute(script)
        return
    connection = await engine.get_new_connection()  # type: ignore[attr-defined]
    try:
        await connection.execute(script)
    finally:
        await connection.close()
