"""The minutes of one symbol: recorded ones, then generated ones."""

from random import Random

import numpy as np

from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.market.generator import Generator
from tradebot.emulator.market.path import StepBar, prints
from tradebot.history.arrays import DAY, MINUTE, Bars, joined

_MINUTES_A_DAY = DAY // MINUTE
_LEAST_HISTORY = 20 * DAY
_MOST_HISTORY = 400 * DAY
"""Limit of a file's history; more would only make responses long."""


class Timeline:
    """Provides the history before the start, and then the bar of each minute.

    Args:
        start: the first minute to trade, ms.
        recorded: bars to follow, at least one of them before `start`.
        history_days: days before the start to generate, or to take from recorded days.
        price: the first price if nothing is recorded.
    """

    def __init__(
        self,
        instrument: ExchangeInstrument,
        *,
        start: int,
        seed: int,
        recorded: Bars | None = None,
        history_days: int = 30,
        price: float = 11400.0,
    ) -> None:
        self._instrument = instrument
        self._seed = seed
        self._recorded = recorded
        self._generator: Generator | None = None
        self._until = start
        self._coming: dict[int, StepBar] = {}
        if recorded is None:
            first = start - history_days * DAY
            self._generator = Generator(start=first, price=price, seed=seed)
            self.history = joined([self._generator.next_day() for _ in range(history_days)])
        else:
            self.history = self._recorded_history(recorded, start, history_days)
        self._last_close = float(self.history.close[-1])

    def _recorded_history(self, recorded: Bars, start: int, days: int) -> Bars:
        before = recorded.between(start - _MOST_HISTORY, start)
        if recorded.step == MINUTE:
            return before
        return joined(
            [self._minutes_of_day(before, i) for i in range(-days, 0) if -i <= len(before.ts)]
        )

    def minute(self, ts: int) -> StepBar | None:
        """Returns the bar of the minute at `ts`; `None` without trades. Call it in order."""
        while ts >= self._until:
            self._load_day()
        return self._coming.pop(ts, None)

    def _load_day(self) -> None:
        bars = self._next_day()
        self._until += DAY
        if len(bars.ts) == 0:
            return
        self._last_close = float(bars.close[-1])
        price, amount = 10**self._instrument.price_places, 10**self._instrument.amount_places
        columns = [
            np.rint(column * scale).astype(np.int64).tolist()
            for column, scale in (
                (bars.open, price),
                (bars.high, price),
                (bars.low, price),
                (bars.close, price),
                (bars.volume, amount),
            )
        ]
        for ts, *values in zip(bars.ts.tolist(), *columns, strict=True):
            self._coming[ts] = StepBar(*values)

    def _next_day(self) -> Bars:
        if self._recorded is not None and self._until <= int(self._recorded.ts[-1]):
            bars = self._recorded.between(self._until, self._until + DAY)
            if self._recorded.step == MINUTE or len(bars.ts) == 0:
                return bars
            return self._minutes_of_day(bars, 0)
        if self._generator is None:
            self._generator = Generator(start=self._until, price=self._last_close, seed=self._seed)
        return self._generator.next_day()

    def _minutes_of_day(self, days: Bars, index: int) -> Bars:
        """Returns minutes whose open, high, low, close and volume are those of day `index`."""
        day = int(days.ts[index])
        price, amount = 10**self._instrument.price_places, 10**self._instrument.amount_places
        values = (days.open, days.high, days.low, days.close)
        opening, high, low, close = (round(float(column[index]) * price) for column in values)
        volume = round(float(days.volume[index]) * amount)
        bar = StepBar(opening, high, low, close, volume)
        random = Random(f"{self._seed}/{day}")  # noqa: S311  # a market is no secret
        trades = prints(bar, count=2 * _MINUTES_A_DAY, length=DAY, random=random)
        minutes = np.array([trade.at // MINUTE for trade in trades])
        prices = np.array([trade.price for trade in trades]) / price
        amounts = np.array([trade.amount for trade in trades]) / amount
        first = np.flatnonzero(np.diff(minutes, prepend=-1))
        last = np.append(first[1:], len(minutes)) - 1
        return Bars(
            ts=day + MINUTE * minutes[first],
            open=prices[first],
            high=np.maximum.reduceat(prices, first),
            low=np.minimum.reduceat(prices, first),
            close=prices[last],
            volume=np.add.reduceat(amounts, first),
            step=MINUTE,
        )


def default_start(recorded: Bars) -> int:
    """Returns the middle of the recording, or 20 days into it if that leaves time to trade."""
    first, last = int(recorded.ts[0]), int(recorded.ts[-1])
    span = last - first
    lead = max(span // 2, min(_LEAST_HISTORY, span * 4 // 5))
    return (first + lead) // recorded.step * recorded.step
