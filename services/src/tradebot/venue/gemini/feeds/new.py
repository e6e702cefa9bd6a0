"""The new WebSocket (`wss://ws.gemini.com`): depth updates in sequence, and trades; times in ns.

With `snapshot=-1` the first depth update is the whole book, with `U` equal to `u`. Each later one
begins at the last `u` plus one. Sizes are absolute and have no reason, so reasons are derived.
Source: Gemini's documentation, streams and message format.
"""

from decimal import Decimal
from typing import Any

import msgspec

from tradebot import records
from tradebot.domain.book import ChangeReasons
from tradebot.records import Side, TradeRecord
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.events import BookEvent, Change, MarketEvent, TimeEvent, TradeEvent
from tradebot.venue.gemini.feeds.base import BookKeeper
from tradebot.venue.market import Clock


class _Failure(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Frame(msgspec.Struct, gc=False):
    kind: str = msgspec.field(default="", name="e")
    time: int = msgspec.field(default=0, name="E")
    first: int = msgspec.field(default=0, name="U")
    last: int = msgspec.field(default=0, name="u")
    bids: list[tuple[str, str]] | str = msgspec.field(default_factory=list, name="b")
    asks: list[tuple[str, str]] | str = msgspec.field(default_factory=list, name="a")
    symbol: str = msgspec.field(default="", name="s")
    trade_id: int | str | None = msgspec.field(default=None, name="t")
    price: str = msgspec.field(default="", name="p")
    amount: str = msgspec.field(default="", name="q")
    buyer_made: bool = msgspec.field(default=False, name="m")
    status: int | None = None
    error: _Failure | None = None


def milliseconds(time: int) -> int:
    """Converts a time of the new interface to ms: most are in ns, some in ms.

    >>> milliseconds(1751508260659505382), milliseconds(1768250434780)
    (1751508260659, 1768250434780)
    """
    return time // 1_000_000 if time > 10**16 else time


class NewFeed(BookKeeper):
    """One connection of the new interface."""

    def __init__(self, symbol: str, clock: Clock) -> None:
        super().__init__(symbol, clock)
        self._decoder = msgspec.json.Decoder(_Frame)
        self._reasons = ChangeReasons()
        self._last: int | None = None

    def path(self) -> str:
        """The root; the first depth update must be the whole book."""
        return "?snapshot=-1"

    def hello(self) -> list[str]:
        """Subscribes to the symbol's depth and trades."""
        name = self.symbol.lower()
        streams = [f"{name}@trade", f"{name}@depth@100ms"]
        request: dict[str, Any] = {"id": "feed", "method": "subscribe", "params": streams}
        return [msgspec.json.encode(request).decode()]

    def read(self, frame: bytes | str) -> list[MarketEvent]:
        """Parses a frame; empty for acknowledgements and other symbols."""
        try:
            message = records.read(self._decoder, frame)
        except msgspec.DecodeError as error:
            raise FeedBrokenError("malformed", str(error)) from None
        if message.status is not None:
            self._acknowledged(message)
            return []
        if message.symbol.upper() != self.symbol:
            return []
        if message.kind == "depthUpdate":
            return self._depth(message)
        if message.trade_id is not None and message.price and message.amount:
            return [self._trade(message)]
        return []

    def _acknowledged(self, message: _Frame) -> None:
        if message.status != 200:
            why = message.error or _Failure()
            text = f"subscription rejected with {message.status}: {why.code} {why.msg}"
            raise FeedBrokenError("refused", text.strip())

    def _depth(self, message: _Frame) -> list[MarketEvent]:
        if isinstance(message.bids, str) or isinstance(message.asks, str):
            raise FeedBrokenError("malformed", "a depth update without levels")
        ts = milliseconds(message.time)
        if self._last is None:
            if message.first != message.last:
                raise FeedBrokenError("gap", "the first depth update is not a full book")
            self._last = message.last
            self.observe_time(ts)
            return [self.whole(message.bids, message.asks, ts)]
        if message.last <= self._last:
            return []
        if self._last + 1 < message.first:
            missing = f"missing updates {self._last + 1} to {message.first - 1}"
            raise FeedBrokenError("gap", missing)
        self._last = message.last
        self.observe_time(ts)
        changes: list[Change] = []
        self._changes("bid", message.bids, ts, changes)
        self._changes("ask", message.asks, ts, changes)
        self.check_crossed()
        return [BookEvent(self.symbol, ts, changes) if changes else TimeEvent(ts)]

    def _changes(
        self, side: Side, levels: list[tuple[str, str]], ts: int, changes: list[Change]
    ) -> None:
        for price, size in levels:
            at, before, after = self.change(side, price, size)
            changes.append((side, price, size, self._reasons.reason(side, at, before, after, ts)))

    def _trade(self, message: _Frame) -> TradeEvent:
        ts = milliseconds(message.time)
        self.observe_time(ts)
        maker: Side = "bid" if message.buyer_made else "ask"
        try:
            self._reasons.trade(maker, Decimal(message.price), Decimal(message.amount), ts)
            number = int(message.trade_id or 0)
        except (ArithmeticError, ValueError) as error:
            raise FeedBrokenError("malformed", f"unreadable trade: {error}") from None
        return TradeEvent(
            TradeRecord(self.symbol, number, message.price, message.amount, maker, ts)
        )
