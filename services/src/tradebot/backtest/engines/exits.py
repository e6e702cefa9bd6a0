"""Exits in a backtest, compiled: both engines call these, so that they agree to the last bit.

A bar is four prices, so the order of events within it is an assumption, and always the worse one:
the open comes first, then the low, then the high. An exit that the open has already passed sells at
the open; a stop within the bar sells at its level; a take profit only if the bar did not reach the
stop. The trailing stop follows the highest price of earlier bars and this bar's open. A maximum
holding time ends at the first open at or after it. What a bar's volume does not take is judged
again at the next bar.
"""

from typing import NamedTuple

import numba
import numpy as np

from tradebot.domain.situation import Exits


class Limits(NamedTuple):
    """The exits' numbers as floats, infinite where an exit is off; the hold is in ms."""

    stop_loss: float
    trailing_stop: float
    take_profit: float
    max_hold: float


def limits_of(exits: Exits) -> Limits | None:
    """What the engines judge by; `None` if no exit is on that a backtest of prices can judge."""
    numbers = (exits.stop_loss, exits.trailing_stop, exits.take_profit, exits.max_hold_ms)
    if all(number is None for number in numbers):
        return None
    return Limits(*(np.inf if number is None else float(number) for number in numbers))


@numba.njit(cache=True)
def exit_price(  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    opening, high, low, age, entry, highest, limits
):
    """The price at which an exit sells within a bar, before costs; `nan` if none does.

    Args:
        opening, high, low: the bar's prices.
        age: ms from the fill that opened the position to this bar's open.
        entry: what a unit of the position cost, fees included.
        highest: the highest price since it was opened, up to the bar before.
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
    """What the held position cost, fees included, after a fill of `amount`.

    A sell takes its share of the cost with it; less than half an amount step is nothing.
    """
    if side > 0:
        return cost + (price * amount + fee)
    left = base - amount
    return 0.0 if left < step * 0.5 else cost * (left / base)
