"""A network's view of a series: inputs and targets by row, and recursive forecasts.

Targets are changes of log price, or levels, scaled by the training set's own spread.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tradebot.history.bars import MINUTE, Series

Values = Literal["differences", "levels"]
Rows = NDArray[np.int64]
Next = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class View(Protocol):
    """Rows of a series as a network sees them."""

    inputs: int

    def targets(self) -> Rows:
        """Returns the rows with a whole input: no input crosses a gap."""
        ...

    def learn_scale(self, rows: Rows) -> NDArray[np.float64]:
        """Returns the scale of these rows' inputs and targets, for `batch` and `walk`."""
        ...

    def batch(
        self, rows: Rows, scale: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns inputs (b, inputs) and targets (b,) of these rows."""
        ...

    def walk(
        self, starts: Rows, steps: int, scale: NDArray[np.float64], following: Next
    ) -> NDArray[np.float64]:
        """Returns log prices (b, steps) of the minutes after each of the rows `starts`; each step
        is an input of the next."""
        ...


def run_lengths(ts: NDArray[np.int64]) -> Rows:
    """Returns for each row (n,) how many rows up to it are consecutive minutes.

    >>> run_lengths(np.array([0, 60_000, 180_000, 240_000]))
    array([1, 2, 1, 2])
    """
    rows = np.arange(len(ts))
    broken = np.diff(ts, prepend=ts[:1] - MINUTE) != MINUTE
    broken[:1] = True
    start = np.maximum.accumulate(np.where(broken, rows, 0))
    return rows - start + 1


class Lags:
    """The last `lookback` values, as in the report's network."""

    def __init__(self, series: Series, lookback: int, values: Values) -> None:
        self.inputs = lookback
        self._price = series.log_price
        self._levels = values == "levels"
        runs = run_lengths(series.ts)
        if self._levels:
            self._values = self._price
            self._long_enough = runs > lookback
        else:
            self._values = np.diff(self._price, prepend=self._price[:1])
            self._long_enough = runs > lookback + 1

    def targets(self) -> Rows:
        """Returns rows with `lookback` values before them without a gap."""
        return np.flatnonzero(self._long_enough)

    def learn_scale(self, rows: Rows) -> NDArray[np.float64]:
        """Returns mean and standard deviation of the rows' values; changes have mean zero."""
        values = self._values[rows]
        mean = float(values.mean()) if self._levels else 0.0
        spread = float(np.sqrt(np.mean((values - mean) ** 2)))
        return np.array([mean, max(spread, 1e-9)])

    def batch(
        self, rows: Rows, scale: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the values before each row, oldest first, and its own."""
        window = rows[:, None] + np.arange(-self.inputs, 0)
        scaled = (self._values[window] - scale[0]) / scale[1]
        own = (self._values[rows] - scale[0]) / scale[1]
        return scaled.astype(np.float32), own.astype(np.float32)

    def walk(
        self, starts: Rows, steps: int, scale: NDArray[np.float64], following: Next
    ) -> NDArray[np.float64]:
        """Starts from the last `lookback` traded minutes, ignoring gaps, and walks on."""
        window = np.maximum(starts[:, None] + np.arange(1 - self.inputs, 1), 0)
        tape = np.empty((len(starts), self.inputs + steps), np.float32)
        tape[:, : self.inputs] = (self._values[window] - scale[0]) / scale[1]
        for step in range(steps):
            tape[:, self.inputs + step] = following(tape[:, step : step + self.inputs])
        changes = tape[:, self.inputs :].astype(np.float64) * scale[1] + scale[0]
        if self._levels:
            return np.asarray(changes)
        return np.asarray(self._price[starts][:, None] + np.cumsum(changes, axis=1))
