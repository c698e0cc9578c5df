"""Figures and how they are printed: a table a benchmark, as plain text and as Markdown."""

import os
import platform
from collections.abc import Sequence

import msgspec


class Table(msgspec.Struct, kw_only=True):
    """What one benchmark measured, its floor among the rows, and what it says of the target."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []

    def add(self, *cells: object) -> None:
        self.rows.append(tuple(str(cell) for cell in cells))

    def text(self) -> str:
        widths = [max(len(row[at]) for row in (self.columns, *self.rows)) for at in range(len(self.columns))]
        lines = [_aligned(row, widths) for row in (self.columns, *self.rows)]
        return "\n".join([self.title, *lines, *self.notes, ""])

    def markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [f"| {' | '.join(row)} |" for row in (self.columns, rule, *self.rows)]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"### {self.title}", "", *lines, "", *notes, ""])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = row
    cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return "  ".join(["  " + first.ljust(widths[0]), *cells])


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles of durations, in milliseconds."""

    count: int
    p50: float
    p99: float
    p999: float
    max: float

    def cells(self) -> tuple[str, str, str, str]:
        return milliseconds(self.p50), milliseconds(self.p99), milliseconds(self.p999), milliseconds(self.max)


def latency_of(seconds: Sequence[float]) -> Latency:
    ordered = sorted(seconds)
    if not ordered:
        return Latency(count=0, p50=0.0, p99=0.0, p999=0.0, max=0.0)

    def at(share: float) -> float:
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000

    return Latency(count=len(ordered), p50=at(0.5), p99=at(0.99), p999=at(0.999), max=ordered[-1] * 1000)


def milliseconds(value: float) -> str:
    return f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.2f} s"


def count(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def verdict(target: str, *, is_met: bool) -> str:
    return f"target: {target}: {'met' if is_met else 'NOT met'}"


def load_average() -> str:
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


def machine_facts(postgres: str) -> list[str]:
    """What the figures depend on."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return [
        f"{os.cpu_count()} cores ({model}), {int(memory) / 1024 / 1024:.0f} GiB, Linux {platform.release()}",
        f"Python {platform.python_version()}, {postgres}, fsync and synchronous_commit on",
    ]


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - a file of the kernel's
        return file.read().splitlines()
