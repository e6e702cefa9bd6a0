"""Sells when the price has fallen too far below the highest since the position was opened."""

from typing import Final

from tradebot.domain.account.position import Position
from tradebot.domain.exits.sight import Sight
from tradebot.domain.situation import Exits, Verdict

EXIT: Final = "trailing_stop"


def check(held: Position, sight: Sight, exits: Exits) -> Verdict:
    """Closes at `trailing_stop` (a fraction) below the highest price, or lower."""
    limit = exits.trailing_stop
    if limit is None:
        return Verdict(gate=EXIT, passed=True, reason="no trailing stop is set")
    if sight.price is None:
        return Verdict(gate=EXIT, passed=True, reason="no valid price to measure with")
    fall = 1 - sight.price / max(held.high, sight.price)
    reason = f"the price is {fall:.2%} below its highest; the trailing stop is {limit:.2%}"
    return Verdict(gate=EXIT, passed=fall < limit, reason=reason)
