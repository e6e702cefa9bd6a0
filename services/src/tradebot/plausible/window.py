"""Checks results of a window; topic `faust.out`."""

import math

from tradebot.plausible.values import DAY_MS, MAX_FLOW, UNKNOWN, Now, symbol_fault, time_fault
from tradebot.records import LiquidityRecord


def fault(record: LiquidityRecord, now: Now = UNKNOWN) -> str | None:
    """Returns why the result is implausible. The original records have no symbol or ends."""
    end = record.window_end or record.timestamp * 1000
    return (
        (symbol_fault(record.symbol) if record.symbol else None)
        or time_fault("the window's end", end, now)
        or _span_fault(record, end)
        or _value_fault(record)
        or (None if record.events >= 0 else f"events is {record.events}")
    )


def _span_fault(record: LiquidityRecord, end: int) -> str | None:
    if record.timestamp * 1000 != end:
        return f"timestamp is {str(record.timestamp)[:30]} and window_end {end}: not one time"
    start = record.window_start or end - 60_000
    if not 0 < end - start <= DAY_MS:
        return f"the window goes from {str(start)[:30]} to {end}"
    return None


def _value_fault(record: LiquidityRecord) -> str | None:
    value, ratio = record.value, record.type == "price_volume"
    if value is None:
        return None if ratio else f"the {record.type} flow is null"
    if math.isfinite(value) and 0 <= value <= MAX_FLOW and (value > 0 or not ratio):
        return None
    return f"the {'ratio' if ratio else record.type + ' flow'} is {value}"
