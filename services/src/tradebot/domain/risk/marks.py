"""The equities that losses are measured against, moved on window by window."""

from decimal import Decimal

from tradebot.domain.situation import DAY_MS, Marks


def day_of(ts: int) -> int:
    """The UTC day of a time in ms, counted from the epoch."""
    return ts // DAY_MS


def advance(marks: Marks | None, equity: Decimal, ts: int) -> Marks:
    """The marks after a window that ended at `ts` with `equity`.

    The first window of a UTC day sets its start; the peak only rises.
    """
    day = day_of(ts)
    if marks is None:
        return Marks(day=day, day_equity=equity, peak_equity=equity)
    start = equity if day > marks.day else marks.day_equity
    return Marks(
        day=max(day, marks.day), day_equity=start, peak_equity=max(marks.peak_equity, equity)
    )


def shift(marks: Marks | None, amount: Decimal) -> Marks | None:
    """The marks after `amount` of equity came in (or went out, negative) from outside.

    A deposit is no gain and a withdrawal no loss of the bot's.
    """
    if marks is None:
        return None
    return Marks(
        day=marks.day,
        day_equity=marks.day_equity + amount,
        peak_equity=marks.peak_equity + amount,
    )
