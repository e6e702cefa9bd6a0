"""Gemini's market data behind the port."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal

from tradebot.domain.instrument import Instrument
from tradebot.domain.money import plain
from tradebot.platform.settings import SettingsError
from tradebot.records import TradeRecord
from tradebot.venue.errors import RejectedError
from tradebot.venue.gemini.answers import TradeAnswer
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.feeds import INTERFACES, is_interface
from tradebot.venue.gemini.instruments import instrument_of
from tradebot.venue.gemini.market_data import connect
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.market import Book, Candle, Clock, MarketStream, Ticker

MAKERS: Final[dict[str, Literal["bid", "ask", "auction"]]] = {
    "buy": "ask",
    "sell": "bid",
    "auction": "auction",
}
"""The maker's side by the taker's side in `/v1/trades`; block trades are not in the book."""


class GeminiMarket:
    """See `port.MarketData`.

    Args:
        emulated: the address is an emulator's, which keeps more minutes than Gemini.
    """

    def __init__(self, rest: GeminiRest, endpoints: Endpoints, *, emulated: bool) -> None:
        self._rest = rest
        self._endpoints = endpoints
        self._emulated = emulated

    async def instrument(self, symbol: str) -> Instrument:
        """Reads the symbol's details."""
        return instrument_of(await self._rest.symbol_details(symbol))

    async def ticker(self, symbol: str) -> Ticker:
        """Reads the first version's ticker, which has a time."""
        return await self._rest.ticker(symbol)

    async def book(self, symbol: str) -> Book:
        """Reads fifty levels per side."""
        return await self._rest.book(symbol)

    async def trades_since(self, symbol: str, tid: int) -> list[TradeRecord]:
        """Returns up to 500, without block trades and broken ones."""
        found = await self._rest.trades(symbol, since_tid=tid)
        return [_record(symbol, each) for each in found if each.type in MAKERS and not each.broken]

    async def minutes(self, symbol: str) -> Sequence[Candle]:
        """Returns about a day from Gemini, everything from the emulator; no open minute."""
        candles: list[Candle] = []
        if self._emulated:
            try:
                candles = await self._rest.emulator_history(symbol)
            except RejectedError:
                candles = []
        candles = candles or await self._rest.candles(symbol)
        newest = max((candle.ts for candle in candles), default=0)
        return [candle for candle in candles if candle.ts != newest]

    async def time(self) -> float | None:
        """Reads the date of a response."""
        return await self._rest.time()

    def stream(
        self, symbol: str, clock: Clock, *, interface: str, stall_seconds: float
    ) -> AbstractAsyncContextManager[MarketStream]:
        """Connects to one of the three interfaces.

        Raises:
            SettingsError: Gemini has no such interface.
        """
        if not is_interface(interface):
            raise SettingsError(
                f"interface is {interface!r}: for gemini, use one of {', '.join(INTERFACES)}"
            )
        return connect(self._endpoints, symbol, interface, clock, stall_seconds=stall_seconds)


def _record(symbol: str, trade: TradeAnswer) -> TradeRecord:
    return TradeRecord(
        symbol,
        trade.tid,
        plain(trade.price),
        plain(trade.amount),
        MAKERS[trade.type],
        trade.timestampms,
    )
