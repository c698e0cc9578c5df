"""A connection that breaks inside a transaction: the task that lives on begins anew, and the pool keeps its room."""

import asyncio

import asyncpg
import pytest

from backend.core.db.engine import ENGINE, SERVER_AWAY, fetch_one, transaction
from tests.patience import PATIENCE_S


async def _cut_inside_a_transaction() -> None:
    async with transaction() as connection:
        pid = await connection.fetchval("select pg_backend_pid()")
        other = await asyncpg.connect(ENGINE.config["dsn"])
        await other.execute("select pg_terminate_backend($1)", pid)
        await other.close()
        await connection.fetchval("select 1")


async def test_a_task_whose_transaction_broke_can_begin_another(database: str) -> None:
    for _ in range(20):  # more often than the pool has connections
        with pytest.raises(SERVER_AWAY):
            await _cut_inside_a_transaction()
        assert ENGINE.current_transaction.get() is None
        async with asyncio.timeout(PATIENCE_S), transaction() as connection:
            assert await connection.fetchval("select 1") == 1
    async with asyncio.timeout(PATIENCE_S):
        assert await fetch_one("select 1 as one") == {"one": 1}
    assert database
