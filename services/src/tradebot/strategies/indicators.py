"""Indicators for strategies: functions of arrays, compiled."""

import numba
import numpy as np
import numpy.typing as npt

from tradebot.strategies.orders import Floats

Sides = npt.NDArray[np.int8]


def moving_average(values: Floats, window: int) -> Floats:
    """The mean of the last `window` values; `nan` until there are that many.

    A NaN makes only the means that contain it NaN. The mean of equal values is exactly that value.

    >>> moving_average(np.array([1.0, 2.0, 3.0]), 2).tolist()
    [nan, 1.5, 2.5]

    Raises:
        ValueError: the window is below 1.
    """
    if window < 1:
        raise ValueError(f"the window of a moving average is {window}: use 1 or more")
    means = np.full(len(values), np.nan)
    _fill_means(np.asarray(values, dtype=np.float64), window, means)
    return means


@numba.njit(cache=True)
def _fill_means(values: Floats, window: int, means: Floats) -> None:
    """A running sum, recomputed once per window so that rounding does not accumulate."""
    total, unknown, alike = 0.0, 0, 0
    for row in range(len(values)):
        new = values[row]
        old = values[row - window] if row >= window else 0.0
        if not np.isfinite(new):
            unknown += 1
            new = 0.0
        if not np.isfinite(old):
            unknown -= 1
            old = 0.0
        total += new - old
        alike = alike + 1 if row > 0 and values[row] == values[row - 1] else 1
        if row % window == window - 1:
            total = 0.0
            for place in range(row - window + 1, row + 1):
                total += values[place] if np.isfinite(values[place]) else 0.0
        if row >= window - 1 and unknown == 0:
            means[row] = values[row] if alike >= window else total / window


ROUNDING = 1e-12
"""Smallest relative distance between two lines; less is rounding."""


def crossings(fast: Floats, slow: Floats) -> Sides:
    """Where one line crosses another: 1 upwards, −1 downwards, 0 elsewhere.

    Rows with a NaN are skipped. Lines that differ only by rounding are equal, so those of a
    constant price do not cross.

    >>> crossings(np.array([1.0, 3.0, np.nan, 1.0]), np.full(4, 2.0)).tolist()
    [0, 1, 0, -1]
    """
    side = np.zeros(len(fast), np.int8)
    _fill_crossings(fast, slow, side)
    return side


@numba.njit(cache=True)
def _fill_crossings(fast: Floats, slow: Floats, side: Sides) -> None:
    before = -1
    for row in range(len(fast)):
        gap = fast[row] - slow[row]
        if not np.isfinite(gap):
            continue
        above = 1 if gap > ROUNDING * abs(slow[row]) else 0
        if before >= 0:
            side[row] = above - before
        before = above
