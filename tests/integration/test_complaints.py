"""Complaints (投诉、服务反馈, 5.5): a number at once, one who answers, the chat they used, and every closure asked."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from backend.complaints import handling, service
from backend.complaints.acts import HandledByAnother
from backend.complaints.filing import Filing, file
from backend.complaints.model import (
    TRANSITIONS,
    CauseClass,
    Complaint,
    ComplaintMovedOn,
    NoSuchComplaint,
    Settlement,
    State,
)
from backend.complaints.queries import complaint_story, complaints_for
from backend.complaints.reports import export_csv, figures_for
from backend.complaints.texting import by_text
from backend.core import clock
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadInput, NotAllowed, NotFound
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import ComplaintKind, Via
from backend.ledger.verify import verify
from backend.monitoring.model import StateSaid
from backend.people.model import Person
from backend.people.queries import person
from tests.integration.test_dead_contacts import carried
from tests.integration.test_masks import SMOKE, the_alarm

Add = Callable[..., Awaitable[UUID]]
#: Thursday, 10:00 in Shanghai
START = datetime(2026, 11, 26, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOW = Settlement(text="已更换传输装置", is_justified=True, cause=CauseClass.DEVICE, improvement="纳入月检")
ZONE = "Asia/Shanghai"


@pytest.fixture
def still() -> Iterator[clock.StillClock]:
    with clock.use(clock.StillClock(START)) as still:
        assert isinstance(still, clock.StillClock)
        yield still


class Town:
    """A unit with its manager and duty officer, and the provider's people."""

    def __init__(self, unit: UUID, **people: Person) -> None:
        self.unit = UnitId(unit)
        self.wang, self.zhou = people["wang"], people["zhou"]
        self.li, self.sun, self.lead = people["li"], people["sun"], people["lead"]

    async def files(self, text: str = "火警没有打电话", **more: Any) -> Complaint:
        values = {"unit": self.unit, "kind": ComplaintKind.ALARM, "text": text} | more
        by, via = values.pop("by", self.wang), values.pop("via", Via.TELEGRAM)
        return await file(by, Filing(**values), via)


@pytest.fixture
async def town(unit: dict[str, UUID], add_person: Add) -> Town:
    made = {
        "zhou": await add_person("zhou", "周值班", "unit_duty", unit["unit"], app="zhou"),
        "li": await add_person("li", "李受理", "complaint_handler", None, app="li", telegram="200001"),
        "sun": await add_person("sun", "孙受理", "complaint_handler", None, app="sun"),
        "lead": await add_person("qiu", "邱质量", "quality_lead", None, app="qiu"),
    }
    people = {name: await person(PersonId(each)) for name, each in made.items()}
    return Town(unit["unit"], wang=await person(PersonId(unit["manager"])), **people)


async def told(who: Person) -> list[tuple[str, str, str]]:
    """What somebody was to be told: headline, channel and what became of it, in order."""
    rows = await fetch(
        """select n.cards->'zh_CN'->>'headline' as headline, t.channel, t.state from attempts t
           join notices n on n.id = t.notice
           where t.person = $1 and n.kind = 'complaint' order by t.number""",
        who.id,
    )
    return [(row["headline"], row["channel"], row["state"]) for row in rows]


async def story(complaint: Complaint, who: Person) -> list[str]:
    return [str(each.kind) for each in (await complaint_story(who, complaint.id)).entries]


async def is_whole() -> bool:
    return (await verify()).is_good


async def breaches() -> list[tuple[str, int]]:
    rows = await fetch("select kind, round from complaint_breaches order by kind, round")
    return [(row["kind"], row["round"]) for row in rows]


@pytest.mark.clause("5.5")
async def test_a_complaint_has_its_number_its_deadlines_and_its_handler_at_once(
    town: Town, still: clock.StillClock
) -> None:
    first, second = await town.files(), await town.files("又没有打电话")
    praise = await town.files("孙师傅很负责", kind=ComplaintKind.PRAISE)
    assert [each.number for each in (first, second, praise)] == [
        "TS-20261126-001",
        "TS-20261126-002",
        "FK-20261126-001",
    ]
    assert (first.state, first.assignee, second.assignee) == (State.ASSIGNED, town.li.id, town.sun.id)
    assert first.round.reply_due_at == START + 2 * HOUR
    assert first.round.settle_due_at == datetime(2026, 12, 1, 2, tzinfo=UTC)  # three working days over a weekend
    assert await told(town.li) == [("新的投诉或反馈", way, "pending") for way in ("app", "telegram")] + [
        ("新的投诉或反馈", way, "pending") for way in ("app", "telegram")
    ]
    assert await told(town.lead) == []
    still.advance(timedelta(hours=15))  # past midnight in Shanghai
    assert (await town.files("第三次")).number == "TS-20261127-001"
    (row,) = await fetch(
        "select facts from ledger where facts::jsonb->>'what' = 'complaint.filed' order by seq limit 1"
    )
    assert "TS-20261126-001" in row["facts"]
    assert "火警没有打电话" not in row["facts"]
    assert await is_whole()


async def test_the_same_words_sent_twice_are_one_complaint_even_at_once(town: Town, still: clock.StillClock) -> None:
    many = await asyncio.gather(*(town.files() for _ in range(3)))
    assert len({each.id for each in many}) == 1
    still.advance(11 * 60 * timedelta(seconds=1))
    assert (await town.files()).id != many[0].id


async def test_what_it_is_about_stays_in_words_and_is_looked_up_through_the_doors(
    town: Town, door: Any, still: clock.StillClock, add_person: Add
) -> None:
    await door.hears(StateSaid(subject=SMOKE, state=1 << 1))
    alarm = await the_alarm()
    one = await town.files(about=UUID(str(alarm)))
    assert "火警" in one.about_words
    assert town.lead.may("see", town.unit)
    with pytest.raises(NotFound):
        await town.files("x", about=new_id())
    other = new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1, 'u2', '隔壁', '', $2, now())",
        other,
        ZONE,
    )
    stranger = await person(PersonId(await add_person("zhu", "朱经理", "unit_manager", other, app="zhu")))
    with pytest.raises(NotFound):
        await town.files("x", by=stranger, unit=UnitId(other), about=UUID(str(alarm)))
    with pytest.raises(NotFound):
        await town.files("x", about_person=stranger.id, kind=ComplaintKind.PERSON)
    assert (await town.files("y", about_person=town.li.id, kind=ComplaintKind.PERSON)).about_words == "李受理"


async def test_a_person_of_another_unit_finds_nothing_by_any_id(town: Town, add_person: Add) -> None:
    one, other = await town.files(), new_id()
    await execute(
        "insert into units (id, code, name, address, timezone, created_at) values ($1, 'u2', '隔壁', '', $2, now())",
        other,
        ZONE,
    )
    for code, role, unit in (("zhu", "unit_manager", other), ("wu", "provider_operator", None)):
        stranger = await person(PersonId(await add_person(code, code, role, unit, app=code)))
        for act in (
            complaint_story(stranger, one.id),
            service.answer(stranger, one.id, "x", Via.PHONE),
            service.withdraw(stranger, one.id, "x", Via.PHONE),
            service.rate(stranger, one.id, 5, "x", Via.PHONE),
            service.reopen(stranger, one.id, "x", Via.PHONE),
            handling.take(stranger, one.id, Via.PHONE),
            handling.reply(stranger, one.id, "x", Via.PHONE),
            handling.ask_back(stranger, one.id, "x", Via.PHONE),
            handling.note(stranger, one.id, "x", Via.PHONE),
            handling.transfer(stranger, one.id, town.sun.id, "x", Via.PHONE),
            handling.settle(stranger, one.id, HOW, Via.PHONE),
            handling.take(stranger, new_id(), Via.PHONE),
        ):
            with pytest.raises(NoSuchComplaint):
                await act
        assert await complaints_for(stranger, "all") == []
    with pytest.raises(NoSuchComplaint):
        await complaint_story(town.zhou, one.id)  # a colleague's is not theirs
    own = await town.files("值班室电话打不通", by=town.zhou)
    assert (await complaint_story(town.wang, own.id)).line.is_mine is False
    for act in (service.answer(town.wang, own.id, "x", Via.PHONE), handling.reply(town.wang, own.id, "x", Via.PHONE)):
        with pytest.raises(NotAllowed):
            await act
    with pytest.raises(NotAllowed):
        await town.files("x", by=town.lead)
    with pytest.raises(NotFound):
        await town.files("x", by=town.li)
    assert [each.number for each in await complaints_for(town.li)] == [one.number, own.number]


async def test_of_two_with_the_same_deadline_the_older_is_first_and_of_those_that_are_over_the_newer(
    town: Town, still: clock.StillClock
) -> None:
    still.advance(8 * HOUR)  # in the evening: both are due by the morning
    first = await town.files("一")
    still.advance(HOUR)
    second = await town.files("二")
    assert first.round.reply_due_at == second.round.reply_due_at
    assert [each.number for each in await complaints_for(town.lead)] == [first.number, second.number]
    for each in (first, second):
        await handling.settle(town.sun, each.id, HOW, Via.CONSOLE)
    found = await complaints_for(town.lead, "all")
    assert [each.number for each in found] == [second.number, first.number]


@pytest.mark.clause("5.5")
async def test_from_filing_to_a_rating_and_open_again_all_of_it_is_kept(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await handling.take(town.li, one.id, Via.TELEGRAM)
    await handling.take(town.li, one.id, Via.TELEGRAM)  # a second tap
    await handling.note(town.li, one.id, "设备批次有问题", Via.CONSOLE)
    asked = await handling.ask_back(town.li, one.id, "几点发生的？", Via.TELEGRAM)
    assert (asked.state, asked.round.replied_at) == (State.WAITING, START)
    still.advance(4 * DAY)  # Monday 10:00: two working days, which do not count
    back = await service.answer(town.wang, one.id, "昨晚十点", Via.PHONE)
    assert (back.state, back.round.settle_due_at) == (State.IN_PROGRESS, datetime(2026, 12, 3, 2, tzinfo=UTC))
    await handling.reply(town.li, one.id, "明天上午更换", Via.CONSOLE)
    await handling.reply(town.li, one.id, "明天上午更换", Via.CONSOLE)  # a second tap
    with pytest.raises(BadInput):
        await handling.settle(town.li, one.id, Settlement(text="已换", is_justified=True), Via.CONSOLE)
    over = await handling.settle(town.li, one.id, HOW, Via.CONSOLE)
    assert (over.state, over.round.cause, over.round.rating_asked_at) == (State.SETTLED, CauseClass.DEVICE, still.now())
    with pytest.raises(BadInput):
        await service.rate(town.wang, one.id, 2, " ", Via.TELEGRAM)
    await service.rate(town.wang, one.id, 2, "太慢", Via.TELEGRAM)
    await service.rate(town.wang, one.id, 2, "太慢", Via.TELEGRAM)  # a second tap
    with pytest.raises(ComplaintMovedOn):
        await service.rate(town.wang, one.id, 5, "好", Via.TELEGRAM)
    again = await service.reopen(town.wang, one.id, "又不响了", Via.TELEGRAM)
    assert (again.state, again.assignee, again.round.number, again.round.rating) == (
        State.ASSIGNED,
        town.li.id,
        1,
        None,
    )
    whole = [
        "filed",
        "assigned",
        "taken",
        "note",
        "asked",
        "heard",
        "reply",
        "settled",
        "rated",
        "reopened",
        "assigned",
    ]
    assert await story(one, town.li) == whole
    assert await story(one, town.wang) == [each for each in whole if each != "note"]
    first, second = (await complaint_story(town.wang, one.id)).rounds
    assert (first.rating, first.rating_reason, first.improvement) == (2, "太慢", "纳入月检")
    assert second.rating is None
    assert await told(town.wang) == [
        ("请补充说明", "telegram", "pending"),
        ("您的投诉或反馈有了答复", "telegram", "pending"),
        ("已办结，请评价", "telegram", "pending"),
    ]
    acts = await fetch("select facts::jsonb->>'what' as what from ledger where kind = 'action' order by seq")
    assert [row["what"] for row in acts if row["what"].startswith("complaint.")] == [
        f"complaint.{each}"
        for each in ("filed", "taken", "note", "asked", "heard", "reply", "settled", "rated", "reopened")
    ]


async def test_two_handlers_who_reply_at_once_give_one_answer(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    done = await asyncio.gather(
        handling.reply(town.li, one.id, "马上处理", Via.TELEGRAM),
        handling.reply(town.sun, one.id, "我来处理", Via.CONSOLE),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in done) == ["Complaint", "HandledByAnother"]
    assert (await story(one, town.li)).count("reply") == 1
    assert len([each for each in await told(town.wang) if each[0] == "您的投诉或反馈有了答复"]) == 1
    winner = next(each for each in done if isinstance(each, Complaint)).assignee
    loser = town.sun if winner == town.li.id else town.li
    with pytest.raises(HandledByAnother):
        await handling.settle(loser, one.id, HOW, Via.CONSOLE)
    await handling.take(loser, one.id, Via.CONSOLE)
    assert (await handling.settle(loser, one.id, HOW, Via.CONSOLE)).state is State.SETTLED


async def test_abusive_words_are_marked_and_handled_like_any_other(town: Town, still: clock.StillClock) -> None:
    one = await town.files("你们这些王八蛋，又没打电话")
    assert (one.is_flagged, one.state) == (True, State.ASSIGNED)
    (line,) = await complaints_for(town.li)
    assert (line.is_flagged, line.text) == (True, "你们这些王八蛋，又没打电话")
    assert (await complaints_for(town.wang))[0].is_flagged is False
    calm = await town.files("打扰了", kind=ComplaintKind.QUESTION)
    assert (await service.answer(town.wang, calm.id, "废物", Via.TELEGRAM)).is_flagged


async def test_the_database_knows_the_same_ways_as_the_model(town: Town, database_url: str) -> None:
    one = await town.files()
    owner = await asyncpg.connect(database_url)
    try:
        for before in State:
            for after in State:
                await owner.execute("alter table complaints disable trigger move_forward")
                await owner.execute("update complaints set state = $2 where id = $1", one.id, str(before))
                await owner.execute("alter table complaints enable trigger move_forward")
                try:
                    await owner.execute("update complaints set state = $2 where id = $1", one.id, str(after))
                    is_open = True
                except asyncpg.RestrictViolationError:
                    is_open = False
                assert is_open == (after is before or after in TRANSITIONS[before]), (before, after)
        with pytest.raises(asyncpg.RestrictViolationError, match="stays as it is"):
            await owner.execute("update complaints set text = 'x' where id = $1", one.id)
    finally:
        await owner.close()


@pytest.mark.clause("5.5")
async def test_the_months_figures_are_those_worked_out_by_hand_and_the_table_is_safe(
    town: Town, still: clock.StillClock
) -> None:
    good = await town.files('=HYPERLINK("http://x")')  # 26.11. 10:00
    late = await town.files("晚")
    await town.files("谢谢", kind=ComplaintKind.PRAISE)
    still.advance(HOUR)
    await handling.settle(town.li, good.id, HOW, Via.CONSOLE)
    await service.rate(town.wang, good.id, 5, "很快", Via.PHONE)
    still.advance(DAY)  # 27.11. 11:00
    await handling.reply(town.sun, late.id, "抱歉", Via.CONSOLE)
    refuted = Settlement(text="记录显示已致电", is_justified=False)
    await handling.settle(town.sun, late.id, refuted, Via.CONSOLE)
    await service.rate(town.wang, late.id, 2, "不认可", Via.PHONE)
    await service.reopen(town.wang, late.id, "再查", Via.PHONE)
    month = await figures_for(town.lead, "2026-11", ZONE)
    assert (month.filed, month.by_kind, month.reopened) == (3, {"alarm": 2, "praise": 1}, 1)
    assert (month.replies_due, month.replies_in_time, month.reply_share) == (2, 1, 50.0)
    assert (month.settlements_due, month.settlement_share) == (2, 100.0)
    assert (month.asked, month.satisfaction, month.causes) == (2, 3.5, {"device": 1})
    assert (await figures_for(town.wang, "2026-11", ZONE)).filed == 3
    assert (await figures_for(town.lead, "2026-10", ZONE)).filed == 0
    with pytest.raises(NotAllowed):
        await figures_for(town.zhou, "2026-11", ZONE)
    with pytest.raises(BadInput):
        await figures_for(town.lead, "2026-13", ZONE)
    table = list(csv.DictReader(io.StringIO((await export_csv(town.lead, "2026-11", ZONE)).removeprefix("\ufeff"))))
    assert [(row["编号"], row["轮次"], row["满意度"]) for row in table] == [
        ("FK-20261126-001", "1", ""),
        ("TS-20261126-001", "1", "5"),
        ("TS-20261126-002", "1", "2"),
        ("TS-20261126-002", "2", ""),
    ]
    (row,) = [each for each in table if each["编号"] == "TS-20261126-001"]
    assert row["内容"].startswith("'=")


async def test_a_text_message_in_reply_is_the_complainants_answer_and_an_alarms_reply_stays_the_alarms(
    town: Town, still: clock.StillClock, add_person: Add
) -> None:
    phone = "+8613800000009"
    cai = await person(PersonId(await add_person("cai", "蔡值班", "unit_duty", town.unit, sms=phone)))
    one = await town.files("电话打不通", by=cai, via=Via.API)
    assert await by_text(phone, "没有更换手机号") is None  # nothing was sent there yet
    await handling.ask_back(town.li, one.id, "手机号换过吗？", Via.CONSOLE)
    await carried()
    still.advance(7 * DAY)
    assert await by_text(phone, "1") is None
    assert await by_text("+8613800000001", "没有更换手机号") is None
    assert await by_text(phone, "没有更换手机号") == "已收到，TS-20261126-001：处理中"
    (line,) = [each for each in (await complaint_story(cai, one.id)).entries if each.kind == "heard"]
    assert (line.text, line.via) == ("没有更换手机号", "短信")
    await handling.settle(town.li, one.id, HOW, Via.CONSOLE)
    assert "已办结" in str(await by_text(phone, "还是打不通"))
    await execute("update contact_points set address = '+8613800000010' where address = $1", phone)
    assert await by_text(phone, "还是打不通") is None
