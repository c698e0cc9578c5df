"""Short forms for carriers: an attempt's number as people type it, and text from outside as we can keep it. Pure."""

from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LARGEST: Final = 2**63 - 1


def short_code(number: int) -> str:
    """An attempt's number as people type it: base 36."""
    digits = ""
    while number > 0:
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return digits or _DIGITS[0]


def number_of_code(code: str) -> int | None:
    """The number behind a short code; None when it can be none."""
    plain = code.strip()
    if not (plain.isascii() and plain.isalnum()):
        return None
    number = int(plain, len(_DIGITS))
    return number if number <= _LARGEST else None


def kept(text: str, most: int) -> str:
    """Text from outside as PostgreSQL takes it: no control characters, no half surrogates, not too long."""
    whole = text[:most].encode("utf-8", "ignore").decode()
    return "".join(each if each.isprintable() else " " for each in whole)
