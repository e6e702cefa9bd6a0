"""Metrics of the forecast stage."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

LABELS: Final = ["symbol", "model"]

FIT_SECONDS = Histogram(
    "tradebot_forecast_fit_seconds",
    "Duration of a fit in real time",
    LABELS,
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300, 1800),
)
AGE_SECONDS = Gauge(
    "tradebot_forecast_age_seconds",
    "Exchange time since the end of the newest minute in the forecast's data",
    LABELS,
)
MODEL_AGE_SECONDS = Gauge(
    "tradebot_forecast_model_age_seconds", "Exchange time since the model was fitted", LABELS
)
ROWS = Gauge("tradebot_forecast_rows", "Minutes the model was fitted on", LABELS)
SCORE = Gauge(
    "tradebot_forecast_score",
    "Mean log score relative to persistence in the last evaluation, in nats; absent before the "
    "first",
    LABELS,
)
PUBLISHED = Counter("tradebot_forecast_published_total", "Forecasts acknowledged by Kafka", LABELS)
FAILURES = Counter("tradebot_forecast_failures_total", "Failed forecasts", LABELS)
MEMORY_BYTES = Gauge(
    "tradebot_forecast_model_memory_bytes", "Peak memory of the model process", LABELS
)
TRADES = Counter("tradebot_forecast_trades_total", "Trades read", ["symbol"])
LATE_TRADES = Gauge(
    "tradebot_forecast_late_trades", "Trades that arrived after their minute was closed", ["symbol"]
)


def from_zero(symbol: str, model: str) -> None:
    """Starts each counter at 0: `increase()` needs a first value."""
    for each in (PUBLISHED, FAILURES):
        each.labels(symbol, model)
    TRADES.labels(symbol)
