"""The search: every combination of a grid, or trials that learn from earlier ones.

Trials are judged on the training rows alone. The result is what the best of them does on the rows
that follow, which no trial saw.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import msgspec
import numpy as np
import optuna

from tradebot.backtest.costs import Costs
from tradebot.backtest.engines import compiled
from tradebot.backtest.engines.compiled import OFF
from tradebot.backtest.metrics import simple_returns
from tradebot.backtest.tune.deflated import deflated_sharpe, sharpe_of_step
from tradebot.backtest.tune.space import Parameters, Tunable
from tradebot.backtest.tune.splits import Split
from tradebot.domain.situation import Exits
from tradebot.strategies.interface import Bars
from tradebot.strategies.orders import Floats

CASH = 10_000.0
Progress = Callable[[int], None]


class Trial(msgspec.Struct, frozen=True):
    """Parameters, and what they came to on the rows to learn from.

    `sharpe` is the ratio of one step, `equity` what the cash at the start became.
    """

    parameters: Parameters
    sharpe: float
    equity: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The best trial of a split: its ratios in training and test, and how likely they are luck.

    Sharpe ratios are per step. `deflated` is the probability that the training ratio is better than
    the best of as many useless trials.
    """

    split: Split
    trials: int
    parameters: Parameters
    promised: float
    kept: float
    deflated: float
    test_returns: Floats


class _Job(msgspec.Struct, frozen=True):
    """What a worker needs, sent once."""

    bars: Bars
    tunable: Tunable
    costs: Costs
    exits: Exits
    cash: float


_job: _Job | None = None


def _prepare(job: _Job) -> None:
    global _job
    _job = job


def _judge(parameters: Parameters) -> Trial:
    assert _job is not None
    job = _job
    returns = returns_of(job.bars, job.tunable, parameters, job.costs, job.exits, job.cash)
    return trial_of(parameters, returns, job.cash)


def trial_of(parameters: Parameters, returns: Floats, cash: float = CASH) -> Trial:
    """What a run with these returns came to."""
    return Trial(parameters, sharpe_of_step(returns), cash * float(np.prod(1.0 + returns)))


def returns_of(
    bars: Bars,
    tunable: Tunable,
    parameters: Mapping[str, float | int],
    costs: Costs,
    exits: Exits = OFF,
    cash: float = CASH,
) -> Floats:
    """Returns the returns of a run, per step."""
    result = compiled.run(bars, tunable.signals(parameters)(bars), costs, cash, exits)
    return simple_returns(np.concatenate([[cash], result.equity]))


def sweep(
    bars: Bars,
    tunable: Tunable,
    candidates: Iterable[Parameters],
    costs: Costs,
    *,
    exits: Exits = OFF,
    cash: float = CASH,
    workers: int | None = None,
    progress: Progress = lambda _done: None,
) -> list[Trial]:
    """Judges every candidate, on all cores; `progress` is called with how many are done."""
    context = get_context("fork")
    with ProcessPoolExecutor(
        workers or os.cpu_count() or 1,
        context,
        _prepare,
        (_Job(bars, tunable, costs, exits, cash),),
    ) as pool:
        trials: list[Trial] = []
        for trial in pool.map(_judge, candidates, chunksize=4):
            trials.append(trial)
            progress(len(trials))
    return trials


def learn(
    bars: Bars,
    tunable: Tunable,
    count: int,
    costs: Costs,
    *,
    exits: Exits = OFF,
    seed: int,
    progress: Progress = lambda _done: None,
) -> list[Trial]:
    """Runs `count` trials, each chosen from the results of earlier ones (Optuna's TPE)."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trials: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        parameters: Parameters = {
            name: trial.suggest_int(name, int(span.low), int(span.high))
            if span.whole
            else trial.suggest_float(name, span.low, span.high)
            for name, span in tunable.space.items()
        }
        done = trial_of(parameters, returns_of(bars, tunable, parameters, costs, exits))
        trials.append(done)
        progress(len(trials))
        return done.sharpe

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=count)
    return trials


def conclude(
    bars: Bars,
    split: Split,
    tunable: Tunable,
    trials: list[Trial],
    costs: Costs,
    exits: Exits = OFF,
) -> Outcome:
    """Tests the best trial of a split.

    The test's indicators may look back into the rows before it, as they would live; returns count
    from the test's first bar.
    """
    best = max(trials, key=lambda trial: trial.sharpe)
    learnt = bars.rows(split.learn_start, split.learn_end)
    promised = returns_of(learnt, tunable, best.parameters, costs, exits)
    whole = bars.rows(split.learn_start, split.test_end)
    orders = tunable.signals(best.parameters)(whole)
    orders.side[: split.test_start - split.learn_start] = 0
    result = compiled.run(whole, orders, costs, CASH, exits)
    kept = simple_returns(result.equity[split.test_start - split.learn_start - 1 :])
    return Outcome(
        split=split,
        trials=len(trials),
        parameters=best.parameters,
        promised=best.sharpe,
        kept=sharpe_of_step(kept),
        deflated=deflated_sharpe(promised, np.array([trial.sharpe for trial in trials])),
        test_returns=kept,
    )
