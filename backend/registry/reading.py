"""Reads import files as they are: a folder of CSV or one workbook, into rows of text. Knows no columns' meaning.

Rows are counted as Excel shows them. What a spreadsheet program did to a cell (formula, date, error) is a `Fault`,
so that it can be named by row and column. Sizes are bounded before anything is unpacked.
"""

import contextlib
import csv
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from backend.core.errors import BadInput
from backend.core.i18n import _
from backend.registry.sheets import SHEETS, ImportRefused, Problem

LARGEST_OCTETS: Final = 20 * 1024 * 1024
LARGEST_UNPACKED_OCTETS: Final = 300 * 1024 * 1024
MOST_ROWS: Final = 200_000
_MOST_COLUMNS: Final = 64
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_LARGEST_EXACT: Final = 2**53  # beyond it a float no longer holds every whole number
#: what zipfile, expat and openpyxl raise on a file that is no workbook, or a damaged one
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
    SyntaxError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    RuntimeError,
)
_DATES: Final = (date, datetime, time, timedelta)


class Fault(msgspec.Struct, frozen=True):
    """A cell whose content can't be taken, and why."""

    reason: str


Cell = str | Fault


class RawSheet(msgspec.Struct):
    """A sheet as read: the header's cells, then rows with their number in Excel; empty rows are left out."""

    name: str
    header: list[Cell]
    rows: list[tuple[int, list[Cell]]]


def read_path(path: Path) -> list[RawSheet]:
    """All sheets of a folder of .csv files or of one .xlsx file. Raises `ImportRefused`, `BadInput`."""
    try:
        if path.is_dir():
            return _read_folder(path)
        if path.suffix.lower() == ".xlsx" and path.is_file():
            return _read_workbook(path)
    except OSError as error:
        raise BadInput(
            _("无法读取 {path}: {reason}", path=str(path), reason=error.strerror or type(error).__name__)
        ) from None
    raise BadInput(_("{path} 既不是 CSV 文件夹,也不是 .xlsx 工作簿", path=str(path)))


def _read_folder(folder: Path) -> list[RawSheet]:
    files = sorted(each for each in folder.iterdir() if _is_sheet_file(each))
    _require_known([each.stem for each in files])
    if not files:
        raise BadInput(_("{path} 中没有可导入的 CSV 文件,可用的表: {known}", path=str(folder), known=_known()))
    _require_small(sum(each.stat().st_size for each in files))
    sheets, problems = [], list[Problem]()
    for each in files:
        try:
            sheets.append(_sheet_from(each.stem.lower(), _csv_rows(each)))
        except ImportRefused as refused:
            problems += refused.problems
    if problems:
        raise ImportRefused(tuple(problems))
    _require_few(sheets)
    return sheets


def _is_sheet_file(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".csv" and not path.name.startswith((".", "~$"))


def _csv_rows(path: Path) -> Iterator[tuple[int, list[Cell]]]:
    text = _decoded(path.stem.lower(), path.read_bytes())
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, start=1):
            yield number, [cell.strip() for cell in row]
    except csv.Error as error:
        reason = _("不是正确的 CSV(引号不成对?): {error}", error=str(error))
        raise ImportRefused((Problem(sheet=path.stem.lower(), row=number + 1, reason=reason),)) from None


def _decoded(sheet: str, octets: bytes) -> str:
    """UTF-8 with or without a mark; else GB18030, as Excel in China saves it."""
    if octets.startswith(_UTF16_MARKS):
        raise ImportRefused((Problem(sheet=sheet, reason=_("是 UTF-16 编码,请另存为 UTF-8 的 CSV")),))
    try:
        return octets.removeprefix(_UTF8_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        where = error.start
    try:
        return octets.decode("gb18030")
    except UnicodeDecodeError:
        row = octets.count(b"\n", 0, where) + 1
        reason = _("编码既不是 UTF-8 也不是 GB18030")
        raise ImportRefused((Problem(sheet=sheet, row=row, reason=reason),)) from None


def _read_workbook(path: Path) -> list[RawSheet]:
    _require_small(path.stat().st_size)
    try:
        _require_honest(path)
        with warnings.catch_warnings(), path.open("rb") as file:  # openpyxl leaves a file open that it refuses
            warnings.simplefilter("ignore", UserWarning)  # on styles and validations we don't read
            return _sheets_of(openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False))
    except _DAMAGED as error:
        raise BadInput(_("{path} 不是正确的 .xlsx 工作簿", path=str(path))) from error


def _require_honest(path: Path) -> None:
    """A small file that unpacks to gigabytes is refused before it is unpacked (zipfile holds it to its word)."""
    with zipfile.ZipFile(path) as archive:
        if sum(each.file_size for each in archive.infolist()) > LARGEST_UNPACKED_OCTETS:
            raise BadInput(_("工作簿解压后超过 {most} MB", most=LARGEST_UNPACKED_OCTETS // 1024 // 1024))


def _sheets_of(workbook: Any) -> list[RawSheet]:
    sheets = []
    with contextlib.closing(workbook):
        for worksheet in workbook.worksheets:
            worksheet.reset_dimensions()  # the file's own word on its size is not to be trusted
            name = worksheet.title.strip().lower()
            sheet = _sheet_from(name, _workbook_rows(name, worksheet.iter_rows()))
            if sheet.header or sheet.rows:
                sheets.append(sheet)
            _require_few(sheets)
    _require_known([sheet.name for sheet in sheets])
    if not sheets:
        raise BadInput(_("工作簿中没有可导入的表,可用的表: {known}", known=_known()))
    return sheets


def _workbook_rows(name: str, rows: Iterable[Any]) -> Iterator[tuple[int, list[Cell]]]:
    for number, row in enumerate(rows, start=1):
        if len(row) > _MOST_COLUMNS and any(cell.value is not None for cell in row[_MOST_COLUMNS:]):
            reason = _("超过 {most} 列", most=_MOST_COLUMNS)
            raise ImportRefused((Problem(sheet=name, row=number, reason=reason),))
        yield number, [_cell_text(cell) for cell in row[:_MOST_COLUMNS]]


def _cell_text(cell: Any) -> Cell:
    """What a person sees in the cell, as text; numbers that are whole have no decimal point."""
    value = cell.value
    if cell.data_type == "f":
        return Fault(_("是公式,请改为数值(选择性粘贴)"))
    if cell.data_type == "e":
        return Fault(_("是 Excel 的错误值 {value}", value=str(value)))
    if isinstance(value, _DATES):
        return Fault(_("被 Excel 识别为日期或时间,请将单元格设为文本后重新填写"))
    if isinstance(value, float):
        return _float_text(value)
    return "" if value is None else str(value).strip()


def _float_text(value: float) -> Cell:
    if value.is_integer() and abs(value) < _LARGEST_EXACT:
        return str(int(value))
    text = repr(value)
    return Fault(_("是科学计数法或过大的数,请将单元格设为文本后重新填写")) if "e" in text or "n" in text else text


def _sheet_from(name: str, rows: Iterator[tuple[int, list[Cell]]]) -> RawSheet:
    header = next(rows, (1, list[Cell]()))[1]
    while header and header[-1] == "":
        header.pop()
    kept = list[tuple[int, list[Cell]]]()
    for number, row in rows:
        if any(cell != "" for cell in row):
            kept.append((number, row))
        if len(kept) > MOST_ROWS:
            break
    return RawSheet(name, header, kept)


def _require_known(names: list[str]) -> None:
    problems = [
        Problem(sheet=name, reason=_("未知的表,可用的表: {known}", known=_known()))
        for name in names
        if name.lower() not in SHEETS
    ]
    lowered = [name.lower() for name in names]
    problems += [
        Problem(sheet=name, reason=_("有多个同名的表")) for name in sorted(set(lowered)) if lowered.count(name) > 1
    ]
    if problems:
        raise ImportRefused(tuple(problems))


def _require_small(octets: int) -> None:
    if octets > LARGEST_OCTETS:
        raise BadInput(_("导入文件超过 {most} MB", most=LARGEST_OCTETS // 1024 // 1024))


def _require_few(sheets: list[RawSheet]) -> None:
    if sum(len(sheet.rows) for sheet in sheets) > MOST_ROWS:
        raise BadInput(_("导入文件超过 {most} 行", most=MOST_ROWS))


def _known() -> str:
    return ", ".join(SHEETS)
