"""What awaits an answer goes by the next way when its chat is closed; what reached nobody is no answer (5.5)."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from backend.complaints import handling, service
from backend.complaints.chores import look_after_complaints
from backend.complaints.model import Complaint, State
from backend.complaints.queries import complaint_story, complaints_for
from backend.complaints.rows import complaint_for
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import new_id
from backend.core.vocabulary import Channel, Via
from backend.delivery.reasons import sentence
from backend.people import service as people
from backend.people.model import Person
from tests.integration.test_complaints import HOUR, HOW, Add, Town, breaches, is_whole, still, story, told, town
from tests.integration.test_complaints_by_text_are_called import CALL, LONG, PHONE
from tests.integration.test_complaints_in_chat import Chat
from tests.integration.test_dead_contacts import carried

__all__ = ["still", "town"]
REPLIED, ASKED = "您的投诉或反馈有了答复", "请补充说明"


@pytest.fixture
async def one(town: Town, still: clock.StillClock) -> Complaint:
    """王经理's complaint, from a chat that was linked by a code."""
    await people.link_chat(await people.new_code(town.wang.id, "telegram"), Channel.TELEGRAM, "77", "100001")
    found = await town.files()
    await carried()
    return found


async def lets_go() -> None:
    await people.unlink_chat(Channel.TELEGRAM, "77")


async def way(who: Person, channel: str, address: str) -> None:
    await execute(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, $3, $4, 5, now(), now())""",
        new_id(),
        who.id,
        channel,
        address,
    )


async def no_way_but_the_chat(who: Person) -> None:
    await execute("delete from contact_points where person = $1 and channel <> 'telegram'", who.id)


@pytest.mark.clause("5.5")
async def test_a_question_to_who_lets_its_chat_go_is_asked_again_by_the_next_way_once(
    town: Town, one: Complaint
) -> None:
    await handling.ask_back(town.li, one.id, "哪一层？", Via.TELEGRAM)
    await carried()
    await look_after_complaints()
    assert await told(town.wang) == [(ASKED, "telegram", "accepted")]
    await lets_go()
    for _ in range(2):
        await asyncio.gather(look_after_complaints(), look_after_complaints())
        await carried()
    assert await told(town.wang) == [(ASKED, "telegram", "accepted"), (ASKED, "app", "accepted")]
    (because,) = await fetch("select because from attempts where because is not null")
    assert sentence(because["because"], "zh_CN") == "Telegram未送达，改用此方式：该账号已解除绑定"
    assert (await complaint_for(town.li, one.id)).state is State.WAITING
    assert "unreached" not in await story(one, town.li)
    assert await is_whole()


async def test_who_is_asked_for_stars_and_lets_the_chat_go_is_asked_by_the_next_way(town: Town, one: Complaint) -> None:
    await handling.settle(town.li, one.id, HOW, Via.CONSOLE)
    await carried()
    await lets_go()
    await look_after_complaints()
    assert await told(town.wang) == [("已办结，请评价", "telegram", "accepted"), ("已办结，请评价", "app", "pending")]


async def test_an_answer_that_still_waited_when_its_chat_was_let_go_goes_by_the_next_way(
    town: Town, one: Complaint
) -> None:
    await handling.reply(town.li, one.id, "已派人", Via.TELEGRAM)
    await lets_go()
    await carried()
    await look_after_complaints()
    assert await told(town.wang) == [(REPLIED, "telegram", "skipped"), (REPLIED, "app", "pending")]
    assert "unreached" not in await story(one, town.li)
    assert (await complaint_for(town.li, one.id)).round.replied_at == one.filed_at


async def test_who_left_the_unit_meanwhile_is_tried_by_no_other_way(town: Town, one: Complaint) -> None:
    await handling.ask_back(town.li, one.id, "哪一层？", Via.TELEGRAM)
    await execute("delete from grants where person = $1", town.wang.id)
    await carried()
    await look_after_complaints()
    assert await told(town.wang) == [(ASKED, "telegram", "skipped")]
    assert (await story(one, town.li)).count("unreached") == 1
    assert (await complaint_for(town.li, one.id)).state is State.IN_PROGRESS


async def test_another_chat_of_theirs_comes_before_any_other_way(town: Town, one: Complaint) -> None:
    await way(town.wang, "telegram", "100008")
    await handling.ask_back(town.li, one.id, "哪一层？", Via.TELEGRAM)
    await carried("100001")
    assert await sent_to(town) == ["100001", "100008"]


async def test_of_two_chats_an_answer_goes_to_the_one_that_was_written_in(town: Town, one: Complaint) -> None:
    await way(town.wang, "telegram", "100008")
    for chat, filed in (("100001", "甲"), ("100008", "乙")):
        wang = Chat(town.wang)
        wang.speaker = msgspec.structs.replace(wang.speaker, chat=chat)
        await wang.says(f"反馈 {filed}")
        await wang.presses("咨询")
        await wang.presses("提交")
        (line,) = [each for each in await complaints_for(town.wang) if each.text == filed]
        await handling.reply(town.lead, (await handling.take(town.lead, line.id, Via.CONSOLE)).id, "已办", Via.CONSOLE)
        assert (await sent_to(town))[-1] == chat
    await service.answer(town.wang, one.id, "换了手机", Via.TELEGRAM, chat="100008")
    await handling.reply(town.li, one.id, "收到", Via.CONSOLE)
    assert (await sent_to(town))[-1] == "100008"


async def sent_to(town: Town) -> list[str]:
    found = await fetch("select address from attempts where person = $1 order by number", town.wang.id)
    return [row["address"] for row in found]


@pytest.mark.clause("5.5")
async def test_no_clock_rests_for_a_question_whose_chat_is_gone_when_there_is_no_other_way(
    town: Town, one: Complaint, still: clock.StillClock
) -> None:
    await no_way_but_the_chat(town.wang)
    await handling.ask_back(town.li, one.id, "哪一层？", Via.TELEGRAM)
    await carried()
    still.advance(HOUR)
    await lets_go()
    for _ in range(2):
        await look_after_complaints()
    after = await complaint_for(town.li, one.id)
    assert (after.state, after.round.paused_at) == (State.IN_PROGRESS, None)
    assert after.round.settle_due_at == one.round.settle_due_at + HOUR
    assert (await story(one, town.li)).count("unreached") == 1
    assert [each[0] for each in await told(town.li)].count("投诉人联系不上") == 2  # by both ways of one handler


async def test_whoever_gets_a_long_question_by_a_text_message_in_the_end_is_called(town: Town, one: Complaint) -> None:
    await no_way_but_the_chat(town.wang)
    await way(town.wang, "sms", PHONE)
    await handling.ask_back(town.li, one.id, LONG, Via.TELEGRAM)
    await carried()
    await lets_go()
    for _ in range(2):
        await look_after_complaints()
        await carried()
    await look_after_complaints()
    assert await told(town.wang) == [(ASKED, "telegram", "accepted"), (ASKED, "sms", "accepted")]
    assert [each[0] for each in await told(town.li)].count(CALL) == 2
    assert (await complaint_for(town.li, one.id)).state is State.IN_PROGRESS


@pytest.mark.clause("5.5")
async def test_a_first_reply_that_reached_nobody_stops_no_clock_and_what_was_said_by_telephone_does(
    town: Town, one: Complaint, still: clock.StillClock
) -> None:
    await no_way_but_the_chat(town.wang)
    still.advance(HOUR)
    await handling.reply(town.li, one.id, "马上处理", Via.TELEGRAM)
    await carried("100001")
    await look_after_complaints()
    after = await complaint_for(town.li, one.id)
    assert (after.state, after.round.replied_at) == (State.IN_PROGRESS, None)
    (card,) = await fetch("select cards::text as said from notices where cards::text like '%投诉人联系不上%'")
    assert "未送达，时限继续计时" in card["said"]
    assert (await complaint_story(town.li, one.id)).line.reply.done_at is None
    (known,) = await fetch(
        "select facts::jsonb as facts from ledger where facts::jsonb->>'what' = 'complaint.unreached'"
    )
    assert '"replied_at": null' in known["facts"]
    still.advance(HOUR + timedelta(seconds=1))
    await look_after_complaints()
    assert await breaches() == [("reply", 0)]
    await handling.reply(town.li, one.id, "已电话告知：今晚更换", Via.TELEGRAM)
    await look_after_complaints()
    assert (await complaint_for(town.li, one.id)).round.replied_at == still.now()
    assert (await story(one, town.li)).count("unreached") == 2
    assert await is_whole()


async def test_of_two_replies_the_one_that_reached_them_is_the_first(
    town: Town, one: Complaint, still: clock.StillClock
) -> None:
    await execute("delete from contact_points where person = $1", town.wang.id)
    await handling.reply(town.li, one.id, "马上处理", Via.TELEGRAM)
    still.advance(HOUR)
    await way(town.wang, "app", "wang")
    await handling.reply(town.li, one.id, "已派人", Via.TELEGRAM)
    await look_after_complaints()
    after = await complaint_for(town.li, one.id)
    assert (after.state, after.round.replied_at) == (State.ANSWERED, still.now())


async def test_a_later_reply_that_reached_nobody_leaves_the_first_one_as_it_was(
    town: Town, one: Complaint, still: clock.StillClock, add_person: Add
) -> None:
    await handling.reply(town.li, one.id, "马上处理", Via.TELEGRAM)
    await carried()
    still.advance(HOUR)
    await no_way_but_the_chat(town.wang)
    await handling.reply(town.li, one.id, "已派人", Via.TELEGRAM)
    await carried("100001")
    await look_after_complaints()
    assert (await story(one, town.li)).count("unreached") == 1
    assert (await complaint_for(town.li, one.id)).round.replied_at == one.filed_at
