"""The result of running a strategy over bars: equity, position and fills."""

import msgspec
import numpy as np
import numpy.typing as npt

from tradebot.strategies.orders import Floats


class Fills(msgspec.Struct, frozen=True, kw_only=True):
    """Executions in order: `bar` is the index of the bar, `side` 1 or −1, `fee` in quote."""

    bar: npt.NDArray[np.int64]
    side: npt.NDArray[np.int8]
    price: Floats
    amount: Floats
    fee: Floats


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Equity (n,) and base position (n,) at each bar's close, and the fills."""

    equity: Floats
    position: Floats
    fills: Fills
    cash: float
