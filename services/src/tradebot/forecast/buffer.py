"""Minutes in memory: new ones are appended, and the oldest are dropped."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from tradebot.history.bars import Series


class SeriesBuffer:
    """Appends in constant time and exposes all rows without a copy.

    Args:
        keep: number of newest rows to keep at least; up to a quarter more may be kept. 0 keeps
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
        """Appends newer rows, and ignores others."""
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
        """All rows, as a view that later appends do not change."""
        return Series(self._ts[: self._size], self._log_price[: self._size])

    @property
    def digest(self) -> str:
        """The digest of the rows; see `digest`."""
        return self._hash.hexdigest()[:32]


def digest(rows: Series) -> str:
    """Hashes the rows: the same rows have the same digest, wherever they come from."""
    return hashlib.sha256(_bytes(rows)).hexdigest()[:32]


def _bytes(rows: Series) -> memoryview:
    """Returns time and price row by row, so that appending in parts gives the same digest."""
    table = np.empty((len(rows), 2), np.int64)
    table[:, 0] = rows.ts
    table[:, 1] = rows.log_price.view(np.int64)
    return table.data.cast("B") if len(rows) else memoryview(b"")
