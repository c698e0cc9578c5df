"""Bring the catalogue up to date: every Chinese sentence in the code, with the English it has so far.

    python -m backend.core.locale.extract [more.tsv …]     # lines: Chinese <TAB> English

Sentences without English are listed and stay empty; a test fails on them.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[2]
_PACKAGES: Final = ("backend", "protocol_gateway", "bots", "miniprogram_api", "workers")
_KEYWORDS: Final = {"_": None, "N_": None, "translate": None}
CATALOGUE: Final = _HERE / "en" / "LC_MESSAGES" / "fenghuo.po"
#: a date of its own would make a difference in every run
_UNCHANGING: Final = datetime(2026, 11, 22, tzinfo=UTC)
_METHODS: Final = [("**/tests/**", "ignore"), ("**.py", "python"), ("**/templates/**.html", "jinja2.ext.babel_extract")]


def sentences() -> set[str]:
    """Every message id in the packages."""
    found: set[str] = set()
    for package in _PACKAGES:
        for _, _, message, _, _ in extract_from_dir(str(_ROOT / package), _METHODS, keywords=_KEYWORDS):
            found.add(message if isinstance(message, str) else message[0])
    return {each for each in found if each}


def translations() -> dict[str, str]:
    """The English there is."""
    if not CATALOGUE.exists():
        return {}
    with CATALOGUE.open("rb") as po:
        return {str(each.id): str(each.string) for each in read_po(po) if each.id and each.string}


def write(english: dict[str, str]) -> list[str]:
    """Write the catalogue; answers the sentences that have no English."""
    catalogue = Catalog(locale="en", project="Fenghuo", charset="utf-8", fuzzy=False, creation_date=_UNCHANGING)
    catalogue.header_comment = "# Fenghuo: the English of every Chinese sentence in the code."
    wanted = sorted(sentences())
    for each in wanted:
        catalogue.add(each, english.get(each, ""))
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as po:
        write_po(po, catalogue, omit_header=False, width=0, ignore_obsolete=True)
    return [each for each in wanted if not english.get(each)]


def main(files: list[str]) -> int:
    """Merge more translations in; answers 1 when some are missing."""
    english = translations()
    for file in files:
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            chinese, _, words = line.partition("\t")
            if words.strip():
                english[chinese] = words.strip()
    missing = write(english)
    sys.stdout.write("".join(f"{each}\n" for each in missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
