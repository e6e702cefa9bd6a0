"""`tradebot backtest`."""

import math
from typing import Any

import click
import msgspec
from rich.console import Console

from tradebot.backtest import fitting, prices, robustness
from tradebot.backtest.counting import counting
from tradebot.backtest.instruments import instrument
from tradebot.backtest.report import page, table
from tradebot.backtest.running import Run, costs_of, exits_of, run
from tradebot.backtest.settings import BacktestSettings
from tradebot.charts.page import write
from tradebot.domain.money import plain
from tradebot.platform import settings as platform_settings


def _backtest(settings: BacktestSettings) -> None:
    console = Console(stderr=True)
    if settings.seeds > 1 or settings.periods > 1 or "," in settings.data:
        _survey(settings, console)
        return
    loaded = fitting.load(settings)
    with console.status("reading prices ..."):
        bars = prices.of_settings(settings)
        before, tested = prices.split(bars, settings.to)
        traded = instrument(settings, bars)
    strategy = fitting.ready(loaded, settings, before, tested, console.print)
    with console.status(f"running {settings.strategy} over {len(tested.ts):,} bars ..."):
        outcome = run(
            tested,
            strategy,
            costs_of(settings, traded),
            cash=settings.cash,
            exits=exits_of(settings),
            risk_free_rate=settings.risk_free_rate,
        )
    title = f"{settings.strategy} on {settings.symbol}" if settings.symbol else settings.strategy
    first, last = (str(ts.astype("datetime64[m]")).replace("T", " ") for ts in _span(outcome))
    subtitle = (
        f"{first} to {last} UTC, {len(tested.ts):,} bars of {settings.resolution}, price step"
        f" {plain(traded.price_step)}"
    )
    write(settings.report, page.render(outcome, title=title, subtitle=subtitle), "--report")
    if settings.json:
        click.echo(as_json(outcome, str(settings.report)))
        return
    Console().print(table.terminal(outcome.metrics, outcome.held_metrics, f"{title}, {subtitle}"))
    for note in table.notes(outcome.metrics):
        click.echo(note)
    click.echo(f"report: {settings.report}")


def _survey(settings: BacktestSettings, console: Console) -> None:
    wanted = len(robustness.cases(settings))
    with counting(console) as progress:
        task = progress.add_task("runs", total=wanted)
        findings = robustness.survey(settings, lambda done: progress.update(task, completed=done))
    together = robustness.spread(findings)
    if settings.json:
        content = {"spread": together, "runs": findings}
        click.echo(msgspec.json.encode(content).decode())
        return
    title = f"{settings.strategy}, {settings.to} each, from {settings.cash:,.0f}"
    Console().print(table.survey(findings, title))
    click.echo(table.survey_verdict(together))


def as_json(outcome: Run, report: str) -> str:
    """Returns the result as one JSON object; undefined figures are null."""
    content = {
        "report": report,
        "bars": len(outcome.bars.ts),
        "strategy": _defined(msgspec.structs.asdict(outcome.metrics)),
        "buy_and_hold": _defined(msgspec.structs.asdict(outcome.held_metrics)),
    }
    return msgspec.json.encode(content).decode()


def _defined(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }


def _span(outcome: Run) -> Any:
    return outcome.bars.ts[[0, -1]].astype("datetime64[ms]")


command = platform_settings.command(
    BacktestSettings,
    _backtest,
    name="backtest",
    summary="Runs a strategy on past prices, with costs, and compares it with buy-and-hold.",
    example="tradebot backtest my_strategy.py --data prices.csv --resolution 1d --to 1y",
    arguments=("strategy",),
)
