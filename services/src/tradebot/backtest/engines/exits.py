"""Exits in a backtest, compiled. Both engines use them, so that they agree to the last bit.

A bar is four prices, so the order of events within it is an assumption, always the worse one: the
open comes first, then the low, then the high. An exit that the open has already passed sells at the
open. A stop within the bar sells at its level, a take profit only if the bar did not reach the
stop. The trailing stop follows the highest price of earlier bars and this bar's open. A maximum
holding time ends at the first open at or after it. What a bar's volume does not take is checked
again at the next bar.
"""

from typing import NamedTuple

import numba
import numpy as np

from tradebot.domain.situation import Exits


class Limits(NamedTuple):
    """The exits' numbers as floats, infinite if an exit is off; the holding time is in ms."""

    stop_loss: float
    trailing_stop: float
    take_profit: float
    max_hold: float


def limits_of(exits: Exits) -> Limits | None:
    """Converts the exits; `None` if none is on that a backtest of prices can check."""
    numbers = (exits.stop_loss, exits.trailing_stop, exits.take_profit, exits.max_hold_ms)
    if all(number is None for number in numbers):
        return None
    return Limits(*(np.inf if number is None else float(number) for number in numbers))


@numba.njit(cache=True)
def exit_price(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    opening, high, low, age, entry, highest, limits
):
    """Returns the price at which an exit sells within a bar, before costs; `nan` if none does.

    Args:
        opening, high, low: the bar's prices.
        age: ms from the opening fill of the position to this bar's open.
        entry: cost per unit of the position, fees included.
        highest: the highest price since it was opened, up to the previous bar.
        limits: the exits' numbers.
    """
    stop = max(
        entry * (1.0 - limits.stop_loss), max(highest, opening) * (1.0 - limits.trailing_stop)
    )
    gain = entry * (1.0 + limits.take_profit)
    if age >= limits.max_hold or opening <= stop or opening >= gain:
        return opening
    if low <= stop:
        return stop
    return gain if high >= gain else np.nan


@numba.njit(cache=True)
def cost_after(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    side, cost, base, price, amount, fee, step
):
    """Returns the position's cost, fees included, after a fill of `amount`.

    A sell removes its share of the cost; less than half an amount step counts as nothing.
    """
    if side > 0:
        return cost + (price * amount + fee)
    left = base - amount
    return 0.0 if left < step * 0.5 else cost * (left / base)
