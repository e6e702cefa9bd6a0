"""Checks forecasts; topic `forecasts`."""

import math

from tradebot.domain.bounds import EARLIEST, LATEST
from tradebot.plausible.values import (
    DAY_MS,
    MAX_LOG_PRICE,
    UNKNOWN,
    Now,
    name_fault,
    symbol_fault,
    time_fault,
)
from tradebot.records import ForecastRecord, TrainingRecord

MAX_SCORE = 1e9
"""Largest mean log score, in nats."""

MAX_SPAN_MS = 366 * DAY_MS
"""Longest time from a forecast's first step to its last."""


def fault(record: ForecastRecord, now: Now = UNKNOWN) -> str | None:
    """Returns why the forecast is implausible, or `None`."""
    return (
        symbol_fault(record.symbol)
        or name_fault("model", record.model)
        or name_fault("digest", record.digest)
        or _times_fault(record, now)
        or _span_fault(record)
        or _paths_fault(record)
        or _judgement_fault(record)
    )


def _times_fault(record: ForecastRecord, now: Now) -> str | None:
    for name in ("history_end", "fitted_at", "start"):
        found = time_fault(name, getattr(record, name), now)
        if found is not None:
            return found
    if record.start < record.history_end:
        return "it starts before the last minute that its model saw"
    if record.history_start and not EARLIEST <= record.history_start <= record.history_end:
        return f"history_start is {str(record.history_start)[:30]}"
    return None


def _span_fault(record: ForecastRecord) -> str | None:
    steps = len(record.log_price)
    if not steps or not 0 < record.step_ms <= DAY_MS or steps * record.step_ms > MAX_SPAN_MS:
        return f"it has {steps} steps of {str(record.step_ms)[:30]} ms"
    return None


def _paths_fault(record: ForecastRecord) -> str | None:
    steps = len(record.log_price)
    for name, path in (("lower", record.lower), ("upper", record.upper)):
        if len(path) not in (0, steps):
            return f"{name} has {len(path)} steps and log_price {steps}"
    for name, path in (
        ("log_price", record.log_price),
        ("lower", record.lower),
        ("upper", record.upper),
    ):
        if not all(-MAX_LOG_PRICE <= value <= MAX_LOG_PRICE for value in path):
            return f"{name} holds a log price beyond ±{MAX_LOG_PRICE:.1f}"
    return None


def _judgement_fault(record: ForecastRecord) -> str | None:
    if not 0 < record.interval < 1:
        return f"interval is {record.interval}"
    if record.score is not None and not math.isfinite(record.score):
        return f"score is {record.score}"
    found = None if record.training is None else _training_fault(record.training)
    if found is not None:
        return found
    return None if record.rows >= 0 else f"rows is {record.rows}"


def _training_fault(training: TrainingRecord) -> str | None:
    for name in ("window_start", "window_end", "next_at", "holdout_start", "holdout_end"):
        time = getattr(training, name)
        if not (EARLIEST <= time < LATEST or (time == 0 and name.startswith("holdout"))):
            return f"training.{name} is {str(time)[:30]}"
    for name in ("score", "persistence", "previous", "rejected"):
        value = getattr(training, name)
        if value is not None and not abs(value) < MAX_SCORE:
            return f"training.{name} is {value}"
    return None
