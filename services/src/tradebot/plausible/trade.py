"""Checks trades; topic `gemini-trades`."""

from tradebot.domain.bounds import MAX_PRICE, MAX_SIZE
from tradebot.plausible.values import UNKNOWN, Now, number_fault, symbol_fault, time_fault
from tradebot.records import TradeRecord


def fault(record: TradeRecord, now: Now = UNKNOWN) -> str | None:
    """Returns why the trade is implausible, or `None`."""
    return (
        symbol_fault(record.symbol)
        or time_fault("ts", record.ts, now)
        or number_fault("price", record.price, MAX_PRICE)
        or number_fault("amount", record.amount, MAX_SIZE, zero=True)
        or (None if 0 <= record.tid < 2**63 else f"tid is {str(record.tid)[:30]}")
    )
