"""A venue's market data, as a stage knows it: prices, the book, trades and candles."""

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
        ts: the venue's time in ms; 0 where it tells none.
        volumes: of 24 hours, by currency.
    """

    bid: Decimal
    ask: Decimal
    last: Decimal
    ts: int
    volumes: dict[str, Decimal]


class BookLevel(msgspec.Struct, frozen=True):
    """A price and all that rests at it."""

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
    """The venue's time; `platform.clock.VenueClock` is one."""

    def observe(self, ts: int) -> None:
        """The venue stamped `ts` (ms) on a message that arrived now."""

    def follow(self, ts: int) -> None:
        """The venue's time is at least `ts` (ms): more than one message says so."""

    def now(self) -> int:
        """The venue's time in ms; 0 before its first message."""


class MarketStream(Protocol):
    """The market's events over one connection, from a whole book on."""

    @property
    def book(self) -> OrderBook:
        """The book after the events so far."""
        ...

    def silence(self) -> float:
        """Real seconds since the venue's last message."""
        ...

    async def batch(self) -> list[MarketEvent]:
        """The events of the next message; empty if it says nothing about the market.

        Raises:
            FeedBrokenError: the connection is over.
        """
        ...


class MarketData(Protocol):
    """A venue's public side. Every call may raise the three `VenueError`s."""

    async def instrument(self, symbol: str) -> Instrument:
        """What the venue trades under `symbol`, as of now."""
        ...

    async def ticker(self, symbol: str) -> Ticker:
        """The best prices now."""
        ...

    async def book(self, symbol: str) -> Book:
        """The best levels of both sides, fifty or more where there are as many."""
        ...

    async def trades_since(self, symbol: str, tid: int) -> Sequence[TradeRecord]:
        """The book's trades after trade `tid`, in any order; the newest ones if they are many."""
        ...

    async def minutes(self, symbol: str) -> Sequence[Candle]:
        """The closed minutes that the venue keeps, in any order."""
        ...

    async def time(self) -> float | None:
        """The venue's time, in seconds of the epoch; `None` where it tells none."""
        ...

    def stream(
        self, symbol: str, clock: Clock, *, interface: str, stall_seconds: float
    ) -> AbstractAsyncContextManager[MarketStream]:
        """One connection, subscribed.

        Args:
            clock: the venue's time, carried on from one connection to the next.
            interface: which of the venue's streams, where it has several.
            stall_seconds: real seconds of silence that end the connection.

        Raises:
            FeedBrokenError: it cannot be made.
        """
        ...
