"""Which command a message begins with: `/name`, or a Chinese or English word. Pure.

The rule: a Chinese word needs nothing behind it ("状态2号楼"), for nobody writes a blank there; an English one ends
at a boundary. In a group, where people talk with each other, a Chinese word stands alone or before a blank, an English
one alone: "repair is done" and "log into the panel" ask for nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from backend.chat.model import Command

_One = TypeVar("_One")
_SLASHES: Final = ("/", "／")  #: the second is what Chinese keyboards write
_SLASH: Final = re.compile(r"[/／](?P<name>[A-Za-z0-9_]{1,32})(?:@\w+)?(?:\s+(?P<rest>.*))?", re.DOTALL)
_AFTER_A_WORD: Final = " \t\r\n\u3000,，:：。.!！?？、"
CANCEL_WORDS: Final = ("取消", "算了", "cancel")
HELP_WORDS: Final = ("帮助", "菜单", "help", "menu", "?", "？")


class Asked(NamedTuple):
    """A command and what followed its word."""

    name: str
    rest: str


def slash(text: str) -> Asked | None:
    """`/name rest`, also `/name@bot rest`; the name in small letters."""
    found = _SLASH.fullmatch(text.strip())
    return None if found is None else Asked(found["name"].lower(), (found["rest"] or "").strip())


def slashed(text: str, words: Mapping[str, str]) -> Asked | None:
    """`/name rest`; or a word behind a slash, "/状态 2号楼", which asks for as much."""
    if (asked := slash(text)) is not None or not text.startswith(_SLASHES):
        return asked
    word = text[1:].strip()
    for own, name in ((CANCEL_WORDS, "cancel"), (HELP_WORDS, "help")):
        if is_one_of(word, own):
            return Asked(name, "")
    return worded(word, words, is_group=False)


def by_words(commands: Iterable[Command]) -> dict[str, str]:
    """The command of each word, longest words first."""
    pairs = [(word.casefold(), command.name) for command in commands for word in command.words]
    return dict(sorted(pairs, key=lambda pair: -len(pair[0])))


def worded(text: str, words: Mapping[str, str], *, is_group: bool) -> Asked | None:
    """The command whose word the message begins with."""
    text = text.strip()
    folded = text.casefold()
    for word, name in words.items():
        if len(folded) == len(text) and folded.startswith(word) and _ends(text[len(word) :], word, is_group=is_group):
            return Asked(name, text[len(word) :].lstrip(_AFTER_A_WORD).strip())
    return None


def _ends(rest: str, word: str, *, is_group: bool) -> bool:
    """Whether the word is over here."""
    if not rest:
        return True
    if is_group:
        return rest[0].isspace() and not word.isascii()
    return rest[0].isspace() or not word.isascii() or rest[0] in _AFTER_A_WORD


def is_one_of(text: str, words: tuple[str, ...]) -> bool:
    """Whether a message is one of these words and nothing else."""
    return text.strip().casefold() in words


def by_name(every: Sequence[_One], said: str, name_of: Callable[[_One], str]) -> list[_One]:
    """Those whose name holds what was said; where one is named exactly so, that one alone. Nothing said: none."""
    words = said.strip().casefold()
    found = [each for each in every if words and words in name_of(each).casefold()]
    exact = [each for each in found if name_of(each).casefold() == words]
    return exact if len(exact) == 1 else found
