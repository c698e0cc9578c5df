"""A complainant who has nothing but text messages rates and opens again by them, in their own language."""

import pytest

from backend.complaints import handling
from backend.complaints.model import Complaint, State
from backend.complaints.rows import complaint_for
from backend.complaints.texting import by_text
from backend.core import clock
from backend.core.db.engine import execute
from backend.core.ids import PersonId
from backend.core.vocabulary import Via
from backend.people.model import Person
from backend.people.queries import person
from tests.integration.test_complaints import HOW, Add, Town, still, town
from tests.integration.test_dead_contacts import carried

__all__ = ["still", "town"]
PHONE = "+8613800000009"


@pytest.fixture
async def cai(town: Town, add_person: Add) -> Person:
    return await person(PersonId(await add_person("cai", "蔡值班", "unit_duty", town.unit, sms=PHONE)))


async def settled(town: Town, cai: Person) -> Complaint:
    one = await town.files("电话打不通", by=cai, via=Via.API)
    await handling.settle(town.li, one.id, HOW, Via.CONSOLE)
    await carried()
    return one


@pytest.mark.parametrize(
    ("text", "rating", "reason"),
    [("5 处理及时", 5, "处理及时"), ("３分，太慢", 3, "太慢"), ("4星 可以", 4, "可以"), ("1，没人来", 1, "没人来")],
)
async def test_a_digit_and_the_reason_are_a_rating(
    town: Town, cai: Person, still: clock.StillClock, text: str, rating: int, reason: str
) -> None:
    one = await settled(town, cai)
    for _ in range(2):
        assert await by_text(PHONE, text) == "已收到，TS-20261126-001：已评价"
    after = await complaint_for(cai, one.id)
    assert (after.state, after.round.rating, after.round.rating_reason) == (State.RATED, rating, reason)


async def test_what_is_no_rating_is_not_taken_for_one_and_says_how_it_is_done(
    town: Town, cai: Person, still: clock.StillClock
) -> None:
    one = await settled(town, cai)
    for text in ("3层还是漏水", "5", "4分", "还是打不通"):
        assert "回复“5 理由”" in str(await by_text(PHONE, text))
    assert await by_text(PHONE, "1") is None, "an alarm's word stays the alarms'"
    assert (await complaint_for(cai, one.id)).state is State.SETTLED
    assert await by_text(PHONE, "重新打开 还是打不通") == "已收到，TS-20261126-001：已分派"
    again = await complaint_for(cai, one.id)
    assert (again.state, again.round.number) == (State.ASSIGNED, 1)


async def test_a_refusal_is_told_in_the_persons_language(town: Town, cai: Person, still: clock.StillClock) -> None:
    await settled(town, cai)
    await execute("update people set language = 'en' where id = $1", cai.id)
    assert "already settled" in str(await by_text(PHONE, "still broken"))
    await execute("update people set is_active = false where id = $1", cai.id)
    assert await by_text(PHONE, "still broken") == "没有此人员", "whoever is gone is answered, and does nothing"
