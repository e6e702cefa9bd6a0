"""The tutorial's strategy: an LSTM on indicators predicts the ratio of the next close to this one.

Each day's ratio is predicted three, two and one days before; the mean of these decides. Above 1 it
buys cash·2·(p − 1)/price, below it sells holdings·2·(1 − p); both sizes are truncated to two
places. Unless `mended`, it keeps the original's flaws: it does not scale its features, and in a
backtest it trains on the very days that are tested afterwards.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from tradebot.indicator_lstm.features import OUTPUTS, Floats
from tradebot.indicator_lstm.model import IndicatorLstm, Training, train
from tradebot.strategies.interface import Bars, Market, Strategy

PARAMETERS = {"epochs": 10_000, "seed": 0, "mended": False}
WARMUP = 300
"""Closes that the model learns from, as in the tutorial."""

PLACES = 2


def truncate(value: float, *, mended: bool = False) -> float:
    """Truncates `value` to two places, towards zero, like Blankly's `trunc`.

    Rounding may put a product just below a whole number, which then loses a hundredth; `mended`
    keeps it.

    >>> truncate(1.239), truncate(0.29), truncate(0.29, mended=True)
    (1.23, 0.28, 0.29)
    """
    scale = 10.0**PLACES
    slack = math.copysign(1e-9, value) if mended else 0.0
    return float(math.trunc(scale * value + slack) / scale)


class ThreeDayMean:
    """The mean of the predictions for a day that were made three, two and one days before it."""

    def __init__(self) -> None:
        self._sums = [0.0] * OUTPUTS
        self._counts = [0] * OUTPUTS

    def next_day(self, ratios: Sequence[float] | Floats) -> float:
        """Adds today's predictions of the next three days; returns the mean for tomorrow."""
        for day in range(OUTPUTS):
            self._sums[day] += float(ratios[day])
            self._counts[day] += 1
        mean = self._sums[0] / self._counts[0]
        self._sums = [*self._sums[1:], 0.0]
        self._counts = [*self._counts[1:], 0]
        return mean


class IndicatorLstmStrategy(Strategy):
    """Trains on the bars before the first one, then trades by the model.

    Args:
        epochs: passes over the closes.
        seed: of the weights.
        mended: without the tutorial's flaws; sizes as in `truncate`.
    """

    def __init__(self, epochs: int = 10_000, seed: int = 0, mended: bool = False) -> None:
        self._training = Training(epochs=epochs, seed=seed, mended=mended)
        self._mended = mended
        self._model: IndicatorLstm | None = None
        self._before: Floats = np.empty(0)
        self._mean = ThreeDayMean()

    def fit(self, before: Bars, tell: Callable[[str], None]) -> None:
        """Trains on the last closes of `before`.

        Raises:
            TooFewClosesError: they contain no episode.
        """
        closes = before.close[-WARMUP:]
        self.begin(self.train(closes, tell), closes)

    def train(self, closes: Floats, tell: Callable[[str], None]) -> IndicatorLstm:
        """Trains a model on these closes."""
        return train(
            closes, self._training, lambda epoch, loss: tell(f"Epoch: {epoch}, loss: {loss:.5f}")
        )

    def begin(self, model: IndicatorLstm, before: Floats) -> None:
        """Sets the model, and the closes before the first bar, which the indicators need."""
        self._model, self._before = model, before

    def on_bar(self, market: Market) -> None:
        """Predicts, averages, and buys or sells a part."""
        assert self._model is not None, "call fit before the first bar"
        seen = market.history("close", market.index + 1)
        ratio = self._mean.next_day(self._model.ratios(np.concatenate([self._before, seen])))
        if ratio > 1:
            size = self._cut(market.cash * 2 * (ratio - 1) / market.close)
            if size > 0:
                market.buy(amount=size)
        else:
            size = self._cut(self._cut(market.position) * 2 * (1 - ratio))
            if size > 0:
                market.sell(amount=size)

    def _cut(self, size: float) -> float:
        return truncate(size, mended=self._mended)
