"""`fenghuo import`: units, buildings, zones, devices, components, people, roles, contacts from one file.

The rule: all or nothing. Every bad row is named before anything is written, and what is written is one
transaction. Importing adds and changes, it never removes; the same files twice change nothing.
"""

import asyncio
from pathlib import Path
from typing import Final

import asyncpg
import msgspec

from backend.core import clock
from backend.core.db.engine import execute, transaction
from backend.core.errors import Conflict
from backend.core.i18n import _
from backend.registry.linking import Linker
from backend.registry.parsing import ParsedSheet, parse
from backend.registry.reading import read_path
from backend.registry.service import Record
from backend.registry.sheets import ImportRefused, Problem
from backend.registry.writing import Counts, read_present, write

__all__ = ["ImportRefused", "ImportReport", "Problem", "import_path"]

_LOCK: Final = 0x696D706F7274  # "import": two imports at once would each miss what the other adds


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did, by sheet; `agreements` are those named in the sheet of units."""

    created: dict[str, int]
    changed: dict[str, int]
    unchanged: dict[str, int]

    @property
    def is_unchanged(self) -> bool:
        """Whether everything was there already."""
        return not any(self.created.values()) and not any(self.changed.values())


async def import_path(path: Path, record: Record | None = None) -> ImportReport:
    """Import a folder of .csv files or one .xlsx workbook, all or nothing.

    `record` is called in the same transaction with the counts, when anything was changed. Raises `ImportRefused`
    with every problem by sheet, row and column; `BadInput` when the path can't be read at all; `Conflict`.
    """
    sheets, problems = await asyncio.to_thread(_read_and_parse, path)
    async with transaction():
        await execute("select pg_advisory_xact_lock($1)", _LOCK)
        linker = Linker(await read_present(_addresses(sheets)), clock.now())
        linker.link(sheets)
        problems += linker.problems
        if problems:
            raise ImportRefused(tuple(_in_order(problems)))
        try:
            counts = await write(linker.wants)
        except asyncpg.UniqueViolationError:
            raise Conflict(_("导入期间登记有变动,请再导入一次")) from None
        report = _report(counts)
        if record is not None and not report.is_unchanged:
            await record("registry.imported", msgspec.to_builtins(report))
    return report


def _read_and_parse(path: Path) -> tuple[dict[str, ParsedSheet], list[Problem]]:
    return parse(read_path(path))


def _addresses(sheets: dict[str, ParsedSheet]) -> list[str]:
    components = sheets.get("components")
    rows = components.rows if components else []
    return sorted({row.values["device"] for row in rows if "device" in row.values})


def _in_order(problems: list[Problem]) -> list[Problem]:
    """As a person goes through the file: sheet by sheet, downwards."""
    sheets = dict.fromkeys(problem.sheet for problem in problems)
    order = {sheet: place for place, sheet in enumerate(sheets)}
    return sorted(problems, key=lambda problem: (order[problem.sheet], problem.row or 0))


def _report(counts: dict[str, Counts]) -> ImportReport:
    return ImportReport(
        created={sheet: each.created for sheet, each in counts.items()},
        changed={sheet: each.changed for sheet, each in counts.items()},
        unchanged={sheet: each.unchanged for sheet, each in counts.items()},
    )
