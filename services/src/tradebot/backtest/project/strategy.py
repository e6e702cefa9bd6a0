"""A strategy of arrays: buys when a fast average crosses above a slow one, sells below.

Try it:   tradebot backtest strategy.py --data prices.csv --resolution 1h
Check it: tradebot strategy check strategy.py --data prices.csv --resolution 1h
Tune it:  tradebot tune strategy.py --data prices.csv --resolution 1h
Prices:   tradebot history fetch --venue gemini --symbol $symbol --from 2021-01-01
"""

import numpy as np

from tradebot.strategies import Bars, Orders
from tradebot.strategies.indicators import crossings, moving_average

PARAMETERS = {"fast": (10, 3, 30), "slow": (30, 20, 120)}


def warmup(fast: int, slow: int) -> int:
    """Bars that are needed before the first decision."""
    return max(fast, slow) + 1


def signals(bars: Bars, fast: int = 10, slow: int = 30) -> Orders:
    """Row i may use bars 0…i alone; its order reaches the market at the next bar's open."""
    side = crossings(moving_average(bars.close, fast), moving_average(bars.close, slow))
    return Orders(side=side, size=np.ones(len(bars.ts)))
