"""A Card as a Telegram message: HTML text and inline buttons, in the order of experience.md.

The rule: every text is escaped here and nowhere else; what does not fit is cut from the facts first, then
from those who know, never from headline and place. Length is counted as Telegram does, in UTF-16 units.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import Final
from uuid import UUID

import msgspec
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from backend.delivery.model import Action, Card, Key, Verb
from backend.talks import TALKS
from bots.telegram.presses import Press, TalkPress

TEXT_LIMIT: Final = 4096
_LINE_LIMIT: Final = 256  #: of a line that is neither headline nor place
_PLACE_LIMIT: Final = 3000  #: no real place is that long; a broken one must not cost the whole card
_HEADLINE_LIMIT: Final = 200
_CUT: Final = "…"
_CONTROLS: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ")
#: which buttons share a row; a verb that is not named here gets a row of its own below
_ROWS: Final = (
    (Verb.ACKNOWLEDGE,),
    (Verb.VERDICT_REAL, Verb.VERDICT_FALSE),
    (Verb.VERDICT_TEST, Verb.VERDICT_FAULT),
    (Verb.HISTORY,),
)
_STYLES: Final = {"primary": "primary", "danger": "danger"}


class Drawing(msgspec.Struct, frozen=True):
    """What is sent: HTML and buttons; None takes buttons away."""

    html: str
    keyboard: InlineKeyboardMarkup | None


class _Line(msgspec.Struct, frozen=True):
    text: str
    is_bold: bool = False

    @property
    def html(self) -> str:
        safe = escape(self.text, quote=False)
        return f"<b>{safe}</b>" if self.is_bold else safe


def length(text: str) -> int:
    """Length as Telegram counts it: UTF-16 units, so 🔥 is two."""
    return len(text.encode("utf-16-le")) // 2


def plain(text: str, limit: int = _LINE_LIMIT) -> str:
    """One printable line of at most `limit` characters: no control characters, no lone surrogates."""
    line = " ".join(text.encode("utf-8", "replace").decode().translate(_CONTROLS).split())
    return line if len(line) <= limit else line[: limit - 1] + _CUT


def draw(card: Card) -> Drawing:
    """The message for a card."""
    head = _head(card)
    left = TEXT_LIMIT - sum(_cost(line) for line in head)
    known_by = _fitting((_Line(f"👤 {plain(each)}") for each in card.known_by), left)
    left -= sum(_cost(line) for line in known_by)
    facts = _fitting((_Line(plain(f"{each.label}: {each.value}", TEXT_LIMIT)) for each in card.facts), left)
    lines = [*head, *known_by, *facts]
    return Drawing(html="\n".join(line.html for line in lines), keyboard=keyboard(card))


def _head(card: Card) -> list[_Line]:
    at = f"🕒 {card.raised_at:%H:%M:%S}" if card.raised_at else ""
    number = f"#{card.number}" if card.number else ""  # what is no alarm, mask nor window has none
    said = card.headline if card.status in card.headline else f"{card.headline} · {card.status}"
    headline = plain(f"{card.icon} {said}", _HEADLINE_LIMIT)
    lines = (
        _Line(f"【{plain(card.banner)}】" if card.banner else "", is_bold=True),
        _Line(headline, is_bold=True),
        _Line(plain(card.where, _PLACE_LIMIT), is_bold=True),
        _Line(plain(card.what)),
        _Line(plain(card.unit)),
        _Line(plain(" · ".join(part for part in (at, number) if part))),
        _Line(f"📋 {plain(card.verdict)}" if card.verdict else ""),
    )
    return [line for line in lines if line.text]


def _cost(line: _Line) -> int:
    return length(line.text) + 1


def _fitting(lines: Iterable[_Line], left: int) -> list[_Line]:
    """The lines that fit, the last one shortened or replaced by … when some don't."""
    taken: list[_Line] = []
    left -= _cost(_Line(_CUT))
    for line in lines:
        if _cost(line) > left:
            taken.append(_Line(_CUT))
            break
        taken.append(line)
        left -= _cost(line)
    return taken


def keyboard(card: Card) -> InlineKeyboardMarkup | None:
    """The card's buttons, thumb-sized: at most two a row."""
    by_verb = {action.verb: action for action in card.actions}
    listed = {verb for row in _ROWS for verb in row}
    rows = [*_ROWS, *((verb,) for verb in by_verb if verb not in listed)]
    buttons = [[_button(card, by_verb[verb]) for verb in row if verb in by_verb] for row in rows]
    keys = [[key for key in row if key.verb in answered_verbs()] for row in card.keys]
    return _markup([*buttons, *key_rows(keys, card.alarm)])


@cache
def answered_verbs() -> frozenset[str]:
    """Verbs that some concept answers; a card's other keys are not drawn."""
    return frozenset(verb for talk in TALKS for verb in talk.presses)


def key_rows(keys: Iterable[Sequence[Key]], about: UUID | None = None) -> list[list[InlineKeyboardButton]]:
    """Keys as buttons; `about` stands in where a key names nothing."""
    return [[_key_button(key, key.about or about) for key in row] for row in keys]


def keys_markup(keys: Iterable[Sequence[Key]]) -> InlineKeyboardMarkup | None:
    """The keys of a saying; None for none."""
    return _markup(key_rows(keys))


def _key_button(key: Key, about: UUID | None) -> InlineKeyboardButton:
    return InlineKeyboardButton(
        text=plain(key.label, 64) or key.verb,
        callback_data=TalkPress(verb=key.verb, about=about, argument=key.argument).pack(),
        style=_STYLES.get(key.style),
    )


def _button(card: Card, action: Action) -> InlineKeyboardButton:
    return InlineKeyboardButton(
        text=plain(action.label, 64) or action.verb.value,
        callback_data=Press(verb=action.verb, alarm=card.alarm).pack(),
        style=_STYLES.get(action.style),
    )


def _markup(rows: Sequence[list[InlineKeyboardButton]]) -> InlineKeyboardMarkup | None:
    filled = [row for row in rows if row]
    return InlineKeyboardMarkup(inline_keyboard=filled) if filled else None
