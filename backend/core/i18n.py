"""Words for people: zh-CN is the language of the source, en comes from the catalogue (gettext/Babel).

Message ids are the Chinese sentences themselves, so the default language needs no catalogue. The .po file is
read at start; nothing has to be compiled. A test fails on a sentence without an English one.
"""

import gettext
import io
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

DEFAULT_LANGUAGE: Final = "zh_CN"
LANGUAGES: Final = ("zh_CN", "en")


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Mark a sentence for the catalogue and leave it as it is."""
    return message


_BETWEEN: Final = N_("、")
_COLON: Final = N_("：")


@cache
def _translations(language: str) -> gettext.NullTranslations:
    if language == DEFAULT_LANGUAGE:
        return gettext.NullTranslations()
    source = resources.files("backend.core").joinpath("locale", language, "LC_MESSAGES", "fenghuo.po")
    with source.open("rb") as po:
        catalogue = read_po(po, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def known_language(language: str | None) -> str:
    """The nearest language we speak: exact, then by its first part, else zh_CN."""
    wanted = (language or "").replace("-", "_")
    if wanted in LANGUAGES:
        return wanted
    first = wanted.split("_", maxsplit=1)[0].lower()
    return next((each for each in LANGUAGES if each.split("_", maxsplit=1)[0] == first), DEFAULT_LANGUAGE)


def translate(message: str, language: str, **values: object) -> str:
    """`message` (a Chinese sentence with {names}) in `language`, with the names filled in."""
    text = _translations(known_language(language)).gettext(message) if message else ""
    return text.format(**values) if values else text


def in_a_row(parts: Iterable[str], language: str) -> str:
    """Parts one after another, with the mark that the language sets between them."""
    return translate(_BETWEEN, language).join(parts)


def labelled(label: str, value: str, language: str) -> str:
    """A label, the language's colon, and what it says."""
    return f"{label}{translate(_COLON, language)}{value}"


def _(message: str, language: str = DEFAULT_LANGUAGE, **values: object) -> str:
    """Short for `translate`; what Babel's extractor looks for."""
    return translate(message, language, **values)
