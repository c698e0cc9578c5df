"""Masks through the conversation that every chat speaks by: asked for, approved by another, lifted, extended."""

from datetime import timedelta
from uuid import UUID

import pytest

from backend.alarms.masks.chores import look_after_masks
from backend.alarms.masks.model import MaskState
from backend.alarms.masks.queries import mask_for, masks_for
from backend.alarms.masks.service import ask, extend
from backend.alarms.status_chat import STATUS_TALK
from backend.alarms.status_keys import Part
from backend.chat.model import Key
from backend.chat.service import Conversation
from backend.core import clock
from backend.core.ids import PersonId
from backend.core.vocabulary import Via
from backend.people.model import Person
from backend.people.queries import person
from backend.talks import TALKS
from tests.integration.test_complaints_in_chat import Chat, card_keys
from tests.integration.test_masks import PUMP, SMOKE, Add, keeper, manager, points, scope_of, still

__all__ = ["keeper", "manager", "points", "still"]
HOUR = timedelta(hours=1)


@pytest.fixture
async def desk(unit: dict[str, UUID], add_person: Add) -> Person:
    assert unit
    return await person(PersonId(await add_person("qian", "钱值班员", "provider_operator", None, app="qian")))


def talking(who: Person) -> Chat:
    chat = Chat(who)
    chat.conversation = Conversation(TALKS)
    return chat


async def test_a_pump_is_masked_in_four_answers_and_its_end_is_on_the_units_clock(
    still: clock.StillClock, points: dict[str, UUID], keeper: Person
) -> None:
    assert points
    zhao = talking(keeper)
    assert "“喷淋泵”有 1 处，请选择" in await zhao.says("申请屏蔽 喷淋泵")
    assert "为什么屏蔽" in await zhao.presses(zhao.keys[0].label)
    assert "到什么时候" in await zhao.says("更换轴承")
    assert [key.label for key in zhao.keys][:-1] == ["1 小时", "4 小时", "8 小时", "24 小时", "3 天", "7 天"]
    assert "没有看懂时间" in await zhao.says("不久")
    assert "截止 11-25 18:30" in await zhao.says("18:30")  # it is 14:00 there
    assert await masks_for(keeper) == []
    assert "屏蔽 #1 已生效" in await zhao.presses("申请屏蔽")
    (line,) = await masks_for(keeper)
    assert (line.state, line.reason, f"{line.until_at:%H:%M}") == (MaskState.ACTIVE, "更换轴承", "18:30")
    shown = await zhao.presses("查看")
    assert "1号喷淋泵" in shown
    assert [key.label for key in zhao.keys] == ["提前解除", "延长"]


async def test_a_fire_points_mask_waits_for_a_second_person_who_answers_its_card(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person, desk: Person
) -> None:
    mask = await ask(keeper, scope_of(points, SMOKE), "粉尘施工", clock.now() + HOUR, Via.TELEGRAM)
    keys = {key.label: key for key in await mask_keys(desk)}
    assert list(keys) == ["批准", "拒绝"]
    zhao, qian = talking(keeper), talking(desk)
    assert "您没有进行此操作的权限" in await zhao.presses_key(keys["批准"])
    assert (await mask_for(keeper, mask.id)).state is MaskState.ASKED
    assert "屏蔽 #1：屏蔽中" in await qian.presses_key(keys["批准"])
    assert "屏蔽 #1：屏蔽中" in await qian.presses_key(keys["批准"])
    assert [key.label for key in await mask_keys(manager)] == ["提前解除", "延长"]
    assert "已改变" in await qian.presses_key(keys["拒绝"])


async def test_nobody_approves_in_chat_what_they_asked_for_themselves(
    still: clock.StillClock, points: dict[str, UUID], manager: Person
) -> None:
    mask = await ask(manager, scope_of(points, SMOKE), "粉尘施工", clock.now() + HOUR, Via.TELEGRAM)
    wang = talking(manager)
    await wang.presses_key(Key("查看", "m-show", mask.id))
    assert [key.label for key in wang.keys] == ["提前解除"]
    assert "须由另一人批准" in await wang.presses_key(Key("批准", "m-ok", mask.id))
    assert (await mask_for(manager, mask.id)).state is MaskState.ASKED


async def test_a_refusal_needs_its_reason_and_ends_the_mask(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    mask = await ask(keeper, scope_of(points, SMOKE), "粉尘施工", clock.now() + HOUR, Via.TELEGRAM)
    wang = talking(manager)
    assert "为什么不批准" in await wang.presses_key(Key("拒绝", "m-no", mask.id))
    assert "请填写原因" in await wang.says("  ")
    assert "未批准" in await wang.says("营业时间不可")
    line = await mask_for(manager, mask.id)
    assert (line.state, line.ended_why) == (MaskState.REFUSED, "营业时间不可")
    assert await mask_keys(manager) == []


async def test_a_mask_is_lifted_early_with_or_without_words_and_extended_by_asking_anew(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    mask = await ask(keeper, scope_of(points, PUMP), "换泵", clock.now() + HOUR, Via.TELEGRAM)
    zhao, wang = talking(keeper), talking(manager)
    await zhao.presses_key(Key("延长", "m-more", mask.id))
    await zhao.says("配件未到")
    await zhao.presses("8 小时")
    assert "屏蔽 #2 已生效" in await zhao.presses("申请屏蔽")
    assert [(each.number, each.reason) for each in await masks_for(manager)] == [(2, "配件未到")]
    (second,) = await masks_for(manager)
    assert "只能延长正在生效的屏蔽" in await zhao.presses_key(Key("延长", "m-more", mask.id))
    assert "为什么提前解除" in await wang.presses_key(Key("提前解除", "m-lift", second.id))
    assert "已解除" in await wang.presses("直接解除")
    assert await masks_for(manager) == []
    third = await ask(keeper, scope_of(points, PUMP), "再换", clock.now() + HOUR, Via.TELEGRAM)
    await wang.presses_key(Key("提前解除", "m-lift", third.id))
    await wang.says("已修好")
    assert (await mask_for(manager, third.id)).ended_why == "已修好"


async def test_a_reminders_card_offers_to_lift_or_extend(
    still: clock.StillClock, points: dict[str, UUID], manager: Person, keeper: Person
) -> None:
    await ask(keeper, scope_of(points, PUMP), "换泵", clock.now() + 3 * HOUR, Via.TELEGRAM)
    still.advance(HOUR)
    await look_after_masks()
    assert [key.label for key in await mask_keys(manager)] == ["提前解除", "延长"]


async def test_a_mask_longer_than_its_policy_is_refused_where_it_is_answered(
    still: clock.StillClock, points: dict[str, UUID], keeper: Person
) -> None:
    zhao = talking(keeper)
    part = Part(system=(SMOKE.system_type or 0, SMOKE.system_address or 0), component=SMOKE.component_address or "")
    assert "为什么屏蔽" in await zhao.presses_key(Key("申请屏蔽", "m-part", points["device"], part.packed()))
    await zhao.says("粉尘施工")
    assert "3 天" not in [key.label for key in zhao.keys]
    assert "最长 24 小时" in await zhao.says("2天")
    assert "须另一人批准" in await zhao.says("20小时")
    assert "等待另一人批准" in await zhao.presses("申请屏蔽")


async def test_a_stranger_finds_no_mask_and_nothing_to_mask(
    still: clock.StillClock, points: dict[str, UUID], keeper: Person, add_person: Add
) -> None:
    mask = await ask(keeper, scope_of(points, SMOKE), "粉尘施工", clock.now() + HOUR, Via.TELEGRAM)
    lead = talking(await person(PersonId(await add_person("he", "何受理", "complaint_handler", None, app="he"))))
    for verb in ("m-show", "m-ok", "m-no", "m-lift", "m-more"):
        assert "没有这条屏蔽" in await lead.presses_key(Key("x", verb, mask.id))
    for who in (lead, talking(keeper)):
        assert "没有您可以申请屏蔽的联网单位" in await who.presses_key(Key("x", "m-ask", mask.id))
    assert "要屏蔽什么" in await talking(keeper).presses_key(Key("x", "m-ask", points["unit"]))
    assert "您没有进行此操作的权限" in await lead.says("/mask 喷淋泵")
    part = Part(system=(1, 1), component="0a000200").packed()
    assert "没有找到" in await lead.presses_key(Key("x", "m-part", points["device"], part))
    assert (await mask_for(keeper, mask.id)).state is MaskState.ASKED


async def test_the_list_of_masks_offers_each_of_them_and_a_new_one(
    still: clock.StillClock, points: dict[str, UUID], keeper: Person, manager: Person
) -> None:
    first = await ask(keeper, scope_of(points, PUMP), "换泵", clock.now() + HOUR, Via.TELEGRAM)
    second = await extend(keeper, first.id, "再等", clock.now() + 2 * HOUR, Via.TELEGRAM)
    wang = talking(manager)
    assert "换泵" not in await wang.says("屏蔽")
    assert [key.label for key in wang.keys][:2] == [f"🔕 #{second.number}", "申请屏蔽"]
    assert "屏蔽中" in await wang.presses(f"🔕 #{second.number}")
    await wang.says("屏蔽")
    assert "要屏蔽什么" in await wang.presses("申请屏蔽")
    assert "没有找到“月亮”" in await wang.says("月亮")
    assert "请用文字写明" in await wang.says("")
    found = await wang.says("走廊")
    assert "走廊感烟" in "\n".join(key.label for key in wang.keys), found
    assert STATUS_TALK.concept == "status"


async def mask_keys(who: Person) -> list[Key]:
    """The keys under the newest card of a mask that somebody was to be sent."""
    return await card_keys(who, kind="mask")


async def test_who_found_nothing_may_begin_anew_with_the_same_word(points: dict[str, UUID], keeper: Person) -> None:
    assert points
    zhao = talking(keeper)
    assert "没有找到“飞船”" in await zhao.says("申请屏蔽 飞船")
    assert "“喷淋泵”有 1 处，请选择" in await zhao.says("申请屏蔽 喷淋泵")
    assert "“喷淋泵”有 1 处，请选择" in await zhao.says("喷淋泵")
