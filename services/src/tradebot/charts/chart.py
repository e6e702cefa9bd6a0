"""The content of a chart: lines, bands and marks over one axis of time or of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tradebot.charts.ticks import Form, Tick

INK = {
    "grey": "#7c8798",
    "blue": "#2563eb",
    "red": "#dc2626",
    "green": "#059669",
}
"""Colours that can be distinguished on light and dark backgrounds."""


@dataclass(frozen=True)
class Line:
    """Points (n,) joined in order; `fill` paints the area between them and zero."""

    name: str
    x: Any
    y: Any
    colour: str
    fill: bool = False


@dataclass(frozen=True)
class Band:
    """The area between two lines (n,)."""

    name: str
    x: Any
    lower: Any
    upper: Any
    colour: str


@dataclass(frozen=True)
class Marks:
    """Single points (n,), each with a text that shows on hover."""

    name: str
    x: Any
    y: Any
    colour: str
    shape: Literal["up", "down", "dot"] = "dot"
    texts: Sequence[str] = ()


Series = Line | Band | Marks


@dataclass(frozen=True)
class Chart:
    """Series over shared axes. Times are ms UTC.

    `x_unit` and `y_unit` are written at the axes. `x_ticks` and `y_ticks` replace round
    numbers, `rule` is a value of x with a dashed line.
    """

    series: Sequence[Series]
    y_unit: str
    x_unit: str = "time (UTC)"
    time: bool = True
    x_form: Form = "number"
    y_form: Form = "number"
    height: int = 320
    x_ticks: Sequence[Tick] = ()
    y_ticks: Sequence[Tick] = ()
    rule: float | None = None

    def drawn(self) -> list[Series]:
        """Returns the series with at least one point."""
        return [one for one in self.series if np.isfinite(_heights(one)).any()]


def _heights(one: Series) -> Any:
    if isinstance(one, Band):
        return np.concatenate([np.asarray(one.lower, float), np.asarray(one.upper, float)])
    return np.asarray(one.y, float)


def span(values: Sequence[Any], margin: float) -> tuple[float, float]:
    """Returns the smallest and largest finite value, with a margin; never an empty span."""
    every = np.concatenate([np.asarray(one, float) for one in values] or [np.empty(0)])
    every = every[np.isfinite(every)]
    if not len(every):
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        room = max(abs(low), abs(high)) * 0.01 or 1.0
        return low - room, high + room
    return low - margin * (high - low), high + margin * (high - low)


def bounds(chart: Chart) -> tuple[float, float, float, float]:
    """Returns left, right, lowest and highest of the chart's axes."""
    shown = chart.drawn()
    heights = [_heights(one) for one in shown]
    if any(isinstance(one, Line) and one.fill for one in shown):
        heights.append(np.zeros(1))
    if chart.y_ticks:
        ends = [tick.at for tick in chart.y_ticks]
        heights.append(np.array([min(ends) - 0.5, max(ends) + 0.5]))
    widths = [one.x for one in shown]
    if chart.rule is not None:
        widths.append(np.array([chart.rule]))
    left, right = span(widths, 0.02 if chart.y_ticks else 0.0)
    low, high = span(heights, 0.0 if chart.y_ticks else 0.05)
    return left, right, low, high
