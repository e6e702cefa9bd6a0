"""Draws a chart as SVG; the page sets its text and background colours."""

import html
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tradebot.charts import ticks
from tradebot.charts.chart import Band, Chart, Line, Marks, bounds
from tradebot.charts.thinning import extremes

WIDTH: Final = 1040
POINTS: Final = 3_000
"""Maximum points of a line: four for each pixel column that is not shared."""
MARKS: Final = 1_500
"""Maximum marks of a series, the newest."""
LETTER: Final = 7.2
"""Widest average letter at 12 px."""
TOP: Final = 26
BOTTOM: Final = 56
RIGHT: Final = 46

_SHAPES: Final = {
    "up": "M0-6L5 4H-5Z",
    "down": "M0 6L5-4H-5Z",
    "dot": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
}


@dataclass(frozen=True)
class _Frame:
    """Converts values to pixels."""

    left: float
    right: float
    low: float
    high: float
    margin: float
    height: float

    def x(self, value: Any) -> Any:
        width = WIDTH - RIGHT - self.margin
        return (
            self.margin + (np.asarray(value, float) - self.left) / (self.right - self.left) * width
        )

    def y(self, value: Any) -> Any:
        tall = self.height - TOP - BOTTOM
        share = (np.asarray(value, float) - self.low) / (self.high - self.low)
        return self.height - BOTTOM - share * tall


def draw(chart: Chart) -> str:
    """Draws the chart with its legend, as a `figure` element."""
    left, right, low, high = bounds(chart)
    rows = max(2, (chart.height - TOP - BOTTOM) // 30)
    upright = list(chart.y_ticks) or ticks.numbers(low, high, rows, chart.y_form)
    margin = 14 + LETTER * max((len(tick.label) for tick in upright), default=1)
    frame = _Frame(left, right, low, high, margin, chart.height)
    parts = [_grid(chart, frame, upright)]
    parts += [_series(one, frame) for one in chart.drawn()]
    step = (high - low) / 10_000
    readout = {
        "x": f"{left:.17g},{right:.17g},{margin:g},{WIDTH - RIGHT}",
        "y": f"{low:.17g},{high:.17g},{chart.height - BOTTOM},{TOP}",
        "time": "1" if chart.time else "",
        "form": chart.y_form,
        "digits": str(max(0, int(np.ceil(-np.log10(step))) - (chart.y_form == "percent") * 2)),
    }
    told = " ".join(f'data-{name}="{value}"' for name, value in readout.items())
    return (
        f'<figure class="chart">{_legend(chart)}<div class="scroll">'
        f'<svg viewBox="0 0 {WIDTH} {chart.height}" role="img" {told}>'
        + "".join(parts)
        + "</svg></div></figure>"
    )


def _legend(chart: Chart) -> str:
    shown = [one for one in chart.drawn() if one.name]
    if len(shown) < 2:
        return ""
    items = "".join(
        f'<button type="button"><i class="{type(one).__name__.lower()}" '
        f'style="background:{one.colour}"></i>{html.escape(one.name)}'
        "</button>"
        for one in shown
    )
    return f'<div class="legend">{items}</div>'


def _across(chart: Chart, frame: _Frame) -> list[ticks.Tick]:
    """Returns the ticks of x, far enough apart that their labels do not touch."""
    if chart.x_ticks:
        return list(chart.x_ticks)
    width = WIDTH - RIGHT - frame.margin
    if chart.time:
        return ticks.times(frame.left, frame.right, int(width // 96))
    return ticks.numbers(frame.left, frame.right, int(width // 80), chart.x_form)


def _grid(chart: Chart, frame: _Frame, upright: list[ticks.Tick]) -> str:
    floor, end = chart.height - BOTTOM, WIDTH - RIGHT
    parts = []
    for tick in upright:
        y = float(frame.y(tick.at))
        parts.append(f'<path class="grid" d="M{frame.margin:g} {y:.1f}H{end}"/>')
        parts.append(_text(frame.margin - 8, y + 4, tick.label, "end"))
    for tick in _across(chart, frame):
        x = float(frame.x(tick.at))
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{floor + 4}"/>')
        parts.append(_text(x, floor + 18, tick.label, "middle"))
        if tick.context:
            parts.append(_text(x, floor + 34, tick.context, "middle"))
    if chart.rule is not None:
        x = float(frame.x(chart.rule))
        parts.append(f'<path class="rule" d="M{x:.1f} {TOP}V{floor}"/>')
    parts.append(_text(4, 14, chart.y_unit, "start"))
    parts.append(_text(end, chart.height - 6, chart.x_unit, "end"))
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _series(one: Line | Band | Marks, frame: _Frame) -> str:
    if isinstance(one, Line):
        inner = _line(one, frame)
    elif isinstance(one, Band):
        inner = _band(one, frame)
    else:
        inner = _marks(one, frame)
    return f'<g data-name="{html.escape(one.name)}">{inner}</g>'


def _line(one: Line, frame: _Frame) -> str:
    x, y = np.asarray(one.x), np.asarray(one.y, float)
    finite = np.isfinite(y)
    x, y = x[finite], y[finite]
    rows = extremes(y, POINTS)
    points = _points(frame.x(x[rows]), frame.y(y[rows]))
    drawn = f'<polyline class="line" stroke="{one.colour}" points="{points}"/>'
    if not one.fill:
        return drawn
    ground = float(frame.y(0.0))
    first, last = float(frame.x(x[rows[0]])), float(frame.x(x[rows[-1]]))
    return (
        f'<polygon class="fill" fill="{one.colour}" '
        f'points="{first:.2f},{ground:.2f} {points} {last:.2f},{ground:.2f}"/>' + drawn
    )


def _band(one: Band, frame: _Frame) -> str:
    x, lower, upper = np.asarray(one.x), np.asarray(one.lower), np.asarray(one.upper)
    low, high = extremes(lower, POINTS), extremes(upper, POINTS)
    there = _points(frame.x(x[high]), frame.y(upper[high]))
    back = _points(frame.x(x[low][::-1]), frame.y(lower[low][::-1]))
    return f'<polygon class="fill" fill="{one.colour}" points="{there} {back}"/>'


def _marks(one: Marks, frame: _Frame) -> str:
    x, y = frame.x(one.x)[-MARKS:], frame.y(one.y)[-MARKS:]
    texts = list(one.texts)[-MARKS:] or [""] * len(x)
    return "".join(
        f'<path fill="{one.colour}" transform="translate({across:.1f} {up:.1f})" '
        f'd="{_SHAPES[one.shape]}">'
        + (f"<title>{html.escape(text)}</title>" if text else "")
        + "</path>"
        for across, up, text in zip(x, y, texts, strict=True)
    )


def _points(x: Any, y: Any) -> str:
    return " ".join(f"{a:.6g},{b:.6g}" for a, b in zip(x, y, strict=True))
