"""Numbers and times as a person says them, for calls. Pure.

A storey is counted ("五层"), an address is read digit by digit ("零幺二三"), as people on the telephone do.
"""

import re
from datetime import datetime
from typing import Final

_DIGITS: Final = "零一二三四五六七八九"
#: on the telephone 1 is said 幺, so that it is not heard as 7
_TELEPHONE: Final = "零幺二三四五六七八九"
_PLACES: Final = ("", "十", "百", "千")
#: what is counted rather than spelt
_COUNTED: Final = "号|#|层|楼|栋|幢|座|单元|区|室|米|个|台|只|次|分|秒|℃|度|回路"
_NUMBER: Final = re.compile(
    rf"(?P<minus>(?<![0-9A-Za-z])-)?(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]+))?(?P<unit>{_COUNTED})?"
)
_LONGEST_COUNTED: Final = 4
_CHINESE: Final = "zh"


def spoken_words(text: str, language: str) -> str:
    """A name or place as it is spoken. Other languages' voices read numbers by themselves."""
    if not language.startswith(_CHINESE):
        return text
    return _NUMBER.sub(_spoken_number, text)


def spoken_time(moment: datetime, language: str) -> str:
    """The time of day: 14:03 is 十四点零三分."""
    if not language.startswith(_CHINESE):
        return f"{moment:%H:%M}"
    minute = "整" if moment.minute == 0 else f"{'零' if moment.minute < 10 else ''}{counted(moment.minute)}分"
    return f"{counted(moment.hour)}点{minute}"


def counted(number: int) -> str:
    """A number below ten thousand in Chinese words: 15 is 十五, 102 is 一百零二."""
    if number == 0:
        return _DIGITS[0]
    words, is_gap = "", False
    for place in range(len(_PLACES) - 1, -1, -1):
        digit = number // 10**place % 10
        if digit:
            words += f"{_DIGITS[0] if is_gap and words else ''}{_DIGITS[digit]}{_PLACES[place]}"
            is_gap = False
        else:
            is_gap = bool(words)
    return words.removeprefix("一") if 10 <= number < 20 else words


def _spoken_number(found: re.Match[str]) -> str:
    whole, part, unit = found["whole"], found["part"], found["unit"] or ""
    is_counted = bool(unit or part) and len(whole) <= _LONGEST_COUNTED and (whole == "0" or not whole.startswith("0"))
    spoken = counted(int(whole)) if is_counted else _spelt(whole)
    if part:
        spoken += f"点{''.join(_DIGITS[int(digit)] for digit in part)}"
    return f"{'负' if found['minus'] and unit else found['minus'] or ''}{spoken}{'号' if unit == '#' else unit}"


def _spelt(digits: str) -> str:
    """Digit by digit; a single one is just counted."""
    alphabet = _DIGITS if len(digits) == 1 else _TELEPHONE
    return "".join(alphabet[int(digit)] for digit in digits)
