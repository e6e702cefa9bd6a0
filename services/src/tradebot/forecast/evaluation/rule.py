"""The profit of the report's rule: buy while the forecast rises, sell when it falls.

The rule is fully in the market or not at all. It trades at the weighted price of the minute after
the decision, and pays the venue's fee on each trade. A test ends without a position.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Profit:
    """A rule's profit over the tests, as a fraction of the starting value: 0.01 is one per cent."""

    net: float
    gross: float
    trades: int
    in_market: float


def follow(
    delta: NDArray[np.float64],
    log_price: NDArray[np.float64],
    fold: NDArray[np.int64],
    *,
    fee: float,
    edge: float = 0.0,
) -> Profit:
    """Follows the sign of the forecast's change, minute by minute.

    Args:
        delta: (n,) the forecast's change of log price from this minute to the next.
        log_price: (n,) of the minute in which a decision trades, NaN without trades.
        fold: (n,) number of the test; positions end with it.
        fee: fraction of a trade's value, such as 0.004.
        edge: change that a buy requires.
    """
    gross, trades, minutes = 0.0, 0, 0
    entry: float | None = None
    last = np.nan
    for row in range(len(delta)):
        price = log_price[row]
        if row and fold[row] != fold[row - 1] and entry is not None:
            gross, trades, entry = gross + last - entry, trades + 1, None
        if np.isnan(price):
            continue
        minutes += entry is not None
        if entry is None and delta[row] > edge:
            entry, trades = price, trades + 1
        elif entry is not None and delta[row] < 0:
            gross, trades, entry = gross + price - entry, trades + 1, None
        last = price
    if entry is not None:
        gross, trades = gross + last - entry, trades + 1
    net = gross + trades * float(np.log1p(-fee))
    return Profit(float(np.expm1(net)), float(np.expm1(gross)), trades, minutes / len(delta))


def hold(log_price: NDArray[np.float64], fold: NDArray[np.int64], *, fee: float) -> Profit:
    """Buys at each test's first minute and sells at its last."""
    always = np.ones(len(log_price))
    return follow(always, log_price, fold, fee=fee)
