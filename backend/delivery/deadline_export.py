"""The deadline ledger as a table, CSV or XLSX; columns are data, and no cell can be taken for a formula.

Times stand twice: in UTC, and on the wall clock of the unit. Rows are written as they come, so that a year fits.
"""

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from backend.core.clock import in_zone
from backend.core.errors import BadInput
from backend.delivery.breach_model import CAUSE_LABELS, KIND_LABELS
from backend.delivery.deadlines import AttemptLine, BreachLine, NoticeLine, Speed

_STAMPS: Final = ("t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
#: what an XLSX sheet holds, with its header
_MOST_ROWS: Final = 1_048_576

Row = Sequence[object]


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula (a name on the wire may begin with =)."""
    clean = ILLEGAL_CHARACTERS_RE.sub(" ", text)
    return f"'{clean}" if clean.startswith(_FORMULA) else clean


def cell(value: object) -> object:
    """A value as it stands in a cell: figures stay figures, everything else is safe text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    return safe(str(value))


def utc(moment: datetime | None) -> str:
    """In UTC, to the millisecond."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def local(moment: datetime | None, timezone: str) -> str:
    """On the wall clock of a zone, with its offset."""
    return "" if moment is None else in_zone(moment, timezone).isoformat(sep=" ", timespec="milliseconds")


def seconds(value: float | None) -> float | None:
    """Rounded to the millisecond."""
    return None if value is None else round(value, 3)


def _twice(moments: Sequence[datetime | None], timezone: str) -> list[str]:
    return [*(utc(each) for each in moments), *(local(each, timezone) for each in moments)]


def _named_twice(names: Sequence[str]) -> list[str]:
    return [*(f"{name}_utc" for name in names), *(f"{name}_local" for name in names)]


_ABOUT: Final = ("notice", "alarm", "number", "unit", "unit_name", "place", "kind", "severity", "clause")
ATTEMPTS: Final = (
    *_ABOUT,
    *("attempt", "person", "channel", "state", "why", "tries", "round", "step", "held", "t1_to_t5_s"),
    *_named_twice(("deadline", *_STAMPS)),
)
NOTICES: Final = (
    *_ABOUT,
    *("attempts", "kinds_accepted", "held", "first_s", "two_kinds_s"),
    *_named_twice(("deadline", "t0", "t1", "t2", "t3")),
)
SUMMARY: Final = (
    *("severity", "notices", "held", "unaccepted", "two_kinds"),
    *("first_p50_s", "first_p99_s", "first_max_s", "two_p50_s", "two_p99_s", "two_max_s"),
)
BREACHES: Final = (
    *("breach", "kind", "kind_zh", "severity", "clause", "unit", "unit_name", "alarm", "notice", "attempt"),
    *("late_s", "cause", "cause_zh", "cause_facts", "repaired", "notes"),
    *_named_twice(("due", "found", "repaired")),
)


def _about(line: NoticeLine) -> list[object]:
    number = int(line.number) if line.number and line.number.isdecimal() else None
    return [
        line.notice,
        line.alarm,
        number,
        line.unit,
        line.unit_name,
        line.place,
        line.kind,
        line.severity,
        line.clause,
    ]


def attempt_rows(line: NoticeLine) -> list[Row]:
    """One row an attempt; a notice without any has one row all the same."""
    return [_attempt_row(line, each) for each in line.attempts or (None,)]


def _attempt_row(line: NoticeLine, attempt: AttemptLine | None) -> Row:
    if attempt is None:
        moments = [line.deadline_at, line.t0, line.t1, line.t2, line.t3, None, None, None, None]
        return [*_about(line), *[None] * 10, *_twice(moments, line.timezone)]
    took = None if attempt.t5 is None else seconds((attempt.t5 - line.t1).total_seconds())
    said = [attempt.attempt, attempt.person, attempt.channel, attempt.state, attempt.why, attempt.tries]
    said += [attempt.round + 1, attempt.step + 1]  # as people count
    moments = [attempt.attempt_deadline_at, line.t0, line.t1, line.t2, line.t3]
    moments += [attempt.t4, attempt.t5, attempt.t6, attempt.t7]
    return [*_about(line), *said, attempt.is_held, took, *_twice(moments, line.timezone)]


def notice_row(line: NoticeLine) -> Row:
    """One notice in a row."""
    kinds = line.kinds
    first, second = (kinds[n][1] if len(kinds) > n else None for n in (0, 1))
    said = [len(line.attempts), ", ".join(name for name, _ in kinds), line.is_held, seconds(first), seconds(second)]
    return [*_about(line), *said, *_twice([line.deadline_at, line.t0, line.t1, line.t2, line.t3], line.timezone)]


def speed_row(speed: Speed) -> Row:
    """One severity's figures in a row."""
    figures = (speed.first_p50, speed.first_p99, speed.first_max, speed.two_p50, speed.two_p99, speed.two_max)
    counts = (speed.severity, speed.notices, speed.held, speed.unaccepted, speed.two_kinds)
    return [*counts, *(seconds(each) for each in figures)]


def breach_row(line: BreachLine) -> Row:
    """One breach in a row."""
    facts = "; ".join(f"{name}={value}" for name, value in line.cause.items() if value is not None)
    notes = "; ".join(each.text for each in line.notes if each.kind == "note")
    late = None if line.late_ms is None else line.late_ms / 1000
    about = [line.id, line.kind, KIND_LABELS[line.kind], line.severity, line.clause, line.unit, line.unit_name]
    cause = [line.cause_code, CAUSE_LABELS[line.cause_code], facts]
    moments = [line.due_at, line.found_at, line.repaired_at]
    told = [*about, line.alarm, line.notice, line.attempt, late, *cause, line.repaired_how, notes]
    return [*told, *_twice(moments, line.timezone)]


class Book(Protocol):
    """Where the rows go."""

    def notice(self, line: NoticeLine) -> None:
        """One notice with its attempts."""
        ...

    def finish(self, speeds: Sequence[Speed], breaches: Sequence[BreachLine]) -> str:
        """The summary and the breaches; answers where everything is, in a sentence."""
        ...


class CsvBook:
    """CSV: the attempts in the file that was named (or on the standard output), the rest in files beside it."""

    def __init__(self, out: Path | None, stdout: TextIO) -> None:
        self._out = out
        self._file = out.open("w", encoding="utf-8-sig", newline="") if out is not None else stdout
        self._writer = csv.writer(self._file)
        self._writer.writerow(ATTEMPTS)

    def notice(self, line: NoticeLine) -> None:
        """One row an attempt."""
        self._writer.writerows([cell(each) for each in row] for row in attempt_rows(line))

    def finish(self, speeds: Sequence[Speed], breaches: Sequence[BreachLine]) -> str:
        """`-breaches.csv` and `-summary.csv` stand beside the file."""
        if self._out is None:
            return ""
        self._file.close()
        self._beside("breaches", BREACHES, [breach_row(each) for each in breaches])
        self._beside("summary", SUMMARY, [speed_row(each) for each in speeds])
        stem = self._out.stem
        return f"written: {self._out}, {stem}-breaches.csv, {stem}-summary.csv"

    def _beside(self, name: str, header: Row, rows: Sequence[Row]) -> None:
        assert self._out is not None
        path = self._out.with_name(f"{self._out.stem}-{name}{self._out.suffix}")
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows([cell(each) for each in row] for row in rows)


class XlsxBook:
    """XLSX with the sheets notices, attempts, breaches and summary; written through, not held in memory."""

    def __init__(self, out: Path) -> None:
        out.open("wb").close()  # a path that can't be written is said before the work
        self._out = out
        self._book = Workbook(write_only=True)
        self._rows = 1
        self._notices = self._sheet("notices", NOTICES)
        self._attempts = self._sheet("attempts", ATTEMPTS)

    def _sheet(self, name: str, header: Row) -> Any:
        sheet = self._book.create_sheet(name)
        sheet.freeze_panes = "A2"
        sheet.append([str(each) for each in header])
        return sheet

    @staticmethod
    def _put(sheet: Any, row: Row) -> None:
        cells = []
        for each in row:
            one = WriteOnlyCell(sheet, value=cell(each))
            if isinstance(one.value, str):
                one.data_type = "s"
            cells.append(one)
        sheet.append(cells)

    def notice(self, line: NoticeLine) -> None:
        """A row of notices, and its rows of attempts. Raises `BadInput` when a sheet is full."""
        self._put(self._notices, notice_row(line))
        for row in attempt_rows(line):
            self._rows += 1
            if self._rows > _MOST_ROWS:
                raise BadInput(f"a sheet holds {_MOST_ROWS} rows: choose fewer days, or --format csv")
            self._put(self._attempts, row)

    def finish(self, speeds: Sequence[Speed], breaches: Sequence[BreachLine]) -> str:
        """The other two sheets, and the file."""
        for name, header, rows in (
            ("breaches", BREACHES, [breach_row(each) for each in breaches]),
            ("summary", SUMMARY, [speed_row(each) for each in speeds]),
        ):
            sheet = self._sheet(name, header)
            for row in rows:
                self._put(sheet, row)
        self._book.save(self._out)
        return f"written: {self._out}"


class TableBook:
    """Lines for people at a terminal: each notice on one, then the figures and the breaches."""

    def __init__(self, out: Path | None, stdout: TextIO) -> None:
        self._out = out
        self._file = out.open("w", encoding="utf-8") if out is not None else stdout

    def _say(self, *words: str) -> None:
        self._file.write("  ".join(words).rstrip() + "\n")

    def notice(self, line: NoticeLine) -> None:
        """Time, severity, unit, place, whether it was held, and each kind's seconds."""
        held = {True: "held", False: "BREACH", None: "-"}[line.is_held]
        kinds = " ".join(f"{name} {took:.3f}s" for name, took in line.kinds)
        number = f"#{line.number or '?'}"
        when = local(line.t1, line.timezone)
        self._say(when, f"{line.severity:8}", f"{held:6}", number, line.unit or "-", kinds or "-", line.place or "")

    def finish(self, speeds: Sequence[Speed], breaches: Sequence[BreachLine]) -> str:
        """The figures of each severity, then each breach."""
        self._say("")
        self._say(*(f"{name:>11}" for name in SUMMARY))
        for speed in speeds:
            self._say(*(f"{'-' if each is None else each!s:>11}" for each in speed_row(speed)))
        self._say("")
        self._say(f"{len(breaches)} breaches")
        for line in breaches:
            late = "open" if line.late_ms is None else f"{line.late_ms / 1000:+.3f}s"
            when = local(line.due_at, line.timezone)
            self._say(when, f"{line.severity:8}", f"{line.kind:18}", f"{line.cause_code:15}", line.unit or "-", late)
        if self._out is None:
            return ""
        self._file.close()
        return f"written: {self._out}"


#: by `--format`: the book, and whether it needs a file
BOOKS: Final[dict[str, Callable[[Path | None, TextIO], Book]]] = {
    "table": TableBook,
    "csv": CsvBook,
    "xlsx": lambda out, _: _workbook(out),
}


def _workbook(out: Path | None) -> XlsxBook:
    if out is None:
        raise BadInput("--format xlsx needs --out FILE")
    return XlsxBook(out)
