"""What the feeds of all interfaces share: the order book, its checks, and how a feed breaks."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final, Protocol

from tradebot.domain.book import OrderBook
from tradebot.records import Side as BookSide
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.events import BookEvent, Change, MarketEvent
from tradebot.venue.market import Clock

Levels = Sequence[tuple[str, str]]
"""Price and size of each level."""

CROSSED_FRAMES: Final = 200
"""A book that stays crossed for this many changes is wrong, not just between two of them."""

AHEAD_MS: Final = 600_000
"""Limit of a frame's time ahead of the clock; silence ends a connection long before."""


class Feed(Protocol):
    """Parses one connection's frames."""

    book: OrderBook
    dated: bool
    """Whether the times of its events can be trusted; until then they are held back."""

    def path(self) -> str:
        """Returns what follows the interface's base address."""

    def hello(self) -> list[str]:
        """Returns what to send once connected."""

    def read(self, frame: bytes | str) -> list[MarketEvent]:
        """Parses a frame; empty if it is not about the market.

        Raises:
            FeedBrokenError: a gap, an unreadable frame, or a refusal.
        """


class BookKeeper:
    """Keeps the order book of one connection; the feeds extend it.

    Args:
        symbol: upper case.
        clock: gives the time of messages that have none.
    """

    def __init__(self, symbol: str, clock: Clock) -> None:
        self.book = OrderBook()
        self.symbol = symbol
        self.clock = clock
        self._held: list[MarketEvent] = []
        self._crossed = 0
        self._stamp = 0
        self.dated = False
        self._first: int | None = None

    def whole(self, bids: Levels, asks: Levels, ts: int) -> BookEvent:
        """Replaces the book by `bids` and `asks`, as price and size."""
        self.book.clear()
        changes: list[Change] = []
        sides: tuple[tuple[BookSide, Levels], ...] = (("bid", bids), ("ask", asks))
        for side, levels in sides:
            for price, size in levels:
                self.change(side, price, size)
                changes.append((side, price, size, "initial"))
        return BookEvent(self.symbol, ts, changes, snapshot=True)

    def change(self, side: BookSide, price: str, size: str) -> tuple[Decimal, Decimal, Decimal]:
        """Sets the level's total size; returns its price, old size and new size."""
        try:
            at, after = Decimal(price), Decimal(size)
            return at, self.book.set(side, at, after), after
        except InvalidOperation:
            raise FeedBrokenError(
                "malformed", (f"invalid level: size {size!r}, price {price!r}")
            ) from None

    def check_crossed(self) -> None:
        """Breaks the feed if the book stays crossed: a trade may take a moment to show in it."""
        if not self.book.crossed():
            self._crossed = 0
            return
        self._crossed += 1
        if self._crossed > CROSSED_FRAMES:
            bid, ask = self.book.best("bid"), self.book.best("ask")
            raise FeedBrokenError("crossed", f"best bid {bid} is not below best ask {ask}")

    def observe_time(self, ts: int) -> None:
        """Records that the venue stamped `ts` (ms) on the frame.

        A connection's first time is trusted if the clock agrees with it, or else once the second
        agrees with it.

        Raises:
            FeedBrokenError: the time is implausible between two frames of a connection. Readers
                that use the book's time would treat all that follows as late.
        """
        now = self.clock.now()
        ahead = ts - now
        if self.dated and ahead > AHEAD_MS:
            raise FeedBrokenError("malformed", f"a frame's time is {ahead // 1000} s in the future")
        self.clock.observe(ts)
        if self.dated:
            return
        if self._first is None:
            self._first = ts
            self.dated = now > 0 and ahead <= AHEAD_MS
        elif abs(ts - self._first) > AHEAD_MS:
            apart = abs(ts - self._first) // 1000
            raise FeedBrokenError("malformed", f"its first two times are {apart} s apart")
        else:
            self.dated = True
            self.clock.follow(ts)

    def stamp(self) -> int:
        """Returns the venue's time in ms, 0 if unknown. It never goes back, though the clock does
        if it ran ahead of the venue's."""
        self._stamp = max(self._stamp, self.clock.now())
        return self._stamp

    def released(self, events: list[MarketEvent], now: int) -> list[MarketEvent]:
        """Returns the events, after those held back; holds them while the time is unknown.

        Args:
            events: stamped with `now` if the venue gave no time.
            now: from `stamp`; 0 while the venue's time is unknown.
        """
        if now == 0:
            self._held += events
            return []
        if not self._held:
            return events
        held, self._held = self._held, []
        return [
            BookEvent(event.symbol, now, event.changes, event.snapshot)
            if isinstance(event, BookEvent) and event.ts == 0
            else event
            for event in (*held, *events)
        ]
