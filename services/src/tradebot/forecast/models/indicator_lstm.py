"""The indicator LSTM as a forecaster: ratios of the next three bars, interpolated to minutes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tradebot.forecast.protocol import NotEnoughHistoryError, Path
from tradebot.history.bars import MINUTE, Series
from tradebot.indicator_lstm.features import EPISODE, FIRST, OUTPUTS
from tradebot.indicator_lstm.model import IndicatorLstm, Training, train

INTERVAL = 0.8
CLOSES = 300
"""Number of bars to learn from, as in the tutorial."""


class IndicatorLstmForecaster:
    """Learns on bars of `resolution_minutes`; the log price is linear between their ends.

    Bars are counted back from the newest minute, so the last one is always whole. After three bars
    the forecast is constant. The bounds are those of a random walk with the deviation of the bars'
    own log returns.

    Args:
        resolution_minutes: length of a bar; the tutorial uses days, an hour suits a bot.
        epochs: passes over the data.
        seed: of the weights.
        scaled: standardise the features and use the definition's MACD, unlike the tutorial.
    """

    name = "IndicatorLstm"
    slow = True

    def __init__(
        self,
        resolution_minutes: int = 60,
        epochs: int = 2_000,
        seed: int = 0,
        scaled: bool = True,
    ) -> None:
        if resolution_minutes < 1 or epochs < 1:
            raise ValueError("resolution_minutes and epochs must be 1 or more")
        self.max_rows = resolution_minutes * CLOSES
        self._minutes = resolution_minutes
        self._training = Training(epochs=epochs, seed=seed, mended=scaled)
        self._model: IndicatorLstm | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters."""
        return {
            "resolution_minutes": self._minutes,
            "epochs": self._training.epochs,
            "seed": self._training.seed,
            "scaled": self._training.mended,
        }

    def fit(self, history: Series) -> None:
        """Trains on the newest bars.

        Raises:
            NotEnoughHistoryError: there is no episode of eight bars after the indicators' first.
        """
        self._model = train(self._closes(history, EPISODE + 1), self._training)

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Forecasts the coming minutes from the newest bars of `history`."""
        assert self._model is not None, "call fit or restore before forecast"
        closes = self._closes(history, EPISODE)
        knots = np.concatenate([[0.0], np.cumsum(np.log(self._model.ratios(closes)))])
        bars_ahead = (start + MINUTE * np.arange(steps) - history.end) / (self._minutes * MINUTE)
        center = history.log_price[-1] + np.interp(bars_ahead, np.arange(OUTPUTS + 1), knots)
        deviation = float(np.std(np.diff(np.log(closes))))
        half = stats.norm.ppf((1 + INTERVAL) / 2) * deviation * np.sqrt(np.maximum(bars_ahead, 0))
        return Path(start, center, center - half, center + half, INTERVAL)

    def dump(self) -> bytes:
        """Returns the weights and the features' scale."""
        assert self._model is not None, "call fit or restore before dump"
        return self._model.dump()

    def restore(self, state: bytes) -> None:
        """Restores what `dump` returned."""
        self._model = IndicatorLstm.load(state)

    def _closes(self, history: Series, beyond: int) -> NDArray[np.float64]:
        """Returns the last price of each bar, oldest first, without bars that had no trades."""
        age = (history.end - history.ts) // (self._minutes * MINUTE)
        last = np.append(np.flatnonzero(np.diff(age)), len(age) - 1)[-CLOSES:]
        least = FIRST + beyond
        if len(last) < least:
            raise NotEnoughHistoryError(
                f"IndicatorLstm needs {least} bars of {self._minutes} minutes,"
                f" there are {len(last)}"
            )
        return np.asarray(np.exp(history.log_price[last]), dtype=np.float64)
