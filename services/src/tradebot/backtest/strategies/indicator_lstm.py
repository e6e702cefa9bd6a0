"""The tutorial's strategy: an LSTM on indicators says how far the next close lies from this one.

Each day's ratio is predicted on three days, three, two and one days before; the mean of these
decides. Above 1 it buys cash·2·(p − 1)/price, below it sells holdings·2·(1 − p); both sizes are cut
off after two places. Two flaws of the original are kept unless mended: it trains on the very days
on which it is then tested, and it does not scale its features.
"""

import math
from collections.abc import Sequence

import numpy as np

from tradebot.backtest.strategy import Market, Strategy
from tradebot.indicator_lstm.features import OUTPUTS, Floats
from tradebot.indicator_lstm.model import IndicatorLstm

PLACES = 2


def truncate(value: float, *, mended: bool = False) -> float:
    """`value` cut off after two places, towards zero, as Blankly's `trunc` does it.

    A product may lie just below a whole number through rounding, and loses a hundredth then;
    `mended` keeps it.

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
        """Takes today's predictions of the next three days; returns the mean for tomorrow."""
        for day in range(OUTPUTS):
            self._sums[day] += float(ratios[day])
            self._counts[day] += 1
        mean = self._sums[0] / self._counts[0]
        self._sums = [*self._sums[1:], 0.0]
        self._counts = [*self._counts[1:], 0]
        return mean


class IndicatorLstmStrategy(Strategy):
    """Trades by a trained model.

    Args:
        model: the network.
        before: closes that precede the first bar, so that the indicators are known from the start.
        mended: sizes as `truncate` has them.
    """

    def __init__(self, model: IndicatorLstm, before: Floats, *, mended: bool = False) -> None:
        self._model = model
        self._mended = mended
        self._before = before
        self._mean = ThreeDayMean()

    def on_bar(self, market: Market) -> None:
        """Predicts, averages, and buys or sells a part."""
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
