"""Maker orders in a backtest, compiled. Both engines use them, so that they agree to the last bit.

An order rests from the open of the bar at which it reaches the market, at the best price of its own
side. A period (`Making.wait_ms`) is rounded up to whole bars. At the open after each period the
order follows a best price that has moved away; at the open after the last it is taken or given up.
Within a bar it fills, at its own price and with the maker's fee, only if trades go through that
price: at the price itself, others may have been first in the queue. A bar's volume limits the fill
as it limits an order that takes, and the rest goes on waiting. What is left to move or to take must
be at least the smallest order.
"""

from typing import Final, NamedTuple

import numba

from tradebot.backtest.engines.arithmetic import limit_on_step, touch
from tradebot.domain.situation import Making


class Patience(NamedTuple):
    """How orders wait: moves at most, bars of a period, and whether the rest is taken."""

    moves: int
    bars: int
    takes: bool


class Resting(NamedTuple):
    """Where an order rests: its price, the bar of its last period, and the periods that ended."""

    price: float
    since: int
    moved: int


NOWHERE: Final = Resting(0.0, 0, 0)
"""Of an order that has not reached the market."""


def patience_of(making: Making | None, step_ms: int) -> Patience | None:
    """Converts the setting for bars of `step_ms`; `None` if orders take at once."""
    if making is None:
        return None
    return Patience(
        making.reprices, max(1, -(-making.wait_ms // step_ms)), making.unfilled == "Take"
    )


@numba.njit(cache=True)
def rest_price(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    side, opening, spread_bps, limit, step
):
    """Returns the best price of the order's own side at an open, no worse than its limit."""
    best = limit_on_step(side, touch(-side, opening, spread_bps), step)
    return min(best, limit) if side > 0 else max(best, limit)


@numba.njit(cache=True)
def goes_through(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    side, price, high, low, spread_bps
):
    """Whether trades of a bar went through the price of an order that rests."""
    reached = touch(side, low if side > 0 else high, spread_bps)
    return (price - reached) * side > 0.0


@numba.njit(cache=True)
def opened(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    resting, bar, due, side, left, limit, opening, patience, spread_bps, price_step, minimum
):
    """Returns where an order rests after a bar's open, whether it ends there, and if so, takes.

    Args:
        bar, due: this bar, and the one at whose open the order reaches the market.
        left: the unfilled amount.
    """
    best = rest_price(side, opening, spread_bps, limit, price_step)
    if bar == due:
        return Resting(best, bar, 0), False, False
    price, since, moved = resting
    if bar - since < patience.bars:
        return resting, False, False
    if moved >= patience.moves:
        return resting, True, patience.takes and left >= minimum
    if (best - price) * side > 0.0:
        return Resting(best, bar, moved + 1), left < minimum, False
    return Resting(price, bar, moved + 1), False, False
