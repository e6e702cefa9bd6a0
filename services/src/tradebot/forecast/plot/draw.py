"""Draws a model's forecasts as a self-contained page and as PNG (matplotlib)."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from tradebot.charts import page
from tradebot.charts.chart import INK, Band, Chart, Line
from tradebot.domain.instrument import split_symbol
from tradebot.forecast.plot import pictures
from tradebot.forecast.plot.components import Component, of_model
from tradebot.forecast.plot.predictions import Predictions, closer, within
from tradebot.history.check import when

UNITS = {
    "price": "price, {quote}",
    "price share": "effect on the price",
    "trend share": "effect on the log price, as a share of the trend",
}


def write(folder: Path, shown: Predictions, prophet: Any | None) -> list[Path]:
    """Writes the page and the pictures; returns their paths."""
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{shown.symbol}-{shown.model}"
    quote = split_symbol(shown.symbol)[1] or "quote currency"
    unit = f"price, {quote}"
    parts = of_model(prophet) if prophet is not None else []
    written = [folder / f"{stem}.html", folder / f"{stem}-forecast.png"]
    pictures.forecast(shown, unit, written[1])
    body = page.section("Forecast of the held-out minutes", _forecast(shown, unit))
    if len(shown.outside.ts):
        written.append(folder / f"{stem}-fitted.png")
        pictures.closer(shown, unit, written[-1])
        body += "".join(
            page.section(f"Fitted and actual price, one minute ahead, {name}", chart)
            for name, chart in _closer(shown, unit)
        )
    if parts:
        written.append(folder / f"{stem}-components.png")
        pictures.components(parts, unit, written[-1])
        body += "".join(
            page.section(one.name.capitalize(), _component(one, quote)) for one in parts
        )
    known, path = shown.history, shown.path
    subtitle = (
        f"Fitted on {len(known.ts):,} minutes from {when(int(known.ts[0]))} to"
        f" {when(int(known.ts[-1]))} UTC; forecast of {len(path.log_price):,} minutes after them."
    )
    page.write(written[0], page.page(f"{shown.model} on {shown.symbol}", subtitle, body), "out")
    return written


def _forecast(shown: Predictions, unit: str) -> Chart:
    path, inside = shown.path, within(shown.inside, shown.actual)
    band = Band(
        f"{path.interval:.0%} interval",
        path.ts,
        np.exp(path.lower),
        np.exp(path.upper),
        INK["red"],
    )
    return Chart(
        [
            band,
            Line("price", shown.actual.ts, shown.actual.price, INK["grey"]),
            Line("in sample", inside.ts, inside.price, INK["blue"]),
            Line("out of sample", path.ts, np.exp(path.log_price), INK["red"]),
        ],
        unit,
        height=420,
    )


def _closer(shown: Predictions, unit: str) -> list[tuple[str, Chart]]:
    colours = {"in sample": INK["blue"], "out of sample": INK["red"]}
    return [
        (
            name,
            Chart(
                [
                    Line("actual", true.ts, true.price, INK["grey"]),
                    Line("fitted", fitted.ts, fitted.price, colours[name]),
                ],
                unit,
            ),
        )
        for name, fitted, true in closer(shown)
    ]


def _component(one: Component, quote: str) -> Chart:
    return Chart(
        [Line(one.name, one.x, one.y, INK["blue"])],
        UNITS[one.effect].format(quote=quote),
        x_unit=one.x_unit,
        time=one.time,
        y_form="number" if one.effect == "price" else "percent",
        height=240,
        x_ticks=one.ticks,
    )
