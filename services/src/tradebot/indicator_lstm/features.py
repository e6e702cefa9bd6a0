"""Indicators and episodes: what the model is shown. Pure functions of arrays of closes."""

import numpy as np
import numpy.typing as npt
import talib
from scipy.signal import lfilter

Floats = npt.NDArray[np.float64]

RSI_PERIOD = 14
FAST, SLOW, SIGNAL = 12, 26, 9
FIRST = SLOW - 1
"""The first close for which every indicator is known."""

EPISODE, OUTPUTS = 8, 3
INPUTS = EPISODE - OUTPUTS
FEATURES = 4


class TooFewClosesError(ValueError):
    """There are not enough closes for one episode."""


def rsi(closes: Floats) -> Floats:
    """Relative strength index over 14 closes, in [0, 100]; `nan` for the first 14.

    Source: Wilder, New Concepts in Technical Trading Systems (1978); smoothed as he does.
    """
    return np.asarray(talib.RSI(closes, RSI_PERIOD), dtype=np.float64)


def ema(values: Floats, period: int) -> Floats:
    """Exponential moving average with weight 2 / (period + 1), starting at the first value."""
    weight = 2.0 / (period + 1)
    start = np.array([(1.0 - weight) * values[0]])
    smoothed, _ = lfilter([weight], [1.0, weight - 1.0], values, zi=start)
    return np.asarray(smoothed, dtype=np.float64)


def macd(closes: Floats) -> tuple[Floats, Floats]:
    """MACD(12, 26) and its 9-signal; `nan` before the 26th close, where the signal begins.

    Source: Appel, Technical Analysis: Power Tools for Active Investors (2005).
    """
    line = ema(closes, FAST) - ema(closes, SLOW)
    signal = np.full_like(line, np.nan)
    if len(closes) > FIRST:
        signal[FIRST:] = ema(line[FIRST:], SIGNAL)
    line[:FIRST] = np.nan
    return line, signal


def features(closes: Floats) -> Floats:
    """The model's four features for each close from the 26th on, shape (n − 25, 4).

    Ratio to the close before, RSI, MACD, MACD's signal.

    Raises:
        TooFewClosesError: there are fewer than 26 closes.
    """
    if len(closes) <= FIRST:
        raise TooFewClosesError(f"{len(closes)} closes; the indicators need {FIRST + 1} or more")
    line, signal = macd(closes)
    ratio = np.full_like(closes, np.nan)
    ratio[1:] = closes[1:] / closes[:-1]
    return np.column_stack([ratio, rsi(closes), line, signal])[FIRST:]


def episodes(rows: Floats) -> tuple[Floats, Floats]:
    """All runs of eight rows: five to look at, and the ratios of the three that follow.

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
