"""The return of each calendar month, UTC."""

import calendar

import msgspec
import numpy as np
import numpy.typing as npt

from tradebot.strategies.orders import Floats


class Months(msgspec.Struct, frozen=True):
    """`returns` (years, 12): the equity's change within each month, `nan` if there is none."""

    years: list[int]
    months: list[str]
    returns: Floats


def monthly_returns(ts: npt.NDArray[np.int64], equity: Floats, cash: float) -> Months:
    """Computes the table of months.

    Args:
        ts: starts of bars, ms.
        equity: at their closes.
        cash: equity before the first.
    """
    month = ts.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    last = np.append(np.flatnonzero(np.diff(month)), len(month) - 1)
    ends = equity[last]
    starts = np.concatenate([[cash], ends[:-1]])
    years = list(range(1970 + int(month[0]) // 12, 1970 + int(month[-1]) // 12 + 1))
    table = np.full((len(years), 12), np.nan)
    index = month[last]
    table[1970 + index // 12 - years[0], index % 12] = ends / starts - 1
    return Months(years, list(calendar.month_abbr)[1:], table)
