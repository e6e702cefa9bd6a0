"""Buys when the fast moving average of closes crosses above the slow one, sells when below."""

import numpy as np

from tradebot.strategies.indicators import crossings, moving_average
from tradebot.strategies.interface import Bars
from tradebot.strategies.orders import Orders

PARAMETERS = {"fast": (10, 3, 60), "slow": (30, 20, 240), "size": 1.0}


def warmup(fast: int, slow: int) -> int:
    """Returns the longer average, plus one bar to see a crossing."""
    return max(fast, slow) + 1


def signals(bars: Bars, fast: int = 10, slow: int = 30, size: float = 1.0) -> Orders:
    """`fast` and `slow` count bars; `size` is the fraction of the cash that a buy spends."""
    side = crossings(moving_average(bars.close, fast), moving_average(bars.close, slow))
    return Orders(side=side, size=np.full(len(bars.ts), size))
