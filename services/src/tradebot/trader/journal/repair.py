"""Finds and resets marks of the ledger that are in the future. Pure.

A mark is a time up to which something is done. One in the future blocks what it marks: no window is
decided on until that time has come.
"""

import msgspec

from tradebot.domain.situation import DAY_MS
from tradebot.trader.journal.ledger import Ledger


class FutureMark(msgspec.Struct, frozen=True):
    """A mark that is in the future; both times in ms of the venue."""

    name: str
    at: int
    ahead_ms: int


def future_marks(ledger: Ledger, now: int, lag: int) -> list[FutureMark]:
    """Returns the marks more than `lag` ms ahead of the venue's time `now`."""
    marks = {
        "window_end": ledger.window_end,
        "watched_at": ledger.watched_at,
        "signal_at": ledger.signal_at,
        "trades_to": ledger.trades_to,
        "orders_at": max(ledger.orders_at, default=0),
        "marks.day": ledger.marks.day * DAY_MS if ledger.marks else 0,
    }
    return [FutureMark(name, at, at - now) for name, at in marks.items() if at > now + lag]
