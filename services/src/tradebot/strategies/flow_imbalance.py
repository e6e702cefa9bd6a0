"""Buys while bids outweigh asks in the order flow, sells when asks outweigh bids.

Reads the liquidity ratio (bid flow / ask flow) of complete windows; without flows it does nothing.
"""

import numpy as np

from tradebot.strategies.interface import Bars
from tradebot.strategies.orders import Orders

PARAMETERS = {"enter": (1.5, 1.05, 4.0), "leave": (0.8, 0.25, 1.0), "size": 1.0}
WARMUP = 1


def signals(bars: Bars, enter: float = 1.5, leave: float = 0.8, size: float = 1.0) -> Orders:
    """`enter` and `leave` are ratios; `size` is the fraction of the cash that a buy spends."""
    side = np.zeros(len(bars.ts), np.int8)
    side[bars.complete & (bars.ratio >= enter)] = 1
    side[bars.complete & (bars.ratio <= leave)] = -1
    return Orders(side=side, size=np.full(len(bars.ts), size))
