"""A stop on paper that waits for its price."""

from decimal import Decimal

from tradebot.domain.intent import Intent
from tradebot.domain.money import exact
from tradebot.venue.port import MarketData


class Waiting:
    """A stop-limit sell, and what the market did since it was placed."""

    def __init__(self, intent: Intent) -> None:
        self.intent = intent
        self._seen: int | None = None
        self._reached = False

    async def triggered(self, market: MarketData) -> bool:
        """Returns whether a trade was at the stop price or below since the order was placed.

        The first check of a process also reads the minutes, to cover the time without a process. A
        minute counts if it began after the order.

        Raises:
            VenueError: the venue did not respond.
        """
        stop, created = self.intent.stop, self.intent.created
        if stop is None or self._reached:
            return stop is not None
        symbol, prices = self.intent.symbol, []
        if self._seen is None:
            minutes = await market.minutes(symbol)
            prices = [exact(each.low) for each in minutes if each.ts >= created]
        trades = await market.trades_since(symbol, self._seen or 0)
        prices += [Decimal(trade.price) for trade in trades if trade.ts >= created]
        self._seen = max((trade.tid for trade in trades), default=self._seen or 0)
        self._reached = any(price <= stop for price in prices)
        return self._reached
