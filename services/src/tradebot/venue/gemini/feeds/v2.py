"""The second WebSocket (`/v2/marketdata`): changes with neither sequence nor time.

The time comes with trades and with a heartbeat every 5 s; in between the local clock runs on. A
trade comes before its change. The first message of a symbol is its whole book; its last 50 trades
are history, and left out. Source: Gemini's documentation, market data version 2, and recorded
streams.
"""

from typing import Any

import msgspec

from tradebot import records
from tradebot.domain.book import ChangeReasons, Side
from tradebot.domain.money import decimal_of
from tradebot.records import TradeRecord
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.events import BookEvent, Change, MarketEvent, TimeEvent, TradeEvent
from tradebot.venue.gemini.feeds.base import BookKeeper
from tradebot.venue.market import Clock


class _Frame(msgspec.Struct, gc=False):
    type: str = ""
    symbol: str = ""
    changes: list[tuple[str, str, str]] = []
    trades: list[Any] | None = None
    timestamp: int = 0
    event_id: int = 0
    price: str = ""
    quantity: str = ""
    side: str = ""
    tid: int = 0
    result: str = ""
    reason: str = ""


class V2Feed(BookKeeper):
    """One connection of the second interface."""

    def __init__(self, symbol: str, clock: Clock) -> None:
        super().__init__(symbol, clock)
        self._decoder = msgspec.json.Decoder(_Frame)
        self._reasons = ChangeReasons()
        self._begun = False

    def path(self) -> str:
        """The one stream of all symbols."""
        return "/v2/marketdata"

    def hello(self) -> list[str]:
        """Subscribes to the symbol's book and trades."""
        subscription: dict[str, Any] = {"name": "l2", "symbols": [self.symbol]}
        request = {"type": "subscribe", "subscriptions": [subscription]}
        return [msgspec.json.encode(request).decode()]

    def read(self, frame: bytes | str) -> list[MarketEvent]:
        """Parses a frame; empty for other symbols."""
        try:
            message = records.read(self._decoder, frame)
        except msgspec.DecodeError as error:
            raise FeedBrokenError("malformed", str(error)) from None
        if message.result == "error":
            raise FeedBrokenError("refused", message.reason)
        if message.type == "heartbeat":
            self.observe_time(message.timestamp)
            return self.released([TimeEvent(message.timestamp)], self.stamp())
        if message.symbol != self.symbol:
            return []
        if message.type == "l2_updates":
            now = self.stamp()
            return self.released(self._update(message, now), now)
        if message.type == "trade":
            event = self._trade(message)
            return self.released([event], self.stamp())
        return []

    def _update(self, message: _Frame, ts: int) -> list[MarketEvent]:
        if message.trades is not None:
            return self._begin(message, ts)
        if not self._begun:
            raise FeedBrokenError("gap", "a change arrived before the full book")
        changes: list[Change] = []
        for taker, price, size in message.changes:
            side: Side = "bid" if taker == "buy" else "ask"
            at, before, after = self.change(side, price, size)
            changes.append((side, price, size, self._reasons.reason(side, at, before, after, ts)))
        self.check_crossed()
        return [BookEvent(self.symbol, ts, changes)]

    def _begin(self, message: _Frame, ts: int) -> list[MarketEvent]:
        self._begun = True
        bids = [(price, size) for side, price, size in message.changes if side == "buy"]
        asks = [(price, size) for side, price, size in message.changes if side != "buy"]
        return [self.whole(bids, asks, ts)]

    def _trade(self, message: _Frame) -> TradeEvent:
        self.observe_time(message.timestamp)
        record = self._record(message)
        try:
            price, amount = decimal_of(record.price), decimal_of(record.amount)
        except ValueError as error:
            raise FeedBrokenError("malformed", f"unreadable trade: {error}") from None
        maker: Side = "bid" if record.maker_side == "bid" else "ask"
        self._reasons.trade(maker, price, amount, record.ts)
        return TradeEvent(record)

    def _record(self, trade: _Frame) -> TradeRecord:
        """Builds a trade's record; the venue sends the taker's side."""
        number = trade.tid or trade.event_id
        maker: Side = "ask" if trade.side == "buy" else "bid"
        return TradeRecord(self.symbol, number, trade.price, trade.quantity, maker, trade.timestamp)
