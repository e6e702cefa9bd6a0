"""Metrics of the forecast stage."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

LABELS: Final = ["symbol", "model"]

FIT_SECONDS = Histogram(
    "tradebot_forecast_fit_seconds",
    "Real time of a fit",
    LABELS,
    buckets=(0.001, 0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300, 1800),
)
AGE_SECONDS = Gauge(
    "tradebot_forecast_age_seconds",
    "Exchange time since the last minute that the published forecast knew was over",
    LABELS,
)
MODEL_AGE_SECONDS = Gauge(
    "tradebot_forecast_model_age_seconds", "Exchange time since the model was fitted", LABELS
)
ROWS = Gauge("tradebot_forecast_rows", "Minutes that the model was fitted on", LABELS)
SCORE = Gauge(
    "tradebot_forecast_score",
    "Mean log score above persistence's in the last evaluation, in nats; absent before one",
    LABELS,
)
PUBLISHED = Counter("tradebot_forecast_published_total", "Forecasts acknowledged", LABELS)
FAILURES = Counter("tradebot_forecast_failures_total", "Forecasts that could not be made", LABELS)
MEMORY_BYTES = Gauge(
    "tradebot_forecast_model_memory_bytes", "Most memory the model's process had", LABELS
)
TRADES = Counter("tradebot_forecast_trades_total", "Trades read", ["symbol"])
LATE_TRADES = Gauge(
    "tradebot_forecast_late_trades", "Trades that came after their minute was closed", ["symbol"]
)


def from_zero(symbol: str, model: str) -> None:
    """Begins each counter: an increase is seen only against a value that was there."""
    for each in (PUBLISHED, FAILURES):
        each.labels(symbol, model)
    TRADES.labels(symbol)
