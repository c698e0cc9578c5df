"""What a text message has no room for is not cut in the middle: it says that somebody calls, and they are told to."""

from datetime import timedelta

import msgspec
import pytest

from backend.complaints import handling
from backend.complaints.chores import look_after_complaints
from backend.complaints.model import Complaint, State
from backend.complaints.queries import complaint_story
from backend.complaints.rows import complaint_for
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.ids import AttemptId, NoticeId, PersonId, new_id
from backend.core.vocabulary import Via
from backend.delivery.carrier_words import CarrierSaid, Said, carrier_said
from backend.delivery.model import Card, Delivery, NoticeKind
from backend.people.model import Person
from backend.people.queries import person
from tests.integration.test_complaints import Add, Town, is_whole, still, story, told, town
from tests.integration.test_complaints_in_chat import Chat, cards_of
from tests.integration.test_dead_contacts import carried
from workers.channels.words import sms_of

__all__ = ["still", "town"]
PHONE = "+8613800000009"
LONG = "已与物业核实，三楼走廊的感烟探测器今晚八点前更换，更换期间安排值班员每小时巡查一次。"
CALL = "短信放不下全部内容，请致电投诉人"


@pytest.fixture
async def cai(town: Town, add_person: Add) -> Person:
    return await person(PersonId(await add_person("cai", "蔡值班", "unit_duty", town.unit, sms=PHONE)))


async def filed(town: Town, cai: Person, via: Via = Via.API) -> Complaint:
    one = await town.files("电话打不通", by=cai, via=via)
    await carried()
    return one


async def texts(cai: Person) -> list[str]:
    """The text messages as they go out."""
    rows = await fetch(
        """select t.number, (n.cards -> 'zh_CN')::text as card from attempts t join notices n on n.id = t.notice
           where t.person = $1 and t.channel = 'sms' order by t.number""",
        cai.id,
    )
    attempt, notice = AttemptId(new_id()), NoticeId(new_id())
    deliveries = [
        Delivery(
            attempt=attempt, notice=notice, person=cai.id, address=PHONE, number=row["number"],
            card=msgspec.json.decode(row["card"], type=Card), kind=NoticeKind.COMPLAINT,
        )
        for row in rows
    ]  # fmt: skip
    return [sms_of(each, sign="烽火服务中心").text for each in deliveries]


async def calls(town: Town) -> int:
    return [headline for headline, _, _ in await told(town.li)].count(CALL)


async def test_a_long_answer_is_said_to_be_long_and_its_handler_is_told_to_call_once_with_the_number(
    town: Town, cai: Person, still: clock.StillClock
) -> None:
    one = await filed(town, cai)
    await handling.reply(town.li, one.id, LONG, Via.TELEGRAM)
    await look_after_complaints()
    assert await calls(town) == 0, "it may still be read"
    (text,) = await texts(cai)
    assert "TS-20261126-001 内容较长，将来电告知" in text
    assert "…" not in text
    await carried()
    for _ in range(2):
        await look_after_complaints()
    assert await calls(town) == 2  # by both ways of one handler
    entries = (await complaint_story(town.li, one.id)).entries
    assert [each.detail for each in entries if each.kind == "texted"] == [PHONE]
    assert "texted" not in await story(one, cai)
    li = Chat(town.li)
    assert PHONE in await li.says(f"投诉处理 {one.number}")
    assert await is_whole()


async def test_a_short_answer_is_whole_and_nobody_has_to_call(town: Town, cai: Person, still: clock.StillClock) -> None:
    one = await filed(town, cai)
    await handling.reply(town.li, one.id, "今晚八点前更换。", Via.TELEGRAM)
    await carried()
    await look_after_complaints()
    (text,) = await texts(cai)
    assert "TS-20261126-001 今晚八点前更换。" in text
    assert await calls(town) == 0


async def test_no_clock_rests_for_a_question_that_had_no_room_and_it_rests_for_a_short_one(
    town: Town, cai: Person, still: clock.StillClock
) -> None:
    one = await filed(town, cai)
    due = one.round.settle_due_at
    await handling.ask_back(town.li, one.id, LONG, Via.TELEGRAM)
    await carried()
    still.advance(timedelta(seconds=5))
    await look_after_complaints()
    after = await complaint_for(town.li, one.id)
    assert (after.state, after.round.paused_at) == (State.IN_PROGRESS, None)
    assert after.round.settle_due_at - due == timedelta(seconds=5)
    await handling.ask_back(town.li, one.id, "已电话询问，等您回复", Via.TELEGRAM)
    await carried()
    await look_after_complaints()
    assert (await complaint_for(town.li, one.id)).state is State.WAITING


async def test_who_reads_it_in_a_chat_is_not_called_and_who_fell_back_to_a_text_is(
    town: Town, cai: Person, still: clock.StillClock
) -> None:
    one = await filed(town, cai, Via.TELEGRAM)
    await execute(
        """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
           values ($1, $2, 'telegram', '100009', 1, now(), now())""",
        new_id(),
        cai.id,
    )
    await handling.reply(town.li, one.id, LONG, Via.TELEGRAM)
    await carried()
    await look_after_complaints()
    assert await calls(town) == 0
    await handling.reply(town.li, one.id, LONG + LONG, Via.TELEGRAM)
    for _ in range(2):
        await carried("100009")
    await look_after_complaints()
    assert await calls(town) == 2


async def test_what_the_carrier_took_and_could_not_deliver_reached_nobody_and_no_clock_rests_for_it(
    town: Town, cai: Person, still: clock.StillClock
) -> None:
    one = await filed(town, cai)
    await handling.ask_back(town.li, one.id, "几点？", Via.TELEGRAM)
    await carried()
    await look_after_complaints()
    assert (await complaint_for(town.li, one.id)).state is State.WAITING
    (sent,) = await fetch("select number from attempts where person = $1 and channel = 'sms'", cai.id)
    word = CarrierSaid(vendor="aliyun", said=Said.UNDELIVERED, id="b1", number=sent["number"], reason="关机")
    assert await carrier_said(word)
    for _ in range(2):
        await look_after_complaints()
    assert (await complaint_for(town.li, one.id)).state is State.IN_PROGRESS
    entries = (await complaint_story(town.li, one.id)).entries
    assert [each.detail for each in entries if each.kind == "unreached"] == [PHONE]
    assert [headline for headline, _, _ in await told(town.li)].count("投诉人联系不上") == 2


async def test_of_two_questions_the_clock_rests_from_the_one_that_arrived(
    town: Town, cai: Person, still: clock.StillClock
) -> None:
    one = await filed(town, cai)
    await handling.ask_back(town.li, one.id, "几点？", Via.TELEGRAM)
    await carried()
    still.advance(timedelta(hours=1))
    await handling.ask_back(town.li, one.id, "哪一天几点？", Via.TELEGRAM)
    await carried()
    (first, _) = await fetch(
        "select number from attempts where person = $1 and channel = 'sms' order by number", cai.id
    )
    assert await carrier_said(CarrierSaid(vendor="aliyun", said=Said.UNDELIVERED, id="b1", number=first["number"]))
    for _ in range(2):
        await look_after_complaints()
    after = await complaint_for(town.li, one.id)
    assert (after.state, after.round.paused_at) == (State.WAITING, still.now())
    assert after.round.settle_due_at == one.round.settle_due_at
    assert (await story(one, town.li)).count("unreached") == 1


async def test_an_answer_goes_to_no_call_and_to_no_other_program_when_the_chat_is_dead(
    town: Town, still: clock.StillClock
) -> None:
    await execute("delete from contact_points where person = $1 and channel <> 'telegram'", town.wang.id)
    for channel, address in (("voice", PHONE), ("webhook", "https://example.com/hook")):
        await execute(
            """insert into contact_points (id, person, channel, address, priority, verified_at, created_at)
               values ($1, $2, $3, $4, 1, now(), now())""",
            new_id(),
            town.wang.id,
            channel,
            address,
        )
    one = await town.files()
    await carried()
    await handling.reply(town.li, one.id, LONG, Via.TELEGRAM)
    await carried("100001")
    await look_after_complaints()
    assert [each[1:] for each in await told(town.wang)] == [("telegram", "refused")]
    assert "投诉人联系不上" in [headline for headline, _, _ in await cards_of(town.li)]
