"""Price bars: a column each."""

import msgspec
import numpy as np
import numpy.typing as npt

from tradebot.history.minutes import MINUTE as MINUTE

DAY = 1440 * MINUTE
"""Milliseconds of a day."""

Column = npt.NDArray[np.float64]


class Bars(msgspec.Struct, frozen=True):
    """Bars in rising order of time; a bar without trades is absent.

    `ts` is the start of a bar in ms UTC, prices are in quote and `volume` in base currency, and
    `step` is the length of a bar in ms.
    """

    ts: npt.NDArray[np.int64]
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    step: int

    def between(self, start: int, end: int) -> "Bars":
        """Those that begin at `start` or later and before `end`."""
        left, right = np.searchsorted(self.ts, (start, end))
        part = slice(left, right)
        return Bars(
            ts=self.ts[part],
            open=self.open[part],
            high=self.high[part],
            low=self.low[part],
            close=self.close[part],
            volume=self.volume[part],
            step=self.step,
        )


def joined(parts: list[Bars]) -> Bars:
    """The bars of all parts, which follow one another."""
    return Bars(
        ts=np.concatenate([part.ts for part in parts]),
        open=np.concatenate([part.open for part in parts]),
        high=np.concatenate([part.high for part in parts]),
        low=np.concatenate([part.low for part in parts]),
        close=np.concatenate([part.close for part in parts]),
        volume=np.concatenate([part.volume for part in parts]),
        step=parts[0].step,
    )
