"""Sells when the position has been held for too long."""

from typing import Final

from tradebot.domain.account.position import Position
from tradebot.domain.exits.sight import Sight
from tradebot.domain.situation import Exits, Verdict

EXIT: Final = "max_hold"


def check(held: Position, sight: Sight, exits: Exits) -> Verdict:
    """Closes once `max_hold_ms` of exchange time have passed since the position was opened."""
    limit = exits.max_hold_ms
    if limit is None:
        return Verdict(gate=EXIT, passed=True, reason="no maximum holding time is set")
    age = sight.now - held.opened_at
    reason = f"the position is {age / 60_000:.1f} min old; the limit is {limit / 60_000:g} min"
    return Verdict(gate=EXIT, passed=age < limit, reason=reason)
