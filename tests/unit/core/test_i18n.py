"""Every sentence a person may read has English, and the English says the same things."""

import string
from typing import Final

import pytest

from backend.core.i18n import DEFAULT_LANGUAGE, LANGUAGES, N_, _, known_language, translate
from backend.core.locale.extract import sentences, translations

ENGLISH: Final = "en"
KNOWN_BY: Final = "也已确认：{names}"


@pytest.fixture(scope="module")
def chinese() -> set[str]:
    found = sentences()
    assert len(found) > 100, "the extractor no longer finds the code"
    return found


@pytest.fixture(scope="module")
def english() -> dict[str, str]:
    return translations()


def names_in(sentence: str) -> set[str]:
    """The {names} of a sentence; an unbalanced brace raises ValueError."""
    return {name for _text, name, _form, _way in string.Formatter().parse(sentence) if name is not None}


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def test_every_sentence_in_the_code_has_english(chinese: set[str], english: dict[str, str]) -> None:
    assert sorted(each for each in chinese if not english.get(each, "").strip()) == []


def test_the_catalogue_holds_no_sentence_the_code_no_longer_has(chinese: set[str], english: dict[str, str]) -> None:
    assert sorted(english.keys() - chinese) == []


def test_chinese_and_english_name_the_same_placeholders(english: dict[str, str]) -> None:
    differing = {
        sentence: words
        for sentence, words in english.items()
        # the empty name would be filled by position, which translate() does not do
        if names_in(sentence) != names_in(words) or "" in names_in(sentence)
    }
    assert differing == {}


def test_no_english_sentence_is_left_in_chinese(english: dict[str, str]) -> None:
    assert {sentence: words for sentence, words in english.items() if is_chinese(words)} == {}


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("zh_CN", "zh_CN"),
        ("zh-CN", "zh_CN"),
        ("zh-TW", "zh_CN"),
        ("zh", "zh_CN"),
        ("en", "en"),
        ("en-GB", "en"),
        ("EN_us", "en"),
        ("fr", "zh_CN"),
        ("english", "zh_CN"),
        ("", "zh_CN"),
        (None, "zh_CN"),
    ],
)
def test_an_unknown_language_falls_back_to_its_nearest_and_then_to_chinese(asked: str | None, spoken: str) -> None:
    assert known_language(asked) == spoken


def test_the_default_language_is_one_we_speak() -> None:
    assert DEFAULT_LANGUAGE in LANGUAGES
    assert ENGLISH in LANGUAGES


@pytest.mark.parametrize("language", ["zh_CN", "zh-Hans", "fr", ""])
def test_the_default_language_shows_the_sentence_itself_with_its_names(language: str) -> None:
    assert translate(KNOWN_BY, language, names="王强") == "也已确认：王强"


@pytest.mark.parametrize("language", ["en", "en-US"])
def test_english_comes_from_the_catalogue_with_its_names(language: str, english: dict[str, str]) -> None:
    assert translate(KNOWN_BY, language, names="Ann") == english[KNOWN_BY].format(names="Ann")
    assert "Ann" in translate(KNOWN_BY, language, names="Ann")


def test_the_short_form_speaks_chinese_unless_told() -> None:
    assert _(KNOWN_BY, names="王强") == "也已确认：王强"
    assert _(KNOWN_BY, ENGLISH, names="Ann") == translate(KNOWN_BY, ENGLISH, names="Ann")


def test_a_sentence_that_is_not_in_the_catalogue_is_shown_as_it_stands() -> None:
    # what a device or a person wrote goes through translate() too, and comes back untouched
    assert translate("Wang's kitchen {1}", ENGLISH) == "Wang's kitchen {1}"


def test_a_name_is_filled_in_as_it_stands_and_never_read_as_a_placeholder() -> None:
    assert translate(KNOWN_BY, DEFAULT_LANGUAGE, names="{names} {0}") == "也已确认：{names} {0}"


def test_a_missing_name_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(KeyError, match="names"):
        translate(KNOWN_BY, DEFAULT_LANGUAGE, other="x")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_sentence_stays_empty_and_never_shows_the_catalogues_header(language: str) -> None:
    assert translate("", language) == ""


def test_marking_a_sentence_for_later_leaves_it_as_it_is() -> None:
    assert N_(KNOWN_BY) == KNOWN_BY
