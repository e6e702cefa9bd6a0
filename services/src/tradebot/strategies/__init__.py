"""Strategies: their interface, the one loader of strategy files, and the built-in ones.

A strategy file imports what it needs from here:

    from tradebot.strategies import Bars, Orders
"""

from tradebot.strategies.interface import Bars, Execution, Market, Order, Signals, Strategy
from tradebot.strategies.loading import LoadedStrategy, load
from tradebot.strategies.orders import Floats, Orders, Sizing
from tradebot.strategies.parameters import StrategyError

__all__ = [
    "Bars",
    "Execution",
    "Floats",
    "LoadedStrategy",
    "Market",
    "Order",
    "Orders",
    "Signals",
    "Sizing",
    "Strategy",
    "StrategyError",
    "load",
]
