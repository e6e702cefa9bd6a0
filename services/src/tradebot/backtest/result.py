"""The result of running a strategy over bars: equity, position and fills."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tradebot.strategies.orders import Floats


class Fill(NamedTuple):
    """One execution: its bar, its side (1 or −1), price, amount and fee."""

    bar: int
    side: int
    price: float
    amount: float
    fee: float


class Fills(msgspec.Struct, frozen=True, kw_only=True):
    """Executions in order: `bar` is the index of the bar, `side` 1 or −1, `fee` in quote."""

    bar: npt.NDArray[np.int64]
    side: npt.NDArray[np.int8]
    price: Floats
    amount: Floats
    fee: Floats

    @classmethod
    def of(cls, rows: Sequence[Fill]) -> "Fills":
        """The executions as columns."""
        return cls(
            bar=np.array([row.bar for row in rows], np.int64),
            side=np.array([row.side for row in rows], np.int8),
            price=np.array([row.price for row in rows], np.float64),
            amount=np.array([row.amount for row in rows], np.float64),
            fee=np.array([row.fee for row in rows], np.float64),
        )


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Equity (n,) and base position (n,) at each bar's close, and the fills."""

    equity: Floats
    position: Floats
    fills: Fills
    cash: float
