"""Checks changes of the order book; topic `gemini-feed`."""

from tradebot.domain.bounds import MAX_PRICE, MAX_SIZE
from tradebot.plausible.values import UNKNOWN, Now, number_fault, symbol_fault, time_fault
from tradebot.records import FeedRecord


def fault(record: FeedRecord, now: Now = UNKNOWN) -> str | None:
    """Returns why the change is implausible, or `None`; a size of 0 removes the level."""
    return (
        symbol_fault(record.symbol)
        or time_fault("ts", record.ts, now)
        or number_fault("price", record.price, MAX_PRICE)
        or number_fault("remaining", record.remaining, MAX_SIZE, zero=True)
    )
