"""Errors of a recursive forecast at each horizon, measured on held-out data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradebot.history.bars import MINUTE, Series

HORIZONS = np.array([1, 2, 4, 8, 15, 30, 60, 120, 240, 480, 960, 1440], np.int64)


@dataclass(frozen=True)
class HorizonError:
    """The root mean square error (h,) of log price at the `horizons` (h,) in minutes."""

    horizons: NDArray[np.int64]
    error: NDArray[np.float64]

    def at(self, steps: int) -> NDArray[np.float64]:
        """Returns the error for each of the next minutes, (steps,); grows with √time at the end."""
        ahead = np.arange(1, steps + 1)
        inside = np.exp(np.interp(np.log(ahead), np.log(self.horizons), np.log(self.error)))
        grown = np.sqrt(np.maximum(ahead / self.horizons[-1], 1))
        result: NDArray[np.float64] = inside * grown
        return result


def measure(series: Series, starts: NDArray[np.int64], paths: NDArray[np.float64]) -> HorizonError:
    """Compares forecast paths (b, steps) from the rows `starts` (b,) with the actual prices.

    Minutes without trades are left out. Errors do not fall with the horizon.
    """
    steps = paths.shape[1]
    horizons = HORIZONS[: np.searchsorted(HORIZONS, steps, side="right")]
    wanted = series.ts[starts][:, None] + horizons * MINUTE
    row = np.minimum(np.searchsorted(series.ts, wanted), len(series) - 1)
    there = series.ts[row] == wanted
    error = paths[:, horizons - 1] - series.log_price[row]
    square = np.where(there, error**2, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    known = there.sum(axis=0) > 0
    root = np.maximum(np.sqrt(square[known]), 1e-9)
    return HorizonError(horizons[known], np.maximum.accumulate(root))
