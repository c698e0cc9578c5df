"""Complaints and work orders: one about the other, one from the other, and each seen from the other's end."""

import asyncio

import msgspec
import pytest

from backend.alarms.chat import ALARMS
from backend.alarms.queries import card_for
from backend.alarms.service import judge
from backend.chat.model import Key
from backend.chat.service import Conversation
from backend.complaints.chat import COMPLAINTS
from backend.complaints.model import Complaint, ComplaintMovedOn
from backend.complaints.ordering import open_order
from backend.complaints.queries import complaint_story, complaints_for
from backend.complaints.service import withdraw
from backend.core.db.engine import execute, fetch
from backend.core.errors import BadInput, NotAllowed, NotFound
from backend.core.ids import PersonId, UnitId
from backend.core.vocabulary import ComplaintKind, Role, Verdict, Via
from backend.monitoring.model import StateSaid
from backend.people.model import Person, Right
from backend.people.queries import person
from backend.people.service import grant
from backend.work_orders.chat import WORK_ORDERS
from backend.work_orders.model import Act, Origin, State, WorkOrder
from backend.work_orders.opening import Opening
from backend.work_orders.opening import open_order as report
from backend.work_orders.queries import order_view, orders_for
from backend.work_orders.service import Said, perform
from tests.integration.test_complaints import Add, Town, is_whole, town
from tests.integration.test_complaints_in_chat import Chat, still
from tests.integration.test_masks import SMOKE

__all__ = ["still", "town"]


@pytest.fixture
async def keeper(town: Town, add_person: Add) -> Person:
    return await person(PersonId(await add_person("zhao", "赵维保", "maintainer", town.unit, app="zhao")))


async def an_order(town: Town, what: str = "水泵异响") -> WorkOrder:
    return await report(town.wang, Opening(unit=town.unit, what=what, where="地下1层"), Via.PHONE)


def talking(who: Person) -> Chat:
    """Somebody to whom all three concepts talk."""
    chat = Chat(who)
    chat.conversation = Conversation((ALARMS, WORK_ORDERS, COMPLAINTS))
    return chat


async def filed_by(town: Town) -> Complaint:
    return await town.files("业主投诉漏水", kind=ComplaintKind.OTHER)


async def test_a_complaint_is_about_an_order_that_is_chosen_or_named_by_its_number(town: Town, keeper: Person) -> None:
    assert keeper
    first, second = await an_order(town), await an_order(town, "阀门漏水")
    wang = talking(town.wang)
    await wang.says("投诉")
    assert "哪一张工单" in await wang.presses("工单投诉")
    assert [key.label for key in wang.keys][:2] == [f"#{each.number} {each.what} · 待接单" for each in (second, first)]
    await wang.presses(wang.keys[1].label)
    assert f"工单投诉 · #{first.number} 水泵异响" in await wang.says("两天没人来")
    await wang.presses("提交")
    await wang.says("投诉")
    await wang.presses("工单投诉")
    assert "没有这张工单" in await wang.says("#99")
    assert "请说明情况" in await wang.says(f" #{second.number}")
    await wang.says("来了没修好")
    await wang.presses("提交")
    lines = {line.text: line.about_words for line in await complaints_for(town.lead)}
    assert lines == {
        "两天没人来": f"#{first.number} 水泵异响 · 地下1层",
        "来了没修好": f"#{second.number} 阀门漏水 · 地下1层",
    }


async def test_an_order_of_another_unit_is_nothing_to_complain_about(
    town: Town, keeper: Person, add_person: Add
) -> None:
    order = await an_order(town)
    other = await fetch(
        """insert into units (id, code, name, address, timezone, created_at)
           values (gen_random_uuid(), 'u2', '别家', '', 'Asia/Shanghai', now()) returning id"""
    )
    wu = await person(PersonId(await add_person("wu", "吴经理", "unit_manager", other[0]["id"], app="wu")))
    for unit in (town.unit, other[0]["id"]):
        with pytest.raises(NotFound):
            await town.files("x", by=wu, kind=ComplaintKind.ORDER, about=order.id, unit=unit)
    chat = talking(wu)
    await chat.says("投诉")
    await chat.presses("工单投诉")
    assert [key.label for key in chat.keys] == ["不指明", "取消"]
    assert "没有这张工单" in await chat.says(str(order.number))
    assert "没有这张工单" in await chat.presses_key(Key("投诉", "c-of-order", order.id))
    assert keeper
    # of two units of one's own, an order of the one is no matter of the other's
    await grant(town.wang.id, Role.UNIT_MANAGER, other[0]["id"])
    both = talking(await person(town.wang.id))
    await both.says("投诉")
    await both.presses("工单投诉")
    await both.presses("别家")
    assert "没有这张工单" in await both.says(str(order.number))


async def test_an_order_card_and_an_alarm_offer_a_complaint_about_themselves(
    town: Town, keeper: Person, door: object
) -> None:
    order = await an_order(town)
    wang = talking(town.wang)
    await wang.says(f"工单 {order.number}")
    assert "请说明情况" in await wang.presses("投诉")
    await wang.says("太慢")
    await wang.presses("提交")
    (line,) = await complaints_for(town.wang)
    assert (line.kind, line.about_words) == (ComplaintKind.ORDER, f"#{order.number} 水泵异响 · 地下1层")
    # the order shows it to whoever may see it, and to nobody else
    assert f"{line.number} · 已分派" in await wang.says(f"工单 {order.number}")
    assert line.number in await wang.presses(f"{line.number} · 已分派")
    zhou = talking(town.zhou)
    assert line.number not in await zhou.says(f"工单 {order.number}")
    assert (await order_view(keeper, order.id)).beside == ()
    await door.hears(StateSaid(subject=SMOKE, state=1 << 1))  # type: ignore[attr-defined]
    (alarm,) = await fetch("select id from alarms")
    await wang.presses_key(Key("更多", "a-more", alarm["id"]))
    assert "请说明情况" in await wang.presses("投诉")
    await judge(town.wang, alarm["id"], Verdict.FALSE, Via.TELEGRAM)
    await execute("update alarms set closed_at = now(), cleared_at = now() where id = $1", alarm["id"])
    closed = await card_for(town.wang, alarm["id"], "zh_CN")
    assert [(key.label, key.verb) for row in closed.keys for key in row] == [("投诉", "c-file")]
    # in a group that is another unit's, nothing of this one is spoken of
    wang.speaker = msgspec.structs.replace(wang.speaker, is_group=True, group_unit=UnitId(keeper.id))
    assert "没有这张工单" in await wang.presses_key(Key("投诉", "c-of-order", order.id))


@pytest.mark.clause("5.5")
async def test_a_handler_opens_an_order_from_a_complaint_and_sees_no_more_of_the_unit(
    town: Town, keeper: Person
) -> None:
    one = await filed_by(town)
    li = talking(town.li)
    await li.presses_key(Key("查看", "c-show", one.id))
    assert "请写报修内容" in await li.presses("开工单")
    assert "已开工单 1：待接单" in await li.says("3层水管漏水")
    (order,) = await orders_for(town.wang, "open")
    view = await order_view(town.wang, order.id)
    assert (view.order.origin, view.order.about, view.order.offered) == (Origin.COMPLAINT, one.id, (keeper.id,))
    assert [each.words for each in view.beside] == [f"{one.number} · 已分派"]
    shown = await li.presses("查看")
    assert "🔧 #1 3层水管漏水 · 待接单" in shown
    assert "开工单" in [key.label for key in li.keys]
    assert "🔧 #1" not in [key.label for key in li.keys], "the unit is not theirs to look into"
    with pytest.raises(NotFound):
        await order_view(town.li, order.id)
    await perform(keeper, order.id, Act.ACCEPT, Via.PHONE)
    told = await complaint_story(town.wang, one.id)
    assert [(each.number, each.state_word, each.may_open) for each in told.orders] == [(1, "已接单", True)]
    assert [(each.kind, each.detail, each.text) for each in told.entries][-1] == ("ordered", "#1", "3层水管漏水")
    assert await is_whole()


async def test_two_who_open_one_at_once_open_one_and_after_it_ended_another(town: Town, keeper: Person) -> None:
    assert keeper
    one = await filed_by(town)
    opened = await asyncio.gather(*(open_order(each, one.id, "漏水", Via.CONSOLE) for each in (town.li, town.sun)))
    assert [is_new for _, is_new in sorted(opened, key=lambda each: each[1])] == [False, True]
    assert len({order.id for order, _ in opened}) == 1
    await perform(town.wang, opened[0][0].id, Act.WITHDRAW, Via.PHONE, Said(reason="误报"))
    again, is_new = await open_order(town.li, one.id, "又漏水", Via.CONSOLE)
    assert (is_new, again.state) == (True, State.DISPATCHED)
    assert len((await complaint_story(town.li, one.id)).orders) == 2


async def test_only_who_handles_a_complaint_opens_an_order_from_it_while_it_is_open(
    town: Town, keeper: Person, add_person: Add
) -> None:
    one = await filed_by(town)
    for who, refusal in ((town.wang, NotAllowed), (town.zhou, NotFound), (keeper, NotFound)):
        with pytest.raises(refusal):
            await open_order(who, one.id, "漏水", Via.PHONE)
        if who is town.wang:
            assert not (await complaint_story(who, one.id)).may_order
    with pytest.raises(BadInput):
        await open_order(town.li, one.id, "  ", Via.PHONE)
    about_li = await town.files("李受理不接电话", kind=ComplaintKind.PERSON, about_person=town.li.id)
    with pytest.raises(NotFound):
        await open_order(town.li, about_li.id, "漏水", Via.PHONE)
    # whoever is a party to it handles nothing of it, whatever else they may do
    await grant(town.wang.id, Role.COMPLAINT_HANDLER, None)
    party = await person(town.wang.id)
    assert party.may(Right.ORDER_COMPLAINED, town.unit)
    with pytest.raises(NotAllowed):
        await open_order(party, one.id, "漏水", Via.PHONE)
    await withdraw(town.wang, one.id, "", Via.PHONE)
    with pytest.raises(ComplaintMovedOn):
        await open_order(town.li, one.id, "漏水", Via.PHONE)
    assert await fetch("select 1 from work_orders") == []
