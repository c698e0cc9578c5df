"""What people write to the bot, through the real dispatcher."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.alarms import chat as chat_of_alarms
from backend.core.i18n import translate
from backend.core.ids import UnitId
from bots.telegram.routers.help import how_to_link
from tests.unit.bots.conftest import ALARM

GROUP = {"id": -100, "type": "supergroup", "title": "班组"}


async def test_a_code_links_the_chat_and_says_to_whom_and_how_to_undo_it(phone: Any) -> None:
    (text,) = await phone.writes(phone.STRANGER, "/start good-code_1")
    assert "已绑定：新人" in text
    assert "@wa***i" in text
    assert "wangwei" not in text
    undo = phone.session.named("sendMessage")[-1].reply_markup.inline_keyboard[0][0]
    assert undo.callback_data == "t1:l-undo::"
    assert phone.house.people[str(phone.STRANGER)].name == "新人"


async def test_a_link_made_by_mistake_is_undone_by_its_key(phone: Any) -> None:
    await phone.writes(phone.STRANGER, "/start good-code_1")
    text, is_alert = await phone.presses(phone.STRANGER, "t1:l-undo::")
    assert (text, is_alert) == ("已撤销绑定，此处不再收到报警。", True)
    assert str(phone.STRANGER) not in phone.house.people


@pytest.mark.parametrize("words", ["/link 7K2MP-QW9TX", "7K2MP-QW9TX", " 7k2mpqw9tx ", "/link 7k2mp qw9tx"])
async def test_a_typed_code_links_the_chat_however_it_is_typed(phone: Any, words: str) -> None:
    phone.house.codes["7K2MP-QW9TX"] = phone.house.codes["good-code_1"]
    (text,) = await phone.writes(phone.STRANGER, words)
    assert "已绑定：新人" in text


@pytest.mark.parametrize("words", ["check tank 3", "7K2MP-QW9TX", "5555533333"])
async def test_words_of_a_person_that_only_look_like_a_code_are_their_words(
    phone: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[str] = []

    async def note(_person: Any, _alarm: Any, text: str, _evidence: Any, _via: Any) -> None:
        noted.append(text)

    monkeypatch.setattr("backend.alarms.chat_dialogues.note", note)
    await phone.presses(phone.WANG, f"t1:a-note:{ALARM.hex}:")
    (text,) = await phone.writes(phone.WANG, words)
    assert "📝 已记入" in text
    assert noted == [words]


async def test_a_person_may_still_send_a_bare_code_that_is_good(phone: Any) -> None:
    phone.house.codes["7K2MP-QW9TX"] = phone.house.codes["good-code_1"]
    (text,) = await phone.writes(phone.WANG, "7k2mp qw9tx")
    assert "已绑定：新人" in text


async def test_codes_may_not_be_tried_on_and_on(phone: Any) -> None:
    answers = [await phone.writes(phone.STRANGER, "/link 22222-22222") for _ in range(7)]
    assert answers[0] == ["验证码无效或已过期,请重新获取"]
    assert answers[-1] == ["尝试次数过多，请稍后再试"]
    assert await phone.writes(phone.WANG, "/link 22222-22222") == ["验证码无效或已过期,请重新获取"]


async def test_link_without_a_code_says_where_it_is(phone: Any) -> None:
    (text,) = await phone.writes(phone.STRANGER, "/link")
    assert "绑定码" in text


async def test_a_code_works_once_and_a_wrong_one_is_refused_in_words(phone: Any) -> None:
    await phone.writes(phone.STRANGER, "/start good-code_1")
    assert await phone.writes(phone.WANG, "/start good-code_1") == ["验证码无效或已过期,请重新获取"]
    assert phone.house.people[str(phone.WANG)].name == "王经理"


async def test_a_code_sent_in_a_group_is_turned_away_unused(phone: Any) -> None:
    (text,) = await phone.writes(phone.STRANGER, "/start good-code_1", GROUP)
    assert "私聊" in text
    assert "good-code_1" in phone.house.codes


async def test_start_without_a_code_helps_a_stranger_and_greets_a_person(phone: Any) -> None:
    (text,) = await phone.writes(phone.STRANGER, "/start")
    assert "绑定" in text
    (text,) = await phone.writes(phone.WANG, "/start")
    assert text.startswith("您好，王经理")


async def test_unlink_lets_the_account_go_and_it_is_a_stranger_s_afterwards(phone: Any) -> None:
    (text,) = await phone.writes(phone.WANG, "/unlink")
    assert text.startswith("已解除绑定")
    assert str(phone.WANG) not in phone.house.people
    (text,) = await phone.writes(phone.WANG, "/unlink")
    assert "尚未绑定" in text


async def test_unlink_in_a_group_is_turned_away(phone: Any) -> None:
    (text,) = await phone.writes(phone.WANG, "/unlink", GROUP)
    assert "私聊" in text
    assert str(phone.WANG) in phone.house.people


async def test_help_offers_only_what_the_person_may_do(phone: Any) -> None:
    (manager,) = await phone.writes(phone.WANG, "/help")
    assert "一并确认" in manager
    assert "/bind" in manager
    (maintainer,) = await phone.writes(phone.ENGLISH, "/help")
    assert "/ack_all" in maintainer
    assert "/bind" not in maintainer
    (lead,) = await phone.writes(phone.LEAD, "/help")
    assert "确认" not in lead
    assert "/alarms" in lead


async def test_a_stranger_s_help_is_how_to_link(phone: Any) -> None:
    (text,) = await phone.writes(phone.STRANGER, "/help")
    assert "绑定" in text
    assert "/status" not in text


@pytest.mark.parametrize("words", ["/alarms", "/alarms@some_bot extra", "报警", " 报警 ", "alarms"])
async def test_alarms_lists_what_is_active(phone: Any, words: str) -> None:
    (text,) = await phone.writes(phone.WANG, words)
    assert text.splitlines() == [
        "当前报警 1 条：",
        "🔥 火警 #12 2号楼 5层 走廊 感烟0123 · 示范大厦 · 11-22 14:03:22 报警中",
    ]
    (sent,) = phone.session.named("sendMessage")
    assert sent.reply_markup.inline_keyboard[0][0].text == "📜 #12"


async def test_alarms_with_nothing_active_says_so(phone: Any) -> None:
    phone.house.alarms = []
    (text,) = await phone.writes(phone.WANG, "报警")
    assert "没有" in text


async def test_a_long_list_shows_the_most_urgent_and_fits(phone: Any) -> None:
    place = msgspec.structs.replace(phone.house.alarms[0].place, description="走廊" * 200)
    alarm = msgspec.structs.replace(phone.house.alarms[0], place=place)
    phone.house.alarms = [msgspec.structs.replace(alarm, number=number) for number in range(60)]
    (text,) = await phone.writes(phone.WANG, "报警")
    assert len(text) <= 4096
    assert "20 条" in text.splitlines()[0]
    assert "#0 " in text.splitlines()[1]


async def test_a_stranger_s_status_tells_nothing(phone: Any) -> None:
    (text,) = await phone.writes(phone.STRANGER, "状态")
    assert "火警" not in text
    assert "绑定" in text


@pytest.mark.parametrize("words", ["你好", "/nonsense", None])
async def test_nothing_in_a_private_chat_is_met_with_silence(phone: Any, words: str | None) -> None:
    (known,) = await phone.writes(phone.WANG, words)
    assert known.startswith("没有听懂")
    (stranger,) = await phone.writes(phone.STRANGER, words)
    assert "绑定" in stranger


async def test_in_a_group_talk_is_left_alone_and_commands_are_answered(phone: Any) -> None:
    phone.house.groups["-100"] = phone.house.units[0].id
    assert await phone.writes(phone.WANG, "大家好", GROUP) == []
    assert await phone.writes(phone.STRANGER, "大家好", GROUP) == []
    (text,) = await phone.writes(phone.WANG, "/nonsense", GROUP)
    assert text.startswith("没有听懂")


async def test_in_a_group_bound_to_no_unit_nothing_is_told_of_any(phone: Any) -> None:
    (text,) = await phone.writes(phone.WANG, "/status", GROUP)
    assert "尚未绑定" in text
    assert await phone.writes(phone.WANG, "状态", GROUP) == []


async def test_in_a_group_only_its_own_units_alarms_are_listed(phone: Any) -> None:
    phone.house.groups["-100"] = UnitId(UUID(int=99))
    (text,) = await phone.writes(phone.WANG, "/alarms", GROUP)
    assert "火警" not in text


async def test_a_reply_to_a_card_becomes_a_note_on_its_alarm(phone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[tuple[Any, ...]] = []

    async def note(*what: Any) -> None:
        noted.append(what)

    monkeypatch.setattr(chat_of_alarms, "note", note)
    phone.house.hanging[phone.WANG, 7] = ("alarm", UUID("019a0000-0000-7000-8000-000000000001"))
    card = {
        "message_id": 7, "date": 1_700_000_000, "chat": {"id": phone.WANG, "type": "private"}, "text": "card",
        "from": {"id": 42, "is_bot": True, "first_name": "烽火"},
    }  # fmt: skip
    await phone.feed({"message": {**phone.message(phone.WANG, "已派人去看"), "reply_to_message": card}})
    assert [(each[0].name, each[2]) for each in noted] == [("王经理", "已派人去看")]
    assert phone.session.named("sendMessage")[-1].text == "📝 已记入 #12 火警 2号楼 5层 走廊 感烟0123"


async def test_a_bot_that_gets_blocked_marks_the_way_broken_and_unblocked_well(phone: Any) -> None:
    await phone.changes_standing(phone.WANG, "member", "kicked")
    assert phone.house.failing == {str(phone.WANG): "blocked by the person"}
    await phone.changes_standing(phone.WANG, "kicked", "member")
    assert phone.house.failing == {}


async def test_a_refused_answer_to_a_message_raises_nothing(phone: Any) -> None:
    phone.session.refuse("sendMessage", "chat not found")
    assert len(await phone.writes(phone.WANG, "/help")) == 1


async def test_each_person_is_answered_in_their_own_language_and_strangers_in_their_account_s(phone: Any) -> None:
    (text,) = await phone.writes(phone.ENGLISH, "你好")
    assert text.startswith(translate("没有听懂。您可以：", "en"))
    await phone.feed({"message": {**phone.message(phone.STRANGER, "hi"), "from": ENGLISH_STRANGER}})
    assert phone.session.named("sendMessage")[-1].text == how_to_link("en")


ENGLISH_STRANGER = {"id": 2002, "is_bot": False, "first_name": "Bob", "language_code": "en-GB"}


async def test_a_video_that_nobody_can_keep_is_said_to_be_lost(phone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []

    async def note(_person: Any, _alarm: Any, text: str, _evidence: Any, _via: Any) -> None:
        noted.append(text)

    monkeypatch.setattr("backend.alarms.chat_dialogues.note", note)
    await phone.presses(phone.WANG, f"t1:a-note:{ALARM.hex}:")
    video = {"file_id": "v", "file_unique_id": "v", "width": 1, "height": 1, "duration": 1}
    said = {**phone.message(phone.WANG, None, None), "video": video, "caption": "漏水"}
    await phone.feed({"message": said})
    text = phone.session.named("sendMessage")[-1].text
    assert "视频不能保存" in text
    assert "📝 已记入" in text
    assert noted == ["漏水"]
