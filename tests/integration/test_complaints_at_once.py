"""Two who act on one complaint at the same instant: the later one acts on what the earlier one left."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random

from backend.complaints import handling, service
from backend.complaints.chores import look_after_complaints
from backend.complaints.model import OPEN_STATES, Complaint, State
from backend.complaints.ordering import open_order
from backend.complaints.queries import complaint_story
from backend.complaints.rows import complaint_for
from backend.core import clock
from backend.core.db.engine import fetch, transaction
from backend.core.errors import Refused
from backend.core.vocabulary import Via
from tests.integration.test_complaints import DAY, HOW, START, Town, breaches, is_whole, still, town

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


async def test_whatever_many_do_at_once_clock_and_state_agree_and_nothing_breaks(
    town: Town, still: clock.StillClock
) -> None:
    ones = [await town.files(f"第{at}条", by=by) for at, by in enumerate([town.wang, town.zhou, town.wang])]
    who = {one.id: town.zhou if one.complainant == town.zhou.id else town.wang for one in ones}
    chance = Random(20261126)

    def act(at: int) -> Awaitable[object]:
        one, handler = chance.choice(ones).id, chance.choice([town.li, town.sun, town.lead])
        acts: list[Callable[[], Awaitable[object]]] = [
            lambda: handling.take(handler, one, Via.CONSOLE),
            lambda: handling.transfer(handler, one, town.sun.id, "", Via.CONSOLE),
            lambda: handling.note(handler, one, f"注{at}", Via.CONSOLE),
            lambda: handling.reply(handler, one, f"答{at}", Via.CONSOLE),
            lambda: handling.ask_back(handler, one, f"问{at}", Via.CONSOLE),
            lambda: handling.settle(handler, one, HOW, Via.CONSOLE),
            lambda: service.answer(who[one], one, f"说{at}", Via.PHONE),
            lambda: service.withdraw(who[one], one, "", Via.PHONE),
            lambda: service.rate(who[one], one, 1 + at % 5, "因", Via.PHONE),
            lambda: service.reopen(who[one], one, f"再{at}", Via.PHONE),
            lambda: open_order(handler, one, "漏水", Via.CONSOLE),
            look_after_complaints,
        ]
        return chance.choice(acts)()

    for _wave in range(12):
        done = await asyncio.gather(*(act(at) for at in range(10)), return_exceptions=True)
        assert [each for each in done if isinstance(each, BaseException) and not isinstance(each, Refused)] == []
        still.advance(timedelta(hours=chance.randint(1, 30)))
    await look_after_complaints()
    for one in ones:
        now = await complaint_for(town.lead, one.id)
        assert (now.round.paused_at is not None) == (now.state is State.WAITING)
        assert (now.round.rating_asked_at is None) == (now.state in OPEN_STATES)
        assert (now.round.closed_at is None) == (now.state not in {State.RATED, State.CLOSED})
        assert now.round.replied_at is not None or now.state not in {State.ANSWERED, State.WAITING, State.SETTLED}
        rounds = (await complaint_story(town.lead, one.id)).rounds
        assert [each.number for each in rounds] == list(range(now.round.number + 1))
    assert await is_whole()
