"""A report as one self-contained HTML file: table and charts."""

import html
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from tradebot.forecast.evaluation.evaluate import Report
from tradebot.forecast.evaluation.table import table
from tradebot.forecast.evaluation.walk import Walk

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
       color-scheme: light dark; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .25rem .75rem; border-bottom: 1px solid #8884; text-align: left; }
.scroll { overflow-x: auto; }
"""


def write(path: Path, report: Report, walks: dict[str, Walk]) -> None:
    """Writes the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sentence, _, *lines = table(report).splitlines()
    figures = [_forecasts(walks), _directions(report)]
    parts = [
        pio.to_html(figure, full_html=False, include_plotlyjs=number == 0)
        for number, figure in enumerate(figures)
    ]
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Forecasts of {html.escape(report.symbol)}, evaluated</title>"
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>Forecasts of {html.escape(report.symbol)}, evaluated</h1>"
        f"<p>{html.escape(sentence)}.</p>{_html_table(lines)}"
        f"<h2>Forecasts and actual prices, out of sample</h2>{parts[0]}"
        f"<h2>Directions that were right</h2>{parts[1]}"
    )


def _html_table(lines: list[str]) -> str:
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head, _, *rows = cells
    out = ['<div class="scroll"><table><thead><tr>']
    out += [f"<th>{html.escape(cell)}</th>" for cell in head]
    out.append("</tr></thead><tbody>")
    for row in rows:
        out.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>")
    out.append("</tbody></table></div>")
    return "".join(out)


def _forecasts(walks: dict[str, Walk]) -> go.Figure:
    """Draws a row per model: price and forecast with its bounds, over the last test."""
    figure = make_subplots(
        rows=len(walks),
        cols=1,
        shared_xaxes=True,
        subplot_titles=list(walks),
        vertical_spacing=0.03,
    )
    for row, one in enumerate(walks.values(), start=1):
        last = one.fold == one.fold[-1]
        ts = one.ts[last].astype("datetime64[ms]")
        actual = np.exp(one.actual[last])
        center = np.exp(one.center[last])
        figure.add_scatter(x=ts, y=actual, name="price", line_color="#888", row=row, col=1)
        figure.add_scatter(x=ts, y=center, name="forecast", line_color="#0a7", row=row, col=1)
    figure.update_layout(height=220 * len(walks) + 80, showlegend=False, template="none")
    return figure


def _directions(report: Report) -> go.Figure:
    """Draws each model's fraction of correct directions with its 95 % interval; chance is ½."""
    known = [one for one in report.verdicts if one.directional]
    figure = go.Figure()
    for one in known:
        estimate = one.directional
        assert estimate is not None
        low = estimate.value - (estimate.low or estimate.value)
        high = (estimate.high or estimate.value) - estimate.value
        figure.add_scatter(
            x=[estimate.value],
            y=[one.model],
            error_x={"type": "data", "array": [high], "arrayminus": [low]},
            mode="markers",
            marker_size=10,
        )
    figure.add_vline(x=0.5, line_dash="dot")
    figure.update_layout(height=120 + 40 * len(known), showlegend=False, template="none")
    figure.update_xaxes(tickformat=".1%")
    return figure
