"""Candles of all intervals, from the history and from later trades."""

import numpy as np

from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.history.arrays import DAY, MINUTE, Bars

Row = list[float]
"""Start in ms, open, high, low, close, volume."""

INTERVALS = {
    "1m": MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1hr": 60 * MINUTE,
    "1h": 60 * MINUTE,
    "6hr": 360 * MINUTE,
    "6h": 360 * MINUTE,
    "1day": DAY,
    "1d": DAY,
}
"""REST says `1hr`, the socket's documentation `1h`, and clients use both."""

_DAY_BEGINS = 4 * 60 * MINUTE
"""The venue's days begin at 04:00 UTC."""


class Candles:
    """The candles of one symbol. A minute without trades has the previous close."""

    def __init__(self, instrument: ExchangeInstrument, history: Bars) -> None:
        self._price = 10**instrument.price_places
        self._amount = 10**instrument.amount_places
        self._history = _without_gaps(history, instrument)
        self._live: list[list[int]] = []
        last = self._history[-1]
        self._begin = int(last[0]) + MINUTE
        self._close = round(float(last[4]) * self._price)

    def roll(self, ts: int) -> None:
        """Adds minutes up to that of `ts`."""
        while self._begin + MINUTE * len(self._live) <= ts:
            start = self._begin + MINUTE * len(self._live)
            close = self._live[-1][4] if self._live else self._close
            self._live.append([start, close, close, close, close, 0])

    def trade(self, ts: int, price: int, amount: int) -> None:
        """Adds a trade at `ts`, in steps; in order of time."""
        self.roll(ts)
        row = self._live[-1]
        if row[5] == 0:
            row[1:5] = [price] * 4
        row[2] = max(row[2], price)
        row[3] = min(row[3], price)
        row[4] = price
        row[5] += amount

    def last(self, interval: str, limit: int) -> list[Row]:
        """Returns the newest candles, at most `limit`, newest first."""
        step = INTERVALS[interval]
        table = self._table((limit + 1) * step // MINUTE)
        return merged(table, interval)[-limit:][::-1]

    def between(self, interval: str, start: int, end: int) -> list[Row]:
        """Returns the candles that begin in `start` ≤ ts < `end` (ms), oldest first."""
        return merged(self.minutes(start, end), interval)

    def minutes(self, start: int, end: int) -> np.ndarray:
        """Returns a copy of the minutes that begin in `start` ≤ ts < `end` (ms), a row each."""
        table = self._table(None)
        return table[(table[:, 0] >= start) & (table[:, 0] < end)]

    def _table(self, minutes: int | None) -> np.ndarray:
        live = self._live if minutes is None else self._live[-minutes:]
        rows = np.array(live, dtype=np.float64).reshape(-1, 6)
        rows[:, 1:5] /= self._price
        rows[:, 5] /= self._amount
        missing = len(self._history) if minutes is None else minutes - len(live)
        if missing <= 0:
            return rows
        return np.concatenate([self._history[-missing:], rows])


def merged(table: np.ndarray, interval: str) -> list[Row]:
    """Aggregates minutes, a row each, to candles of an interval."""
    if len(table) == 0:
        return []
    step = INTERVALS[interval]
    offset = _DAY_BEGINS if step == DAY else 0
    starts = (table[:, 0].astype(np.int64) - offset) // step * step + offset
    first = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
    last = np.append(first[1:], len(table)) - 1
    columns = (
        starts[first],
        table[first, 1],
        np.maximum.reduceat(table[:, 2], first),
        np.minimum.reduceat(table[:, 3], first),
        table[last, 4],
        np.round(np.add.reduceat(table[:, 5], first), 10),
    )
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _without_gaps(bars: Bars, instrument: ExchangeInstrument) -> np.ndarray:
    """Returns a row for every minute from first to last, rounded to price and amount steps."""
    ts = np.arange(int(bars.ts[0]), int(bars.ts[-1]) + MINUTE, MINUTE)
    close = bars.close[np.searchsorted(bars.ts, ts, side="right") - 1]
    table = np.column_stack([ts, close, close, close, close, np.zeros(len(ts))])
    traded = (bars.ts - bars.ts[0]) // MINUTE
    table[traded, 1:] = np.column_stack([bars.open, bars.high, bars.low, bars.close, bars.volume])
    table[:, 1:5] = np.round(table[:, 1:5], instrument.price_places)
    table[:, 5] = np.round(table[:, 5], instrument.amount_places)
    return table
