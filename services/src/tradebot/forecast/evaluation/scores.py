"""Scores of a forecaster: errors, log score, direction, coverage, profit.

Minutes of one forecast are dependent, so intervals are computed over forecasts: a mean's standard
error is that of the forecasts' sums (clusters), not of single minutes.
"""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tradebot.forecast.evaluation import rule
from tradebot.forecast.evaluation.walk import Walk


class Estimate(msgspec.Struct, frozen=True):
    """A mean and its 95 % interval, `None` if there is only one forecast."""

    value: float
    low: float | None = None
    high: float | None = None


class ModelScore(msgspec.Struct, frozen=True, kw_only=True):
    """One model's scores on these splits.

    `mae` and `log_score` are of log price over all tested minutes. `skill` is the log score minus
    persistence's. `directional` is the fraction of correct directions among the minutes with one,
    `None` if there are none. `coverage` is the fraction of prices inside bounds that should contain
    `interval` of them. `net` and `gross` are the rule's profit, after fees and before.
    """

    model: str
    minutes: int
    forecasts: int
    mae: float
    mae_bps: float
    log_score: float
    skill: Estimate
    directional: Estimate | None
    calls: int
    coverage: float
    interval: float
    net: float
    gross: float
    trades: int
    in_market: float
    seconds: float


@dataclass(frozen=True)
class TradeCost:
    """The cost of a trade, as a fraction of its value, and the edge that a buy requires."""

    fee: float
    edge: float = 0.0


def score_of(model: str, walk: Walk, baseline: Walk, fees: TradeCost, seconds: float) -> ModelScore:
    """Scores what a model predicted, compared with persistence on the same minutes."""
    assert np.array_equal(walk.ts, baseline.ts)
    seen = walk.seen
    error = np.abs(walk.center - walk.actual)[seen]
    score = walk.log_score()[seen]
    gained = score - baseline.log_score()[seen]
    calls = ~np.isnan(walk.moved) & (walk.moved != 0) & (walk.delta != 0)
    right = (np.sign(walk.delta) == np.sign(walk.moved))[calls].astype(float)
    profit = rule.follow(walk.delta, walk.actual, walk.fold, fee=fees.fee, edge=fees.edge)
    return ModelScore(
        model=model,
        minutes=int(seen.sum()),
        forecasts=int(walk.origin[-1]) + 1,
        mae=float(error.mean()),
        mae_bps=float(error.mean() * 1e4),
        log_score=float(score.mean()),
        skill=clustered(gained, walk.origin[seen]),
        directional=clustered(right, walk.origin[calls]) if calls.any() else None,
        calls=int(calls.sum()),
        coverage=float(walk.inside[seen].mean()),
        interval=walk.interval,
        net=profit.net,
        gross=profit.gross,
        trades=profit.trades,
        in_market=profit.in_market,
        seconds=seconds,
    )


def clustered(values: NDArray[np.float64], cluster: NDArray[np.int64]) -> Estimate:
    """Returns the mean of `values` (n,) with a 95 % interval robust within clusters (n,).

    The interval is Student's t with one degree of freedom fewer than there are clusters, since a
    few forecasts say little about their own variance.
    """
    mean = float(values.mean())
    names, index = np.unique(cluster, return_inverse=True)
    count = len(names)
    if count < 2:
        return Estimate(mean)
    sums = np.bincount(index, weights=values - mean, minlength=count)
    error = float(np.sqrt((sums**2).sum() * count / (count - 1)) / len(values))
    reach = float(stdtrit(count - 1, 0.975)) * error
    return Estimate(mean, mean - reach, mean + reach)
