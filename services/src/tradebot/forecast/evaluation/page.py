"""A report as one self-contained HTML file: table and charts."""

from pathlib import Path

import numpy as np

from tradebot.charts import page
from tradebot.charts.chart import INK, Chart, Line, Marks
from tradebot.charts.ticks import Tick
from tradebot.forecast.evaluation.evaluate import Report
from tradebot.forecast.evaluation.table import table
from tradebot.forecast.evaluation.walk import Walk


def write(path: Path, report: Report, walks: dict[str, Walk]) -> None:
    """Writes the page.

    Raises:
        SettingsError: it cannot be written there.
    """
    sentence, _, *lines = table(report).splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    body = page.section("Scores", page.table(head, rows))
    body += "".join(
        page.section(f"{name}: forecasts and actual prices, out of sample", _forecasts(walk))
        for name, walk in walks.items()
    )
    known = [one for one in report.verdicts if one.directional]
    if known:
        body += page.section("Directions that were right", _directions(report))
    title = f"Forecasts of {report.symbol}, evaluated"
    page.write(path, page.page(title, f"{sentence}.", body), "html")


def _forecasts(walk: Walk) -> Chart:
    """Price and forecast over the last test."""
    last = walk.fold == walk.fold[-1]
    ts = walk.ts[last]
    actual = Line("price", ts, np.exp(walk.actual[last]), INK["grey"])
    center = Line("forecast", ts, np.exp(walk.center[last]), INK["blue"])
    return Chart([actual, center], "price", height=260)


def _directions(report: Report) -> Chart:
    """Each model's share of right directions with its 95 % interval; a coin is right half."""
    series: list[Line | Marks] = []
    names: list[Tick] = []
    for verdict in reversed(report.verdicts):
        estimate = verdict.directional
        if estimate is None:
            continue
        at = float(len(names))
        names.append(Tick(at, verdict.model))
        ends = [estimate.value if end is None else end for end in (estimate.low, estimate.high)]
        series.append(Line("", ends, [at, at], INK["blue"]))
        text = f"{estimate.value:.2%}, 95% interval {ends[0]:.2%} to {ends[1]:.2%}"
        series.append(Marks("", [estimate.value], [at], INK["blue"], texts=[text]))
    return Chart(
        series,
        "",
        x_unit="share of right directions, 95% interval; a coin is right half the time",
        time=False,
        x_form="percent",
        height=100 + 32 * len(names),
        y_ticks=names,
        rule=0.5,
    )
