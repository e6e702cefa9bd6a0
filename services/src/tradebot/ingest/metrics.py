"""Metrics of ingest."""

from typing import get_args

from prometheus_client import Counter, Gauge

from tradebot.venue.errors import BreakCause

FRAMES = Counter("tradebot_ingest_frames_total", "Frames read from the venue", ["symbol"])
RECORDS = Counter("tradebot_ingest_records_total", "Records sent to Kafka", ["symbol", "topic"])
CONNECTIONS = Counter(
    "tradebot_ingest_connections_total",
    "Feed connections that began with a full book",
    ["symbol"],
)
BREAKS = Counter(
    "tradebot_ingest_breaks_total",
    "Disconnects by cause: gap, malformed, refused, closed, stalled, crossed, overload",
    ["symbol", "cause"],
)
UNDELIVERED = Counter(
    "tradebot_ingest_undelivered_total", "Records that Kafka did not accept", ["symbol"]
)
SILENCE = Gauge(
    "tradebot_ingest_silence_seconds", "Real seconds since the venue's last frame", ["symbol"]
)
QUEUE = Gauge("tradebot_ingest_queue_records", "Records waiting for Kafka", ["symbol"])
MINUTES = Counter("tradebot_ingest_minutes_total", "Closed minutes published", ["symbol"])
LAST_MINUTE = Gauge(
    "tradebot_ingest_last_minute_start_seconds", "Start of the newest minute published", ["symbol"]
)
BOOK_LEVELS = Gauge("tradebot_ingest_book_levels", "Price levels in the book", ["symbol"])


def from_zero(symbol: str) -> None:
    """Starts each counter at 0: `increase()` needs a first value."""
    for each in (FRAMES, CONNECTIONS, UNDELIVERED, MINUTES):
        each.labels(symbol)
    for cause in get_args(BreakCause):
        BREAKS.labels(symbol, cause)
