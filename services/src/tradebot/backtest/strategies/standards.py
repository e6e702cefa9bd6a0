"""Standards that every strategy is held against, as functions of arrays."""

import numpy as np

from tradebot.backtest.orders import Floats
from tradebot.backtest.strategy import Bars, Orders


def buy_and_hold(bars: Bars) -> Orders:
    """Buys with all its cash at once and never sells."""
    side = np.zeros(len(bars.ts), np.int8)
    side[0] = 1
    return Orders(side=side, size=np.ones(len(bars.ts)))


def moving_average(values: Floats, window: int) -> Floats:
    """The mean of the last `window` values; `nan` until there are so many.

    >>> moving_average(np.array([1.0, 2.0, 3.0]), 2).tolist()
    [nan, 1.5, 2.5]
    """
    means = np.full(len(values), np.nan)
    if len(values) >= window:
        sums = np.cumsum(np.concatenate([[0.0], values]))
        means[window - 1 :] = (sums[window:] - sums[:-window]) / window
    return means


def sma_cross(bars: Bars, fast: int = 10, slow: int = 30, size: float = 1.0) -> Orders:
    """Buys when the fast moving average of closes crosses above the slow one, sells below."""
    above = moving_average(bars.close, fast) > moving_average(bars.close, slow)
    known = np.arange(1, len(bars.ts)) >= slow
    side = np.zeros(len(bars.ts), np.int8)
    side[1:][known & above[1:] & ~above[:-1]] = 1
    side[1:][known & ~above[1:] & above[:-1]] = -1
    return Orders(side=side, size=np.full(len(bars.ts), size))
