"""Draws a model's forecasts as a page (Plotly) and as PNG (matplotlib)."""

import html
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from tradebot.forecast.plot.predictions import Line, Predictions

COLOURS = {"price": "#888888", "in sample": "#1f77b4", "out of sample": "#d62728"}
ZOOM = 400
"""Points per sample in the zoomed plot of fitted and actual prices."""


def write(folder: Path, shown: Predictions, prophet: Any | None) -> list[Path]:
    """Writes the page and the images; returns their paths."""
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{shown.symbol}-{shown.model}"
    written = [folder / f"{stem}.html", folder / f"{stem}-forecast.png"]
    figures = [_forecast_page(shown)]
    _forecast_png(shown, written[1])
    if len(shown.outside.ts):
        figures.append(_closer_page(shown))
        written.append(folder / f"{stem}-fitted.png")
        _closer_png(shown, written[-1])
    if prophet is not None:
        table = prophet.predict()
        figures.append(_components_page(prophet, table))
        written.append(folder / f"{stem}-components.png")
        picture = prophet.plot_components(table)
        picture.savefig(written[-1], dpi=120)
    _page(written[0], shown, figures)
    return written


def _page(path: Path, shown: Predictions, figures: list[go.Figure]) -> None:
    parts = [
        pio.to_html(figure, full_html=False, include_plotlyjs=number == 0)
        for number, figure in enumerate(figures)
    ]
    title = html.escape(f"{shown.model} on {shown.symbol}")
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><h1>{title}</h1>' + "".join(parts)
    )


def _times(line: Line) -> Any:
    return line.ts.astype("datetime64[ms]")


def _forecast_page(shown: Predictions) -> go.Figure:
    figure = go.Figure()
    path, ts = shown.path, shown.path.ts.astype("datetime64[ms]")
    figure.add_scatter(x=ts, y=np.exp(path.upper), line_width=0, showlegend=False)
    figure.add_scatter(
        x=ts,
        y=np.exp(path.lower),
        line_width=0,
        fill="tonexty",
        fillcolor="rgba(214,39,40,.15)",
        name=f"{path.interval:.0%} interval",
    )
    lines = {"price": shown.actual, "in sample": _within(shown.inside, shown.actual)}
    lines["out of sample"] = Line(path.ts, np.exp(path.log_price))
    for name, line in lines.items():
        figure.add_scatter(x=_times(line), y=line.price, name=name, line_color=COLOURS[name])
    figure.update_layout(template="none", title="Forecast of the held-out minutes", height=480)
    return figure


def _within(line: Line, span: Line) -> Line:
    keep = (line.ts >= span.ts[0]) & (line.ts <= span.ts[-1])
    return Line(line.ts[keep], line.price[keep])


def _forecast_png(shown: Predictions, path: Path) -> None:
    from matplotlib import pyplot

    picture, axes = pyplot.subplots(figsize=(11, 5), layout="constrained")
    ts = shown.path.ts.astype("datetime64[ms]")
    lower, upper = np.exp(shown.path.lower), np.exp(shown.path.upper)
    label = f"{shown.path.interval:.0%} interval"
    axes.fill_between(ts, lower, upper, color=COLOURS["out of sample"], alpha=0.15, label=label)
    inside = _within(shown.inside, shown.actual)
    axes.plot(_times(shown.actual), shown.actual.price, color=COLOURS["price"], label="price")
    axes.plot(_times(inside), inside.price, color=COLOURS["in sample"], label="in sample")
    center = np.exp(shown.path.log_price)
    axes.plot(ts, center, color=COLOURS["out of sample"], label="out of sample")
    axes.set_title(f"{shown.model} on {shown.symbol}")
    axes.legend()
    picture.savefig(path, dpi=120)
    pyplot.close(picture)


def _closer(shown: Predictions) -> list[tuple[str, Line, Line]]:
    """Returns fitted and actual prices of the newest minutes of each sample."""
    sides = []
    for name, line in (("in sample", shown.inside), ("out of sample", shown.outside)):
        fitted = line.newest(ZOOM)
        sides.append((name, fitted, _at(shown.history, fitted)))
    return sides


def _at(actual: Line, fitted: Line) -> Line:
    keep = np.isin(actual.ts, fitted.ts)
    return Line(actual.ts[keep], actual.price[keep])


def _closer_page(shown: Predictions) -> go.Figure:
    sides = _closer(shown)
    figure = make_subplots(rows=1, cols=2, subplot_titles=[name for name, _, _ in sides])
    for column, (name, fitted, true) in enumerate(sides, start=1):
        for line, colour, what in ((true, "price", "true"), (fitted, name, "fitted")):
            figure.add_scatter(
                x=_times(line),
                y=line.price,
                name=f"{what}, {name}",
                line_color=COLOURS[colour],
                row=1,
                col=column,
            )
    figure.update_layout(
        template="none", title=("Fitted and actual price, one minute ahead"), height=420
    )
    return figure


def _closer_png(shown: Predictions, path: Path) -> None:
    from matplotlib import pyplot

    picture, both = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axes, (name, fitted, true) in zip(both, _closer(shown), strict=True):
        axes.plot(_times(true), true.price, color=COLOURS["price"], label="true")
        axes.plot(_times(fitted), fitted.price, color=COLOURS[name], label="fitted")
        axes.set_title(name)
        axes.tick_params(axis="x", rotation=30)
        axes.legend()
    picture.savefig(path, dpi=120)
    pyplot.close(picture)


def _components_page(prophet: Any, table: Any) -> go.Figure:
    from prophet.plot import plot_components_plotly

    figure: go.Figure = plot_components_plotly(prophet, table)
    figure.update_layout(title="Components")
    return figure
