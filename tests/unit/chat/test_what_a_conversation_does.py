"""Words, keys and dialogues through the engine, whichever chat carries them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from backend.chat.drafts import FRESH
from backend.chat.model import CANCEL, Command, Heard, Media, MediaKind, Saying, Talk
from backend.chat.sayings import help_line
from backend.chat.service import Conversation
from backend.chat.words import by_name
from backend.core import clock
from backend.core.vocabulary import Role
from tests.unit.chat.conftest import MemoryDrafts, Orchard, a_speaker

WANG = a_speaker()


def said(sayings: list[Saying]) -> str:
    return "\n".join(line for each in sayings for line in (*each.lines, each.brief))


async def hears(conversation: Conversation, text: str, **more: Any) -> list[Saying]:
    return await conversation.hear(more.pop("speaker", WANG), Heard(text=text, **more))


async def presses_key(conversation: Conversation, saying: Saying, label: str, speaker: Any = WANG) -> list[Saying]:
    key = next(key for row in saying.keys for key in row if key.label == label)
    return await conversation.press(speaker, key.verb, key.about, key.argument)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("/apples", ""), ("/apples@bot 2号", "2号"), ("/APPLES x", "x"), ("苹果", ""), (" 苹果 2号楼", "2号楼"),
        ("苹果2号楼", "2号楼"), ("苹果：2号楼", "2号楼"), ("Apple red", "red"),
    ],
)  # fmt: skip
async def test_a_command_is_a_slash_name_or_a_word_at_the_start(conversation: Any, text: str, rest: str) -> None:
    assert said(await hears(conversation, text)).strip() == f"苹果 {rest}".strip()


@pytest.mark.parametrize("text", ["applesauce", "我的苹果", "/applesauce", "", "🙂"])
async def test_what_is_no_command_gets_a_helpful_answer(conversation: Any, text: str) -> None:
    answer = said(await hears(conversation, text))
    assert answer.startswith("没有听懂")
    assert "/apples · 苹果：看苹果" in answer


async def test_help_shows_only_what_the_person_may_do(conversation: Any) -> None:
    assert "/pick" in said(await hears(conversation, "/help"))
    lead = said(await hears(conversation, "帮助", speaker=a_speaker(Role.QUALITY_LEAD)))
    assert "/apples" in lead
    assert "/pick" not in lead


async def test_a_refusal_is_told_in_its_own_words(conversation: Any) -> None:
    assert said(await hears(conversation, "苹果 坏的")).strip() == "没有坏苹果"
    (refused,) = await conversation.press(WANG, "pick", None, "no")
    assert (refused.brief, refused.is_alert) == ("不行", True)


async def test_a_dialogue_is_gone_through_by_keys_and_words(
    conversation: Any, orchard: Orchard, drafts: MemoryDrafts
) -> None:
    (kind,) = await hears(conversation, "摘")
    (why,) = await presses_key(conversation, kind, "红的")
    assert why.in_place
    assert why.lines == ("为什么？",)
    again = (await hears(conversation, "x"))[0]
    assert again.lines == ("请说清楚一些", "为什么？")
    (sure,) = await hears(conversation, "苹果红了")  # words of a command, but a question waits for words
    (done,) = await presses_key(conversation, sure, "确定")
    assert done.lines == ("摘好了",)
    assert orchard.picked == [{"from": "command", "kind": "red", "why": "苹果红了"}]
    assert drafts.rows == {}


async def test_what_was_received_and_what_is_asked_next_come_as_one_message_with_the_keys_below(
    conversation: Any,
) -> None:
    (kind,) = await hears(conversation, "摘")
    await presses_key(conversation, kind, "红的")
    (both,) = await hears(conversation, "还有")
    assert both.lines == ("收到 1 句", "为什么？")
    assert [key.verb for row in both.keys for key in row] == [CANCEL]
    shown, asked = await hears(conversation, "给看")
    assert (shown.picture is not None, asked.lines) == (True, ("为什么？",))


async def test_every_question_has_a_way_out_and_taking_it_changes_nothing(
    conversation: Any, orchard: Orchard, drafts: MemoryDrafts
) -> None:
    (kind,) = await hears(conversation, "摘")
    assert kind.keys[-1][0].verb == CANCEL
    (left,) = await presses_key(conversation, kind, "取消")
    assert left.lines == ("已取消，未作任何改动。",)
    assert (drafts.rows, orchard.picked) == ({}, [])
    assert said(await hears(conversation, "取消")).startswith("没有正在进行的操作")


async def test_a_key_of_an_earlier_step_changes_nothing(
    conversation: Any, drafts: MemoryDrafts, orchard: Orchard
) -> None:
    (kind,) = await hears(conversation, "摘")
    await presses_key(conversation, kind, "红的")
    (late,) = await presses_key(conversation, kind, "绿的")
    assert late.brief == "这一步已经完成或取消了。"
    (held,) = drafts.rows.values()
    assert held.draft.answers["kind"] == "red"
    assert (await hears(conversation, "因为红"))[0].lines == ("确定吗？",), "the step is free again"
    (late,) = await presses_key(conversation, kind, "绿的")  # a key of another step that takes presses too
    assert late.brief == "这一步已经完成或取消了。"
    assert orchard.picked == []


async def test_of_two_presses_at_once_one_is_taken(conversation: Any, orchard: Orchard) -> None:
    (kind,) = await hears(conversation, "摘")
    await presses_key(conversation, kind, "红的")
    (sure,) = await hears(conversation, "因为红")
    at_it, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        at_it.set()
        await go_on.wait()

    orchard.on_confirm = wait
    first = asyncio.create_task(presses_key(conversation, sure, "确定"))
    await at_it.wait()
    second = asyncio.create_task(presses_key(conversation, sure, "确定"))
    await asyncio.sleep(0)
    go_on.set()
    answers = await asyncio.gather(first, second)
    assert sorted(said(each).strip() for each in answers) == ["摘好了", "这一步已经完成或取消了。"]
    assert len(orchard.picked) == 1


async def test_who_leaves_while_the_last_step_runs_has_left(conversation: Any, orchard: Orchard) -> None:
    (kind,) = await hears(conversation, "摘")

    async def leave_meanwhile() -> None:
        await hears(conversation, "取消")

    await presses_key(conversation, kind, "红的")
    (sure,) = await hears(conversation, "因为红")
    orchard.on_confirm = leave_meanwhile
    await presses_key(conversation, sure, "确定")
    assert said(await hears(conversation, "你好")).startswith("没有听懂"), "no draft came back"


async def test_a_step_that_breaks_leaves_the_draft_free(conversation: Any, orchard: Orchard) -> None:
    (kind,) = await hears(conversation, "摘")
    await presses_key(conversation, kind, "红的")
    (sure,) = await hears(conversation, "因为红")

    async def breaks() -> None:
        raise RuntimeError

    orchard.on_confirm = breaks
    with pytest.raises(RuntimeError):
        await presses_key(conversation, sure, "确定")
    orchard.on_confirm = None
    assert said(await presses_key(conversation, sure, "确定")).strip() == "摘好了"


async def test_a_command_in_the_middle_is_answered_and_the_question_asked_again(conversation: Any) -> None:
    (kind,) = await hears(conversation, "摘")
    await presses_key(conversation, kind, "红的")
    apples, question = await hears(conversation, "/apples")
    assert apples.lines == ("苹果",)
    assert question.lines[-1] == "为什么？"
    not_known, question = await hears(conversation, "/nonsense")
    assert not_known.lines[0].startswith("没有听懂")
    assert question.lines[-1] == "为什么？"


async def test_another_dialogue_takes_the_place_of_the_open_one_and_says_so(
    conversation: Any, drafts: MemoryDrafts
) -> None:
    await hears(conversation, "摘")
    (question,) = await conversation.press(WANG, "pick", UUID(int=5), "")
    assert question.lines[0] == "（之前未完成的操作已取消）"
    (held,) = drafts.rows.values()
    assert held.draft.answers == {"tree": str(UUID(int=5))}


async def test_a_message_where_only_a_key_answers_is_met_with_the_question(conversation: Any) -> None:
    await hears(conversation, "摘")
    (again,) = await hears(conversation, "红的吧")
    assert "按钮" in again.lines[0]
    assert again.lines[-1] == "哪一种？"


async def test_a_reply_goes_to_what_it_answers(conversation: Any) -> None:
    about = ("apple", UUID(int=9))
    assert said(await hears(conversation, "苹果很甜", about=about)).strip() == "记下 9: 苹果很甜"
    assert said(await hears(conversation, "很甜", about=("pear", UUID(int=9)))).startswith("没有听懂")


async def test_a_reply_to_another_card_is_no_answer_to_the_question_that_waits(
    conversation: Any, drafts: MemoryDrafts
) -> None:
    (kind,) = await conversation.press(WANG, "pick", UUID(int=5), "")
    await presses_key(conversation, kind, "红的")
    taken, reminder = await hears(conversation, "已派人去看", about=("apple", UUID(int=9)))
    assert said([taken]).strip() == "记下 9: 已派人去看"
    assert reminder.lines[-1] == "为什么？"
    (held,) = drafts.rows.values()
    assert "why" not in held.draft.answers
    (sure,) = await hears(conversation, "熟了", about=("apple", UUID(int=5)))
    assert sure.lines == ("确定吗？",), "a reply to the very card that the question is about answers it"


async def test_a_reply_to_a_card_that_takes_none_may_be_a_command(conversation: Any) -> None:
    assert said(await hears(conversation, "苹果 2号", about=("pear", UUID(int=9)))).strip() == "苹果 2号"


async def test_words_long_after_a_question_are_no_answer_before_it_is_asked_again(
    conversation: Any, drafts: MemoryDrafts
) -> None:
    with clock.use(clock.StillClock(clock.now())) as still:
        (kind,) = await conversation.press(WANG, "pick", UUID(int=5), "")
        await presses_key(conversation, kind, "红的")
        still.advance(FRESH + timedelta(seconds=1))
        again, hint = await hears(conversation, "收到")
        assert "为什么？" in again.lines
        assert "没有使用" in hint.lines[0]
        (held,) = drafts.rows.values()
        assert "why" not in held.draft.answers
        (sure,) = await hears(conversation, "熟了")
        assert sure.lines == ("确定吗？",)


async def test_a_command_word_long_after_a_question_is_the_command(conversation: Any, drafts: MemoryDrafts) -> None:
    with clock.use(clock.StillClock(clock.now())) as still:
        (kind,) = await conversation.press(WANG, "pick", UUID(int=5), "")
        await presses_key(conversation, kind, "红的")
        still.advance(FRESH + timedelta(seconds=1))
        shown, again = await hears(conversation, "苹果 2号")
        assert shown.lines == ("苹果 2号",)
        assert "为什么？" in again.lines
        (sure,) = await hears(conversation, "苹果红了")
        assert sure.lines == ("确定吗？",), "it was asked again just now"
    assert drafts.rows


async def test_a_photo_long_after_a_question_is_its_answer(conversation: Any, drafts: MemoryDrafts) -> None:
    async def octets() -> bytes:
        return b""

    photo = Media(kind=MediaKind.PHOTO, name="x.jpg", declared_octets=1, fetch=octets)
    with clock.use(clock.StillClock(clock.now())) as still:
        (kind,) = await conversation.press(WANG, "pick", UUID(int=5), "")
        await presses_key(conversation, kind, "红的")
        still.advance(FRESH + timedelta(seconds=1))
        sayings = await hears(conversation, "熟了", media=(photo,))
    assert sayings[-1].lines == ("确定吗？",)
    assert drafts.rows


async def test_a_draft_of_another_release_is_let_go_with_a_word(conversation: Any, drafts: MemoryDrafts) -> None:
    await drafts.begin(WANG, "gone", "first", {})
    (word,) = await hears(conversation, "你好")
    assert word.lines == ("这一步已经完成或取消了。",)
    assert drafts.rows == {}


async def test_a_key_of_another_release_gets_a_friendly_word(conversation: Any) -> None:
    (word,) = await conversation.press(WANG, "unheard-of", None, "")
    assert "旧版本" in word.brief


async def test_in_a_group_talk_is_left_alone_and_each_has_their_own_dialogue(conversation: Any) -> None:
    wang, li = a_speaker(chat="-5", is_group=True), a_speaker(number=2, chat="-5", is_group=True)
    assert await hears(conversation, "苹果很贵啊", speaker=wang) == []
    assert await hears(conversation, "苹果很贵啊 真的", speaker=wang) == []
    assert said(await hears(conversation, "苹果 2号", speaker=wang)).strip() == "苹果 2号"
    (kind,) = await hears(conversation, "/pick", speaker=wang)
    (no,) = await presses_key(conversation, kind, "红的", li)
    assert "另一位同事" in no.brief
    assert await hears(conversation, "大家好", speaker=li) == []
    assert (await presses_key(conversation, kind, "红的", wang))[0].lines == ("为什么？",)


async def test_one_person_has_a_dialogue_in_each_chat(conversation: Any, drafts: MemoryDrafts) -> None:
    await hears(conversation, "摘")
    await hears(conversation, "摘", speaker=a_speaker(chat="2"))
    assert len(drafts.rows) == 2


PICKING = Talk(concept="a", presses={"x": Orchard().press_pick})


@pytest.mark.parametrize(
    "talks",
    [
        (
            Talk(concept="a", presses={"x": Orchard().press_pick}),
            Talk(concept="b", presses={"x": Orchard().press_pick}),
        ),
        (Talk(concept="a", presses={"much-too-long-verb": Orchard().press_pick}),),
        (Talk(concept="a", presses={"answer": Orchard().press_pick}),),
        (Talk(concept="a", commands=(Command(name="help", words=(), help="", do=Orchard().show),)),),
        (Talk(concept="a", commands=(Command(name="摘", words=(), help="", do=Orchard().show),)),),
    ],
)
def test_talks_that_contradict_each_other_stop_the_start(talks: tuple[Talk, ...]) -> None:
    with pytest.raises(ValueError, match=r"claim|carries"):
        Conversation(talks, MemoryDrafts())


async def test_the_menu_is_in_the_readers_language(conversation: Any) -> None:
    english = {line.name: line.words for line in conversation.menu("en")}
    assert english["help"] == "How to use this bot"
    assert "cancel" not in english


async def test_an_english_person_is_answered_in_english(conversation: Any) -> None:
    ann = msgspec.structs.replace(WANG, language="en")
    assert said(await hears(conversation, "hello", speaker=ann)).startswith("I did not understand")


@pytest.mark.parametrize(
    ("words", "text", "line"),
    [
        (("苹果",), "看苹果", "• /apples · 苹果：看苹果"),
        (("苹果",), "苹果 2号：看一个", "• /apples · 苹果 2号：看一个"),
        ((), "看苹果", "• /apples：看苹果"),
        (("apples",), "Apples on the tree", "• /apples · Apples on the tree"),
        (("apples",), "/apples 2: look at one", "• /apples 2: look at one"),
    ],
)
def test_a_line_of_help_says_a_commands_word_once(words: tuple[str, ...], text: str, line: str) -> None:
    assert help_line("apples", words, text, "：") == line


async def test_a_reply_to_the_card_of_something_else_answers_no_question(
    conversation: Any, orchard: Orchard, drafts: MemoryDrafts
) -> None:
    (kind,) = await hears(conversation, "摘")
    await presses_key(conversation, kind, "红的")
    other = await hears(conversation, "因为红", about=("mask", UUID(int=9)))
    assert other[0].lines == ("您回复的是另一条消息，没有作为回答。",)
    assert "为什么？" in said(other)
    (held,) = drafts.rows.values()
    assert held.draft.step == "why"
    assert orchard.picked == []


@pytest.mark.parametrize(
    ("said", "found"),
    [("示范大", ["示范大厦"]), (" 示范 ", ["示范"]), ("示", ["示范大厦", "示范"]), ("", []), ("书店", [])],
)
def test_what_is_named_exactly_is_meant_alone(said: str, found: list[str]) -> None:
    assert by_name(["示范大厦", "示范"], said, str) == found
