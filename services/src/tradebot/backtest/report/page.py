"""One page of HTML that needs nothing else: charts, tiles, and the whole table."""

import html
from importlib import resources
from pathlib import Path
from string import Template

from plotly.offline import get_plotlyjs

from tradebot.backtest.report.charts import all_charts
from tradebot.backtest.report.table import notes, rows
from tradebot.backtest.running import Run
from tradebot.platform.settings import SettingsError

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
    """The page."""
    ours, held = rows(run.metrics), rows(run.held_metrics)
    other = dict(held)
    tiles = "".join(
        f"<div class='tile'><span>{name}</span><b>{figure}</b>"
        f"<small>buy and hold {other[name]}</small></div>"
        for name, figure in ours
        if name in TILES
    )
    charts = "".join(
        f"<section><h2>{heading}</h2>"
        + figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id=name,
            config={"displayModeBar": False, "responsive": True},
        )
        + "</section>"
        for name, heading, figure in all_charts(run)
    )
    template = Template(resources.files(__package__).joinpath("page.html").read_text())
    return template.substitute(
        title=html.escape(title),
        subtitle=html.escape(subtitle),
        tiles=tiles,
        charts=charts,
        rows="".join(
            f"<tr><td>{name}</td><td>{figure}</td><td>{other[name]}</td></tr>"
            for name, figure in ours
        ),
        notes=" ".join([*notes(run.metrics), CAPTION]),
        plotly=get_plotlyjs(),
    )


def write(path: Path, page: str) -> None:
    """Writes the page.

    Raises:
        SettingsError: it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page)
    except OSError as error:
        raise SettingsError(
            f"--report is {str(path)!r}: {error.strerror}; choose a writable path"
        ) from None
