"""An order on paper that waits for its price: a stop, or a maker order."""

from decimal import Decimal

from tradebot.domain.intent import Intent
from tradebot.domain.money import exact
from tradebot.venue.port import MarketData


class Waiting:
    """An order that rests, and what the market did since it was placed.

    A trade at a stop's price or below triggers the stop. A maker order fills once a trade goes
    through its price: a trade at the price itself may have been another's in the queue.
    """

    def __init__(self, intent: Intent) -> None:
        self.intent = intent
        self._seen: int | None = None
        self._reached = False

    async def triggered(self, market: MarketData) -> bool:
        """Returns whether the market reached the order's price since it was placed.

        The first check of a process also reads the minutes, to cover the time without a process. A
        minute counts if it began after the order.

        Raises:
            VenueError: the venue did not respond.
        """
        if self._reached:
            return True
        symbol, created = self.intent.symbol, self.intent.created
        prices: list[Decimal] = []
        if self._seen is None:
            minutes = [each for each in await market.minutes(symbol) if each.ts >= created]
            rises = self.intent.side == "sell" and self.intent.stop is None
            prices = [exact(each.high if rises else each.low) for each in minutes]
        trades = await market.trades_since(symbol, self._seen or 0)
        prices += [Decimal(trade.price) for trade in trades if trade.ts >= created]
        self._seen = max((trade.tid for trade in trades), default=self._seen or 0)
        self._reached = any(self._reaches(price) for price in prices)
        return self._reached

    def _reaches(self, price: Decimal) -> bool:
        intent = self.intent
        if intent.stop is not None:
            return price <= intent.stop
        return price < intent.price if intent.side == "buy" else price > intent.price
