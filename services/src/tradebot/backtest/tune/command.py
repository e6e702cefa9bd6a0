"""`tradebot tune`."""

import math
from typing import Annotated, Any, Literal

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tradebot.backtest import prices
from tradebot.backtest.costs import Costs
from tradebot.backtest.counting import counting
from tradebot.backtest.instruments import instrument
from tradebot.backtest.metrics import YEAR_SECONDS
from tradebot.backtest.running import costs_of, exits_of
from tradebot.backtest.settings import (
    ExitSettings,
    FlowsFile,
    ForecastFiles,
    Resolution,
    Strict,
    VolumeUnit,
)
from tradebot.backtest.tune import search
from tradebot.backtest.tune.deflated import sharpe_of_step
from tradebot.backtest.tune.search import Outcome
from tradebot.backtest.tune.space import Tunable, find
from tradebot.backtest.tune.splits import walk_forward
from tradebot.platform import settings as platform_settings
from tradebot.platform.settings import SettingsError
from tradebot.strategies.interface import Bars


class TuneSettings(ExitSettings, frozen=True, kw_only=True):
    """A search."""

    strategy: Annotated[str, "name or path of a strategy of arrays with ranges of parameters"] = (
        "SmaCross"
    )
    data: Annotated[str, "file of bars"] = ""
    strict: Strict = False
    volume_unit: VolumeUnit = ""
    flows: FlowsFile = ""
    forecasts: ForecastFiles = ""
    resolution: Annotated[Resolution, "length of a bar"] = "1h"
    method: Annotated[
        Literal["optuna", "grid"],
        "search method: trials guided by earlier ones, or every combination",
    ] = "optuna"
    trials: Annotated[int, msgspec.Meta(ge=2), "trials per split; a grid has about as many"] = 100
    splits: Annotated[int, msgspec.Meta(ge=1, le=50), "walk-forward tests"] = 4
    purge: Annotated[int, msgspec.Meta(ge=0), "bars skipped between training and test"] = 50
    seed: Annotated[int, "seed of the search"] = 0
    json: Annotated[bool, "print the result as one JSON object on the last line"] = False


def _tune(settings: TuneSettings) -> None:
    console = Console(stderr=True)
    tunable = find(settings.strategy)
    with console.status("reading prices ..."):
        bars = prices.of_settings(settings)
    try:
        splits = walk_forward(len(bars.ts), settings.splits, settings.purge)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    costs = costs_of(settings, instrument(settings, bars))
    outcomes: list[Outcome] = []
    with counting(console) as progress:
        for number, split in enumerate(splits, 1):
            learnt = bars.rows(split.learn_start, split.learn_end)
            trials = _search(
                settings, tunable, learnt, costs, progress, f"split {number}/{len(splits)}"
            )
            outcomes.append(
                search.conclude(bars, split, tunable, trials, costs, exits_of(settings))
            )
    mean_step = float(bars.ts[-1] + bars.step - bars.ts[0]) / 1000 / len(bars.ts)
    yearly = math.sqrt(YEAR_SECONDS / mean_step)
    if settings.json:
        click.echo(msgspec.json.encode(_as_object(outcomes, yearly)).decode())
        return
    Console().print(_table(outcomes, yearly, tunable.name))
    click.echo(_verdict(outcomes, yearly))


def _search(
    settings: TuneSettings,
    tunable: Tunable,
    learnt: Bars,
    costs: Costs,
    progress: Progress,
    label: str,
) -> list[search.Trial]:
    if settings.method == "grid":
        each = max(2, round(settings.trials ** (1 / len(tunable.space))))
        candidates = list(tunable.grid(each))
        task = progress.add_task(label, total=len(candidates))
        return search.sweep(
            learnt,
            tunable,
            candidates,
            costs,
            exits=exits_of(settings),
            progress=lambda done: progress.update(task, completed=done),
        )
    task = progress.add_task(label, total=settings.trials)
    return search.learn(
        learnt,
        tunable,
        settings.trials,
        costs,
        exits=exits_of(settings),
        seed=settings.seed,
        progress=lambda done: progress.update(task, completed=done),
    )


def _table(outcomes: list[Outcome], yearly: float, name: str) -> Table:
    view = Table(
        title=(f"{name}: in sample and out of sample"),
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for heading in ("split", "best parameters", "trials"):
        view.add_column(heading)
    for heading in ("Sharpe in sample", "not luck", "Sharpe out of sample"):
        view.add_column(heading, justify="right")
    for number, outcome in enumerate(outcomes, 1):
        view.add_row(
            str(number),
            ", ".join(f"{key}={value:g}" for key, value in outcome.parameters.items()),
            str(outcome.trials),
            f"{outcome.promised * yearly:z.2f}",
            "–" if math.isnan(outcome.deflated) else f"{outcome.deflated:.0%}",
            f"{outcome.kept * yearly:z.2f}",
        )
    return view


def _verdict(outcomes: list[Outcome], yearly: float) -> str:
    kept = sharpe_of_step(np.concatenate([outcome.test_returns for outcome in outcomes])) * yearly
    promised = float(np.mean([outcome.promised for outcome in outcomes])) * yearly
    return (
        f"Out of sample, over all tests together: Sharpe {kept:z.2f} (in sample {promised:z.2f} "
        "on average). `not luck` is the deflated Sharpe ratio: the probability that the "
        "in-sample result is better than the best of as many trials without skill. Below 95 % "
        "it proves nothing."
    )


def _as_object(outcomes: list[Outcome], yearly: float) -> dict[str, Any]:
    every = np.concatenate([outcome.test_returns for outcome in outcomes])
    return {
        "sharpe_kept": sharpe_of_step(every) * yearly,
        "splits": [
            {
                "parameters": outcome.parameters,
                "trials": outcome.trials,
                "sharpe_promised": outcome.promised * yearly,
                "deflated": None if math.isnan(outcome.deflated) else outcome.deflated,
                "sharpe_kept": outcome.kept * yearly,
            }
            for outcome in outcomes
        ],
    }


command = platform_settings.command(
    TuneSettings,
    _tune,
    name="tune",
    summary="Searches a strategy's parameters, and reports how much of the best result is luck.",
    example="tradebot tune SmaCross --data prices.csv --resolution 1h --trials 200",
    arguments=("strategy",),
)
