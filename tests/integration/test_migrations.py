"""The schema goes up, down and up again, and no table has drifted from its migration."""

import asyncpg
import pytest
from piccolo.apps.migrations.auto.schema_differ import SchemaDiffer  # noqa: F401 - import proves the version

from backend.core.db.migrate import migrate, undo


async def _tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    finally:
        await connection.close()
    return {row["tablename"] for row in rows}


async def test_the_schema_goes_up_down_and_up_again(database_url: str) -> None:
    before = await _tables(database_url)
    assert {"alarms", "ledger", "attempts", "people"} <= before
    await undo(database_url, "all")
    assert await _tables(database_url) <= {"migration"}
    await migrate(database_url)
    assert await _tables(database_url) == before


async def test_the_service_role_can_neither_create_tables_nor_read_the_owners_secrets(database: str) -> None:
    from backend.core.db.engine import execute

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute("create table mine (id int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute("drop table alarms")


async def test_no_table_has_drifted_from_its_migrations() -> None:
    from piccolo.apps.migrations.commands.new import AutoMigrationManager

    from backend.core.db.piccolo_app import APP_CONFIG

    statements = await AutoMigrationManager().get_alter_statements(app_config=APP_CONFIG)
    assert [each for part in statements for each in part.statements] == []
