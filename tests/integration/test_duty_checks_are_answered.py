"""A duty check is answered, not taken back by the house that was asked (查岗)."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import msgspec
import pytest

from backend.core import clock
from backend.core.clock import StillClock
from backend.core.db.engine import execute, fetch
from backend.core.ids import UnitId, new_id
from backend.core.vocabulary import Via
from backend.delivery.plan import INSIDE_CHANNELS
from backend.duty.checks import answer, ask, look_after_checks, withdraw
from backend.duty.model import CheckState, NotYourTurn
from backend.duty.queries import checks_for
from backend.people.model import Right
from backend.people.queries import colleagues, person
from tests.integration.test_duty import TEN, cards, people, sample, the_unit
from tests.integration.test_pages import cookie, house

__all__ = ["house", "sample"]


async def test_who_answers_for_the_unit_can_not_take_the_providers_check_back(sample: StillClock) -> None:
    unit = await the_unit()
    known = [await person(each.id) for each in await colleagues(unit)]
    manager = next(each for each in known if each.may(Right.CHECK_DUTY, unit) and not each.is_provider)
    desk = next(each for each in known if each.may(Right.CHECK_DUTY, None))
    check = await ask(desk, unit, timedelta(minutes=5), "", Via.CONSOLE)
    assert not (await checks_for(manager))[0].may_withdraw
    with pytest.raises(NotYourTurn):
        await withdraw(manager, check.id, Via.TELEGRAM)
    assert (await checks_for(desk))[0].may_withdraw
    assert (await withdraw(desk, check.id, Via.CONSOLE)).state is CheckState.WITHDRAWN
    own = await ask(manager, unit, timedelta(minutes=5), "", Via.PHONE)
    assert (await withdraw(manager, own.id, Via.PHONE)).state is CheckState.WITHDRAWN


async def rota_of(unit: UnitId, *codes: str) -> None:
    everybody = [
        {"people": [str(each.id)], "first": "2026-11-01T08:00:00", "count": 1, "every": "days"}
        for each in await people(*codes)
    ]
    await execute(
        """insert into schedules (id, unit, name, rotations, version, created_at, changed_at)
           values ($1, $2, '值班', $3::jsonb, 1, $4, $4)""",
        new_id(), unit, msgspec.json.encode(everybody).decode(), clock.now(),
    )  # fmt: skip


@pytest.mark.usefixtures("sample")
async def test_who_asks_can_not_answer_for_the_one_who_was_asked() -> None:
    unit = await the_unit()
    wang, li = await people("wang", "li")
    await rota_of(unit, "wang", "li")
    check = await ask(wang, unit, TEN, "", Via.TELEGRAM)
    assert check.people == (li.id,)
    assert not (await checks_for(wang))[0].may_answer
    with pytest.raises(NotYourTurn):
        await answer(wang, check.id, Via.TELEGRAM)
    assert (await answer(li, check.id, Via.TELEGRAM)).answered_by == li.id


@pytest.mark.usefixtures("sample")
async def test_who_asks_reads_that_it_was_answered() -> None:
    wang, li = await people("wang", "li")
    check = await ask(wang, await the_unit(), TEN, "", Via.TELEGRAM)
    assert await cards(check.id, "wang") == []
    await answer(li, check.id, Via.TELEGRAM)
    (card,) = await cards(check.id, "wang")
    assert (card.status, card.keys) == ("在岗", ())
    await answer(li, check.id, Via.TELEGRAM)
    assert len(await cards(check.id, "wang")) == 1
    rows = await fetch(
        """select a.channel from attempts a join notices n on n.id = a.notice
           where n.alarm = $1 and a.person = $2 and a.state <> 'skipped'""",
        check.id, wang.id,
    )  # fmt: skip
    assert {row["channel"] for row in rows} == {str(each) for each in INSIDE_CHANNELS}


async def test_who_is_told_of_a_missed_one_is_offered_no_answer_that_is_not_theirs(sample: StillClock) -> None:
    qian, _li = await people("qian", "li")
    check = await ask(qian, await the_unit(), TEN, "", Via.CONSOLE)
    sample.advance(TEN)
    assert await look_after_checks() == 1
    for code in ("wang", "qian"):
        (card,) = await cards(check.id, code)
        assert card.status == "未应答"
        assert card.keys == (), code
    assert [key.verb for row in (await cards(check.id, "li"))[0].keys for key in row] == ["dc-here"]


async def ways_of(check: UUID, code: str) -> set[str]:
    rows = await fetch(
        """select a.channel from attempts a join notices n on n.id = a.notice join people p on p.id = a.person
           where n.alarm = $1 and p.code = $2 and a.state <> 'skipped'""",
        check, code,
    )  # fmt: skip
    return {row["channel"] for row in rows}


@pytest.mark.usefixtures("sample")
async def test_who_is_in_no_chat_is_asked_by_more_than_a_page_nobody_looks_at() -> None:
    unit, (wang, qian) = await the_unit(), await people("wang", "qian")
    await rota_of(unit, "li", "wang")
    await execute(
        "delete from contact_points where channel = 'telegram' and person in (select id from people where code = 'li')"
    )
    check = await ask(qian, unit, TEN, "", Via.CONSOLE)
    assert len(check.people) == 2
    assert {"app", "sms", "voice"} <= await ways_of(check.id, "li")
    assert await ways_of(check.id, "wang") == {"app", "telegram"}
    assert wang.id in check.people


async def test_who_is_asked_finds_it_on_their_phones_first_page(house: SimpleNamespace) -> None:
    (unit,) = await fetch("select id from units where code = 'FH001'")
    wang, li = await people("wang", "li")
    check = await ask(wang, unit["id"], TEN, "", Via.TELEGRAM)
    door = '<a href="/m/duty">查岗 · 请确认您在岗</a>'
    assert door in (await house.client.get("/m", headers=await cookie("li"))).text
    assert door not in (await house.client.get("/m", headers=await cookie("wang"))).text
    await answer(li, check.id, Via.TELEGRAM)
    assert door not in (await house.client.get("/m", headers=await cookie("li"))).text
