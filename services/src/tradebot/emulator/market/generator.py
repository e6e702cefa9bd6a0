"""Generated minutes with features of real ones: volatility clusters and daily patterns.

Volatility is a mean-reverting log process; volume follows it. A daily and an hourly wave of a
fraction of a per cent are under the noise, so that a seasonal model has something to find.
"""

import math

import numpy as np

from tradebot.history.arrays import DAY, MINUTE, Bars

MINUTES_A_DAY = DAY // MINUTE
_SUBSTEPS = 16
_BASE_VOLATILITY = 0.0004
"""Volatility of one minute's log return, in calm times."""
_PERSISTENCE = 0.995
_CLUSTERING = 0.06
_DAILY_WAVE = 0.004
_HOURLY_WAVE = 0.0008


class Generator:
    """Generates minute bars day by day.

    Args:
        start: the first minute, ms UTC.
        price: the price at the start, in quote currency.
        seed: the same seed generates the same bars.
        volume: the usual volume of a minute, in base currency.
    """

    def __init__(self, *, start: int, price: float, seed: int, volume: float = 1.5) -> None:
        self._random = np.random.default_rng(seed)
        self._ts = start
        self._log_price = math.log(price) - _wave(np.array([start]))[0]
        self._log_volatility = 0.0
        self._volume = volume

    def next_day(self) -> Bars:
        """Returns the next 1,440 minutes."""
        draw = self._random
        ts = self._ts + MINUTE * np.arange(MINUTES_A_DAY)
        volatility = self._volatilities(draw.standard_normal(MINUTES_A_DAY))
        steps = draw.standard_t(5, (MINUTES_A_DAY, _SUBSTEPS)) * math.sqrt(3 / 5)
        steps *= (_BASE_VOLATILITY / math.sqrt(_SUBSTEPS)) * volatility[:, None]
        walk = self._log_price + np.cumsum(steps.ravel()).reshape(steps.shape)
        times = ts[:, None] + MINUTE * np.arange(1, _SUBSTEPS + 1) / _SUBSTEPS
        path = np.exp(walk + _wave(times))
        first = math.exp(self._log_price + _wave(ts[:1])[0])
        opening = np.concatenate(([first], path[:-1, -1]))
        volume = self._volume * volatility**1.5 * np.exp(0.5 * draw.standard_normal(MINUTES_A_DAY))
        self._log_price = float(walk[-1, -1])
        self._ts += DAY
        return Bars(
            ts=ts,
            open=opening,
            high=np.maximum(opening, path.max(axis=1)),
            low=np.minimum(opening, path.min(axis=1)),
            close=path[:, -1],
            volume=volume,
            step=MINUTE,
        )

    def _volatilities(self, shocks: np.ndarray) -> np.ndarray:
        values = np.empty(len(shocks))
        state = self._log_volatility
        for index, shock in enumerate(shocks):
            state = _PERSISTENCE * state + _CLUSTERING * shock
            values[index] = state
        self._log_volatility = state
        return np.exp(values)


def _wave(ts: np.ndarray) -> np.ndarray:
    """Returns the seasonal part of the log price at times in ms."""
    day = 2 * np.pi * (ts % DAY) / DAY
    hour = 2 * np.pi * (ts % 3_600_000) / 3_600_000
    wave: np.ndarray = _DAILY_WAVE * np.sin(day) + _HOURLY_WAVE * np.sin(hour)
    return wave
