"""Metrics of ingest."""

from typing import get_args

from prometheus_client import Counter, Gauge

from tradebot.venue.errors import BreakCause

FRAMES = Counter("tradebot_ingest_frames_total", "Frames read from the venue", ["symbol"])
RECORDS = Counter("tradebot_ingest_records_total", "Records handed to Kafka", ["symbol", "topic"])
CONNECTIONS = Counter(
    "tradebot_ingest_connections_total",
    "Connections of the feed that began with a whole book",
    ["symbol"],
)
BREAKS = Counter(
    "tradebot_ingest_breaks_total",
    "Connections that ended, by cause: gap, malformed, refused, closed, stalled, crossed, overload",
    ["symbol", "cause"],
)
UNDELIVERED = Counter(
    "tradebot_ingest_undelivered_total", "Records that Kafka did not take", ["symbol"]
)
SILENCE = Gauge(
    "tradebot_ingest_silence_seconds", "Real seconds since the venue's last frame", ["symbol"]
)
QUEUE = Gauge("tradebot_ingest_queue_records", "Records that wait for Kafka", ["symbol"])
BOOK_LEVELS = Gauge("tradebot_ingest_book_levels", "Price levels of the book", ["symbol"])


def from_zero(symbol: str) -> None:
    """Begins each counter: an increase is seen only against a value that was there."""
    for each in (FRAMES, CONNECTIONS, UNDELIVERED):
        each.labels(symbol)
    for cause in get_args(BreakCause):
        BREAKS.labels(symbol, cause)
