"""Checks closed minutes; topic `minutes`."""

import math

from tradebot.domain.bounds import MAX_PRICE, MAX_SIZE
from tradebot.plausible.values import MAX_FLOW, UNKNOWN, Now, symbol_fault, time_fault
from tradebot.records import MinuteRecord

MINUTE_MS = 60_000


def fault(record: MinuteRecord, now: Now = UNKNOWN) -> str | None:
    """Returns why the minute is implausible, or `None`."""
    return (
        symbol_fault(record.symbol)
        or time_fault("start", record.start, now)
        or (f"start is {record.start}: not a whole minute" if record.start % MINUTE_MS else None)
        or _prices_fault(record)
        or _float_fault("volume", record.volume, MAX_SIZE)
        or _flows_fault(record)
    )


def _prices_fault(record: MinuteRecord) -> str | None:
    names = ("open", "high", "low", "close", "weighted")
    prices = {name: getattr(record, name) for name in names}
    if all(price is None for price in prices.values()):
        return None if record.volume == 0 else "it has volume and no prices"
    for name, price in prices.items():
        if price is None or not 0 < price <= MAX_PRICE:
            return f"{name} is {price}: not a number above 0 to {MAX_PRICE:g}"
    if record.low > min(record.open, record.close) or record.high < max(record.open, record.close):  # type: ignore[operator,type-var]
        return f"the prices lie outside low {record.low} to high {record.high}"
    return None


def _flows_fault(record: MinuteRecord) -> str | None:
    for name in ("bid_flow", "ask_flow", "ratio"):
        value = getattr(record, name)
        if value is not None and (reason := _float_fault(name, value, MAX_FLOW)):
            return reason
    return None


def _float_fault(name: str, value: float, most: float) -> str | None:
    if math.isfinite(value) and 0 <= value <= most:
        return None
    return f"{name} is {value}: not a number from 0 to {most:g}"
