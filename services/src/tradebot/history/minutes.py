"""Builds minute bars from trades, by the venue's time."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tradebot.plausible.trade import fault
from tradebot.records import TradeRecord

MINUTE: Final = 60_000
"""Milliseconds per minute."""
GRACE: Final = 1_000
"""Real milliseconds that a minute waits for late trades."""


@dataclass(frozen=True)
class Bar:
    """One minute's trades; fields as the columns of `bars.SCHEMA`."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    weighted: float


@dataclass
class _Open:
    trades: list[tuple[int, float, float]] = field(default_factory=list)

    def bar(self, ts: int) -> Bar:
        ordered = sorted(self.trades)
        prices = [price for _, price, _ in ordered]
        volume = sum(amount for _, _, amount in ordered)
        value = sum(price * amount for _, price, amount in ordered)
        weighted = value / volume if volume > 0 else prices[-1]
        return Bar(ts, prices[0], max(prices), min(prices), prices[-1], volume, weighted)


def _numbers(trade: TradeRecord) -> tuple[float, float]:
    """Returns the trade's price and amount."""
    reason = fault(trade)
    if reason is not None:
        raise ValueError(reason)
    return float(Decimal(trade.price)), float(Decimal(trade.amount))


class MinuteBars:
    """Gathers trades until their minute is over.

    A trade counts once by its `tid`. The first minute is dropped, because it may be incomplete.

    Args:
        speed: exchange milliseconds per real millisecond; also scales the wait for late trades.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.grace = int(GRACE * speed)
        self._open: dict[int, _Open] = {}
        self._known = 0
        self._closed = 0
        self._first: int | None = None
        self._seen: set[int] = set()
        self.late = 0
        """Trades that came after their minute was closed."""

    def known(self, end: int) -> None:
        """Skips minutes up to and including `end` (ms UTC)."""
        self._known = max(self._known, end)
        self._closed = max(self._closed, end)
        for minute in [minute for minute in self._open if minute <= end]:
            del self._open[minute]

    def add(self, trade: TradeRecord) -> None:
        """Adds a trade, in any order within its minute.

        Raises:
            ValueError: its time or its numbers are implausible.
        """
        price, amount = _numbers(trade)
        minute = trade.ts // MINUTE * MINUTE
        if self._first is None:
            self._first = minute
        if minute <= max(self._closed, self._first):
            self.late += minute > max(self._known, self._first)
            return
        if trade.tid in self._seen:
            return
        self._seen.add(trade.tid)
        self._open.setdefault(minute, _Open()).trades.append((trade.tid, price, amount))

    def waits(self, now: int) -> bool:
        """Whether a minute that is over at `now` (ms) waits to be closed."""
        return any(minute + MINUTE + self.grace <= now for minute in self._open)

    def close(self, now: int) -> list[Bar]:
        """Returns the bars of the minutes that are over at `now` (ms), oldest first."""
        over = sorted(minute for minute in self._open if minute + MINUTE + self.grace <= now)
        bars = []
        for minute in over:
            opened = self._open.pop(minute)
            self._seen.difference_update(tid for tid, _, _ in opened.trades)
            bars.append(opened.bar(minute))
            self._closed = minute
        return bars
