"""Buys for the same amount of quote currency at regular times, whatever the price."""

from tradebot.strategies.interface import Market, Strategy

PARAMETERS = {"quote": 100.0, "hours": (24, 1, 168)}
HOUR_MS = 3_600_000


class DollarCost(Strategy):
    """Buys for `quote` at the first bar of each span of `hours`; spans count from 1970, UTC."""

    def __init__(self, quote: float = 100.0, hours: int = 24) -> None:
        self._quote = quote
        self._span_ms = hours * HOUR_MS
        self._last: int | None = None

    def on_bar(self, market: Market) -> None:
        """Buys at market, once a span; a span that began before the first bar is left out."""
        span, within = divmod(market.ts, self._span_ms)
        due = within < market.step if self._last is None else span > self._last
        self._last = span
        if due:
            market.buy(amount=min(self._quote, market.cash) / market.close)
