"""Sells when the price has risen far enough above what the position cost."""

from typing import Final

from tradebot.domain.account.position import Position
from tradebot.domain.exits.sight import Sight
from tradebot.domain.situation import Exits, Verdict

EXIT: Final = "take_profit"


def check(held: Position, sight: Sight, exits: Exits) -> Verdict:
    """Closes at `take_profit` (a fraction) above the entry price, fees included, or higher."""
    limit = exits.take_profit
    if limit is None:
        return Verdict(gate=EXIT, passed=True, reason="no take profit is set")
    if sight.price is None:
        return Verdict(gate=EXIT, passed=True, reason="no valid price to measure with")
    gain = sight.price / held.entry - 1
    reason = f"the price is {gain:.2%} above the entry price; the take profit is {limit:.2%}"
    return Verdict(gate=EXIT, passed=gain < limit, reason=reason)
