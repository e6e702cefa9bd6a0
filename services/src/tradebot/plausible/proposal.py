"""Proposals of strategies; topic `proposals`."""

from tradebot.domain.bounds import MAX_PRICE, MAX_SIZE
from tradebot.plausible.values import (
    DAY_MS,
    UNKNOWN,
    Now,
    name_fault,
    number_fault,
    symbol_fault,
    time_fault,
)
from tradebot.records import ProposalRecord, ProposedExits

MAX_TEXT = 2_000
MAX_MINUTES = 366 * 1440


def fault(record: ProposalRecord, now: Now = UNKNOWN) -> str | None:
    """Why the proposal cannot be true."""
    return (
        symbol_fault(record.symbol)
        or name_fault("bot", record.bot)
        or name_fault("strategy", record.strategy)
        or time_fault("bar_end", record.bar_end, now)
        or (None if 0 <= record.step_ms <= 366 * DAY_MS else f"step_ms is {record.step_ms}")
        or _order_fault(record)
        or (None if record.exits is None else _exits_fault(record.exits))
        or _text_fault(record)
    )


def _order_fault(record: ProposalRecord) -> str | None:
    size = number_fault("size", record.size, MAX_SIZE, zero=record.side != "buy")
    if size is not None:
        return size
    for name in ("limit", "stop"):
        price = getattr(record, name)
        if price is not None and (reason := number_fault(name, price, MAX_PRICE)):
            return reason
    if record.side != "hold" and record.failing:
        return f"it wants to {record.side} although its strategy failed"
    return None


def _exits_fault(exits: ProposedExits) -> str | None:
    for name in ("stop_loss", "trailing_stop", "take_profit"):
        share = getattr(exits, name)
        most = MAX_SIZE if name == "take_profit" else 1.0
        if share is not None and (reason := number_fault(name, share, most)):
            return reason
    for name in ("max_hold_minutes", "no_signal_minutes"):
        minutes = getattr(exits, name)
        if minutes is not None and not 0 < minutes <= MAX_MINUTES:
            return f"{name} is {str(minutes)[:30]}"
    return None


def _text_fault(record: ProposalRecord) -> str | None:
    for name in ("reason", "failing", "digest", "inputs"):
        if len(getattr(record, name)) > MAX_TEXT:
            return f"{name} is longer than {MAX_TEXT} characters"
    return None
