"""A strategy's orders as arrays: one row for each bar."""

from enum import IntEnum

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Sizing(IntEnum):
    """The meaning of a row's size for a buy; a sell always sells everything."""

    FRACTION = 0
    """Of the cash, fees included."""
    AMOUNT = 1
    """Of base currency."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's wishes at each bar's close.

    `side` (n,) int8 is 1 to buy, −1 to sell, 0 to do nothing; `size` (n,) float64 by `sizing`.
    `reach_bps` limits how far beyond the best price at the decision an order may fill; infinite for
    a market order.
    """

    side: npt.NDArray[np.int8]
    size: Floats
    sizing: Sizing = Sizing.FRACTION
    reach_bps: float = np.inf
