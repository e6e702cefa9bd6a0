"""Sells when the price has fallen too far below what the position cost."""

from typing import Final

from tradebot.domain.account.position import Position
from tradebot.domain.exits.sight import Sight
from tradebot.domain.situation import Exits, Verdict

EXIT: Final = "stop_loss"


def check(held: Position, sight: Sight, exits: Exits) -> Verdict:
    """Closes at `stop_loss` (a fraction) below the entry price, fees included, or lower."""
    limit = exits.stop_loss
    if limit is None:
        return Verdict(gate=EXIT, passed=True, reason="no stop loss is set")
    if sight.price is None:
        return Verdict(gate=EXIT, passed=True, reason="no valid price to measure with")
    loss = 1 - sight.price / held.entry
    reason = f"the price is {loss:.2%} below the entry price; the stop loss is {limit:.2%}"
    return Verdict(gate=EXIT, passed=loss < limit, reason=reason)
