"""Sells when nothing has said for too long whether to keep the position."""

from typing import Final

from tradebot.domain.account.position import Position
from tradebot.domain.exits.sight import Sight
from tradebot.domain.situation import Exits, Verdict

EXIT: Final = "no_signal"


def check(held: Position, sight: Sight, exits: Exits) -> Verdict:
    """Closes after `no_signal_ms` of exchange time without a usable window and forecast.

    The time counts from the last window that could be traded on, or from the opening fill if that
    is later.
    """
    limit = exits.no_signal_ms
    if limit is None:
        return Verdict(gate=EXIT, passed=True, reason="no maximum time without a signal is set")
    silence = sight.now - max(sight.signal_at, held.opened_at)
    reason = (
        f"the last usable signal is {silence / 60_000:.1f} min old;"
        f" the limit is {limit / 60_000:g} min"
    )
    return Verdict(gate=EXIT, passed=silence < limit, reason=reason)
