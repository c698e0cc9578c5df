"""A day of one quantity as a small picture (趋势图): its line, its limits, its hours. Pure: samples in, PNG out.

The rule: only figures, units and times are drawn, which every font has; a stretch without values is a gap and no line.
"""

import io
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from PIL import Image, ImageDraw, ImageFont

from backend.monitoring.history import Sample

SIZE: Final = (720, 360)
_LEFT, _TOP, _RIGHT, _BOTTOM = 92, 44, 704, 316
_PAPER, _INK, _SOFT, _GRID = "#ffffff", "#1a1d21", "#5c6670", "#e3e7eb"
_LINE, _BAND, _LIMIT = "#1463c2", "#cfe0f5", "#c62828"
_FONT: Final = ImageFont.load_default(22)
#: longer silence than this is a gap, unless the quantity reports more seldom than that anyway
_LEAST_GAP: Final = timedelta(minutes=45)
_GAPS_OF_USUAL: Final = 3
_ROWS: Final = 4
_HOURS_A_TICK: Final = 4
_DASH: Final = 8
#: measures that the picture's font can't draw
_PLAIN: Final = {"℃": "°C", "m³/min": "m3/min", "件": ""}


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn: a quantity's minutes in [since, until), in a measure, beside its limits, on a zone's clock."""

    samples: tuple[Sample, ...]
    since: datetime
    until: datetime
    timezone: str
    measure: str = ""
    low: Decimal | None = None
    high: Decimal | None = None


class _Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Where a moment and a value lie in the picture."""

    since: datetime
    span_s: float
    bottom: float
    top: float

    def x(self, at: datetime) -> float:
        """From the left."""
        return _LEFT + (_RIGHT - _LEFT) * (at - self.since).total_seconds() / self.span_s

    def y(self, value: Decimal | float) -> float:
        """From above."""
        return _BOTTOM - (_BOTTOM - _TOP) * (float(value) - self.bottom) / (self.top - self.bottom)


def draw_chart(chart: Chart) -> bytes:
    """The chart as a PNG of `SIZE`."""
    image = Image.new("RGB", SIZE, _PAPER)
    pen = ImageDraw.Draw(image)
    scale = _scale(chart)
    _draw_grid(pen, chart, scale)
    for run in _runs(chart.samples):
        _draw_run(pen, run, scale)
    for limit in (chart.low, chart.high):
        if limit is not None:
            _draw_limit(pen, limit, scale)
    _draw_last(pen, chart, scale)
    octets = io.BytesIO()
    image.save(octets, "PNG", optimize=True)
    return octets.getvalue()


def _scale(chart: Chart) -> _Scale:
    """All values and limits, with a little air; a line that never moves still has some around it."""
    values = [float(each) for sample in chart.samples for each in (sample.low, sample.high)]
    values += [float(each) for each in (chart.low, chart.high) if each is not None]
    bottom, top = min(values, default=0.0), max(values, default=1.0)
    air = (top - bottom) * 0.08 or max(abs(top) * 0.1, 0.5)
    return _Scale(
        since=chart.since, span_s=(chart.until - chart.since).total_seconds(), bottom=bottom - air, top=top + air
    )


def _runs(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Stretches without a gap."""
    steps = sorted(b.at - a.at for a, b in itertools.pairwise(samples))
    usual = steps[len(steps) // 2] if steps else _LEAST_GAP
    longest = max(_LEAST_GAP, usual * _GAPS_OF_USUAL)
    run: list[Sample] = []
    for sample in samples:
        if run and sample.at - run[-1].at > longest:
            yield run
            run = []
        run.append(sample)
    if run:
        yield run


def _draw_run(pen: ImageDraw.ImageDraw, run: Sequence[Sample], scale: _Scale) -> None:
    above = [(scale.x(each.at), scale.y(each.high)) for each in run]
    below = [(scale.x(each.at), scale.y(each.low)) for each in run]
    if len(run) > 1:
        pen.polygon([*above, *reversed(below)], fill=_BAND)
        pen.line([(scale.x(each.at), scale.y(each.value)) for each in run], fill=_LINE, width=3, joint="curve")
        return
    x, y = scale.x(run[0].at), scale.y(run[0].value)
    pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=_LINE)


def _draw_grid(pen: ImageDraw.ImageDraw, chart: Chart, scale: _Scale) -> None:
    for step in range(_ROWS + 1):
        value = scale.bottom + (scale.top - scale.bottom) * step / _ROWS
        y = scale.y(value)
        pen.line(((_LEFT, y), (_RIGHT, y)), fill=_GRID)
        pen.text((_LEFT - 8, y), figure(value, scale.top - scale.bottom), fill=_SOFT, font=_FONT, anchor="rm")
    for tick in _ticks(chart):
        x = scale.x(tick)
        pen.line(((x, _TOP), (x, _BOTTOM)), fill=_GRID)
        words = tick.strftime("%H:%M")
        inside = min(x, SIZE[0] - _FONT.getlength(words) / 2)
        pen.text((inside, _BOTTOM + 8), words, fill=_SOFT, font=_FONT, anchor="mt")
    pen.line(((_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)), fill=_SOFT)
    pen.text((8, 6), _PLAIN.get(chart.measure, chart.measure), fill=_SOFT, font=_FONT)


def _ticks(chart: Chart) -> Iterator[datetime]:
    """Full hours of the zone's clock inside the picture."""
    zone = ZoneInfo(chart.timezone)
    at = chart.since.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    while at.astimezone(chart.until.tzinfo) < chart.until:
        if at.hour % _HOURS_A_TICK == 0 and at >= chart.since:
            yield at
        at = (at.astimezone(chart.until.tzinfo) + timedelta(hours=1)).astimezone(zone)


def _draw_limit(pen: ImageDraw.ImageDraw, limit: Decimal, scale: _Scale) -> None:
    y = scale.y(limit)
    for x in range(_LEFT, _RIGHT, 2 * _DASH):
        pen.line(((x, y), (min(x + _DASH, _RIGHT), y)), fill=_LIMIT, width=2)
    is_high = y < (_TOP + _BOTTOM) / 2
    pen.text((_RIGHT - 4, y + 4 if is_high else y - 4), plain(limit), fill=_LIMIT, font=_FONT,
             anchor="rt" if is_high else "rb")  # fmt: skip


def _draw_last(pen: ImageDraw.ImageDraw, chart: Chart, scale: _Scale) -> None:
    """The last value and its time, in words and as a dot."""
    if not chart.samples:
        return
    last = chart.samples[-1]
    x, y = scale.x(last.at), scale.y(last.value)
    pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=_LINE)
    at = last.at.astimezone(ZoneInfo(chart.timezone)).strftime("%m-%d %H:%M")
    words = f"{plain(last.value)} {_PLAIN.get(chart.measure, chart.measure)}  {at}"
    pen.text((_RIGHT, 6), words, fill=_INK, font=_FONT, anchor="ra")


def plain(value: Decimal) -> str:
    """A figure without an exponent and without noughts that say nothing."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def figure(value: float, span: float) -> str:
    """A figure at the axis, with as many places as the span asks for."""
    places = next((places for places, least in ((0, 20.0), (1, 2.0), (2, 0.2)) if span >= least), 3)
    return f"{value:.{places}f}"
