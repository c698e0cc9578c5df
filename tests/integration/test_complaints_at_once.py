"""Two who act on one complaint at the same instant: the later one acts on what the earlier one left."""

import asyncio
from collections.abc import Awaitable

from backend.complaints import handling, service
from backend.complaints.chores import look_after_complaints
from backend.complaints.model import Complaint, State
from backend.complaints.rows import complaint_for
from backend.core import clock
from backend.core.db.engine import fetch, transaction
from backend.core.vocabulary import Via
from tests.integration.test_complaints import DAY, HOW, START, Town, breaches, still, town

__all__ = ["still", "town"]
_WAITING = """
    select 1 as one from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where not l.granted and a.datname = current_database()"""


async def one_behind_the_other(first: Awaitable[Complaint], second: Awaitable[Complaint]) -> Complaint:
    """`first` commits when `second` already waits for its row."""
    acted = asyncio.Event()

    async def holds() -> None:
        async with transaction():
            await first
            acted.set()
            while not await fetch(_WAITING):
                await asyncio.sleep(0)

    async def follows() -> Complaint:
        await acted.wait()
        return await second

    _, after = await asyncio.gather(holds(), follows())
    return after


async def test_an_answer_at_the_instant_of_the_question_lets_the_clock_go_on(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    await handling.take(town.li, one.id, Via.TELEGRAM)
    after = await one_behind_the_other(
        handling.ask_back(town.li, one.id, "几点？", Via.TELEGRAM),
        service.answer(town.wang, one.id, "昨晚十点", Via.PHONE),
    )
    assert (after.state, after.round.paused_at, after.round.replied_at) == (State.IN_PROGRESS, None, START)
    assert await complaint_for(town.li, one.id) == after
    still.advance(30 * DAY)
    await look_after_complaints()
    assert await breaches() == [("settlement", 0)]


async def test_a_settlement_at_the_instant_of_the_first_reply_does_not_move_it(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    await handling.take(town.li, one.id, Via.TELEGRAM)

    async def settles_later() -> Complaint:
        still.advance(DAY)
        return await handling.settle(town.li, one.id, HOW, Via.CONSOLE)

    after = await one_behind_the_other(handling.reply(town.li, one.id, "马上", Via.TELEGRAM), settles_later())
    assert after.round.replied_at == START


async def test_an_act_at_the_instant_of_reopening_is_on_the_new_round(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await handling.settle(town.li, one.id, HOW, Via.CONSOLE)
    after = await one_behind_the_other(
        service.reopen(town.wang, one.id, "又坏了", Via.TELEGRAM),
        handling.note(town.li, one.id, "备注", Via.CONSOLE),
    )
    assert after.round.number == 1
