"""Metrics of the recorder."""

from prometheus_client import Counter, Gauge, Histogram

from tradebot.records import DocType

DOCUMENTS = Counter("tradebot_recorder_documents_total", "Documents stored, by kind", ["doc_type"])
BACKLOG = Gauge(
    "tradebot_recorder_backlog_records", "Records of the topic that are not stored yet", ["topic"]
)
WRITE_SECONDS = Histogram(
    "tradebot_recorder_write_seconds",
    "Duration of a batch write",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
STORE_FAILURES = Counter(
    "tradebot_recorder_store_failures_total", "Failed writes to the store, which are retried"
)
LAST_WRITE = Gauge(
    "tradebot_recorder_last_write_timestamp_seconds", "Time of the last successful batch write"
)
LOST_WINDOWS = Counter("tradebot_recorder_lost_windows_total", "Windows with a missing record")


def from_zero() -> None:
    """Starts each counter at 0: `increase()` needs a first value."""
    for kind in DocType:
        DOCUMENTS.labels(kind)
