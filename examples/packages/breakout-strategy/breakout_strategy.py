"""Buys when the close passes the highest high of the last bars, sells below the lowest low."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tradebot.strategies import Bars, Orders

PARAMETERS = {"entry": (24, 6, 240), "leave": (12, 3, 120), "size": 0.5}


def warmup(entry: int, leave: int) -> int:
    """Bars that are needed before the first decision."""
    return max(entry, leave) + 1


def signals(bars: Bars, entry: int = 24, leave: int = 12, size: float = 0.5) -> Orders:
    """Row i compares the close of bar i with the bars before it."""
    side = np.zeros(len(bars.ts), np.int8)
    if len(bars.ts) > entry:
        highest = sliding_window_view(bars.high, entry)[:-1].max(axis=1)
        side[entry:][bars.close[entry:] > highest] = 1
    if len(bars.ts) > leave:
        lowest = sliding_window_view(bars.low, leave)[:-1].min(axis=1)
        side[leave:][bars.close[leave:] < lowest] = -1
    return Orders(side=side, size=np.full(len(bars.ts), size))
