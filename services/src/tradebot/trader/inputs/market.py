"""The venue's market data, as a trader needs it: prices, and the symbol's instrument."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from tradebot.venue.port import Fees, Instrument, MarketData, Ticker

KEEP_SECONDS: Final = 10.0
"""An instrument's status may change at any time, so it is read again after this."""


class MarketClient:
    """Prices and instrument of one symbol; `refresh` must have succeeded once before any use.

    Args:
        fees: what an account pays by the venue's public table, until its own fees are known.
        clock: seconds from an arbitrary start.
    """

    def __init__(
        self,
        data: MarketData,
        symbol: str,
        fees: Fees,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listed_fees = fees
        self._data = data
        self._symbol = symbol
        self._clock = clock
        self._instrument: Instrument | None = None
        self._read_at: float | None = None

    async def refresh(self) -> Instrument:
        """Returns the symbol's instrument, read again after ten seconds or `forget`.

        Raises:
            VenueError: the venue did not respond.
        """
        known = self._instrument
        if known is None or self._read_at is None or self._clock() - self._read_at > KEEP_SECONDS:
            self._instrument = known = await self._data.instrument(self._symbol)
            self._read_at = self._clock()
        return known

    async def ticker(self) -> Ticker:
        """Returns the venue's prices now.

        Raises:
            VenueError: the venue did not respond.
        """
        return await self._data.ticker(self._symbol)

    async def bids(self) -> list[tuple[Decimal, Decimal]]:
        """Returns the bids: price and amount, best first.

        Raises:
            VenueError: the venue did not respond.
        """
        book = await self._data.book(self._symbol)
        return [(level.price, level.amount) for level in book.bids]

    def forget(self) -> None:
        """Makes the next `refresh` read again: rules that changed may cause a refused order."""
        self._read_at = None

    @property
    def instrument(self) -> Instrument:
        """The symbol's steps, minimum and currencies, as last read."""
        assert self._instrument is not None, "call refresh first"
        return self._instrument
