"""The report's charts, as plotly figures without colours of their own for text and ground.

The page gives those, so that one report reads in the light and in the dark. Curves of more than
a few thousand points are thinned for the eye; the figures of the table never are.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from tradebot.backtest.metrics import DAY_SECONDS, drawdown, sampled, simple_returns
from tradebot.backtest.outcome import times
from tradebot.backtest.report.months import Months, monthly_returns
from tradebot.backtest.running import Run
from tradebot.strategies.orders import Floats

POINTS = 4_000
OURS, HELD, BUY, SELL = "#2563eb", "#9ca3af", "#059669", "#dc2626"


def all_charts(run: Run) -> list[tuple[str, str, Any]]:
    """Id, heading and figure of each chart, in the page's order."""
    return [
        ("equity", "Equity", equity(run)),
        ("drawdown", "Drawdown", drawdowns(run)),
        ("trades", "Price and trades", trades(run)),
        ("months", "Monthly returns", months(run)),
        ("returns", "Distribution of daily returns", distribution(run)),
    ]


def equity(run: Run) -> Any:
    """Both equity curves, from the same cash."""
    rows = _thin(len(run.bars.ts))
    times = _times(run, rows)
    figure = _figure(height=360)
    figure.add_scatter(x=times, y=run.result.equity[rows], name="strategy", line_color=OURS)
    held = run.held.equity[rows]
    figure.add_scatter(x=times, y=held, name="buy and hold", line_color=HELD)
    figure.update_yaxes(title="quote currency", tickformat=",.0f")
    return figure


def drawdowns(run: Run) -> Any:
    """How far each curve lies below its peak."""
    rows = _thin(len(run.bars.ts))
    times = _times(run, rows)
    figure = _figure(height=220)
    ours, held = -drawdown(run.result.equity)[rows], -drawdown(run.held.equity)[rows]
    figure.add_scatter(x=times, y=ours, name="strategy", line_color=OURS, fill="tozeroy")
    figure.add_scatter(x=times, y=held, name="buy and hold", line_color=HELD)
    figure.update_yaxes(tickformat=".0%")
    return figure


def trades(run: Run) -> Any:
    """Closes, with each buy and sell at its price."""
    rows = _thin(len(run.bars.ts))
    figure = _figure(height=360)
    figure.add_scatter(x=_times(run, rows), y=run.bars.close[rows], name="price", line_color=HELD)
    fills = run.result.fills
    for side, name, symbol, colour in (
        (1, "buy", "triangle-up", BUY),
        (-1, "sell", "triangle-down", SELL),
    ):
        chosen = np.flatnonzero(fills.side == side)[-POINTS:]
        figure.add_scatter(
            x=_times(run, fills.bar[chosen]),
            y=fills.price[chosen],
            customdata=fills.amount[chosen],
            hovertemplate="%{y:,.8~g} × %{customdata:,.8~g}",
            name=name,
            mode="markers",
            marker={"symbol": symbol, "color": colour, "size": 9},
        )
    return figure


def months(run: Run) -> Any:
    """A field a month, a row a year."""
    table: Months = monthly_returns(run.bars.ts, run.result.equity, run.cash)
    figure = _figure(height=90 + 42 * len(table.years))
    figure.add_heatmap(
        x=table.months,
        y=[str(year) for year in table.years],
        z=table.returns,
        text=[["" if np.isnan(v) else f"{v:z.1%}" for v in row] for row in table.returns],
        texttemplate="%{text}",
        hovertemplate="%{y} %{x}: %{text}<extra></extra>",
        colorscale=[[0, SELL], [0.5, "rgba(127,127,127,0.12)"], [1, BUY]],
        zmid=0,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def distribution(run: Run) -> Any:
    """Histograms of both curves' returns."""
    ts, step = times(run.bars), max(DAY_SECONDS, run.bars.step / 1000)
    figure = _figure(height=280)
    for name, curve, colour in (
        ("strategy", run.result.equity, OURS),
        ("buy and hold", run.held.equity, HELD),
    ):
        values, _ = sampled(np.concatenate([[run.cash], curve]), ts, step)
        returns: Floats = simple_returns(values)
        figure.add_histogram(x=returns, name=name, marker_color=colour, opacity=0.65, nbinsx=60)
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(tickformat=".1%")
    return figure


def _figure(height: int) -> Any:
    figure = go.Figure()
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 64, "r": 16, "t": 8, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "y": 1.08, "x": 0},
        hovermode="closest",
    )
    return figure


def _thin(rows: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.unique(np.linspace(0, rows - 1, min(rows, POINTS)).astype(np.int64))


def _times(run: Run, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    return run.bars.ts[rows].astype("datetime64[ms]")
