"""A forecaster: the price returns to its mean."""

import json
from typing import Any

import numpy as np

from tradebot.forecast.protocol import NotEnoughHistoryError, Path
from tradebot.history.bars import MINUTE, Series

LEAST = 10
Z80 = 1.2816
"""Standard deviations that bound 80 % of a normal distribution."""


class Reverting:
    """The price returns to its mean over `span` minutes, halfway in `half_life` minutes."""

    name, max_rows, slow = "Reverting", 0, False

    def __init__(self, span: int = 1440, half_life: float = 60.0) -> None:
        self.parameters: dict[str, Any] = {"span": span, "half_life": half_life}
        self._sigma = 0.0

    def fit(self, history: Series) -> None:
        """Measures how far the price moves in a minute.

        Raises:
            NotEnoughHistoryError: there are fewer than ten minutes.
        """
        if len(history) < LEAST:
            raise NotEnoughHistoryError(
                f"Reverting needs {LEAST} minutes, there are {len(history)}"
            )
        self._sigma = float(np.diff(history.log_price).std())

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Forecasts `steps` minutes from `start` (ms) on."""
        ahead = (start - history.end) / MINUTE + np.arange(steps)
        mean = history.newest(self.parameters["span"]).log_price.mean()
        left = 0.5 ** (ahead / self.parameters["half_life"])
        center = mean + (history.log_price[-1] - mean) * left
        half = Z80 * self._sigma * np.sqrt(ahead)
        return Path(start, center, center - half, center + half, interval=0.8)

    def dump(self) -> bytes:
        """Returns what `fit` learnt."""
        return json.dumps(self._sigma).encode()

    def restore(self, state: bytes) -> None:
        """Restores what `dump` returned."""
        self._sigma = json.loads(state)
