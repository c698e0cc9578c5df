"""What a reply to a text message means: a digit or a word, and the code of the message it answers. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec


class Meaning(StrEnum):
    """What a key or a reply asks for. The value is the key."""

    ACKNOWLEDGE = "1"
    FALSE_ALARM = "2"
    DUTY_DESK = "3"
    AGAIN = "*"


class Reply(msgspec.Struct, frozen=True):
    """A reply that was understood. `code` is a number in base 36, empty when none was given."""

    meaning: Meaning
    code: str = ""


_WORDS: Final = {
    Meaning.ACKNOWLEDGE: ("1", "确认", "已确认", "收到", "知道了", "好的", "好", "OK", "ACK", "YES", "Y"),
    Meaning.FALSE_ALARM: ("2", "误报", "假警", "FALSE ALARM", "FALSE"),
    Meaning.DUTY_DESK: ("3", "转值班室", "值班室", "DESK"),
}
_MEANINGS: Final = {word: meaning for meaning, words in _WORDS.items() for word in words}


def _any_of(words: Iterable[str]) -> str:
    """An alternation, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


#: "1确认", as the text message itself writes it: a digit and its own Chinese word (a Latin one may be a code)
_BOTH: Final = "|".join(
    rf"{meaning}\s*(?:{_any_of(each for each in words if not each.isascii())})" for meaning, words in _WORDS.items()
)
_PATTERN: Final = re.compile(
    rf"(?:回复)?(?:(?P<both>{_BOTH})|(?P<word>{_any_of(_MEANINGS)}))"
    r"(?:[\s,，.。、:：;；!！-]*(?:码|CODE)?[\s:：]*(?P<code>[0-9A-Z]{1,13}))?[\s,，.。、!！]*"
)
_LONGEST: Final = 40


def read_reply(text: str) -> Reply | None:
    """The reply's meaning; None when it is anything else. Full-width digits and letters count as plain ones."""
    plain = unicodedata.normalize("NFKC", text[:_LONGEST]).strip().upper()
    found = _PATTERN.fullmatch(plain)
    return Reply(_MEANINGS[(found["both"] or "")[:1] or found["word"]], found["code"] or "") if found else None


def read_key(digit: str) -> Meaning | None:
    """The key's meaning; None for a key that was not offered."""
    return next((each for each in Meaning if each == digit.strip()), None)
