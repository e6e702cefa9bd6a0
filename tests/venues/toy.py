"""A venue from another package: one BTC/EUR market whose book never moves.

It has only market data, which is all that ingest and a paper trader need.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

from tradebot.domain.book import OrderBook
from tradebot.domain.intent import Intent
from tradebot.records import TradeRecord
from tradebot.venue.errors import RejectedError
from tradebot.venue.port import (
    Book,
    BookEvent,
    BookLevel,
    Candle,
    Clock,
    FeeTable,
    Instrument,
    Keys,
    MarketEvent,
    Ticker,
    TimeEvent,
    VenueAccount,
)
from tradebot.venue.settings import VenueSettings

BID, ASK, AMOUNT = Decimal("99.5"), Decimal("100.0"), Decimal(1000)


def now() -> int:
    return int(time.time() * 1000)


class ToyStream:
    """Sends the whole book once, then its bid again and again."""

    def __init__(self) -> None:
        self.book = OrderBook()

    def silence(self) -> float:
        return 0.0

    async def batch(self) -> list[MarketEvent]:
        if len(self.book):
            await asyncio.sleep(0.05)
            bid = ("bid", str(BID), str(AMOUNT), "place")
            return [TimeEvent(now()), BookEvent("BTCEUR", now(), [bid])]
        self.book.set("bid", BID, AMOUNT)
        self.book.set("ask", ASK, AMOUNT)
        levels = [("bid", str(BID), "1000", "initial"), ("ask", str(ASK), "1000", "initial")]
        return [BookEvent("BTCEUR", now(), levels, snapshot=True)]


class ToyMarket:
    async def instrument(self, symbol: str) -> Instrument:
        if symbol != "BTCEUR":
            raise RejectedError("NoSuchMarket", f"the toy trades BTCEUR, not {symbol}")
        return Instrument(
            symbol=symbol, base="BTC", quote="EUR", price_step=Decimal("0.5"),
            amount_step=Decimal("0.001"), minimum=Decimal("0.01"),
        )  # fmt: skip

    async def ticker(self, symbol: str) -> Ticker:
        return Ticker(bid=BID, ask=ASK, last=ASK, ts=now(), volumes={"BTC": Decimal(7)})

    async def book(self, symbol: str) -> Book:
        return Book([BookLevel(BID, AMOUNT)], [BookLevel(ASK, AMOUNT)])

    async def trades_since(self, symbol: str, tid: int) -> Sequence[TradeRecord]:
        return []

    async def minutes(self, symbol: str) -> Sequence[Candle]:
        start = now() // 60_000 * 60_000
        return [Candle(start - n * 60_000, 100, 101, 99, 100, 1) for n in range(1, 61)]

    async def time(self) -> float | None:
        return time.time()

    @asynccontextmanager
    async def stream(
        self, symbol: str, clock: Clock, *, interface: str, stall_seconds: float
    ) -> AsyncIterator[ToyStream]:
        yield ToyStream()


class Toy:
    fees = FeeTable.of((0, 10, 25))

    def __init__(
        self, settings: VenueSettings, keys: Keys | None = None, *, timeout: float = 10.0
    ) -> None:
        self.address = "in this process"
        self.market = ToyMarket()

    def account(
        self, symbol: str, withheld: Callable[[Intent], str] = lambda _: ""
    ) -> VenueAccount:
        raise NotImplementedError("the toy has no accounts: trade on paper")

    async def aclose(self) -> None:
        """Does nothing: nothing is open."""
