"""What the page shows of one symbol: order book, price, windows and forecast. Pure."""

import math
from collections import deque
from decimal import Decimal
from typing import Any

from tradebot.domain.book import OrderBook
from tradebot.records import FeedRecord, ForecastRecord, LiquidityRecord, TradeRecord
from tradebot.window_records import Gatherer

LEVELS = 12
WINDOWS = 180
PRICE_EVERY_MS = 2000
PRICES = 5400
FORECAST_STEPS = 240
MOVE_MS = 3_600_000


class SymbolView:
    """One symbol, from the topics. `revisions` count the changes of each section."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.ts = 0
        self.revisions = dict.fromkeys(("quote", "windows", "forecast"), 0)
        self.prices: deque[tuple[int, float]] = deque(maxlen=PRICES)
        self.prices_seen = 0
        self._book = OrderBook()
        self._last: TradeRecord | None = None
        self._windows: dict[int, dict[str, Any]] = {}
        self._gatherer = Gatherer()
        self._forecast: ForecastRecord | None = None

    def feed(self, record: FeedRecord) -> None:
        """Applies a change of the order book; the first of a connection clears it."""
        if record.seq == 0:
            self._book.clear()
        self._book.set(record.side, Decimal(record.price), Decimal(record.remaining))
        self.ts = max(self.ts, record.ts)
        if not self.prices or record.ts - self.prices[-1][0] >= PRICE_EVERY_MS:
            mid = self.mid()
            # While the levels of a move arrive one by one, the book may be crossed briefly.
            if mid is not None and record.reason != "initial" and not self._book.crossed():
                self.add_price(record.ts, mid)
        self.revisions["quote"] += 1

    def add_price(self, ts: int, price: float) -> None:
        """Adds a price, unless it is older than the newest."""
        if not self.prices or ts > self.prices[-1][0]:
            self.prices.append((ts, price))
            self.prices_seen += 1

    def trade(self, record: TradeRecord) -> None:
        """Adds a trade of the venue."""
        self._last = record
        self.ts = max(self.ts, record.ts)
        self.revisions["quote"] += 1

    def liquidity(self, record: LiquidityRecord) -> None:
        """Adds one of a window's three records; the window shows once all have come."""
        whole = self._gatherer.add(record)
        if whole is not None:
            names = ("end", "bid", "ask", "ratio", "complete")
            self._windows[whole.end] = {name: getattr(whole, name) for name in names}
            self._keep_windows()

    def stored_window(self, body: dict[str, Any]) -> None:
        """Adds a window from the store."""
        names = {"bid": "bid", "ask": "ask", "ratio": "ratio", "complete": "complete"}
        end = body["window_end"]
        self._windows[end] = {"end": end} | {new: body[old] for old, new in names.items()}
        self._keep_windows()

    def _keep_windows(self) -> None:
        while len(self._windows) > WINDOWS:
            del self._windows[min(self._windows)]
        self.revisions["windows"] += 1

    def forecast(self, record: ForecastRecord) -> None:
        """Replaces the forecast with a newer one."""
        if self._forecast is None or record.fitted_at >= self._forecast.fitted_at:
            self._forecast = record
            self.revisions["forecast"] += 1

    def mid(self) -> float | None:
        """Returns the price halfway between best bid and ask; `None` while a side is unknown."""
        mid = self._book.mid()
        return None if mid is None else float(mid)

    def quote(self) -> dict[str, Any]:
        """Returns the best prices, the book near them, the last trade and the hour's move."""
        mid = self.mid()
        bid, ask = self._book.best("bid"), self._book.best("ask")
        past = self._price_before(self.ts - MOVE_MS)
        return {
            "ts": self.ts,
            "mid": mid,
            "bid": None if bid is None else float(bid),
            "ask": None if ask is None else float(ask),
            "spread_bps": None if mid is None else float((ask or 0) - (bid or 0)) / mid * 1e4,
            "move": None if mid is None or past is None else mid / past[1] - 1,
            "move_minutes": None if past is None else round((self.ts - past[0]) / 60_000),
            "last": None
            if self._last is None
            else {
                "price": float(self._last.price),
                "amount": float(self._last.amount),
                "side": "sell" if self._last.maker_side == "bid" else "buy",
                "ts": self._last.ts,
            },
            "bids": self._levels("bid"),
            "asks": self._levels("ask"),
        }

    def _levels(self, side: Any) -> list[list[float]]:
        levels = self._book.levels(side)
        return [[float(price), float(size)] for price, size in _first(levels, LEVELS)]

    def _price_before(self, ts: int) -> tuple[int, float] | None:
        return next((p for p in self.prices if p[0] >= ts), None)

    def windows(self) -> list[dict[str, Any]]:
        """Returns the complete windows, oldest first."""
        return sorted(self._windows.values(), key=lambda w: w["end"])

    def forecast_shown(self) -> dict[str, Any] | None:
        """Returns the first steps of the newest forecast, as prices."""
        record = self._forecast
        if record is None or not record.log_price:
            return None
        steps = slice(0, FORECAST_STEPS)
        return {
            "model": record.model,
            "digest": record.digest,
            "fitted_at": record.fitted_at,
            "start": record.start,
            "step_ms": record.step_ms,
            "steps": len(record.log_price),
            "interval": record.interval,
            "price": _prices(record.log_price[steps]),
            "lower": _prices(record.lower[steps]),
            "upper": _prices(record.upper[steps]),
        }


def _prices(logs: list[float]) -> list[float]:
    return [round(math.exp(value), 2) for value in logs]


def _first(levels: Any, count: int) -> list[tuple[Decimal, Decimal]]:
    return [level for level, _ in zip(levels, range(count), strict=False)]
