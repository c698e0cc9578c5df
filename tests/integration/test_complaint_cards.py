"""What hangs in chats and pages of a complaint: it moves on with it, and offers only what can still be done (5.5)."""

from datetime import timedelta

import pytest

from backend.complaints import chores, handling, service
from backend.complaints.chores import look_after_complaints
from backend.complaints.model import State
from backend.complaints.queries import complaint_story
from backend.complaints.reports import export_csv, figures_for
from backend.complaints.rows import complaint_for
from backend.complaints.telling import way_for
from backend.core import clock
from backend.core.db.engine import execute, fetch, transaction
from backend.core.errors import NotAllowed
from backend.core.ids import ContactPointId, PersonId, new_id
from backend.core.vocabulary import Channel, Via
from backend.delivery.model import Key
from backend.people.model import Reach
from backend.people.queries import person
from tests.integration.test_complaints import DAY, HOUR, HOW, Add, Town, breaches, still, town
from tests.integration.test_complaints_in_chat import Chat, cards_of

__all__ = ["still", "town"]
STARS = ["c-rate"] * 5


async def settled(town: Town) -> list[list[str]]:
    """The verbs under each card by which the complainant was asked how satisfied they are, oldest first."""
    return [verbs for headline, verbs, _ in await cards_of(town.wang) if headline == "已办结，请评价"]


async def test_stars_go_with_the_rating_and_come_with_the_next_round_on_its_own_card(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    await handling.take(town.li, one.id, Via.TELEGRAM)
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    assert await settled(town) == [[*STARS, "c-reopen", "c-show"]]
    await service.rate(town.wang, one.id, 2, "太慢", Via.TELEGRAM)
    assert await settled(town) == [["c-reopen", "c-show"]]
    await service.reopen(town.wang, one.id, "又坏了", Via.TELEGRAM)
    assert await settled(town) == [["c-show"]]
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    assert await settled(town) == [["c-show"], [*STARS, "c-reopen", "c-show"]]


async def test_an_answers_card_offers_no_more_words_when_it_is_over_and_again_no_keys_that_only_refuse(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    await handling.reply(town.li, one.id, "已派人", Via.TELEGRAM)
    assert [verbs for _, verbs, _ in await cards_of(town.wang)] == [["c-answer", "c-show"]]
    assert ["c-reply", "c-ask", "c-settle", "c-transfer", "c-note", "c-show"] in [
        verbs for _, verbs, _ in await cards_of(town.li)
    ]
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    assert (await cards_of(town.wang))[0][:2] == ("您的投诉或反馈有了答复", ["c-show"])
    assert {tuple(verbs) for _, verbs, _ in await cards_of(town.li)} == {("c-show",)}


async def test_nobody_rated_it_and_the_stars_are_gone_when_it_is_closed(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    still.advance(30 * DAY)
    await look_after_complaints()
    assert (await complaint_for(town.wang, one.id)).state is State.CLOSED
    assert await settled(town) == [["c-reopen", "c-show"]]


async def test_that_a_deadline_was_missed_stays_on_the_card_of_who_answers_for_it_whoever_takes_it(
    town: Town, still: clock.StillClock
) -> None:
    one = await town.files()
    still.advance(5 * HOUR)
    await look_after_complaints()
    assert await breaches() == [("reply", 0)]
    await handling.take(town.sun, one.id, Via.CONSOLE)
    assert (await cards_of(town.lead))[0][0] == "投诉已超过时限"
    assert ("该投诉已由他人处理", ["c-take", "c-show"], "孙受理") in await cards_of(town.li)
    await handling.take(town.li, one.id, Via.CONSOLE)
    assert (await cards_of(town.lead))[0][0] == "投诉已超过时限"
    assert "新的投诉或反馈" in [headline for headline, _, _ in await cards_of(town.li)]


async def test_the_duty_desk_sees_that_somebody_has_it_now_and_not_who(
    town: Town, still: clock.StillClock, add_person: Add
) -> None:
    desk = await person(PersonId(await add_person("wu", "吴值班", "provider_operator", None, app="wu")))
    handlers = [town.li.id, town.sun.id, town.lead.id]
    await execute("update people set is_active = false where id = any($1)", handlers)
    one = await town.files()
    assert [headline for headline, _, _ in await cards_of(desk)] == ["有投诉无人可受理，请指派处理人"]
    await execute("update people set is_active = true where id = any($1)", handlers)
    await look_after_complaints()
    assert (await complaint_for(town.li, one.id)).assignee == town.li.id
    ((headline, verbs, fact),) = await cards_of(desk)
    assert (headline, verbs) == ("该投诉已有人受理", [])
    assert "李受理" not in fact


async def test_after_each_act_the_handler_has_the_next_ones_at_hand(town: Town, still: clock.StillClock) -> None:
    one = await town.files()
    li = Chat(town.li)
    await li.presses_key(Key("接手", "c-take", one.id))
    assert [key.label for key in li.keys] == ["答复", "请补充", "办结", "转交", "备注", "查看"]
    await li.presses("答复")
    assert "已答复" in await li.says("已派人")
    await li.presses("转交")
    await li.presses("孙受理")
    assert [key.label for key in li.keys] == ["查看"], "it is another's now"


async def test_the_same_words_after_it_is_over_are_a_complaint_of_their_own(
    town: Town, still: clock.StillClock
) -> None:
    first = await town.files()
    assert (await town.files()).id == first.id
    await handling.settle(town.li, first.id, HOW, Via.TELEGRAM)
    again = await town.files()
    assert (again.id != first.id, again.number) == (True, "TS-20261126-002")


def reach(channel: Channel, failure: str | None = None) -> Reach:
    return Reach(
        person=PersonId(new_id()), name="王经理", language="zh_CN", contact_point=ContactPointId(new_id()),
        channel=channel, address="x", failure=failure,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ways", "via", "expected"),
    [
        ((Channel.WEBHOOK, Channel.APP), Via.API, Channel.APP),
        ((Channel.VOICE, Channel.APP), Via.TELEGRAM, Channel.APP),
        ((Channel.VOICE, Channel.SMS, Channel.TELEGRAM), Via.VOICE, Channel.SMS),
        ((Channel.APP, Channel.TELEGRAM), Via.TELEGRAM, Channel.TELEGRAM),
        ((Channel.APPRISE, Channel.WEBHOOK, Channel.VOICE), Via.PHONE, None),
    ],
)
def test_an_answer_goes_by_a_way_that_is_read(ways: tuple[Channel, ...], via: Via, expected: Channel | None) -> None:
    found = way_for([reach(each) for each in ways], via)
    assert [each.channel for each in found] == ([expected] if expected else [])


async def test_who_has_no_way_that_is_read_is_known_to_be_out_of_reach(town: Town, still: clock.StillClock) -> None:
    await execute("delete from contact_points where person = $1 and channel <> 'voice'", town.wang.id)
    one = await town.files()
    await handling.reply(town.li, one.id, "已派人", Via.TELEGRAM)
    still.advance(timedelta(minutes=1))
    await look_after_complaints()
    assert "投诉人联系不上" in [headline for headline, _, _ in await cards_of(town.li)]


async def test_a_part_of_the_looking_after_that_fails_stops_no_other(
    town: Town, still: clock.StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await town.files()

    async def fails() -> None:
        raise RuntimeError("a bug in the reminders")

    monkeypatch.setattr(chores, "_remind", fails)
    still.advance(5 * HOUR)
    with pytest.raises(ExceptionGroup) as caught:
        await look_after_complaints()
    assert [str(each) for each in caught.value.exceptions] == ["a bug in the reminders"]
    assert await breaches() == [("reply", 0)]
    assert (await complaint_for(town.lead, one.id)).state is State.ASSIGNED


async def test_rounds_that_were_done_in_time_are_not_looked_through(town: Town, still: clock.StillClock) -> None:
    async with transaction():
        await execute("set local enable_seqscan = off")
        rows = await fetch(f"explain {chores._PASSED}", clock.now())
    plan = "\n".join(str(each["QUERY PLAN"]) for each in rows)
    assert "complaint_rounds_reply_late" in plan
    assert "complaint_rounds_settle_late" in plan


async def test_why_it_came_to_a_complaint_is_read_on_its_page_by_whoever_reads_it_in_the_months_report(
    town: Town, still: clock.StillClock
) -> None:
    """A unit's manager has the report with its causes (5.5); whoever only complained has neither."""
    one = await town.files("值班室电话打不通", by=town.zhou)
    await handling.settle(town.li, one.id, HOW, Via.TELEGRAM)
    for who, cause in ((town.li, "设备质量"), (town.lead, "设备质量"), (town.wang, "设备质量"), (town.zhou, "")):
        told = await complaint_story(who, one.id)
        assert [each.cause for each in told.rounds] == [cause]
        assert [each.detail for each in told.entries if each.kind == "settled"] == [cause]
    for who in (town.li, town.wang):
        assert "设备质量" in await export_csv(who, "2026-11", "Asia/Shanghai")
        assert (await figures_for(who, "2026-11", "Asia/Shanghai")).causes == {"device": 1}
    with pytest.raises(NotAllowed):
        await export_csv(town.zhou, "2026-11", "Asia/Shanghai")
