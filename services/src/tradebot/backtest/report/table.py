"""The table of metrics for users: names, units and rounding."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from tradebot.backtest.metrics import ANNUAL_DAYS, DAY_SECONDS, Metrics
from tradebot.backtest.robustness import Finding, Spread

Row = tuple[str, str]

NO_BREAK_SPACE = "\u00a0"
UNKNOWN = "–"


def rows(metrics: Metrics) -> list[Row]:
    """Returns name and figure of each metric, first in the order of the tutorial's table."""
    growth, calmar = _percent(metrics.cagr), _number(metrics.calmar)
    if metrics.days < ANNUAL_DAYS:
        growth = calmar = UNKNOWN
    return [
        ("Length", _span(metrics.days * DAY_SECONDS)),
        ("Compound annual growth rate", growth),
        ("Cumulative return", _percent(metrics.cumulative_return)),
        ("Maximum drawdown", _percent(metrics.max_drawdown)),
        ("Longest drawdown", _span(metrics.max_drawdown_seconds)),
        ("Variance (annual)", _percent(metrics.variance)),
        ("Volatility (annual)", _number(metrics.volatility)),
        ("Sortino ratio", _number(metrics.sortino)),
        ("Sharpe ratio", _number(metrics.sharpe)),
        ("Calmar ratio", calmar),
        ("Value at risk (95 %)", _percent(metrics.value_at_risk)),
        ("Conditional value at risk (95 %)", _percent(metrics.conditional_value_at_risk)),
        ("Risk-free rate", _percent(metrics.risk_free_rate)),
        ("Returns resampled to", _span(metrics.resample_seconds)),
        ("Exposure", _percent(metrics.exposure)),
        ("Turnover", f"{_number(metrics.turnover)} × equity"),
        ("Round trips", str(metrics.trades)),
        ("Won", _percent(metrics.win_rate)),
        ("Profit factor", _number(metrics.profit_factor)),
        ("Fees paid", f"{metrics.fees:z,.2f}"),
        ("Final equity", f"{metrics.final_equity:z,.2f}"),
    ]


def terminal(ours: Metrics, held: Metrics, title: str) -> Table:
    """Renders a strategy's table compared with buy-and-hold."""
    view = Table(title=title, title_justify="left", box=None, pad_edge=False)
    view.add_column("")
    view.add_column("strategy", justify="right")
    view.add_column("buy and hold", justify="right", style="dim")
    for (name, figure), (_, other) in zip(rows(ours), rows(held), strict=True):
        view.add_row(name, figure, other)
    return view


def notes(metrics: Metrics) -> list[str]:
    """What a reader of the table must know about its figures, a sentence each."""
    lines: list[str] = []
    if metrics.days < ANNUAL_DAYS:
        lines.append(
            f"Growth and the Calmar ratio are not annualised below {ANNUAL_DAYS:g} days; this run"
            f" has {_span(metrics.days * DAY_SECONDS)}."
        )
    rest = metrics.days * DAY_SECONDS % metrics.resample_seconds
    if rest >= 1:
        lines.append(
            f"The last return covers {_span(rest)} instead of {_span(metrics.resample_seconds)}."
        )
    return lines


def survey(findings: Sequence[Finding], title: str) -> Table:
    """Renders a row per run of a robustness test."""
    view = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("file", "from", "seed"):
        view.add_column(heading)
    for heading in ("return", "buy and hold", "Sharpe", "drawdown"):
        view.add_column(heading, justify="right")
    for finding in findings:
        day = str(np.datetime64(finding.start_ts, "ms").astype("datetime64[D]"))
        view.add_row(
            Path(finding.case.data).name,
            day,
            str(finding.case.seed),
            _percent(finding.strategy),
            _percent(finding.held),
            _number(finding.sharpe),
            _percent(finding.max_drawdown),
        )
    return view


def survey_verdict(spread: Spread) -> str:
    """Describes the spread in a sentence."""
    return (
        f"{spread.cases} runs: worst {_percent(spread.worst)}, lower quartile "
        f"{_percent(spread.lower_quartile)}, median {_percent(spread.median)}, upper quartile "
        f"{_percent(spread.upper_quartile)}, best {_percent(spread.best)}; "
        f"{_percent(spread.beat_holding)} of them beat buy-and-hold, {_percent(spread.lost)} "
        "lost money."
    )


def _percent(value: float) -> str:
    """
    >>> _percent(-0.00001)
    '0.00\\xa0%'
    """
    return UNKNOWN if math.isnan(value) else f"{value:z,.2%}".replace("%", f"{NO_BREAK_SPACE}%")


def _number(value: float) -> str:
    return UNKNOWN if math.isnan(value) else f"{value:z,.2f}"


def _span(seconds: float) -> str:
    """
    >>> _span(86_400.0), _span(90.0), _span(0.0)
    ('1 d', '1.5 min', '0 s')
    """
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.4g} {unit}"
    return f"{seconds:.4g} s"
