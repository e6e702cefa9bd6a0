"""The first WebSocket (`/v1/marketdata/{symbol}`): changes with their reasons, times in ms.

The first message is the whole book, without a time. `socket_sequence` counts the connection's
messages from 0, heartbeats included. Source: Gemini's documentation, market data version 1.
"""

from typing import Final

import msgspec

from tradebot import records
from tradebot.domain.book import Side
from tradebot.records import FeedReason, TradeRecord
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.events import BookEvent, Change, MarketEvent, TimeEvent, TradeEvent
from tradebot.venue.gemini.feeds.base import BookKeeper
from tradebot.venue.market import Clock

REASONS: Final[dict[str, FeedReason]] = {
    "initial": "initial",
    "place": "place",
    "cancel": "cancel",
    "trade": "trade",
}


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    side: str = ""
    price: str = ""
    remaining: str = ""
    reason: str = ""
    tid: int = 0
    amount: str = ""
    makerSide: str = ""  # noqa: N815  # the venue's own name


class _Frame(msgspec.Struct, gc=False):
    type: str = ""
    timestampms: int = 0
    socket_sequence: int = -1
    events: list[_Event] = []
    result: str = ""
    reason: str = ""
    message: str = ""


class V1Feed(BookKeeper):
    """One connection of the first interface."""

    def __init__(self, symbol: str, clock: Clock) -> None:
        super().__init__(symbol, clock)
        self._decoder = msgspec.json.Decoder(_Frame)
        self._next = 0

    def path(self) -> str:
        """The symbol's stream. Flags must be given all or none, so all are."""
        return f"/v1/marketdata/{self.symbol}?heartbeat=true&bids=true&offers=true&trades=true"

    def hello(self) -> list[str]:
        """Nothing: the stream starts by itself."""
        return []

    def read(self, frame: bytes | str) -> list[MarketEvent]:
        """Parses a frame: its changes are one event, each trade is another."""
        try:
            message = records.read(self._decoder, frame)
        except msgspec.DecodeError as error:
            raise FeedBrokenError("malformed", str(error)) from None
        if message.result == "error":
            raise FeedBrokenError("refused", f"{message.reason}: {message.message}")
        if self._seen_before(message.socket_sequence):
            return []
        if message.timestampms:
            self.observe_time(message.timestampms)
        if message.type != "update":
            return [TimeEvent(message.timestampms)]
        now = self.stamp()
        return self.released(self._update(message, message.timestampms or now), now)

    def _seen_before(self, number: int) -> bool:
        """Whether the message of that number was read already; counts it if not.

        Raises:
            FeedBrokenError: a message before it is missing, or it has no number.
        """
        if number < 0:
            raise FeedBrokenError("malformed", "a message without socket_sequence")
        if number > self._next:
            raise FeedBrokenError("gap", f"expected message {self._next}, got {number}")
        if number < self._next:
            return True
        self._next = number + 1
        return False

    def _update(self, message: _Frame, ts: int) -> list[MarketEvent]:
        snapshot = message.socket_sequence == 0
        if snapshot:
            self.book.clear()
        changes: list[Change] = []
        events: list[MarketEvent] = []
        for event in message.events:
            if event.type == "change":
                side: Side = "bid" if event.side == "bid" else "ask"
                self.change(side, event.price, event.remaining)
                why = REASONS.get(event.reason, "place")
                changes.append((side, event.price, event.remaining, why))
            elif event.type == "trade":
                events.append(self._trade(event, ts))
        if changes or snapshot:
            self.check_crossed()
            events.append(BookEvent(self.symbol, ts, changes, snapshot))
        return events

    def _trade(self, event: _Event, ts: int) -> TradeEvent:
        maker = event.makerSide
        if maker not in ("bid", "ask", "auction"):
            raise FeedBrokenError("malformed", f"a trade with the unknown maker side {maker!r}")
        return TradeEvent(
            TradeRecord(self.symbol, event.tid, event.price, event.amount, maker, ts)  # type: ignore[arg-type]  # checked
        )
