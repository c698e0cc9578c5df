"""Groups of a unit, through the real dispatcher: who may bind one, and what becomes of it."""

from typing import Any
from uuid import UUID

import pytest
from aiogram.types import ChatMemberMember, ChatMemberOwner, User

from backend.core.ids import UnitId
from backend.people.groups import UnitChoice

GROUP = {"id": -100, "type": "supergroup", "title": "班组", "is_forum": True}
USER = User(id=1001, is_bot=False, first_name="王")


@pytest.fixture
def owner(phone: Any) -> Any:
    phone.session.answers["getChatMember"] = ChatMemberOwner(user=USER, is_anonymous=False)
    return phone


async def test_an_administrator_with_the_right_binds_the_group(owner: Any) -> None:
    (text,) = await owner.writes(owner.WANG, "/bind", GROUP)
    assert text.startswith("✅ 此群已绑定")
    assert owner.house.groups == {"-100": owner.house.units[0].id}
    assert owner.house.topics == {"-100": ""}


async def test_a_topic_is_kept(owner: Any) -> None:
    message = {**owner.message(owner.WANG, "/bind", GROUP), "message_thread_id": 17, "is_topic_message": True}
    await owner.feed({"message": message})
    assert owner.house.topics == {"-100": "17"}
    assert owner.session.named("sendMessage")[-1].message_thread_id == 17


async def test_a_refusal_is_told_in_the_topic_where_it_was_asked(phone: Any) -> None:
    phone.session.answers["getChatMember"] = ChatMemberMember(user=USER)
    for account, words in ((phone.WANG, "/bind"), (phone.WANG, "/unlink"), (phone.STRANGER, "/alarms")):
        message = {**phone.message(account, words, GROUP), "message_thread_id": 17, "is_topic_message": True}
        await phone.feed({"message": message})
        assert phone.session.named("sendMessage")[-1].message_thread_id == 17, words


async def test_a_command_for_another_bot_of_the_group_is_that_ones(phone: Any) -> None:
    phone.house.groups["-100"] = phone.house.units[0].id
    assert await phone.writes(phone.WANG, "/help@weather_bot", GROUP) == []
    assert await phone.writes(phone.WANG, "/alarms@weather_bot", GROUP) == []
    (text,) = await phone.writes(phone.WANG, "/alarms@Some_Bot", GROUP)
    assert "当前报警" in text


async def test_who_calls_the_bot_by_its_name_in_a_group_is_answered(phone: Any) -> None:
    (text,) = await phone.writes(phone.WANG, "@some_bot 报警", GROUP)
    assert "尚未绑定" in text
    phone.house.groups["-100"] = phone.house.units[0].id
    for words in ("@some_bot 报警", "报警 @Some_Bot"):
        (text,) = await phone.writes(phone.WANG, words, GROUP)
        assert "当前报警" in text
    for words in ("@some_bot", "@some_bot 在吗"):
        (text,) = await phone.writes(phone.WANG, words, GROUP)
        assert text.startswith("您可以")
    for words in ("@some_bot_of_another 报警", "a@b", "@li 看一下报警"):
        assert await phone.writes(phone.WANG, words, GROUP) == []


async def test_who_does_not_administer_the_group_binds_nothing(phone: Any) -> None:
    phone.session.answers["getChatMember"] = ChatMemberMember(user=USER)
    (text,) = await phone.writes(phone.WANG, "/bind", GROUP)
    assert text == "只有群管理员可以绑定此群"
    phone.session.refuse("getChatMember", "user not found")
    (text,) = await phone.writes(phone.WANG, "/bind", GROUP)
    assert text.startswith("无法向 Telegram 核实")
    assert phone.house.groups == {}


async def test_an_administrator_without_the_right_binds_nothing(owner: Any) -> None:
    (text,) = await owner.writes(owner.LEAD, "/bind", GROUP)
    assert text == "没有您可以绑定的联网单位"
    (text,) = await owner.writes(owner.STRANGER, "/bind", GROUP)
    assert "尚未绑定人员" in text
    assert owner.house.groups == {}


async def test_of_several_units_one_is_chosen_by_key_and_both_rights_are_asked_again(owner: Any) -> None:
    other = UnitId(UUID(int=8))
    owner.house.units.append(UnitChoice(other, "u2", "第二大厦"))
    (text,) = await owner.writes(owner.WANG, "/bind", GROUP)
    assert text.startswith("此群绑定到哪个联网单位")
    second = owner.session.named("sendMessage")[-1].reply_markup.inline_keyboard[1][0]
    owner.session.answers["getChatMember"] = ChatMemberMember(user=USER)
    assert await owner.presses(owner.ENGLISH, second.callback_data, chat=GROUP) == (
        "Only an administrator of this group can bind it", True,
    )  # fmt: skip
    owner.session.answers["getChatMember"] = ChatMemberOwner(user=USER, is_anonymous=False)
    assert await owner.presses(owner.WANG, second.callback_data, chat=GROUP) == ("已绑定", False)
    assert owner.house.groups == {"-100": other}
    (text,) = await owner.writes(owner.WANG, "/bind 第二", {**GROUP, "id": -101})
    assert text.startswith("✅ 此群已绑定")


async def test_a_group_is_let_go(owner: Any) -> None:
    await owner.writes(owner.WANG, "/bind", GROUP)
    (text,) = await owner.writes(owner.WANG, "/unbind", GROUP)
    assert text.startswith("已解除绑定")
    (text,) = await owner.writes(owner.WANG, "/unbind", GROUP)
    assert text == "此群没有绑定联网单位"


async def test_these_commands_belong_into_a_group(phone: Any) -> None:
    (text,) = await phone.writes(phone.WANG, "/bind")
    assert "加入群" in text


async def test_a_bot_thrown_out_of_a_group_marks_it_and_let_in_again_too(phone: Any) -> None:
    bot = {"id": 42, "is_bot": True, "first_name": "烽火"}
    member, kicked = {"user": bot, "status": "member"}, {"user": bot, "status": "kicked", "until_date": 0}
    for before, after in ((member, kicked), (kicked, member)):
        change = {
            "chat": GROUP, "from": phone.user(phone.WANG), "date": 1_700_000_000,
            "old_chat_member": before, "new_chat_member": after,
        }  # fmt: skip
        await phone.feed({"my_chat_member": change})
    assert phone.house.marked == [("-100", False), ("-100", True)]
    assert phone.house.failing == {}


async def test_a_group_that_gets_another_number_keeps_its_unit(owner: Any) -> None:
    basic = {"id": -5, "type": "group", "title": "班组"}
    await owner.writes(owner.WANG, "/bind", basic)
    message = {**owner.message(owner.WANG, None, basic), "migrate_to_chat_id": -100500}
    message.pop("sticker")
    await owner.feed({"message": message})
    assert list(owner.house.groups) == ["-100500"]


async def test_an_anonymous_administrator_is_told_to_write_as_themselves(owner: Any) -> None:
    """Telegram writes GroupAnonymousBot for them: to be told to link that account leads nowhere."""
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    message = {**owner.message(owner.STRANGER, "/bind", GROUP), "from": anonymous, "sender_chat": GROUP}
    await owner.feed({"message": message})
    text = owner.session.named("sendMessage")[-1].text
    assert "匿名" in text
    assert "绑定码" not in text
