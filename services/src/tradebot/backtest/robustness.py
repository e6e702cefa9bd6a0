"""Runs a strategy on other files, periods and seeds, to see how much of a result is chance."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import msgspec
import numpy as np

from tradebot.backtest import fitting, prices
from tradebot.backtest.instruments import instrument
from tradebot.backtest.running import costs_of, exits_of, run
from tradebot.backtest.settings import BacktestSettings
from tradebot.platform.settings import SettingsError


class Case(msgspec.Struct, frozen=True):
    """One run: a file, a period counted from the newest (0), and a seed."""

    data: str
    period: int
    seed: int


class Finding(msgspec.Struct, frozen=True):
    """The result of a case; returns are fractions over its period."""

    case: Case
    start_ts: int
    strategy: float
    held: float
    sharpe: float
    max_drawdown: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics over the cases. `beat_holding` is the fraction that beat buying and holding."""

    cases: int
    worst: float
    lower_quartile: float
    median: float
    upper_quartile: float
    best: float
    beat_holding: float
    lost: float


def cases(settings: BacktestSettings) -> list[Case]:
    """Returns every file, period and seed in the settings."""
    files = [name.strip() for name in settings.data.split(",") if name.strip()]
    return [
        Case(data, period, settings.seed + seed)
        for data in files
        for period in range(settings.periods)
        for seed in range(settings.seeds)
    ]


def examine(settings: BacktestSettings, case: Case) -> Finding | None:
    """Runs one case; `None` if its file does not reach back that far."""
    own = msgspec.structs.replace(settings, data=case.data, seed=case.seed)
    loaded = fitting.load(own)
    bars = prices.of_settings(own)
    step = prices.span_days(settings.to) * prices.DAY_MS
    end = int(bars.ts[-1]) + bars.step - case.period * step
    before, tested = bars.between(0, end - step), bars.between(end - step, end)
    if len(tested.ts) < 2 or len(before.ts) < loaded.warmup:
        return None
    strategy = fitting.ready(loaded, own, before, tested, lambda _line: None)
    costs = costs_of(own, instrument(own, bars))
    outcome = run(tested, strategy, costs, cash=own.cash, exits=exits_of(own))
    return Finding(
        case=case,
        start_ts=int(tested.ts[0]),
        strategy=outcome.metrics.cumulative_return,
        held=outcome.held_metrics.cumulative_return,
        sharpe=outcome.metrics.sharpe,
        max_drawdown=outcome.metrics.max_drawdown,
    )


def survey(
    settings: BacktestSettings, progress: Callable[[int], None] = lambda _done: None
) -> list[Finding]:
    """Runs every case on all cores; `progress` is called with how many are done."""
    found: list[Finding] = []
    wanted = cases(settings)
    with ProcessPoolExecutor(
        os.cpu_count() or 1, get_context("spawn"), initializer=_one_thread
    ) as pool:
        jobs = [pool.submit(examine, settings, case) for case in wanted]
        for done, job in enumerate(as_completed(jobs), 1):
            finding = job.result()
            if finding is not None:
                found.append(finding)
            progress(done)
    return sorted(found, key=lambda f: (f.case.data, f.case.period, f.case.seed))


def spread(findings: Sequence[Finding]) -> Spread:
    """Returns the quartiles of the strategy's returns, and how often it beat holding.

    Raises:
        SettingsError: there is no finding: no file reached back far enough.
    """
    if not findings:
        raise SettingsError(
            "no case could be run: the files do not reach back far enough; use longer files, "
            "fewer --periods or a shorter --to"
        )
    returns = np.array([finding.strategy for finding in findings])
    quartiles = np.quantile(returns, [0, 0.25, 0.5, 0.75, 1])
    return Spread(
        cases=len(findings),
        worst=float(quartiles[0]),
        lower_quartile=float(quartiles[1]),
        median=float(quartiles[2]),
        upper_quartile=float(quartiles[3]),
        best=float(quartiles[4]),
        beat_holding=float(np.mean([f.strategy > f.held for f in findings])),
        lost=float(np.mean(returns < 0)),
    )


def _one_thread() -> None:
    """Limits libraries to one thread: each case has its own core."""
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.set_num_threads(1)
