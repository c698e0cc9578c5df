"""Place names as people write them ("2号楼", "2 号楼", "二号楼", "building 2"), brought to one form. Pure.

The rule: both sides of a comparison go through `words`; a word is found inside a name, but a number never inside a
longer number, so that 2号楼 is not 12号楼.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

_DIGITS: Final = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8,
                  "九": 9}  # fmt: skip
_NUMERAL: Final = re.compile(f"[{''.join(_DIGITS)}十]+")
#: what is written, and the one form of it; in this order
_FORMS: Final = (
    (re.compile("(?<!感)烟感"), "感烟"),  # what everybody says of detectors and call points
    (re.compile("(?<!感)温感"), "感温"),
    (re.compile("手报"), "手动"),
    (re.compile("消控"), "消防控制"),
    (re.compile(r"(?:building|bldg|block|tower|no)\.?\s*#?\s*(\d+)\b"), r" \1号楼 "),
    (re.compile(r"(\d+)\s*(?:号楼栋|号楼|号栋|号(?=\s|$)|栋|幢|座|#楼|#)"), r" \1号楼 "),
    (re.compile(r"(?:负|地下|-|\bb)\s*(\d+)\s*(?:层|楼|f\b)"), r" 地下\1层 "),
    (re.compile(r"\b(?:floor|level)\s*(\d+)\b"), r" \1层 "),
    (re.compile(r"(\d+)\s*(?:层|楼|f\b)"), r" \1层 "),
    (re.compile(r"地下 +(\d+层)"), r"地下\1"),
)
_BETWEEN: Final = re.compile(r"[\s,，。.、;；:：()（）\[\]【】/·\"'“”‘’!！?？-]+")
#: words that say nothing of a place
_EMPTY: Final = frozenset({"的", "在", "the", "of", "in", "at", "状态", "status", "情况", "怎么样"})


def _number(found: re.Match[str]) -> str:
    """A Chinese numeral below a hundred as digits; anything else digit by digit."""
    text = found.group()
    tens, ten, ones = text.partition("十")
    if not ten:
        return "".join(str(_DIGITS[each]) for each in text)
    if len(tens) > 1 or len(ones) > 1 or "十" in ones:
        return text
    return str((_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0))


def words(text: str) -> tuple[str, ...]:
    """The words of a name or a wish, each in its one form."""
    plain = _NUMERAL.sub(_number, unicodedata.normalize("NFKC", text).casefold())
    for written, form in _FORMS:
        plain = written.sub(form, plain)
    found = (each.removeprefix("的").removesuffix("的") for each in _BETWEEN.split(plain))
    return tuple(each for each in found if each and each not in _EMPTY)


def name_of(*texts: str) -> str:
    """A thing's names as `is_in` looks into them."""
    return "\n".join(_joined(words(text)) for text in texts if text)


def _joined(found: Sequence[str]) -> str:
    """One after the other; two numbers stay two."""
    name = ""
    for word in found:
        name += f" {word}" if name[-1:].isdecimal() and word[:1].isdecimal() else word
    return name


def is_in(word: str, name: str) -> bool:
    """Whether a word of `words` is found in a `name_of`."""
    before = r"(?<!\d)" if word[:1].isdecimal() else ""
    after = r"(?!\d)" if word[-1:].isdecimal() else ""
    return re.search(f"{before}{re.escape(word)}{after}", name) is not None


def all_in(wanted: Iterable[str], name: str) -> bool:
    """Whether each word is found."""
    return all(is_in(word, name) for word in wanted)


def as_building(word: str, buildings: Sequence[str]) -> str:
    """A bare number is a building's, where there is such a building among these `name_of`s."""
    numbered = f"{word}号楼"
    return numbered if word.isdecimal() and any(is_in(numbered, name) for name in buildings) else word
