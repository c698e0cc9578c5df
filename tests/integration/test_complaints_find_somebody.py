"""Every complaint has somebody who answers it, and never the one whom it is about."""

import asyncio

import pytest

from backend.complaints import handling, service
from backend.complaints.chores import look_after_complaints
from backend.complaints.model import NoSuchComplaint, State
from backend.complaints.queries import complaint_story, complaints_for
from backend.complaints.routing import set_duties
from backend.complaints.rows import complaint_for
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import PersonId
from backend.core.vocabulary import ComplaintKind, Via
from backend.people.queries import person
from tests.integration.test_complaints import (
    DAY,
    HOUR,
    HOW,
    START,
    Add,
    Town,
    breaches,
    is_whole,
    still,
    story,
    told,
    town,
)
from tests.integration.test_dead_contacts import carried

__all__ = ["still", "town"]


async def leaves(who: PersonId) -> None:
    await execute("delete from grants where person = $1", who)


async def test_what_a_handler_had_who_is_gone_is_given_to_another_and_its_clock_goes_on_as_it_was(
    town: Town, still: clock.StillClock
) -> None:
    waiting, begun, fresh = await town.files("一"), await town.files("二"), await town.files("三")
    for each in (waiting, begun):
        await handling.take(town.li, each.id, Via.CONSOLE)
    await handling.transfer(town.lead, fresh.id, town.li.id, "", Via.CONSOLE)
    await handling.ask_back(town.li, waiting.id, "几点？", Via.CONSOLE)
    over = await town.files("四")
    await handling.take(town.li, over.id, Via.CONSOLE)
    await handling.settle(town.li, over.id, HOW, Via.CONSOLE)
    await leaves(town.li.id)
    before = len(await told(town.sun))
    await look_after_complaints()
    await look_after_complaints()
    found = [await complaint_for(town.lead, each.id) for each in (waiting, begun, fresh, over)]
    assert [each.assignee for each in found] == [town.sun.id, town.sun.id, town.sun.id, town.li.id]
    assert [each.state for each in found] == [State.WAITING, State.ASSIGNED, State.ASSIGNED, State.SETTLED]
    assert found[0].round.paused_at is not None
    assert len(await told(town.sun)) == before + 3
    assert (await story(begun, town.sun))[-1] == "assigned"
    assert await is_whole()
    await service.answer(town.wang, waiting.id, "昨晚", Via.TELEGRAM)
    assert (await told(town.sun))[-1][0] == "投诉人有补充"


async def test_what_nobody_can_take_any_more_is_said_once_to_the_duty_desk_and_stays_where_it_is(
    town: Town, still: clock.StillClock, add_person: Add
) -> None:
    operator = await person(PersonId(await add_person("wu", "吴值班", "provider_operator", None, app="wu")))
    one = await town.files()
    await handling.take(town.li, one.id, Via.CONSOLE)
    for each in (town.li, town.sun, town.lead):
        await leaves(each.id)
    await look_after_complaints()
    await look_after_complaints()
    assert [each[0] for each in await told(operator)] == ["有投诉无人可受理，请指派处理人"]
    (row,) = await fetch("select state, assignee from complaints")
    assert (row["state"], row["assignee"]) == ("in_progress", town.li.id)
    await add_person("xin", "辛受理", "complaint_handler", None, app="xin")
    await look_after_complaints()
    assert (await complaint_story(town.wang, one.id)).line.assignee == "辛受理"


async def test_whoever_is_named_in_the_words_of_a_complaint_about_a_person_does_not_get_it(
    town: Town, still: clock.StillClock
) -> None:
    by_words = await town.files("李受理态度恶劣", kind=ComplaintKind.PERSON)
    two = await town.files("互相推诿", kind=ComplaintKind.PERSON, about_words="李受理和孙受理")
    other = await town.files("李受理态度好，系统不好", kind=ComplaintKind.OTHER)
    assert by_words.assignee == town.sun.id
    assert two.assignee == town.lead.id
    assert other.assignee == town.li.id
    await handling.settle(town.sun, by_words.id, HOW, Via.CONSOLE)
    await service.reopen(town.wang, by_words.id, "还是他", Via.PHONE)
    await leaves(town.sun.id)
    await look_after_complaints()
    assert (await complaint_for(town.lead, by_words.id)).assignee == town.lead.id


async def test_a_breach_without_a_quality_lead_is_told_to_an_administrator(
    town: Town, still: clock.StillClock, add_person: Add
) -> None:
    head = await person(PersonId(await add_person("guan", "管理员", "administrator", None, app="guan")))
    one = await town.files("邱质量不管", kind=ComplaintKind.PERSON, about_person=town.lead.id)
    assert one.assignee == town.li.id
    still.advance(3 * DAY)
    await look_after_complaints()
    assert await breaches() == [("reply", 0)]
    assert [each[0] for each in await told(head)] == ["投诉已超过时限"]
    assert await told(town.lead) == []


async def test_why_it_was_opened_again_is_told_to_who_gets_it(town: Town, still: clock.StillClock) -> None:
    one = await town.files("没打电话")
    await service.withdraw(town.wang, one.id, "好了", Via.PHONE)
    again = await service.reopen(town.wang, one.id, "又没打", Via.PHONE)
    (card,) = await fetch(
        "select cards::text as card from notices where alarm = $1 and cards::text like '%被重新打开%'", again.id
    )
    assert "又没打" in card["card"]


async def test_the_same_words_on_another_day_are_said_again(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await handling.reply(town.li, one.id, "正在处理，请稍候", Via.CONSOLE)
    still.advance(DAY)
    await handling.reply(town.li, one.id, "正在处理，请稍候", Via.CONSOLE)
    assert (await story(one, town.li)).count("reply") == 2
    assert [each[0] for each in await told(town.wang)].count("您的投诉或反馈有了答复") == 2


async def test_a_manager_who_is_named_in_the_words_alone_does_not_read_what_is_said_of_them(
    town: Town, still: clock.StillClock
) -> None:
    (named,) = await fetch("select name from people where id = $1", town.wang.id)
    one = await town.files(f"{named['name']}骂人", by=town.zhou, kind=ComplaintKind.PERSON)
    assert one.about_person == town.wang.id
    with pytest.raises(NoSuchComplaint):
        await complaint_story(town.wang, one.id)
    assert await complaints_for(town.wang, "all") == []
    other = await town.files(f"{named['name']}知道此事", by=town.zhou, kind=ComplaintKind.OTHER)
    assert other.about_person is None


async def test_a_question_that_no_way_took_lets_no_clock_rest(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await carried()
    await handling.ask_back(town.li, one.id, "几点？", Via.TELEGRAM)
    await carried("100001", "wang")
    await carried("100001", "wang")
    still.advance(HOUR)
    for _ in range(2):
        await look_after_complaints()
    after = await complaint_for(town.li, one.id)
    assert (after.state, after.round.paused_at) == (State.IN_PROGRESS, None)
    assert after.round.settle_due_at == one.round.settle_due_at + HOUR
    assert (await story(one, town.li)).count("unreached") == 1
    still.advance(10 * DAY)
    await look_after_complaints()
    assert await breaches() == [("reply", 0), ("settlement", 0)]  # nor was it a first reply
    # one that was seen, after an earlier one that was not, is waited for
    two = await town.files("二")
    await handling.reply(town.li, two.id, "在查", Via.TELEGRAM)
    await carried("100001", "wang")
    await carried("100001", "wang")
    await execute("update contact_points set failure = null, failing_since = null")
    still.advance(HOUR)
    await handling.ask_back(town.li, two.id, "哪里？", Via.TELEGRAM)
    await carried()
    await look_after_complaints()
    assert (await complaint_for(town.li, two.id)).state is State.WAITING


async def test_however_many_are_open_those_whose_deadline_is_near_are_reminded_of(
    town: Town, still: clock.StillClock
) -> None:
    await town.files("久远")
    await execute(
        """with old as (
             insert into complaints (id, number, unit, kind, complainant, via, text, about_words, is_flagged, state,
                 assignee, round, revision, filed_at)
             select ('00000000-0000-4000-8000-' || lpad(at::text, 12, '0'))::uuid,
                 c.number || '-' || at, c.unit, c.kind, c.complainant, c.via, c.text,
                 c.about_words, false, 'in_progress', c.assignee, 0, 0, c.filed_at
             from complaints c, generate_series(1, 600) at returning id)
           insert into complaint_rounds (id, complaint, number, began_at, reply_due_at, replied_at, settle_due_at,
               improvement, rating_reason, reminders)
           select gen_random_uuid(), old.id, 0, $1, $1, $1, $2, '', '', 0 from old""",
        START,
        START + 14 * DAY,
    )
    near = await town.files("就快到了", by=town.zhou)
    still.advance(HOUR)
    await look_after_complaints()
    assert "reminded" in await story(near, town.li)


async def test_two_who_say_at_once_what_a_handler_is_there_for_both_succeed(town: Town) -> None:
    kinds = ([ComplaintKind.ALARM, ComplaintKind.ORDER], [ComplaintKind.ALARM], [])
    await asyncio.gather(*(set_duties(town.lead, town.sun.id, each, Via.CONSOLE) for each in kinds * 2))
    found = {row["kind"] for row in await fetch("select kind from complaint_duties")}
    assert found in [set(map(str, each)) for each in kinds]
