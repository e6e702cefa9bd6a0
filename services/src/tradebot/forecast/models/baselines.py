"""Baselines for all models: no change, the mean change, and the same time yesterday.

Their bounds come from past errors: the standard deviation of log price changes over one minute,
times the square root of the horizon.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradebot.forecast.protocol import NotEnoughHistoryError, Path
from tradebot.history.bars import MINUTE, Series

Z80 = 1.2815515655446004
"""Half-width of the 80 % interval of a standard normal."""


class BaselineFit(msgspec.Struct, frozen=True):
    """A fitted baseline: drift and standard deviation of log price per minute."""

    drift: float
    sigma: float


class Persistence:
    """Forecasts the last price.

    Args:
        memory: minutes from which drift and spread are estimated.
    """

    name = "Persistence"
    max_rows = 0
    slow = False

    def __init__(self, memory: int = 43_200) -> None:
        self._memory = memory
        self._state = BaselineFit(0.0, 0.0)

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters."""
        return {"memory": self._memory}

    def fit(self, history: Series) -> None:
        """Estimates drift and spread.

        Raises:
            NotEnoughHistoryError: there are fewer than three rows.
        """
        if len(history) < 3:
            raise NotEnoughHistoryError(f"{self.name} needs 3 minutes, there are {len(history)}")
        recent = history.newest(self._memory)
        elapsed = np.diff(recent.ts) / MINUTE
        change = np.diff(recent.log_price)
        drift = float(change.sum() / elapsed.sum())
        sigma = float(np.sqrt(np.mean((change - drift * elapsed) ** 2 / elapsed)))
        self._state = BaselineFit(drift, max(sigma, 1e-9))

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Returns the last price for each minute."""
        return self._path(np.full(steps, history.log_price[-1]), history, start)

    def _path(self, center: NDArray[np.float64], history: Series, start: int) -> Path:
        ahead = (start - history.end) / MINUTE + np.arange(len(center))
        half = Z80 * self._state.sigma * np.sqrt(np.maximum(ahead, 1))
        return Path(start, center, center - half, center + half)

    def dump(self) -> bytes:
        """Returns the fit as JSON."""
        return msgspec.json.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Restores what `dump` returned."""
        self._state = msgspec.json.decode(state, type=BaselineFit)


class Drift(Persistence):
    """Continues the mean change over the memory."""

    name = "Drift"

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Returns the last price plus the mean change per minute."""
        ahead = (start - history.end) / MINUTE + np.arange(steps)
        return self._path(history.log_price[-1] + self._state.drift * ahead, history, start)


class SeasonalNaive(Persistence):
    """Repeats the price's moves at the same times of the last season, by default a day.

    Args:
        memory: minutes from which the spread is estimated.
        season: minutes of a season.
    """

    name = "SeasonalNaive"

    def __init__(self, memory: int = 43_200, season: int = 1440) -> None:
        super().__init__(memory)
        self._season = season

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters."""
        return {"memory": self._memory, "season": self._season}

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Returns the last price plus the changes since this time of the last season.

        A minute that is absent from the last season uses the price before it.
        """
        ts = start + MINUTE * np.arange(steps, dtype=np.int64)
        season = self._season * MINUTE
        cycles = (ts - history.end + season - 1) // season
        then = np.searchsorted(history.ts, ts - cycles * season, side="right") - 1
        base = int(np.searchsorted(history.ts, history.end - season, side="right")) - 1
        past = history.log_price
        moved = past[np.maximum(then, 0)] - past[max(base, 0)]
        whole = (cycles - 1) * (past[-1] - past[max(base, 0)])
        return self._path(past[-1] + moved + whole, history, start)
