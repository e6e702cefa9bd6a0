"""The same plots as PNG, for documents that cannot include a page."""

from pathlib import Path
from typing import Any

import numpy as np

from tradebot.charts.chart import INK
from tradebot.forecast.plot.components import Component
from tradebot.forecast.plot.predictions import Line, Predictions, within
from tradebot.forecast.plot.predictions import closer as sides_of

DPI = 120


def forecast(shown: Predictions, unit: str, path: Path) -> None:
    """Draws the held-out minutes: price, fit, forecast and its interval."""
    from matplotlib import pyplot

    picture, axes = pyplot.subplots(figsize=(11, 5), layout="constrained")
    said, ts = shown.path, _times(shown.path.ts)
    label = f"{said.interval:.0%} interval"
    lower, upper = np.exp(said.lower), np.exp(said.upper)
    axes.fill_between(ts, lower, upper, color=INK["red"], alpha=0.15, label=label)
    inside = within(shown.inside, shown.actual)
    _draw(axes, shown.actual, INK["grey"], "price")
    if len(inside.ts):
        _draw(axes, inside, INK["blue"], "in sample")
    _draw(axes, Line(said.ts, np.exp(said.log_price)), INK["red"], "out of sample")
    axes.set_title(f"{shown.model} on {shown.symbol}")
    _priced(axes, unit)
    _dated(axes)
    axes.legend()
    _save(picture, path)


def closer(shown: Predictions, unit: str, path: Path) -> None:
    """Draws fitted and actual prices of the newest minutes of each sample."""
    from matplotlib import pyplot

    picture, both = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    colours = {"in sample": INK["blue"], "out of sample": INK["red"]}
    for axes, (name, fitted, true) in zip(both, sides_of(shown), strict=True):
        _draw(axes, true, INK["grey"], "actual")
        _draw(axes, fitted, colours[name], "fitted, one minute ahead")
        axes.set_title(name)
        _priced(axes, unit)
        _dated(axes)
        axes.legend()
    _save(picture, path)


def components(parts: list[Component], unit: str, path: Path) -> None:
    """Draws a row for each component."""
    from matplotlib import pyplot
    from matplotlib.ticker import PercentFormatter

    picture, rows = pyplot.subplots(
        len(parts), 1, figsize=(9, 2.6 * len(parts)), layout="constrained", squeeze=False
    )
    for axes, one in zip(rows[:, 0], parts, strict=True):
        axes.plot(_times(one.x) if one.time else one.x, one.y, color=INK["blue"])
        axes.set_title(one.name)
        if one.effect == "price":
            _priced(axes, unit)
        else:
            axes.set_ylabel(
                "effect on the price" if one.effect == "price share" else "of the trend"
            )
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        if one.time:
            _dated(axes)
            continue
        axes.set_xlabel(one.x_unit)
        if one.ticks:
            axes.set_xticks([tick.at for tick in one.ticks], [tick.label for tick in one.ticks])
    _save(picture, path)


def _draw(axes: Any, line: Line, colour: str, label: str) -> None:
    axes.plot(_times(line.ts), line.price, color=colour, label=label, linewidth=1)


def _priced(axes: Any, unit: str) -> None:
    axes.set_ylabel(unit)
    axes.yaxis.set_major_formatter("{x:,.10g}")


def _times(ts: Any) -> Any:
    return np.asarray(ts).astype("datetime64[ms]")


def _dated(axes: Any) -> None:
    """Labels times in UTC, with day and year if they change."""
    from matplotlib import dates as untyped

    dates: Any = untyped
    locator = dates.AutoDateLocator(tz="UTC")
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz="UTC"))
    axes.set_xlabel("time (UTC)")


def _save(picture: Any, path: Path) -> None:
    from matplotlib import pyplot

    picture.savefig(path, dpi=DPI)
    pyplot.close(picture)
