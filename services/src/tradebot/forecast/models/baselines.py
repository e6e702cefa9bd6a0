"""What every model is measured against: no change, the mean change, and the same time yesterday.

Their bounds come from the past's own errors: the standard deviation of log price changes over
one minute, growing with the square root of the horizon.
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
    """What a baseline learns: drift and standard deviation of log price a minute."""

    drift: float
    sigma: float


class Persistence:
    """The price stays where it is.

    Args:
        memory: minutes that drift and spread are learnt from.
    """

    name = "Persistence"
    max_rows = 0
    slow = False

    def __init__(self, memory: int = 43_200) -> None:
        self._memory = memory
        self._state = BaselineFit(0.0, 0.0)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the model was made with."""
        return {"memory": self._memory}

    def fit(self, history: Series) -> None:
        """Learns drift and spread.

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
        """The last price, for each coming minute."""
        return self._path(np.full(steps, history.log_price[-1]), history, start)

    def _path(self, center: NDArray[np.float64], history: Series, start: int) -> Path:
        ahead = (start - history.end) / MINUTE + np.arange(len(center))
        half = Z80 * self._state.sigma * np.sqrt(np.maximum(ahead, 1))
        return Path(start, center, center - half, center + half)

    def dump(self) -> bytes:
        """What was learnt, as JSON."""
        return msgspec.json.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Takes what `dump` gave."""
        self._state = msgspec.json.decode(state, type=BaselineFit)


class Drift(Persistence):
    """The price goes on as it went over the memory, on average."""

    name = "Drift"

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """The last price and the mean change a minute."""
        ahead = (start - history.end) / MINUTE + np.arange(steps)
        return self._path(history.log_price[-1] + self._state.drift * ahead, history, start)


class SeasonalNaive(Persistence):
    """The price moves as it did at the same times of the last season, a day unless said.

    Args:
        memory: minutes that the spread is learnt from.
        season: minutes of a season.
    """

    name = "SeasonalNaive"

    def __init__(self, memory: int = 43_200, season: int = 1440) -> None:
        super().__init__(memory)
        self._season = season

    @property
    def parameters(self) -> dict[str, Any]:
        """What the model was made with."""
        return {"memory": self._memory, "season": self._season}

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """The last price and the changes since this time of the last season, again.

        A minute that is absent from the last season has the price before it.
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
