"""A strategy's orders as arrays: one row for each bar."""

from enum import IntEnum

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Sizing(IntEnum):
    """What a row's size means for a buy; a sell always sells all."""

    FRACTION = 0
    """Of the cash, fees included."""
    AMOUNT = 1
    """Of base currency."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy wants at each bar's close.

    `side` (n,) int8 is 1 to buy, −1 to sell, 0 to do nothing; `size` (n,) float64 by `sizing`.
    `reach_bps` bounds how far past the best price at the decision an order may fill: infinite for
    a market order.
    """

    side: npt.NDArray[np.int8]
    size: Floats
    sizing: Sizing = Sizing.FRACTION
    reach_bps: float = np.inf
