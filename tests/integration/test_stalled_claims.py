"""A process that stands still amid a claim on carriers' limits (a bot's answer) holds up no fire (4.3.3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from backend.core import clock
from backend.core.db.engine import ENGINE, execute, fetch
from backend.core.ids import AttemptId, PersonId, new_id
from backend.core.settings import Budgets
from backend.core.vocabulary import Channel
from backend.delivery.budgets import Ask, Word, limits_of
from backend.delivery.carry import Carrier
from backend.delivery.model import Delivery, Receipt
from backend.delivery.spending import spend
from backend.monitoring.model import StateSaid
from tests.integration.test_chat_alarms import smoke

LIMITS = limits_of(Budgets())


def answer_of_the_bot() -> Ask:
    return Ask(
        attempt=AttemptId(new_id()),
        person=PersonId(new_id()),
        medium=Channel.TELEGRAM,
        address="1",
        is_fire=False,
        useful_until=clock.now() + timedelta(minutes=1),
        may_join=False,
    )


class Way:
    """A channel that takes everything."""

    can_edit = False

    def __init__(self, name: Channel, sent: list[str]) -> None:
        self.name = name
        self.sent = sent

    async def send(self, _: Delivery) -> Receipt:
        self.sent.append(str(self.name))
        return Receipt(surface={})


@asynccontextmanager
async def somebody_stands_still() -> AsyncIterator[None]:
    """Another process's transaction, with the account's log in its hands."""
    await spend([answer_of_the_bot()], LIMITS, clock.now())
    connection = await asyncpg.connect(ENGINE.config["dsn"])
    held = connection.transaction()
    await held.start()
    try:
        await connection.execute("select 1 from spendings where key = 'telegram/' for update")
        yield
    finally:
        await held.rollback()
        await connection.close()


@pytest.mark.clause("4.3.3")
async def test_a_fire_goes_by_every_way_though_the_limits_are_in_a_still_hand(door: Any, unit: dict[str, UUID]) -> None:
    await execute(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, 'sms', '13800000001', 1, now(), now())""",
        new_id(),
        unit["manager"],
    )
    await door.hears(StateSaid(subject=smoke(1), state=1 << 1))
    rows = await fetch("select id, channel from attempts where state = 'pending' and lane = 'fire'")
    wanted = {row["channel"] for row in rows}
    assert {"sms", "telegram"} <= wanted
    sent: list[str] = []
    ways: Any = {Channel(each): Way(Channel(each), sent) for each in wanted}
    carrier = Carrier("test", ways, timeout_s=2.0, concurrency=8, limits=LIMITS)
    async with somebody_stands_still():
        await carrier.start()
        try:
            async with asyncio.timeout(8):  # it was ten: the lease of who stood still
                await carrier.carry([AttemptId(row["id"]) for row in rows])
        finally:
            await carrier.stop()
        assert set(sent) == wanted


async def test_what_is_no_fire_waits_for_the_still_hand(database: str) -> None:
    assert database
    async with somebody_stands_still():
        ask = answer_of_the_bot()
        answer = (await spend([ask], LIMITS, clock.now()))[ask.attempt]
    assert answer.word is Word.WAIT
