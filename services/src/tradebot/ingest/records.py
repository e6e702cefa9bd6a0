"""What a connection's events become on the topics: pure.

`seq` counts the records of a connection from 0, so that whoever reads `gemini-feed` sees a new
connection by a 0 and a loss by a step.
"""

from tradebot.records import FeedRecord, encode
from tradebot.venue.events import BookEvent, TradeEvent


class Connection:
    """The records of one connection.

    Args:
        last_trade: id of the last trade that an earlier connection told; `None` before the first,
            when trades of the past are left out.
    """

    def __init__(self, last_trade: int | None = None) -> None:
        self.last_trade = last_trade
        self._seq = 0

    @property
    def told(self) -> int:
        """Records of the book so far."""
        return self._seq

    def feed(self, event: BookEvent) -> list[bytes]:
        """A record a level, in the order of the event."""
        first = self._seq
        self._seq += len(event.changes)
        symbol, ts = event.symbol, event.ts
        return [
            encode(FeedRecord(side, price, remaining, symbol, ts, reason, seq))
            for seq, (side, price, remaining, reason) in enumerate(event.changes, first)
        ]

    def trade(self, event: TradeEvent) -> bytes | None:
        """The trade's record; `None` where it was told before, or is of the past."""
        trade = event.trade
        if event.past and (self.last_trade is None or trade.tid <= self.last_trade):
            return None
        self.last_trade = trade.tid
        return encode(trade)
