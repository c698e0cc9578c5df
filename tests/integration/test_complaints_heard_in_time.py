"""A complaint's answer arrives, and its clocks run: the next way, who can take it, reminders, breaches, rests (5.5)."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from backend.complaints import handling, service
from backend.complaints.chores import look_after_complaints
from backend.complaints.model import (
    NoSuchComplaint,
    State,
    TooLateToReopen,
)
from backend.complaints.queries import complaint_story, complaints_for
from backend.complaints.routing import set_duties
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import NotFound
from backend.core.ids import PersonId
from backend.core.vocabulary import ComplaintKind, Via
from backend.people.queries import person
from tests.integration.test_complaints import DAY, HOUR, HOW, Add, Town, breaches, still, story, told, town
from tests.integration.test_dead_contacts import carried

__all__ = ["still", "town"]


async def test_a_reply_goes_by_the_next_way_when_the_chat_is_dead(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await handling.reply(town.li, one.id, "马上处理", Via.TELEGRAM)
    await carried("100001")
    assert await told(town.wang) == [
        ("您的投诉或反馈有了答复", "telegram", "refused"),
        ("您的投诉或反馈有了答复", "app", "pending"),
    ]
    await carried()
    assert (await told(town.wang))[-1] == ("您的投诉或反馈有了答复", "app", "accepted")
    await handling.reply(town.li, one.id, "已派人", Via.TELEGRAM)  # the chat is known to be dead by now
    assert (await told(town.wang))[-1] == ("您的投诉或反馈有了答复", "app", "pending")


async def test_whoever_cant_be_reached_at_all_is_told_of_to_their_handler_and_to_nobody_else(
    town: Town, still: clock.StillClock, add_person: Add
) -> None:
    operator = await person(PersonId(await add_person("wu", "吴值班", "provider_operator", None, app="wu")))
    one = await town.files()
    await carried()
    await handling.reply(town.li, one.id, "马上处理", Via.TELEGRAM)
    await look_after_complaints()
    assert "unreached" not in await story(one, town.li)
    await carried("100001", "wang")
    await carried("100001", "wang")
    for _ in range(2):
        await look_after_complaints()
    assert (await story(one, town.li)).count("unreached") == 1
    assert [each[0] for each in await told(town.li)].count("投诉人联系不上") == 2  # by two ways
    assert await told(operator) == []


async def test_never_the_one_it_is_about_and_the_duty_desk_when_nobody_can_take_it(
    town: Town, still: clock.StillClock, add_person: Add
) -> None:
    await set_duties(town.lead, town.sun.id, [ComplaintKind.PRAISE], Via.CONSOLE)
    with pytest.raises(NotFound):
        await set_duties(town.wang, town.sun.id, [], Via.CONSOLE)
    with pytest.raises(NotFound):
        await set_duties(town.lead, town.wang.id, [], Via.CONSOLE)
    about_li = await town.files("态度恶劣", kind=ComplaintKind.PERSON, about_person=town.li.id)
    assert about_li.assignee == town.lead.id
    with pytest.raises(NoSuchComplaint):
        await complaint_story(town.li, about_li.id)
    assert [each.number for each in await complaints_for(town.li, "all")] == []
    with pytest.raises(NotFound):
        await handling.transfer(town.lead, about_li.id, town.li.id, "", Via.CONSOLE)
    operator = await person(PersonId(await add_person("wu", "吴值班", "provider_operator", None, app="wu")))
    about_lead = await town.files("不答复", kind=ComplaintKind.PERSON, about_person=town.lead.id)
    assert about_lead.assignee == town.li.id
    await handling.settle(town.li, about_lead.id, HOW, Via.CONSOLE)  # or it were nobody's too
    await execute("update people set is_active = false where id = any($1)", [town.li.id, town.sun.id])
    nobodys = await town.files("谁也不管", kind=ComplaintKind.PERSON, about_person=town.lead.id)
    assert (nobodys.state, nobodys.assignee) == (State.FILED, None)
    assert await told(operator) == [("有投诉无人可受理，请指派处理人", "app", "pending")]
    (card,) = await fetch(
        "select cards::text as card from notices where alarm = $1 and cards::text like '%无人可受理%'", nobodys.id
    )
    assert "谁也不管" not in card["card"]
    await look_after_complaints()
    await execute("update people set is_active = true where id = $1", town.li.id)
    await look_after_complaints()
    assert (await complaint_story(town.wang, nobodys.id)).line.assignee == "李受理"
    assert len(await told(operator)) == 1


@pytest.mark.clause("5.5")
async def test_a_reminder_then_a_breach_each_once_whoever_looks(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    still.advance(HOUR - timedelta(seconds=1))
    await look_after_complaints()
    assert await story(one, town.li) == ["filed", "assigned"]
    still.advance(timedelta(seconds=1))
    await asyncio.gather(look_after_complaints(), look_after_complaints())
    await look_after_complaints()
    assert await story(one, town.li) == ["filed", "assigned", "reminded"]
    assert "reminded" not in await story(one, town.wang)
    still.advance(HOUR + timedelta(seconds=1))
    await asyncio.gather(look_after_complaints(), look_after_complaints())
    await look_after_complaints()
    assert await breaches() == [("reply", 0)]
    assert (await story(one, town.wang)).count("breach") == 1  # it is not hidden from whom it concerns
    assert [each[0] for each in await told(town.lead)] == ["投诉已超过时限"]
    still.advance(30 * DAY)
    await handling.settle(town.li, one.id, HOW, Via.CONSOLE)  # late, and nobody had looked
    await look_after_complaints()
    assert await breaches() == [("reply", 0), ("settlement", 0)]
    with pytest.raises(asyncpg.PostgresError, match="permission denied"):
        await execute("delete from complaint_breaches")
    with pytest.raises(asyncpg.PostgresError, match="permission denied"):
        await execute("update complaint_entries set text = ''")


async def test_no_deadline_passes_while_the_complainant_is_waited_for(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await handling.ask_back(town.li, one.id, "哪一层？", Via.TELEGRAM)
    still.advance(20 * DAY)
    await look_after_complaints()
    assert await breaches() == []
    assert "reminded" not in await story(one, town.li)
    await handling.transfer(town.li, one.id, town.sun.id, "我休假", Via.TELEGRAM)  # goes on waiting
    still.advance(20 * DAY)
    await look_after_complaints()
    assert await breaches() == []
    went_on = await service.answer(town.wang, one.id, "三层", Via.TELEGRAM)
    assert went_on.round.settle_due_at > still.now()
    still.advance(20 * DAY)
    await look_after_complaints()
    assert await breaches() == [("settlement", 0)]


async def test_who_does_not_rate_within_five_days_is_recorded_as_not_rated(town: Town, still: clock.StillClock) -> None:
    settled, withdrawn = await town.files(), await town.files("没事了", kind=ComplaintKind.OTHER)
    await handling.settle(town.li, settled.id, HOW, Via.CONSOLE)
    await service.withdraw(town.wang, withdrawn.id, "", Via.TELEGRAM)
    still.advance(5 * DAY - timedelta(seconds=1))
    await look_after_complaints()
    assert {each.state for each in await complaints_for(town.wang)} == {State.SETTLED, State.WITHDRAWN}
    still.advance(timedelta(seconds=1))
    await look_after_complaints()
    await look_after_complaints()
    lines = await complaints_for(town.wang, "over")
    assert {each.state for each in lines} == {State.CLOSED}
    assert [each.may_reopen for each in lines] == [True, True]
    still.advance(10 * DAY + timedelta(seconds=1))
    with pytest.raises(TooLateToReopen):
        await service.reopen(town.wang, settled.id, "x", Via.PHONE)
