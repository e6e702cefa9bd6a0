"""The operator's metrics."""

from prometheus_client import Counter, Gauge, Histogram, Info

from tradebot_operator import __version__

BUILD = Info("tradebot_operator_build", "Version of the operator")
BUILD.info({"version": __version__})
QUEUE_DEPTH = Gauge("tradebot_operator_queue_depth", "Keys waiting to be reconciled")
QUEUE_AGE = Gauge(
    "tradebot_operator_queue_age_seconds", "Waiting time of the oldest key in the queue"
)
RECONCILE_SECONDS = Histogram(
    "tradebot_operator_reconcile_seconds",
    "Duration of a reconcile",
    ["kind"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
)
ERRORS = Counter("tradebot_operator_errors_total", "Failed reconciles", ["kind"])
for _kind in ("unit", "bot", "canary", "sweep"):
    ERRORS.labels(_kind)  # start at 0: `increase()` needs a first value
WRITES = Counter("tradebot_operator_writes_total", "Writes to the API server", ["verb", "kind"])
CANARY_AGE = Gauge(
    "tradebot_operator_canary_age_seconds",
    "Time since the canary last passed from watch to queue to worker",
)
BOTS = Gauge("tradebot_operator_bots", "TradeBots being watched", ["ready"])
LAST_EVENT = Gauge("tradebot_operator_last_event_timestamp_seconds", "Time of the last watch event")
