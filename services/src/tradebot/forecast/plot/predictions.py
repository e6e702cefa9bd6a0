"""The data of the plots: the price, and the model in sample and out of sample."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tradebot.forecast.models.fast import FastProphetForecaster
from tradebot.forecast.models.prophet import ProphetForecaster
from tradebot.forecast.protocol import Forecaster, Path
from tradebot.history.bars import MINUTE, Series


@runtime_checkable
class LooksBack(Protocol):
    """A model that predicts each minute from those before it."""

    def fitted_and_true(
        self, history: Series
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], int]:
        """Returns times, forecasts, log prices, and how many of them were learnt from."""
        ...


@dataclass(frozen=True)
class Line:
    """Times (n,) in ms UTC and prices (n,)."""

    ts: NDArray[np.int64]
    price: NDArray[np.float64]

    def newest(self, count: int) -> "Line":
        """Returns the last `count` points."""
        return Line(self.ts[-count:], self.price[-count:])


@dataclass(frozen=True)
class Predictions:
    """The data of one model's plots.

    `actual` is the price over the plotted time, `history` over all that the model learnt from.

    `inside` is the forecast of minutes that it learnt from, `outside` of others, one minute ahead
    if the model looks back at each minute; both may be empty. `path` is its forecast of the
    held-out minutes, all at once from their beginning.
    """

    symbol: str
    model: str
    actual: Line
    history: Line
    inside: Line
    outside: Line
    path: Path


def predictions_of(
    model: Forecaster, symbol: str, history: Series, *, held_out: int, shown: int
) -> Predictions:
    """Fits all but the last `held_out` minutes and forecasts those.

    Args:
        shown: minutes before the held-out ones to plot.
    """
    end = history.end + MINUTE
    split = end - held_out * MINUTE
    known = history.until(split)
    model.fit(known)
    path = model.forecast(known, split, held_out)
    drawn = history.between(split - shown * MINUTE, end)
    inside, outside = _samples(model, known, drawn)
    actual, past = _line(drawn.ts, drawn.log_price), _line(known.ts, known.log_price)
    return Predictions(symbol, model.name, actual, past, inside, outside, path)


def _line(ts: NDArray[np.int64], log_price: NDArray[np.float64]) -> Line:
    return Line(ts, np.exp(log_price))


NOTHING = Line(np.empty(0, np.int64), np.empty(0))


def _samples(model: Forecaster, known: Series, drawn: Series) -> tuple[Line, Line]:
    """Returns the in-sample and out-of-sample lines within the plotted time, if available."""
    if isinstance(model, ProphetForecaster | FastProphetForecaster):
        learnt = drawn.until(known.end + 1)
        steps = (learnt.end - learnt.start) // MINUTE + 1
        fitted = model.forecast(known, learnt.start, steps)
        return _line(fitted.ts, fitted.log_price), NOTHING
    if isinstance(model, LooksBack):
        ts, values, _, count = model.fitted_and_true(known)
        return _line(ts[:count], values[:count]), _line(ts[count:], values[count:])
    return NOTHING, NOTHING


ZOOM = 400
"""Points per sample in the zoomed plot of fitted and actual prices."""


def within(line: Line, span: Line) -> Line:
    """Returns the points of a line within the time of another."""
    keep = (line.ts >= span.ts[0]) & (line.ts <= span.ts[-1])
    return Line(line.ts[keep], line.price[keep])


def closer(shown: Predictions) -> list[tuple[str, Line, Line]]:
    """Returns fitted and actual prices of the newest minutes of each sample."""
    sides = []
    for name, line in (("in sample", shown.inside), ("out of sample", shown.outside)):
        fitted = line.newest(ZOOM)
        keep = np.isin(shown.history.ts, fitted.ts)
        sides.append((name, fitted, Line(shown.history.ts[keep], shown.history.price[keep])))
    return sides


def components(model: Forecaster) -> object | None:
    """Returns the model's fitted `prophet.Prophet`, if it has one, for its component plots."""
    if isinstance(model, FastProphetForecaster):
        fitted: object = model.fitted.to_prophet()
        return fitted
    return model.fitted if isinstance(model, ProphetForecaster) else None
