"""Metrics of the liquidity stage."""

from prometheus_client import Counter, Gauge

EVENTS = Counter("tradebot_liquidity_events_total", "Feed records read")
WINDOWS = Counter("tradebot_liquidity_windows_total", "Windows written", ["symbol", "complete"])
LATE = Counter(
    "tradebot_liquidity_late_records_total",
    "Records dropped because their window was closed",
    ["partition"],
)
LAG = Gauge("tradebot_liquidity_lag_records", "Feed records not read yet", ["partition"])
LAST_WINDOW_END = Gauge(
    "tradebot_liquidity_last_window_end_seconds", "End of the last window written", ["symbol"]
)
RESETS = Counter(
    "tradebot_liquidity_resets_total",
    "Times a partition was read again from its committed offset",
    ["partition"],
)


def from_zero(partition: str) -> None:
    """Starts each counter at 0: `increase()` needs a first value."""
    for each in (LATE, RESETS):
        each.labels(partition)


def symbol_from_zero(symbol: str) -> None:
    """Starts the counters of a new symbol at 0."""
    for complete in ("true", "false"):
        WINDOWS.labels(symbol, complete)
