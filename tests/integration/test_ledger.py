"""The ledger refuses change, its chain holds under concurrent writers, and its verifier names what was altered."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from backend.core.db.engine import execute, fetch_one, transaction
from backend.core.ids import LedgerId, new_id
from backend.ledger.export import export
from backend.ledger.model import Entry
from backend.ledger.service import append, record_action
from backend.ledger.verify import verify

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def entry(octets: bytes = b"@@", **more: object) -> Entry:
    return Entry(id=LedgerId(new_id()), kind="frame_in", received_at=NOW, octets=octets, address="790300000000", **more)


async def write(count: int) -> None:
    async with transaction():
        await append([entry(bytes([n % 256])) for n in range(count)])


async def as_owner(url: str, *statements: str) -> None:
    """What a superuser with bad intentions can do behind our back."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set session_replication_role = replica")
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.clause("4.1.3")
@pytest.mark.parametrize(
    "statement",
    [
        "update ledger set octets = '\\x00'",
        "delete from ledger",
        "truncate ledger",
        "truncate ledger_rest",
        "drop table ledger",
        "delete from ledger_head",
        "alter table ledger disable trigger all",
    ],
)
async def test_the_service_can_neither_change_nor_delete_the_ledger(database: str, statement: str) -> None:
    await write(3)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(statement)


@pytest.mark.clause("4.1.3")
@pytest.mark.parametrize(
    "statement",
    [
        "update ledger set octets = '\\x00' where seq = 2",
        "delete from ledger where seq = 2",
        "truncate ledger",
        "update ledger_head set seq = 1",
        "delete from ledger_head",
    ],
)
async def test_even_the_owner_is_refused_by_the_triggers(database: str, statement: str) -> None:
    await write(3)
    connection = await asyncpg.connect(database)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_partitions_refuse_the_service_directly(database: str) -> None:
    await write(1)
    row = await fetch_one("select inhrelid::regclass::text as name from pg_inherits order by 1 limit 1")
    assert row is not None
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(f"delete from {row['name']}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(f"select * from {row['name']}")


@pytest.mark.clause("4.1.3")
async def test_writers_at_the_same_time_extend_one_chain(database: str) -> None:
    await asyncio.gather(*(write(n) for n in range(1, 21)), *(_act(n) for n in range(10)))
    found = await verify()
    assert found.is_good, found.reason
    assert found.rows == sum(range(1, 21)) + 10


async def _act(number: int) -> None:
    async with transaction():
        await record_action("wang", "alarm.acknowledged", {"alarm": number})


async def _write_and_fail() -> None:
    async with transaction():
        await append([entry()])
        _ = 1 / 0


async def test_a_transaction_that_fails_leaves_no_gap(database: str) -> None:
    await write(2)
    with pytest.raises(ZeroDivisionError):
        await _write_and_fail()
    await write(2)
    found = await verify()
    assert (found.is_good, found.rows) == (True, 4)


@pytest.mark.clause("4.1.3")
@pytest.mark.parametrize(
    ("harm", "bad_row", "words"),
    [
        ("update ledger set octets = '\\x63' where seq = 4", 4, "content"),
        ("update ledger set received_at = received_at + interval '1 second' where seq = 2", 2, "content"),
        ("update ledger set facts = '{\"a\":1}' where seq = 5", 5, "content"),
        ("delete from ledger where seq = 3", 4, "row 3 is missing"),
        ("delete from ledger where seq = 6", 6, "the head names row 6"),
        ("update ledger set digest = sha256('x') where seq = 6", 6, "content"),
        ("update ledger set chain = sha256('x') where seq = 1", 1, "follow"),
    ],
)
async def test_the_verifier_names_the_first_row_changed_behind_its_back(
    database: str, harm: str, bad_row: int, words: str
) -> None:
    await write(6)
    assert (await verify()).is_good
    await as_owner(database, harm)
    found = await verify()
    assert (found.is_good, found.seq) == (False, bad_row)
    assert words in found.reason


@pytest.mark.clause("4.1.3")
async def test_an_export_is_checked_by_a_script_that_needs_only_python(database: str, tmp_path: Path) -> None:
    async with transaction():
        await append([entry(bytes(range(256)), peer="10.0.0.1:5001", facts={"注": "火警"}), entry()])
    assert await export(tmp_path) == 2
    command = [sys.executable, "-I", "-S", "verify_ledger.py", "ledger.jsonl"]
    good = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout
    head = (await verify()).head
    assert head in good.stdout
    lines = (tmp_path / "ledger.jsonl").read_text().replace("火警", "误报")
    (tmp_path / "ledger.jsonl").write_text(lines)
    bad = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout.startswith("row 1: the row's content")) == (1, True)


async def test_a_month_without_a_partition_still_takes_entries(database: str) -> None:
    async with transaction():
        await append([Entry(id=LedgerId(new_id()), kind="frame_in", received_at=datetime(2041, 5, 1, tzinfo=UTC))])
    assert (await verify()).is_good
