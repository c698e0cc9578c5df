"""Replies to text messages: people write the same thing in many ways."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.alarms.reply_words import Meaning, Reply, read_key, read_reply


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1", ""), ("１", ""), (" 1 ", ""), ("1.", ""), ("确认", ""), ("已确认", ""), ("收到。", ""), ("好的！", ""),
        ("ok", ""), ("回复1", ""), ("1 7K", "7K"), ("17k", "7K"), ("１　７Ｋ", "7K"), ("1，码7K", "7K"),
        ("确认 码 7K", "7K"),
        ("1 code 7k", "7K"), ("1\n7K", "7K"),
    ],
)  # fmt: skip
def test_an_acknowledgement_may_be_written_in_many_ways(text: str, code: str) -> None:
    assert read_reply(text) == Reply(Meaning.ACKNOWLEDGE, code)


@pytest.mark.parametrize(
    ("text", "meaning"), [("2", "2"), ("误报", "2"), ("false alarm", "2"), ("3", "3"), ("转值班室", "3")]
)
def test_the_other_answers_have_words_too(text: str, meaning: str) -> None:
    assert read_reply(text) == Reply(Meaning(meaning))


@pytest.mark.parametrize(
    "text", ["", "退订", "你好", "4", "不确认", "没有收到短信", "1 1 1", "1号楼着火了", "\ud800", "\x00"]
)
def test_anything_else_is_not_guessed_at(text: str) -> None:
    assert read_reply(text) is None


@settings(max_examples=40)
@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    assert read_reply(text) is None or read_reply(text)


def test_only_offered_keys_mean_something() -> None:
    assert [read_key(each) for each in ("1", "2", "3", "*", " 1", "4", "#", "")] == [
        *Meaning, Meaning.ACKNOWLEDGE, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "meaning", "code"),
    [
        ("1确认", "1", ""),
        ("1 收到。", "1", ""),
        ("回复1确认", "1", ""),
        ("2误报", "2", ""),
        ("３值班室", "3", ""),
        ("1确认 AB12", "1", "AB12"),
        ("1、", "1", ""),
        ("1Y", "1", "Y"),
        ("1 OK", "1", "OK"),
    ],
)
def test_the_digit_with_its_own_word_as_the_text_message_writes_it(text: str, meaning: str, code: str) -> None:
    assert read_reply(text) == Reply(Meaning(meaning), code)


@pytest.mark.parametrize("text", ["1误报", "2确认", "1确认2误报", "1不是误报"])
def test_a_digit_and_a_word_that_contradict_each_other_mean_nothing(text: str) -> None:
    assert read_reply(text) is None
