"""An answer at the instant at which a carrier's refusal is written down: neither waits for the other in a ring."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest

from backend.alarms.service import acknowledge, judge
from backend.alarms.undoing import undo_verdict
from backend.complaints import handling
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch, transaction
from backend.core.ids import NoticeId
from backend.core.vocabulary import Verdict, Via
from backend.delivery import outcomes
from backend.delivery.fallback import lock_notices
from tests.integration.test_complaints import Town, town
from tests.integration.test_reaching import Crew, crew, raised, still

__all__ = ["crew", "still", "town"]
pytestmark = pytest.mark.told_apart
_OF_PEOPLE = "select t.id, t.notice from attempts t join notices n on n.id = t.notice where n.alarm = $1"
_WAITING = """
    select 1 as one from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where not l.granted and a.datname = current_database()"""


async def beside_a_refusal(about: UUID, answer: Awaitable[Any]) -> None:
    """`answer` begins when an outcome that begins the next kind holds the notices, and wants their attempts next."""
    held = asyncio.Event()
    rows = await fetch(_OF_PEOPLE, about)

    async def writes_down() -> None:
        async with transaction():
            await lock_notices([NoticeId(row["notice"]) for row in rows])
            held.set()
            while not await fetch(_WAITING):
                await asyncio.sleep(0)
            await execute(outcomes._LOCK, [row["id"] for row in rows])

    async def answers() -> None:
        await held.wait()
        await answer

    await asyncio.gather(writes_down(), answers())


@pytest.mark.parametrize("via", [Via.TELEGRAM, Via.PHONE, Via.CONSOLE])
async def test_who_acknowledges_is_not_thrown_out_by_a_refusal(door: Any, crew: Crew, via: Via) -> None:
    alarm = await raised(door)
    await beside_a_refusal(alarm, acknowledge(crew.manager, alarm, via))
    assert len(await fetch("select 1 from acknowledgements")) == 1


async def test_who_judges_what_they_know_and_takes_it_back_is_not_thrown_out_by_a_refusal(
    door: Any, crew: Crew, still: StillClock
) -> None:
    alarm = await raised(door)
    await execute("update attempts set due_at = due_at + interval '60 seconds' where channel = 'telegram'")
    await acknowledge(crew.manager, alarm, Via.TELEGRAM)
    await beside_a_refusal(alarm, judge(crew.manager, alarm, Verdict.FALSE, Via.TELEGRAM))
    await beside_a_refusal(alarm, undo_verdict(crew.manager, alarm, Via.TELEGRAM))
    assert {row["state"] for row in await fetch("select state from attempts")} == {"pending"}


async def test_a_handlers_reply_is_not_thrown_out_by_the_refusal_of_an_earlier_one(
    town: Town, still: StillClock
) -> None:
    one = await town.files()
    await handling.reply(town.li, one.id, "已派人", Via.TELEGRAM)
    await beside_a_refusal(one.id, handling.reply(town.li, one.id, "明早到", Via.TELEGRAM))
    assert len(await fetch("select 1 from complaint_entries where kind = 'reply'")) == 2
