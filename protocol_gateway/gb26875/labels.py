"""Codes with names: an integer of the wire that knows its Chinese and English name.

A code that no table knows stays an integer; `name_of` then says so instead of failing.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import NamedTuple, Self


class Language(StrEnum):
    """The languages a name is kept in."""

    ZH = "zh"
    EN = "en"


class Label(NamedTuple):
    """A name in both languages (名称)."""

    en: str
    zh: str

    def in_language(self, language: str) -> str:
        """The name in `language`: "zh" or "en"."""
        return self.zh if language == Language.ZH else self.en

    def both(self) -> str:
        """English, then Chinese, as the vector files print names."""
        return f"{self.en} {self.zh}"


class LabelledCode(IntEnum):
    """An enumeration of the standard whose members carry their names."""

    label: Label

    def __new__(cls, value: int, en: str, zh: str) -> Self:
        """Make the member `value` with its two names."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.label = Label(en, zh)
        return member

    @property
    def zh(self) -> str:
        """The Chinese name, as the standard prints it."""
        return self.label.zh

    @property
    def en(self) -> str:
        """The English name."""
        return self.label.en

    @classmethod
    def labels(cls) -> Mapping[int, Label]:
        """Every member's names by its number."""
        return {int(member): member.label for member in cls}


def label_of(code: int, table: Mapping[int, Label], extras: Mapping[int, Label] | None = None) -> Label:
    """The names of `code`; a profile's `extras` first, then the standard's table, else "未知类型 <code>"."""
    label = (extras or {}).get(code) or table.get(code)
    return label or Label(f"unknown type {code}", f"未知类型 {code}")
