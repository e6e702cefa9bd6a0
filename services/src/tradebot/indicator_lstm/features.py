"""Indicators and episodes: the model's inputs. Pure functions of arrays of closes."""

import numpy as np
import numpy.typing as npt
import talib
from scipy.signal import lfilter

Floats = npt.NDArray[np.float64]

RSI_PERIOD = 14
FAST, SLOW, SIGNAL = 12, 26, 9
TULIP = (0.15, 0.075)
"""Weights of Tulip's MACD(12, 26); 2 / (period + 1) would be 0.154 and 0.074."""
FIRST = SLOW - 1
"""The first close for which every indicator is known."""

EPISODE, OUTPUTS = 8, 3
INPUTS = EPISODE - OUTPUTS
FEATURES = 4


class TooFewClosesError(ValueError):
    """There are not enough closes for one episode."""


def rsi(closes: Floats) -> Floats:
    """Relative strength index over 14 closes, in [0, 100]; `nan` for the first 14.

    It is 50 if the price never moved: neither overbought nor oversold. A close that is NaN has
    none, and is skipped.

    Source: Wilder, New Concepts in Technical Trading Systems (1978), with his smoothing.
    """
    known = np.flatnonzero(~np.isnan(closes))
    index = np.full(len(closes), np.nan)
    if len(known) > RSI_PERIOD:
        index[known] = talib.RSI(closes[known], RSI_PERIOD)
        moved = np.flatnonzero(np.diff(closes[known]))
        still = known[RSI_PERIOD : moved[0] + 1 if len(moved) else None]
        index[still] = 50.0
    return index


def ema(values: Floats, weight: float) -> Floats:
    """Exponential moving average, starting at the first value.

    A value that is NaN has none, and is skipped.
    """
    known = np.flatnonzero(~np.isnan(values))
    averages = np.full(len(values), np.nan)
    if len(known):
        # measured from the first value, so that a constant series does not drift by rounding
        origin = values[known[0]]
        smoothed = lfilter([weight], [1.0, weight - 1.0], values[known] - origin)
        averages[known] = smoothed + origin
    return averages


def macd(closes: Floats, *, mended: bool = False) -> tuple[Floats, Floats]:
    """MACD(12, 26) and its 9-signal; `nan` before the 26th close, where the signal begins.

    The tutorial's library, Tulip Indicators, uses weights of 0.15 and 0.075; `mended` uses the
    definition's 2 / (period + 1).

    Source: Appel, Technical Analysis: Power Tools for Active Investors (2005).
    """
    fast, slow = (2 / (FAST + 1), 2 / (SLOW + 1)) if mended else TULIP
    line = ema(closes, fast) - ema(closes, slow)
    line[:FIRST] = np.nan
    return line, ema(line, 2 / (SIGNAL + 1))


def features(closes: Floats, *, mended: bool = False) -> Floats:
    """Returns the model's four features for each close from the 26th on, shape (n − 25, 4).

    Ratio to the close before, RSI, MACD, MACD's signal; `mended` as for `macd`.

    Raises:
        TooFewClosesError: there are fewer than 26 closes.
    """
    if len(closes) <= FIRST:
        raise TooFewClosesError(f"{len(closes)} closes; the indicators need {FIRST + 1} or more")
    line, signal = macd(closes, mended=mended)
    ratio = np.full_like(closes, np.nan)
    ratio[1:] = closes[1:] / closes[:-1]
    return np.column_stack([ratio, rsi(closes), line, signal])[FIRST:]


def episodes(rows: Floats) -> tuple[Floats, Floats]:
    """Returns all runs of eight rows: five as input, and the ratios of the next three.

    Shapes (episodes, 5, 4) and (episodes, 3). As in the tutorial, the last possible run is left
    out.

    Raises:
        TooFewClosesError: there is no run of eight.
    """
    count = len(rows) - EPISODE
    if count < 1:
        raise TooFewClosesError(
            f"{len(rows) + FIRST} closes; one episode needs {FIRST + EPISODE + 1} or more"
        )
    runs = np.lib.stride_tricks.sliding_window_view(rows, EPISODE, axis=0)[:count]
    runs = runs.transpose(0, 2, 1)
    return np.ascontiguousarray(runs[:, :INPUTS]), np.ascontiguousarray(runs[:, INPUTS:, 0])
