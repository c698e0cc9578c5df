"""Duty checks with a time limit: answered, missed and escalated, late."""

import asyncio
from datetime import timedelta

import asyncpg
import msgspec
import pytest

from backend.chat.model import Saying
from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.errors import Conflict, NotAllowed, Refused
from backend.core.ids import new_id
from backend.core.vocabulary import Via
from backend.duty.check_chat import CHECK_TALK
from backend.duty.checks import answer, ask, look_after_checks, withdraw
from backend.duty.log import log_for
from tests.integration.test_duty import TEN, acts, cards, keys, people, sample, the_unit
from tests.integration.test_status_review import speaker

__all__ = ["sample"]


async def on_rota(code: str) -> None:
    (person,) = await people(code)
    rotation = [{"people": [str(person.id)], "first": "2026-11-01T08:00:00", "count": 1, "every": "days"}]
    await execute(
        """insert into schedules (id, unit, name, rotations, version, created_at, changed_at)
           values ($1, $2, '值班', $3::jsonb, 1, $4, $4)""",
        new_id(), await the_unit(), msgspec.json.encode(rotation).decode(), clock.now(),
    )  # fmt: skip


async def test_the_person_on_duty_answers_in_time(sample: StillClock) -> None:
    await on_rota("zhao")
    zhao, wang, li = await people("zhao", "wang", "li")
    check = await ask(wang, await the_unit(), TEN, "", Via.TELEGRAM)
    assert (check.people, check.is_by_rota) == ((zhao.id,), True)
    (card,) = await cards(check.id, "zhao")
    assert [key.verb for row in card.keys for key in row] == ["dc-here"]
    assert await cards(check.id, "li") == []
    with pytest.raises(Conflict):
        await ask(wang, await the_unit(), TEN, "", Via.TELEGRAM)
    with pytest.raises(NotAllowed):
        await answer(li, check.id, Via.TELEGRAM)
    with pytest.raises(NotAllowed):
        await ask(li, await the_unit(), TEN, "", Via.TELEGRAM)
    sample.advance(TEN - timedelta(seconds=1))
    both = await asyncio.gather(*(answer(zhao, check.id, Via.TELEGRAM) for _ in range(3)))
    assert {each.state for each in both} == {"answered"}
    sample.advance(timedelta(seconds=2))
    assert await look_after_checks() == 0
    assert [act["what"] for act in await acts() if "duty_check" in act["what"]] == [
        "duty_check.asked",
        "duty_check.answered",
    ]
    assert (await cards(check.id, "zhao"))[0].status == "在岗"


async def test_nobody_answers_it_is_recorded_and_escalated_once_and_a_late_answer_changes_nothing(
    sample: StillClock,
) -> None:
    (qian,) = await people("qian")
    check = await ask(qian, await the_unit(), TEN, "请回拍控制室", Via.CONSOLE)
    assert check.is_by_rota is False
    sample.advance(TEN - timedelta(seconds=1))
    assert await look_after_checks() == 0
    sample.advance(timedelta(seconds=1))
    assert sorted(await asyncio.gather(*(look_after_checks() for _ in range(3)))) == [0, 0, 1]
    for code in ("wang", "qian"):
        assert "未应答" in {card.status for card in await cards(check.id, code)}, code
    (desk,) = await fetch("select count(*) as n from notices where alarm = $1 and unit is null", check.id)
    assert desk["n"] == 1
    (li,) = await people("li")
    sample.advance(timedelta(minutes=3))
    late = await answer(li, check.id, Via.TELEGRAM)
    assert (late.state, late.is_late, late.answered_by) == ("missed", True, li.id)
    assert (await answer(li, check.id, Via.TELEGRAM)).answered_at == late.answered_at
    done = [act["what"] for act in await acts() if "duty_check" in act["what"]]
    assert done == ["duty_check.asked", "duty_check.missed", "duty_check.answered_late"]
    assert [line.text for line in await log_for(qian)] == ["#1 迟到的答复", "#1 未应答"]
    with pytest.raises(asyncpg.PostgresError):
        await execute("update duty_checks set state = 'answered' where id = $1", check.id)


async def test_an_answer_after_the_limit_is_late_even_before_the_chore_has_looked(sample: StillClock) -> None:
    qian, li = await people("qian", "li")
    check = await ask(qian, await the_unit(), TEN, "", Via.CONSOLE)
    sample.advance(TEN)
    with pytest.raises(Conflict):
        await withdraw(qian, check.id, Via.CONSOLE)
    assert (await answer(li, check.id, Via.TELEGRAM)).is_late
    assert await look_after_checks() == 0
    done = [act["what"] for act in await acts() if "duty_check" in act["what"]]
    assert done == ["duty_check.asked", "duty_check.missed", "duty_check.answered_late"]


async def test_a_duty_check_is_asked_and_answered_in_chats(sample: StillClock) -> None:
    wang, li = await speaker("wang"), await speaker("li")
    (command,) = CHECK_TALK.commands
    asked = await command.do(wang, "")
    assert isinstance(asked, Saying)
    limits = [key for row in asked.keys for key in row if key.verb == "dc-ask"]
    assert [key.argument for key in limits] == ["5", "10", "15", "30"]
    await CHECK_TALK.presses["dc-ask"](wang, limits[0].about, limits[0].argument)
    seen = await command.do(li, "")
    assert isinstance(seen, Saying)
    here = await CHECK_TALK.presses["dc-here"](li, keys(seen)["dc-here"].about, "")
    assert isinstance(here, Saying)
    assert here.brief == "已答复在岗"
    for argument in ("", "x", "0", "999", "５"):
        try:
            await CHECK_TALK.presses["dc-ask"](wang, limits[0].about, argument)
        except Refused:
            continue
        (open_check,) = await fetch("select id from duty_checks where state = 'asked'")
        await withdraw(wang.person, open_check["id"], Via.TELEGRAM)
