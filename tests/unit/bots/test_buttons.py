"""Taps on a card, through the real dispatcher."""

import logging
from typing import Any
from uuid import UUID

import msgspec
import pytest
from aiogram.exceptions import TelegramNetworkError

from backend.core.errors import NotAllowed
from backend.core.ids import AlarmId, UnitId
from backend.core.vocabulary import Verdict, Via
from backend.delivery.model import Verb
from bots.telegram.presses import BackPress, Press, SurePress

ALARM = AlarmId(UUID("019a0000-0000-7000-8000-000000000001"))
UNIT = UnitId(UUID("019a0000-0000-7000-8000-0000000000aa"))
OTHER = AlarmId(UUID("019a0000-0000-7000-8000-00000000ffff"))


def press(verb: Verb, alarm: AlarmId = ALARM) -> str:
    return Press(verb=verb, alarm=alarm).pack()


def sure(verb: Verb) -> str:
    return SurePress(verb=verb, alarm=ALARM).pack()


async def test_the_first_tap_acknowledges_and_the_handler_leaves_the_card_to_delivery(phone: Any) -> None:
    assert await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE)) == ("已确认", False)
    assert [(each.name, each.via) for each in phone.house.known] == [("王经理", Via.TELEGRAM)]
    assert [each.__api_method__ for each in phone.session.requests] == ["answerCallbackQuery", "sendMessage"]
    (sent,) = phone.session.named("sendMessage")
    assert sent.text == "✅ 已确认 #12 火警 2号楼 5层 走廊 感烟0123"
    undo = sent.reply_markup.inline_keyboard[0][0]
    assert undo.text == "↩ 撤销（10 秒内）"
    assert await phone.presses(phone.WANG, undo.callback_data) == ("已撤销", False)
    assert phone.house.undone == [("王经理", Via.TELEGRAM)]
    assert phone.session.named("editMessageText")[-1].text.startswith("↩ 已撤销")


async def test_in_a_group_an_answer_is_a_passing_word_and_no_message(phone: Any) -> None:
    phone.house.groups["-100"] = UNIT
    await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE), chat={"id": -100, "type": "supergroup", "title": "班组"})
    assert [each.__api_method__ for each in phone.session.requests] == ["answerCallbackQuery"]


async def test_a_second_tap_says_when_and_how_it_was_acknowledged(phone: Any) -> None:
    await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE))
    assert await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE)) == ("您已于 14:03:40 确认（Telegram）", False)
    assert len(phone.house.known) == 1


async def test_who_else_knows_is_told_with_the_time(phone: Any) -> None:
    await phone.presses(phone.ENGLISH, press(Verb.ACKNOWLEDGE))
    text, _ = await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE))
    assert text == "已确认\n也已确认：Ann 14:03:40"


async def test_a_tap_still_counts_when_the_answer_comes_too_late_for_telegram(phone: Any) -> None:
    phone.session.refuse("answerCallbackQuery", "query is too old and response timeout expired")
    await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE))
    assert len(phone.house.known) == 1


async def test_a_tap_under_a_message_too_old_to_be_shown_still_counts(phone: Any) -> None:
    assert await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE), is_old=True) == ("已确认", False)


@pytest.mark.parametrize("data", [press(Verb.ACKNOWLEDGE), sure(Verb.VERDICT_REAL), press(Verb.HISTORY), "x1:?"])
async def test_a_stranger_is_refused_recorded_and_learns_nothing(
    phone: Any, data: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "bots.telegram"):
        text, is_alert = await phone.presses(phone.STRANGER, data)
    assert text is not None
    assert text.startswith("此 Telegram 账号未绑定人员")
    assert is_alert
    assert [vars(record)["account"] for record in caplog.records] == [phone.STRANGER]
    assert phone.house.known == []
    assert phone.house.verdicts == []
    assert phone.house.strangers == [(str(phone.STRANGER), str(phone.STRANGER), data)]
    assert len(phone.session.requests) == 1


async def test_a_stranger_is_answered_in_the_language_of_their_account(phone: Any) -> None:
    text, _ = await phone.presses(phone.STRANGER, press(Verb.ACKNOWLEDGE), language_code="zh-hant")
    assert text is not None
    assert "未绑定" in text


@pytest.mark.parametrize(
    ("verb", "verdict", "words"),
    [
        (Verb.VERDICT_TEST, Verdict.TEST, "测试/检修"),
        (Verb.VERDICT_FAULT, Verdict.FAULT, "设备故障"),
    ],
)
async def test_a_verdict_is_recorded_at_the_first_tap(phone: Any, verb: Verb, verdict: Verdict, words: str) -> None:
    assert await phone.presses(phone.WANG, press(verb)) == (f"已记录：{words}", False)
    assert phone.house.verdicts == [("王经理", verdict, Via.TELEGRAM)]


async def test_a_real_fire_takes_a_second_tap(phone: Any) -> None:
    text, _ = await phone.presses(phone.WANG, press(Verb.VERDICT_REAL))
    assert text == "请再点一次以确认：真实火警"
    assert phone.house.verdicts == []
    (edit,) = phone.session.named("editMessageReplyMarkup")
    assert (edit.chat_id, edit.message_id) == (phone.WANG, 7)
    offered = [row[0].callback_data for row in edit.reply_markup.inline_keyboard]
    assert offered == [f"t1:v-real:{ALARM.hex}:sure", f"t1:back:{ALARM.hex}:"]
    assert await phone.presses(phone.WANG, offered[0]) == ("已记录：真实火警", False)
    assert phone.house.verdicts == [("王经理", Verdict.REAL, Via.TELEGRAM)]


async def test_the_second_tap_of_an_earlier_release_still_counts(phone: Any) -> None:
    assert await phone.presses(phone.WANG, sure(Verb.VERDICT_REAL)) == ("已记录：真实火警", False)


async def test_a_false_alarm_asks_for_the_reason_and_takes_what_is_sent_along(phone: Any) -> None:
    assert await phone.presses(phone.WANG, press(Verb.VERDICT_FALSE)) == (None, False)
    asked = phone.session.named("sendMessage")[-1]
    assert "误报的原因" in asked.text
    cooking = asked.reply_markup.inline_keyboard[0][0]
    await phone.presses(phone.WANG, cooking.callback_data)
    proof = phone.session.named("editMessageText")[-1]
    assert phone.house.verdicts == []
    (again,) = await phone.writes(phone.WANG, "三楼厨房")
    assert "记为误报" in again
    await phone.presses(phone.WANG, proof.reply_markup.inline_keyboard[0][0].callback_data)
    assert phone.house.verdicts == [("王经理", Verdict.FALSE, Via.TELEGRAM)]
    assert phone.house.notes == ["厨房油烟、烹饪 三楼厨房"]


async def test_the_second_step_can_be_left_without_a_verdict(phone: Any) -> None:
    assert await phone.presses(phone.WANG, BackPress(alarm=ALARM).pack()) == ("已返回，未作结论", False)
    (edit,) = phone.session.named("editMessageReplyMarkup")
    assert edit.reply_markup.inline_keyboard[0][0].callback_data == f"t1:ack:{ALARM.hex}:"
    assert phone.house.verdicts == []


async def test_where_the_card_cannot_be_edited_the_second_step_comes_as_a_message(phone: Any) -> None:
    phone.session.refuse("editMessageReplyMarkup", "message can't be edited")
    await phone.presses(phone.WANG, press(Verb.VERDICT_REAL), is_old=True)
    (sent,) = phone.session.named("sendMessage")
    assert sent.chat_id == phone.WANG
    assert sent.reply_markup.inline_keyboard[0][0].callback_data == f"t1:v-real:{ALARM.hex}:sure"


async def test_a_shortcut_past_the_first_step_of_other_verdicts_is_an_unknown_button(phone: Any) -> None:
    text, _ = await phone.presses(phone.WANG, sure(Verb.VERDICT_FALSE))
    assert text is not None
    assert text.startswith("此按钮来自旧版本")


async def test_the_history_comes_as_a_message_of_its_own(phone: Any) -> None:
    assert await phone.presses(phone.WANG, press(Verb.HISTORY)) == (None, False)
    (sent,) = phone.session.named("sendMessage")
    assert sent.text.splitlines() == ["📜 #12 火警 2号楼 5层 走廊 感烟0123", "11-22 14:03:22 报警产生"]
    assert sent.parse_mode is None


async def test_a_long_history_keeps_its_title_and_its_latest_lines(phone: Any) -> None:
    phone.house.lines = [f"{number} " + "录" * 200 for number in range(100)]
    await phone.presses(phone.WANG, press(Verb.HISTORY))
    (sent,) = phone.session.named("sendMessage")
    lines = sent.text.splitlines()
    assert len(sent.text) <= 4096
    assert lines[0].startswith("📜 #12")
    assert lines[1] == "…"
    assert lines[-1].startswith("11-22 14:03:22 99 ")


async def test_an_empty_history_says_so(phone: Any) -> None:
    phone.house.lines = []
    assert await phone.presses(phone.WANG, press(Verb.HISTORY)) == ("暂无记录", False)
    assert phone.session.named("sendMessage") == []


@pytest.mark.parametrize(
    "data", ["z9:ack:00", "a1:ack", f"a1:unheard-of:{ALARM.hex}", "a1:ack:no-uuid", "ack", ":::", "a1:ack:" + "0" * 31]
)
async def test_a_button_of_another_release_gets_a_friendly_answer(phone: Any, data: str) -> None:
    text, is_alert = await phone.presses(phone.WANG, data)
    assert text is not None
    assert text.startswith("此按钮来自旧版本")
    assert is_alert


@pytest.mark.parametrize("verb", [Verb.ACKNOWLEDGE, Verb.VERDICT_FALSE, Verb.VERDICT_REAL, Verb.HISTORY])
async def test_an_unknown_and_a_forbidden_alarm_are_answered_alike(phone: Any, verb: Verb) -> None:
    assert await phone.presses(phone.WANG, press(verb, OTHER)) == ("没有这条报警", True)


async def test_a_refusal_is_told_in_the_house_s_words(phone: Any) -> None:
    phone.house.breaks_with = NotAllowed("您没有进行此操作的权限")
    assert await phone.presses(phone.WANG, press(Verb.VERDICT_FALSE)) == ("您没有进行此操作的权限", True)


async def test_a_bug_is_logged_once_and_its_inside_stays_inside(phone: Any, caplog: pytest.LogCaptureFixture) -> None:
    phone.house.breaks_with = RuntimeError("relation alarms does not exist")
    text, is_alert = await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE))
    assert text is not None
    assert text.startswith("系统繁忙")
    assert is_alert
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


async def test_a_failure_before_the_person_is_known_is_answered_too(phone: Any) -> None:
    async def broken_one(*_: object) -> None:
        raise RuntimeError("a bug")

    broken = msgspec.structs.replace(phone.house.use_cases(), person_of_chat=broken_one)
    from bots.telegram.app import build_dispatcher

    phone.dispatcher = build_dispatcher(broken)
    text, _ = await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE))
    assert text is not None
    assert text.startswith("系统繁忙")


async def test_an_answer_longer_than_telegram_allows_is_cut(phone: Any) -> None:
    phone.house.breaks_with = NotAllowed("🔥长" * 500)
    text, _ = await phone.presses(phone.WANG, press(Verb.ACKNOWLEDGE))
    assert text is not None
    assert text == "🔥长" * 66 + "…"


async def test_a_network_that_fails_while_answering_raises_nothing(phone: Any) -> None:
    phone.session.failures["answerCallbackQuery"] = TelegramNetworkError(method=None, message="gone")
    phone.session.failures["editMessageReplyMarkup"] = TelegramNetworkError(method=None, message="gone")
    phone.session.failures["sendMessage"] = TelegramNetworkError(method=None, message="gone")
    await phone.presses(phone.WANG, press(Verb.VERDICT_REAL))
    await phone.presses(phone.WANG, press(Verb.HISTORY))
    assert phone.session.named("sendMessage")


async def test_an_answer_under_a_test_card_says_that_the_contact_works(phone: Any) -> None:
    assert await phone.presses(phone.WANG, press(Verb.CONTACT_WORKS)) == ("谢谢，此联络方式可用", False)
    assert phone.house.contacts_that_work == [("王经理", ALARM)]
