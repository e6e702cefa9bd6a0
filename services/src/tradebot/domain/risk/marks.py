"""The equities that losses are measured against, updated window by window."""

from decimal import Decimal
from typing import Final

from tradebot.domain.situation import BPS, DAY_MS, Marks, Quote, Settings, State

WIDEST_BPS: Final = 500
"""Best prices further from their mid do not show what the account is worth."""


def sound(quote: Quote, settings: Settings) -> bool:
    """Whether the best prices show what the market is worth.

    A book that is crossed, or almost empty on a side, would show a false loss, or raise a mark that
    hides a real one. If orders may reach further than `WIDEST_BPS`, prices may too.
    """
    if not 0 < quote.bid < quote.ask:
        return False
    reach = max(WIDEST_BPS, settings.collar_bps) / BPS
    return quote.ask - quote.mid <= quote.mid * reach


def equity_of(state: State, quote: Quote | None, settings: Settings) -> Decimal | None:
    """Returns the account's value in quote currency; `None` without sound prices."""
    if quote is None or not sound(quote, settings):
        return None
    return state.equity(quote.mid)


def day_of(ts: int) -> int:
    """Returns the UTC day of a time in ms, counted from the epoch."""
    return ts // DAY_MS


def advance(marks: Marks | None, equity: Decimal, ts: int) -> Marks:
    """Updates the marks after a window that ended at `ts` with `equity`.

    The first window of a UTC day sets its start; the peak only rises.
    """
    day = day_of(ts)
    if marks is None:
        return Marks(day=day, day_equity=equity, peak_equity=equity)
    start = equity if day > marks.day else marks.day_equity
    return Marks(
        day=max(day, marks.day), day_equity=start, peak_equity=max(marks.peak_equity, equity)
    )


def scale(marks: Marks | None, *, before: Decimal, after: Decimal) -> Marks | None:
    """Scales the marks after a deposit or a withdrawal moved equity from `before` to `after`.

    A deposit is not a gain and a withdrawal not a loss, so the marks keep their ratio to equity: an
    account that was 1 % down is 1 % down afterwards. Without equity before there is no ratio, and
    losses are measured from the next window on.
    """
    if marks is None or before <= 0 or after < 0:
        return None
    return Marks(
        day=marks.day,
        day_equity=marks.day_equity * after / before,
        peak_equity=marks.peak_equity * after / before,
    )
