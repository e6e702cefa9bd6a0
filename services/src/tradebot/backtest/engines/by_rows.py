"""Wraps an array strategy as a class, so that the event engine can run it."""

import math

from tradebot.backtest.costs import Costs
from tradebot.backtest.engines.arithmetic import touch
from tradebot.strategies.interface import Market, Strategy
from tradebot.strategies.orders import Orders, Sizing


class ByRows(Strategy):
    """Places rows of orders one by one, under the compiled engine's position rule."""

    def __init__(self, orders: Orders, costs: Costs) -> None:
        self._orders = orders
        self._costs = costs

    def on_bar(self, market: Market) -> None:
        """Places this bar's row, unless an order is in flight."""
        orders, side = self._orders, int(self._orders.side[market.index])
        if side and self._costs.making is not None:
            for order in market.live_orders:
                if order.side == -side:
                    market.cancel(order)
        if side == 0 or market.live_orders or market.bought == (side > 0):
            return
        best = touch(side, market.close, self._costs.spread_bps)
        bounded = math.isfinite(orders.reach_bps)
        limit = best * (1.0 + side * orders.reach_bps * 1e-4) if bounded else None
        if side < 0:
            market.sell(limit=limit, at_once=True)
            return
        size = float(orders.size[market.index])
        if orders.sizing == Sizing.FRACTION:
            market.buy(fraction=size, limit=limit, at_once=True)
        else:
            market.buy(amount=size, limit=limit, at_once=True)
