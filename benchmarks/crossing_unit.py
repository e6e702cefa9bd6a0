"""Crossings of two moving averages, one unit a trade: the strategy of the sweep's benchmark."""

import numpy as np

from tradebot.strategies import Bars, Orders, Sizing
from tradebot.strategies.indicators import crossings, moving_average

PARAMETERS = {"fast": (480, 30, 1440), "slow": (1440, 90, 4320)}


def signals(bars: Bars, fast: int = 480, slow: int = 1440) -> Orders:
    side = crossings(moving_average(bars.close, fast), moving_average(bars.close, slow))
    return Orders(side=side, size=np.ones(len(bars.ts)), sizing=Sizing.AMOUNT)
