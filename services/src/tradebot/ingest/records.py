"""Turns a connection's events into records. Pure.

`seq` counts the records of a connection from 0, so readers of `gemini-feed` recognise a new
connection by a 0 and a loss by a gap.
"""

from collections.abc import Iterable
from typing import Final

from tradebot.records import FeedRecord, TradeRecord, encode
from tradebot.venue.port import BookEvent, TradeEvent

REMEMBERED: Final = 1000


class Connection:
    """The records of one connection.

    Args:
        symbol: upper case.
        last_trade: id of the last trade before which none is missing; `None` before the first.

    Attributes:
        filled: whether the trades missed since the last connection are published.
    """

    def __init__(self, symbol: str, last_trade: int | None = None) -> None:
        self._symbol = symbol
        self.last_trade = last_trade
        self.since = last_trade
        self.filled = last_trade is None
        self._trades: dict[int, None] = {}
        self._seq = 0

    def following(self) -> "Connection":
        """Returns the next connection, which takes over what this one has not filled in."""
        if self.filled:
            return Connection(self._symbol, self.last_trade)
        after = Connection(self._symbol, self.since)
        after.last_trade, after._trades = self.last_trade, self._trades
        return after

    @property
    def count(self) -> int:
        """Number of order book records so far."""
        return self._seq

    def feed(self, event: BookEvent) -> list[bytes]:
        """Returns one record per level, in the order of the event."""
        first = self._seq
        self._seq += len(event.changes)
        symbol, ts = event.symbol, event.ts
        return [
            encode(FeedRecord(side, price, remaining, symbol, ts, reason, seq))
            for seq, (side, price, remaining, reason) in enumerate(event.changes, first)
        ]

    def trade(self, event: TradeEvent) -> bytes | None:
        """Returns the trade's record; `None` if it was published already."""
        trade = event.trade
        return encode(trade) if self._is_new(trade.tid) else None

    def _is_new(self, tid: int) -> bool:
        """Whether this connection has not published the trade; remembers the last thousand."""
        if tid in self._trades:
            return False
        self._trades[tid] = None
        if len(self._trades) > REMEMBERED:
            del self._trades[next(iter(self._trades))]
        self.last_trade = tid
        return True

    def missed(self, trades: Iterable[TradeRecord]) -> list[bytes]:
        """Returns records of the trades between the last connection and this one, oldest first.

        Args:
            trades: the venue's trades since then, in any order.
        """
        last = self.last_trade
        gap = [
            trade
            for trade in sorted(trades, key=lambda trade: trade.tid)
            if (self.since is None or trade.tid > self.since) and self._is_new(trade.tid)
        ]
        if gap and last is not None:
            self.last_trade = max(last, gap[-1].tid)
        return [encode(trade) for trade in gap]
