"""Writing in one round trip, and leases that are renewed beside rows somebody else holds."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from backend.core import clock
from backend.core.db.engine import execute, fetch, transaction, write_together
from backend.core.deadlines import LEASE
from backend.core.ids import AttemptId, new_id
from backend.core.vocabulary import Channel
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt
from backend.monitoring.model import Level, StateSaid, Subject
from tests.patience import PATIENCE_S

FIRE = 1 << 1
_BUILDING = "insert into buildings (id, unit, code, name, address) values ($1, $2, $3, $4, '')"
_ZONE = "insert into zones (id, building, code, name, floor) values ($1, $2, $3, $4, $5)"


def smoke(number: int) -> Subject:
    return Subject(
        level=Level.COMPONENT,
        system_type=1,
        system_address=1,
        component_type=40,
        component_address=f"0a0002{number:02x}",
    )


async def test_several_writes_go_as_one_and_may_point_to_each_other(unit: dict[str, UUID]) -> None:
    building = new_id()
    await write_together(
        [
            (_ZONE, [new_id(), building, "Z1", "东侧", "2层"]),  # comes before what it belongs to
            (_BUILDING, [building, unit["unit"], "B9", "9号楼"]),
            ("update units set address = $1 where id = $2", ["示范路 9 号", unit["unit"]]),
        ]
    )
    (row,) = await fetch(
        """select u.address, b.name, z.floor from zones z join buildings b on b.id = z.building
           join units u on u.id = b.unit where b.id = $1""",
        building,
    )
    assert row == {"address": "示范路 9 号", "name": "9号楼", "floor": "2层"}


async def test_of_writes_that_go_together_all_are_made_or_none(unit: dict[str, UUID]) -> None:
    writes = [
        (_BUILDING, [new_id(), unit["unit"], "B9", "9号楼"]),
        (_ZONE, [new_id(), new_id(), "Z1", "东侧", "2层"]),  # of a building that is not there
    ]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await write_together(writes)
    assert await fetch("select id from buildings where code = 'B9'") == []


async def test_nothing_to_write_asks_nothing_of_the_database() -> None:
    await write_together([])  # no database is open here


class Gated:
    """A carrier that answers when it is let."""

    can_edit = True

    def __init__(self, name: Channel) -> None:
        self.name = name
        self.gate = asyncio.Event()

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, delivery: Delivery) -> Receipt:
        await self.gate.wait()
        return Receipt(surface={"message": delivery.number})

    async def edit(self, delivery: Delivery) -> Receipt:
        return Receipt(surface=delivery.surface or {})


@pytest.fixture
async def slow() -> AsyncIterator[tuple[Carrier, list[Gated]]]:
    channels = [Gated(Channel.APP), Gated(Channel.TELEGRAM)]
    carrier = Carrier("worker-1", {each.name: each for each in channels}, timeout_s=20, concurrency=8)
    await carrier.start()
    yield carrier, channels
    await carrier.stop()


async def test_a_row_that_somebody_holds_does_not_keep_other_leases_from_being_renewed(
    slow: tuple[Carrier, list[Gated]], door: Any, database: str
) -> None:
    carrier, channels = slow
    await door.hears(StateSaid(subject=smoke(1), state=FIRE), StateSaid(subject=smoke(2), state=FIRE))
    ids = [AttemptId(row["id"]) for row in await fetch("select id from attempts order by id")]
    carrying = asyncio.create_task(carrier.carry(ids))

    async def renewed(which: list[AttemptId], since: Any) -> bool:
        rows = await fetch("select lease_until from attempts where id = any($1) and state = 'sending'", which)
        return len(rows) == len(which) and all(row["lease_until"] > since for row in rows)

    async with asyncio.timeout(PATIENCE_S):
        while not await renewed(ids, clock.now()):
            await asyncio.sleep(0.01)
        async with transaction():  # the last in the order of ids: who waits for it holds all the others
            await execute("select from attempts where id = $1 for update", ids[-1])
            first = clock.now() + LEASE
            while not await _elsewhere(database, ids[:-1], first):
                await asyncio.sleep(0.01)
        for channel in channels:
            channel.gate.set()
        assert await carrying == len(ids)
    assert {row["state"] for row in await fetch("select state from attempts")} == {"accepted"}


async def _elsewhere(database: str, which: list[AttemptId], since: Any) -> bool:
    """Whether leases are good for longer than `since`, seen by somebody who takes part in no transaction."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("select lease_until from attempts where id = any($1)", which)
    finally:
        await connection.close()
    return all(row["lease_until"] > since for row in rows)
