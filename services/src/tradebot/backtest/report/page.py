"""One page of HTML that needs nothing else: tiles, charts, and the whole table."""

import html

from tradebot.backtest.report import charts
from tradebot.backtest.report.table import notes, rows
from tradebot.backtest.running import Run
from tradebot.charts import page

TILES = (
    "Cumulative return",
    "Maximum drawdown",
    "Sharpe ratio",
    "Sortino ratio",
    "Round trips",
    "Fees paid",
)
CAPTION = (
    "Orders reach the market at the open after the decision, pay fees and half the spread, and "
    "take at most a share of a bar's volume. A result on one period may be luck: compare it "
    "with buy-and-hold and with other periods, symbols and seeds. Nothing here is financial "
    "advice."
)


def render(run: Run, *, title: str, subtitle: str) -> str:
    """Renders the page."""
    ours, held = rows(run.metrics), rows(run.held_metrics)
    other = dict(held)
    tiles = "".join(
        f"<div class='tile'><span>{name}</span><b>{figure}</b>"
        f"<small>buy and hold {other[name]}</small></div>"
        for name, figure in ours
        if name in TILES
    )
    figures = page.table(
        ("", "strategy", "buy and hold"),
        [(name, figure, other[name]) for name, figure in ours],
        "compared",
    )
    said = html.escape(" ".join([*notes(run.metrics), CAPTION]))
    return page.page(
        title,
        subtitle,
        f'<div class="tiles">{tiles}</div>{charts.sections(run)}'
        f"{page.section('All figures', figures)}<p>{said}</p>",
    )
