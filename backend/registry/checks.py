"""What a single value must look like, for use cases and imports alike. Pure.

Each check is given stripped text, answers the value, and raises ValueError with a sentence for a person.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Final, TypeVar
from zoneinfo import available_timezones

from backend.core.i18n import _
from backend.registry.model import DEFAULT_PROFILE, DEFAULT_TIMEZONE, PROFILES

Word = TypeVar("Word", bound=StrEnum)

LONGEST_CODE: Final = 64
LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 500
#: plain notation only: 1E+05 is what a spreadsheet makes of a long number
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,9})?")
_WHOLE: Final = re.compile(r"[0-9]{1,9}")


def text(value: str, longest: int) -> str:
    """Printable text of bounded length; may be empty."""
    if len(value) > longest:
        raise ValueError(_("过长,最多 {longest} 个字符", longest=longest))
    if not value.isprintable():
        raise ValueError(_("含有换行或控制字符"))
    return value


def code(value: str) -> str:
    """A code (编号): not empty."""
    return _filled(text(value, LONGEST_CODE))


def qualified_code(value: str) -> str:
    """A code, perhaps with the codes of what it belongs to before it: unit/building, building/zone."""
    return _filled(text(value, 3 * LONGEST_CODE))


def name(value: str) -> str:
    """A name (名称): not empty."""
    return _filled(text(value, LONGEST_NAME))


def optional_name(value: str) -> str:
    """A name that may be empty."""
    return text(value, LONGEST_NAME)


def long_text(value: str) -> str:
    """An address or description; may be empty."""
    return text(value, LONGEST_TEXT)


def timezone(value: str) -> str:
    """An IANA time zone (时区); empty is Asia/Shanghai."""
    if not value:
        return DEFAULT_TIMEZONE
    if value not in _timezones():
        raise ValueError(_("不是 IANA 时区名,如 Asia/Shanghai"))
    return value


def profile(value: str) -> str:
    """A device profile (协议方言); empty is the standard."""
    if not value:
        return DEFAULT_PROFILE
    if value not in PROFILES:
        raise ValueError(_("未知的取值,可用: {known}", known=", ".join(PROFILES)))
    return value


def one_of(kind: type[Word]) -> Callable[[str], Word]:
    """A check for a word of a list."""

    def check(value: str) -> Word:
        try:
            return kind(value.lower())
        except ValueError:
            raise ValueError(_("未知的取值,可用: {known}", known=", ".join(kind))) from None

    return check


def whole(least: int, most: int) -> Callable[[str], int]:
    """A check for a whole number within bounds."""

    def check(value: str) -> int:
        if not _WHOLE.fullmatch(value) or not least <= int(value) <= most:
            raise ValueError(_("应为 {least} 到 {most} 的整数", least=least, most=most))
        return int(value)

    return check


def number(value: str) -> Decimal:
    """An exact decimal number of at most nine digits before and after the point."""
    if not _NUMBER.fullmatch(value):
        raise ValueError(_("应为数字,如 0.5"))
    return Decimal(value)


def why_limits_are_wrong(
    *,
    quantity: int | None,
    low: Decimal | None,
    high: Decimal | None,
    scale: Decimal | None,
    hysteresis: Decimal | None,
) -> tuple[str, str] | None:
    """The column and the reason why the limits of a point contradict each other; None when they don't."""
    if quantity is None:
        given = {"low": low, "high": high, "scale": scale, "hysteresis": hysteresis}
        column = next((column for column, value in given.items() if value is not None), None)
        return None if column is None else (column, _("没有填写 quantity(模拟量类型),不能有此值"))
    band = None if low is None or high is None else high - low
    rules = (
        (scale is not None and scale <= 0, "scale", _("应大于 0")),
        (hysteresis is not None and hysteresis < 0, "hysteresis", _("不能小于 0")),
        (band is not None and band <= 0, "low", _("应小于 high")),
        (
            band is not None and hysteresis is not None and hysteresis * 2 >= band,
            "hysteresis",
            _("过大:应小于 high 与 low 之差的一半,否则报警不能恢复"),
        ),
    )
    return next(((column, reason) for is_wrong, column, reason in rules if is_wrong), None)


def _filled(value: str) -> str:
    if not value:
        raise ValueError(_("不能为空"))
    return value


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())
