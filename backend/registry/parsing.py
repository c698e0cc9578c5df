"""From rows of text to checked values, by the sheets' tables; every bad cell becomes a `Problem`. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from backend.core.i18n import _
from backend.registry.reading import Cell, Fault, RawSheet
from backend.registry.sheets import SHEETS, Column, Problem, Sheet, Values

_LONGEST_SHOWN: Final = 40


class ParsedRow(msgspec.Struct):
    """A row's values by column. A bad cell is missing from `values`; then `is_whole` is false."""

    number: int
    values: Values
    is_whole: bool


class ParsedSheet(msgspec.Struct):
    """A sheet's rows, and which columns it has: what it lacks is not touched on rows that exist already."""

    name: str
    columns: frozenset[str]
    rows: list[ParsedRow]


def parse(sheets: Sequence[RawSheet]) -> tuple[dict[str, ParsedSheet], list[Problem]]:
    """Check every cell of every sheet; answers what could be read, and all that was wrong."""
    parsed, problems = dict[str, ParsedSheet](), list[Problem]()
    for raw in sheets:
        sheet = SHEETS[raw.name]
        placed = _place_columns(sheet, raw.header, problems)
        rows = [_parse_row(sheet, placed, number, cells, problems) for number, cells in raw.rows] if placed else []
        parsed[sheet.name] = ParsedSheet(sheet.name, frozenset(placed or ()), rows)
    return parsed, problems


def _place_columns(sheet: Sheet, header: list[Cell], problems: list[Problem]) -> dict[str, int] | None:
    """Where each column stands; None when the header is wrong, for then no cell can be trusted."""
    known = {column.name for column in sheet.columns}
    placed, before = dict[str, int](), len(problems)
    for place, cell in enumerate(header):
        name = cell.strip().lower() if isinstance(cell, str) else ""
        reason = None
        if name not in known:
            reason = _("未知的列,可用的列: {known}", known=", ".join(column.name for column in sheet.columns))
        elif name in placed:
            reason = _("此列出现了两次")
        if reason is not None:
            problems.append(Problem(sheet=sheet.name, row=1, column=name or _column_letter(place), reason=reason))
        placed.setdefault(name, place)
    problems += [
        Problem(sheet=sheet.name, row=1, column=column.name, reason=_("缺少此列"))
        for column in sheet.columns
        if column.is_needed and column.name not in placed
    ]
    return placed if len(problems) == before else None


def _parse_row(
    sheet: Sheet, placed: dict[str, int], number: int, cells: list[Cell], problems: list[Problem]
) -> ParsedRow:
    before, values = len(problems), Values()
    for column in sheet.columns:
        place = placed.get(column.name)
        cell = cells[place] if place is not None and place < len(cells) else ""
        reason = _parse_cell(column, cell, values)
        if reason is not None:
            problems.append(Problem(sheet=sheet.name, row=number, column=column.name, reason=reason))
    beyond = next((place for place, cell in enumerate(cells) if place >= len(placed) and cell != ""), None)
    if beyond is not None:
        reason = _("超出表头的列中有内容")
        problems.append(Problem(sheet=sheet.name, row=number, column=_column_letter(beyond), reason=reason))
    if len(problems) == before:
        problems += [
            Problem(sheet=sheet.name, row=number, column=column, reason=reason)
            for column, reason in sheet.finish(values)
        ]
    return ParsedRow(number, values, len(problems) == before)


def _parse_cell(column: Column, cell: Cell, values: Values) -> str | None:
    """Put the cell's value into `values`, or answer why it can't be taken."""
    if isinstance(cell, Fault):
        return cell.reason
    if cell == "":
        if column.is_needed:
            return _("不能为空(合并的单元格请先取消合并)")
        values[column.name] = column.empty
        return None
    try:
        values[column.name] = column.check(cell)
    except ValueError as error:
        shown = cell if len(cell) <= _LONGEST_SHOWN else cell[:_LONGEST_SHOWN] + "…"
        return _("{reason};现为「{shown}」", reason=str(error), shown=shown)
    return None


def _column_letter(place: int) -> str:
    """A column's letters in Excel: 0 is A."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
