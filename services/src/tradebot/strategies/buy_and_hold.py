"""Buys with all cash as soon as possible, and never sells."""

import numpy as np

from tradebot.strategies.interface import Bars
from tradebot.strategies.orders import Orders


def signals(bars: Bars) -> Orders:
    """A buy at every bar: the position rule takes the first that fills and ignores the others."""
    rows = len(bars.ts)
    return Orders(side=np.ones(rows, np.int8), size=np.ones(rows))
