"""An LSTM with a year of lookback: the report's 50,251 parameters on 200 features."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradebot.forecast.models.lstm import LstmForecaster
from tradebot.forecast.models.views import Next, Rows, View, run_lengths
from tradebot.forecast.models.year_features import FEATURES, SINGLE, YEAR, YearFeatures
from tradebot.history.bars import Series

LIMIT = np.float32(8)
"""Features are clipped at this many standard deviations."""
SCALE_ROWS = 20_000
"""Rows from which the features' spread is estimated."""


class YearLags:
    """200 features of the last year, and the change of log price in the next minute."""

    inputs = FEATURES

    def __init__(self, series: Series) -> None:
        self._series = series
        self._features = YearFeatures(series)
        self._place = self._features.position(series.ts)
        self._change = np.diff(series.log_price, prepend=series.log_price[:1])

    def targets(self) -> Rows:
        """Returns rows with an hour of consecutive minutes before them."""
        return np.flatnonzero(run_lengths(self._series.ts) > SINGLE + 1)

    def learn_scale(self, rows: Rows) -> NDArray[np.float64]:
        """Returns the spread of the changes, then of each feature."""
        some = rows[:: max(1, len(rows) // SCALE_ROWS)]
        features = self._features.at(self._place[some - 1]).astype(np.float64)
        change = max(float(np.sqrt(np.mean(self._change[rows] ** 2))), 1e-9)
        spread = np.sqrt(np.mean(features**2, axis=0))
        # In a short history the oldest buckets never change, so their spread means nothing yet.
        return np.concatenate([[change], np.maximum(spread, change / 10)])

    def batch(
        self, rows: Rows, scale: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns features of the minute before each row, and the row's change."""
        features = self._features.at(self._place[rows - 1])
        return _scaled(features, scale), (self._change[rows] / scale[0]).astype(np.float32)

    def walk(
        self, starts: Rows, steps: int, scale: NDArray[np.float64], following: Next
    ) -> NDArray[np.float64]:
        """Walks minute by minute, with features of the steps so far."""
        place = self._place[starts]
        price = self._series.log_price[starts].copy()
        path = np.empty((len(starts), steps))
        walked = np.empty((len(starts), steps))
        total = np.zeros(len(starts))
        features = self._features.at(place)
        for step in range(steps):
            if step:
                features = self._features.ahead(place, walked[:, :step])
            price = price + following(_scaled(features, scale)) * scale[0]
            total = total + price - self._features.base
            path[:, step], walked[:, step] = price, total
        return path


def _scaled(features: NDArray[np.float32], scale: NDArray[np.float64]) -> NDArray[np.float32]:
    """Returns features in units of their spread, clipped."""
    return np.clip(features / scale[1:].astype(np.float32), -LIMIT, LIMIT)


class YearLstmForecaster(LstmForecaster):
    """The report's network with a year of lookback.

    Args:
        units: of the layer.
        max_rows: newest minutes to use; with two years or more, every minute learnt has a full
            year before it.
        how: see `training.Training`.
    """

    name = "YearLstm"

    def __init__(self, units: int = 50, max_rows: int = 2 * YEAR, **how: Any) -> None:
        super().__init__(lookback=FEATURES, units=units, max_rows=max_rows, **how)

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters."""
        fixed = ("lookback", "values")
        return {name: value for name, value in super().parameters.items() if name not in fixed}

    def view(self, series: Series) -> View:
        """Returns the year's features of a series."""
        return YearLags(series)

    def _context(self, history: Series) -> Series:
        """Returns a year, and an hour for the first of its buckets."""
        return history.between(history.end - (YEAR + SINGLE) * 60_000, history.end + 1)
