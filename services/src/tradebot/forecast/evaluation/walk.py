"""Runs a forecaster over the folds, and collects its forecasts and the actual prices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tradebot.forecast.evaluation.splits import Fold
from tradebot.forecast.protocol import Forecaster
from tradebot.history.bars import MINUTE, Series

Progress = Callable[[int, int], None]

LEAST_SIGMA = 1e-9


@dataclass(frozen=True)
class Walk:
    """One row per tested minute; all arrays are (n,), prices are logarithms.

    `origin` numbers the forecast of a row, `fold` its test. `center`, `sigma` and `inside` are the
    forecast for the minute, the standard deviation that its bounds imply, and whether the price was
    between them. `actual` is NaN if the minute is absent. `delta` is the forecast's change from
    this minute to the next, `moved` the price's, NaN if either minute is absent.
    """

    ts: NDArray[np.int64]
    fold: NDArray[np.int64]
    origin: NDArray[np.int64]
    center: NDArray[np.float64]
    sigma: NDArray[np.float64]
    inside: NDArray[np.bool_]
    actual: NDArray[np.float64]
    delta: NDArray[np.float64]
    moved: NDArray[np.float64]
    interval: float

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Rows whose minute had trades."""
        return ~np.isnan(self.actual)

    def log_score(self) -> NDArray[np.float64]:
        """Returns the log density of the price under the forecast's normal distribution, (n,)."""
        z = (self.actual - self.center) / self.sigma
        density: NDArray[np.float64] = -0.5 * z**2 - np.log(self.sigma) - 0.5 * np.log(2 * np.pi)
        return density


def walk(
    make: Callable[[], Forecaster],
    history: Series,
    folds: Sequence[Fold],
    stride: int,
    progress: Progress = lambda _done, _all: None,
) -> Walk:
    """Forecasts the next `stride` minutes at each origin of each fold.

    A slow model is trained once per fold, on what ends before its embargo. Others are refitted at
    each origin, as in the stage.
    """
    parts: list[Walk] = []
    total = sum(len(fold.origins(stride)) for fold in folds)
    for number, fold in enumerate(folds):
        model = make()
        if model.slow:
            model.fit(history.until(fold.train_end))
        for origin in fold.origins(stride):
            known = history.until(origin)
            if not model.slow:
                model.fit(known)
            parts.append(_forecast_at(model, known, history, origin, stride, number, len(parts)))
            progress(len(parts), total)
    return _joined(parts)


def fixed(model: Forecaster, history: Series, fold: Fold, stride: int) -> Walk:
    """Forecasts the next `stride` minutes at each origin of a fold, by a model that is not fitted
    again."""
    parts = [
        _forecast_at(model, history.until(origin), history, origin, stride, 0, number)
        for number, origin in enumerate(fold.origins(stride))
    ]
    return _joined(parts)


def _forecast_at(
    model: Forecaster,
    known: Series,
    history: Series,
    origin: int,
    stride: int,
    fold: int,
    number: int,
) -> Walk:
    path = model.forecast(known, origin, stride + 1)
    actual = _prices(history, origin, stride + 1)
    z = NormalDist().inv_cdf(0.5 + path.interval / 2)
    sigma = np.maximum((path.upper - path.lower) / (2 * z), LEAST_SIGMA)[:-1]
    inside = (actual >= path.lower) & (actual <= path.upper)
    return Walk(
        ts=path.ts[:-1],
        fold=np.full(stride, fold),
        origin=np.full(stride, number),
        center=path.log_price[:-1],
        sigma=sigma,
        inside=inside[:-1],
        actual=actual[:-1],
        delta=np.diff(path.log_price),
        moved=np.diff(actual),
        interval=path.interval,
    )


def _prices(history: Series, start: int, steps: int) -> NDArray[np.float64]:
    """Returns log prices of the minutes from `start` on, (steps,), NaN for absent ones."""
    part = history.between(start, start + steps * MINUTE)
    prices = np.full(steps, np.nan)
    prices[(part.ts - start) // MINUTE] = part.log_price
    return prices


def _joined(parts: Sequence[Walk]) -> Walk:
    names = [name for name in Walk.__dataclass_fields__ if name != "interval"]
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Walk(**arrays, interval=parts[0].interval)
