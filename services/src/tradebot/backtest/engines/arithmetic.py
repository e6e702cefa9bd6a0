"""The arithmetic of a fill, compiled. Both engines use it, so that they agree to the last bit.

Times are bar indices or ms, prices and amounts floats in the market's units. A share is of a bar's
volume.
"""

import numba
import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9
"""Steps by which rounding may move a quotient off a whole number."""

EPSILON = 8 * 2.0**-52
"""The same, relative to the quotient, for values of many steps."""

WHOLE = 2.0**53
"""From this many steps on, neighbouring floats are further apart than one step."""

MONTH_MS = 30 * 86_400_000
"""The period whose volume sets the fee tier."""


@numba.njit(cache=True)
def multiple_of(steps: float, step: float) -> float:
    """Returns `steps` times `step`, as the float nearest to the decimal if the step divides 1.

    912 steps of 0.01 are 9.12, not 9.120000000000001.
    """
    if step < 1.0:
        parts = np.rint(1.0 / step)
        if abs(parts * step - 1.0) <= EPSILON:
            return float(steps / parts)
    return steps * step


@numba.njit(cache=True)
def _slack(steps: float) -> float:
    return min(0.25, max(ROUNDING, abs(steps) * EPSILON))


@numba.njit(cache=True)
def floor_to_step(value: float, step: float) -> float:
    """Returns the largest multiple of `step` that is not above `value`, except for rounding."""
    steps = value / step
    if abs(steps) >= WHOLE:
        return value
    return multiple_of(np.floor(steps + _slack(steps)), step)


@numba.njit(cache=True)
def ceil_to_step(value: float, step: float) -> float:
    """Returns the smallest multiple of `step` that is not below `value`, except for rounding."""
    steps = value / step
    if abs(steps) >= WHOLE:
        return value
    return multiple_of(np.ceil(steps - _slack(steps)), step)


@numba.njit(cache=True)
def limit_on_step(side: int, price: float, step: float) -> float:
    """A limit price on the price step, no worse for us than `price`: buys down, sells up."""
    return floor_to_step(price, step) if side > 0 else ceil_to_step(price, step)


@numba.njit(cache=True)
def taken_amount(amount: float, volume: float, share: float, step: float) -> float:
    """Returns how much of `amount` one order may take of a bar of `volume`; 0 if it is unknown."""
    if share == np.inf:
        return amount
    if not volume > 0.0:
        return 0.0
    return min(amount, floor_to_step(volume * share, step))


@numba.njit(cache=True)
def touch(side: int, price: float, spread_bps: float) -> float:
    """Returns the best price for an order of `side` (1 buys, −1 sells) if trades are at `price`."""
    return price * (1.0 + side * spread_bps * 0.5e-4)


@numba.njit(cache=True)
def worsened(
    side: int, price: float, amount: float, volume: float, impact_bps: float, step: float
) -> float:
    """`price` moved against the order by its impact, on the price step, away from us."""
    if impact_bps > 0.0 and volume > 0.0:
        share = min(1.0, amount / volume)
        price = price * (1.0 + side * impact_bps * 1e-4 * share * share)
    return ceil_to_step(price, step) if side > 0 else floor_to_step(price, step)


@numba.njit(cache=True)
def affordable(amount: float, price: float, fee_bps: float, cash: float, step: float) -> float:
    """Returns how much of `amount` the cash pays for, with its fee."""
    cost = price * (1.0 + fee_bps * 1e-4)
    if amount * cost <= cash:
        return amount
    return floor_to_step(cash / cost, step)


@numba.njit(cache=True)
def can_be_sold(position: float, minimum: float) -> bool:
    """Whether a position is at least the smallest order; `domain.account.trip.holds` for floats."""
    return position > 0.0 and position >= minimum


@numba.njit(cache=True)
def fee_of(volume: float, volumes: NDArray[np.float64], fees_bps: NDArray[np.float64]) -> float:
    """Returns the fee (bps) of the highest tier whose volume is reached."""
    fee = float(fees_bps[0])
    for row in range(1, len(volumes)):
        if volume >= volumes[row]:
            fee = float(fees_bps[row])
    return fee


@numba.njit(cache=True)
def month_start(ts: int, times: NDArray[np.int64], first: int, count: int) -> int:
    """Returns the first of the fills `first`…`count` within 30 days of `ts`."""
    while first < count and times[first] < ts - MONTH_MS:
        first += 1
    return first
