"""A venue's market data, as a stage sees it: prices, order book, trades and candles."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Protocol

import msgspec

from tradebot.domain.book import OrderBook
from tradebot.domain.instrument import Instrument
from tradebot.records import TradeRecord
from tradebot.venue.events import MarketEvent


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """Best prices and the last one.

    Attributes:
        ts: the venue's time in ms; 0 if it sends none.
        volumes: of 24 hours, by currency.
    """

    bid: Decimal
    ask: Decimal
    last: Decimal
    ts: int
    volumes: dict[str, Decimal]


class BookLevel(msgspec.Struct, frozen=True):
    """A price and its total size."""

    price: Decimal
    amount: Decimal


class Book(msgspec.Struct, frozen=True):
    """Both sides, best first."""

    bids: list[BookLevel]
    asks: list[BookLevel]


class Candle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A bar from `ts` (ms) on, for models: floats. A minute without trades has volume 0."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Clock(Protocol):
    """The venue's time; see `platform.clock.VenueClock`."""

    def observe(self, ts: int) -> None:
        """Records that the venue stamped `ts` (ms) on a message that arrived now."""

    def follow(self, ts: int) -> None:
        """Moves the clock to at least `ts` (ms), which more than one message confirms."""

    def now(self) -> int:
        """Returns the venue's time in ms; 0 before its first message."""


class MarketStream(Protocol):
    """The market's events over one connection, starting with a whole order book."""

    @property
    def book(self) -> OrderBook:
        """The order book after the events so far."""
        ...

    def silence(self) -> float:
        """Returns real seconds since the venue's last message."""
        ...

    async def batch(self) -> list[MarketEvent]:
        """Returns the events of the next message; empty if it is not about the market.

        Raises:
            FeedBrokenError: the connection has ended.
        """
        ...


class MarketData(Protocol):
    """A venue's market data. Every call may raise the three `VenueError`s."""

    async def instrument(self, symbol: str) -> Instrument:
        """Returns what the venue trades under `symbol` now."""
        ...

    async def ticker(self, symbol: str) -> Ticker:
        """Returns the best prices now."""
        ...

    async def book(self, symbol: str) -> Book:
        """Returns the best levels per side, at least fifty if there are that many."""
        ...

    async def trades_since(self, symbol: str, tid: int) -> Sequence[TradeRecord]:
        """Returns trades after trade `tid`, in any order; only the newest if there are many."""
        ...

    async def minutes(self, symbol: str) -> Sequence[Candle]:
        """Returns the closed minutes that the venue keeps, in any order."""
        ...

    async def time(self) -> float | None:
        """Returns the venue's time in seconds of the epoch; `None` if it has none."""
        ...

    def stream(
        self, symbol: str, clock: Clock, *, interface: str, stall_seconds: float
    ) -> AbstractAsyncContextManager[MarketStream]:
        """Connects and subscribes.

        Args:
            clock: the venue's time, kept across connections.
            interface: which of the venue's streams to use, if it has several.
            stall_seconds: real seconds of silence that end the connection.

        Raises:
            FeedBrokenError: the connection failed.
        """
        ...
