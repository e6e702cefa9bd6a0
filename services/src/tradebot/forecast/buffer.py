"""Minutes in memory, appended one by one, with the newest kept and the oldest let go."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from tradebot.history.bars import Series


class SeriesBuffer:
    """Appends in constant time and shows all rows without a copy.

    Args:
        keep: newest rows that are kept for certain; some more may be, at most a quarter. 0 keeps
            all.
    """

    def __init__(self, start: Series, keep: int = 0) -> None:
        self._keep = keep
        self._fill(start.newest(keep))

    def _fill(self, rows: Series) -> None:
        self._size = len(rows)
        room = max(1024, self._size + self._size // 4)
        self._ts: NDArray[np.int64] = np.empty(room, np.int64)
        self._log_price: NDArray[np.float64] = np.empty(room, np.float64)
        self._ts[: self._size] = rows.ts
        self._log_price[: self._size] = rows.log_price
        self._hash = hashlib.sha256()
        self._hash.update(_bytes(rows))

    def append(self, rows: Series) -> None:
        """Adds newer rows; those that are not newer are ignored."""
        last = int(self._ts[self._size - 1]) if self._size else -1
        first = int(np.searchsorted(rows.ts, last, side="right"))
        rows = Series(rows.ts[first:], rows.log_price[first:])
        end = self._size + len(rows)
        if end > len(self._ts):
            self._fill(self.series.newest(self._keep))
            end = self._size + len(rows)
            if end > len(self._ts):
                merged = (
                    np.concatenate([self.series.ts, rows.ts]),
                    np.concatenate([self.series.log_price, rows.log_price]),
                )
                self._fill(Series(*merged).newest(self._keep))
                return
        self._ts[self._size : end] = rows.ts
        self._log_price[self._size : end] = rows.log_price
        self._size = end
        self._hash.update(_bytes(rows))

    @property
    def series(self) -> Series:
        """All rows, a view that later appends leave as it is."""
        return Series(self._ts[: self._size], self._log_price[: self._size])

    @property
    def digest(self) -> str:
        """Names the rows, as `digest` does."""
        return self._hash.hexdigest()[:32]


def digest(rows: Series) -> str:
    """Names the rows: the same rows have the same name, wherever they come from."""
    return hashlib.sha256(_bytes(rows)).hexdigest()[:32]


def _bytes(rows: Series) -> memoryview:
    """Row after row, time and price, so that portions do not matter."""
    table = np.empty((len(rows), 2), np.int64)
    table[:, 0] = rows.ts
    table[:, 1] = rows.log_price.view(np.int64)
    return table.data.cast("B") if len(rows) else memoryview(b"")
