"""A year of minutes as 200 numbers: recent minutes one by one, older ones in growing spans.

At minute t, bucket k is the mean log price of the traded minutes in (t − age[k+1], t − age[k]].
Ages are 0, 1, 2 … 60 minutes and then grow by a constant factor up to 525,600, a year. Feature k is
bucket k minus bucket k + 1, over the square root of their distance in time, so features of a random
walk are of similar size. A bucket without trades uses the next older one that has some, so its
feature is zero.

Everything comes from two cumulative sums over a grid of minutes, of log price and of traded
minutes: a bucket costs two look-ups whatever its length, and a new minute costs one addition.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradebot.history.bars import MINUTE, Series

YEAR: Final = 525_600
"""Minutes per year."""
FEATURES: Final = 200
SINGLE: Final = 60
"""Recent minutes with a bucket each."""


def ages(features: int = FEATURES, reach: int = YEAR, single: int = SINGLE) -> NDArray[np.int64]:
    """Returns the bounds of features + 1 buckets in minutes, (features + 2,), from 0 to `reach`.

    >>> ages(4, reach=100, single=2).tolist()
    [0, 1, 2, 7, 27, 100]
    """
    grown = features + 1 - single
    ratio = np.linspace(0, 1, grown + 1)[1:]
    bounds = np.round(single * (reach / single) ** ratio).astype(np.int64)
    least = single + np.arange(1, grown + 1)
    return np.concatenate([np.arange(single + 1), np.maximum(bounds, least)])


class YearFeatures:
    """Features of any minute of a series.

    Args:
        series: its minutes; buckets that reach back beyond its start use what there is.
    """

    def __init__(self, series: Series, bounds: NDArray[np.int64] | None = None) -> None:
        self.bounds = ages() if bounds is None else bounds
        self.features = len(self.bounds) - 2
        middle = (self.bounds[1:] + self.bounds[:-1]) / 2
        self._root = np.sqrt(np.diff(middle))
        self.start = series.start
        self._base = float(series.log_price[0])
        self._size = (series.end - series.start) // MINUTE + 2
        self._sum = np.zeros(self._size + self._size // 8 + 1024)
        self._count = np.zeros(len(self._sum), np.int64)
        position = (series.ts - series.start) // MINUTE + 1
        self._sum[position] = series.log_price - self._base
        self._count[position] = 1
        np.cumsum(self._sum[: self._size], out=self._sum[: self._size])
        np.cumsum(self._count[: self._size], out=self._count[: self._size])

    def position(self, ts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns grid positions of minutes (ms UTC), for `at`."""
        return (ts - self.start) // MINUTE + 1

    @property
    def places(self) -> int:
        """The newest minute's position."""
        return self._size - 1

    def append(self, ts: int, log_price: float) -> None:
        """Appends a later minute; minutes in between had no trades."""
        place = int((ts - self.start) // MINUTE + 1)
        assert place >= self._size
        if place >= len(self._sum):
            room = place + place // 8 + 1024
            self._sum = np.concatenate([self._sum, np.zeros(room - len(self._sum))])
            self._count = np.concatenate([self._count, np.zeros(room - len(self._count), np.int64)])
        self._sum[self._size : place] = self._sum[self._size - 1]
        self._count[self._size : place] = self._count[self._size - 1]
        self._sum[place] = self._sum[place - 1] + log_price - self._base
        self._count[place] = self._count[place - 1] + 1
        self._size = place + 1

    def at(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns features (b, features) of what is known at the end of the minutes at `places`."""
        index = np.maximum(places - self.bounds[:, None], 0)
        return self._of(self._sum[index], self._count[index])

    def every(self, first: int = 1, block: int = 8_192) -> NDArray[np.float32]:
        """Returns features (n, features) of all grid positions from `first` on.

        Neighbouring positions use neighbouring sums, so a bucket of a block of positions is the
        difference of two slices.
        """
        reach = int(self.bounds[-1])
        sums = np.concatenate([np.zeros(reach), self._sum[: self._size]])
        counts = np.concatenate([np.zeros(reach), self._count[: self._size].astype(np.float64)])
        out = np.empty((self._size - first, self.features), np.float32)
        columns = np.empty((self.features, block), np.float32)
        for begin in range(first, self._size, block):
            size = min(block, self._size - begin)
            self._block(sums, counts, begin + reach, columns[:, :size])
            out[begin - first : begin - first + size] = columns[:, :size].T
        return out

    def _block(
        self,
        sums: NDArray[np.float64],
        counts: NDArray[np.float64],
        place: int,
        out: NDArray[np.float32],
    ) -> None:
        """Fills features (features, b) of `b` positions from `place` on, oldest bucket first."""
        size = out.shape[1]
        older, mean, traded = np.full(size, np.nan), np.empty(size), np.empty(size)
        bounds = self.bounds.tolist()
        for bucket in range(self.features, -1, -1):
            young, old = place - bounds[bucket], place - bounds[bucket + 1]
            np.subtract(counts[young : young + size], counts[old : old + size], out=traded)
            np.subtract(sums[young : young + size], sums[old : old + size], out=mean)
            if traded.min() > 0:
                np.divide(mean, traded, out=mean)
            else:
                np.divide(mean, traded, out=mean, where=traded > 0)
                np.copyto(mean, older, where=traded == 0)
            if bucket < self.features:
                np.subtract(mean, older, out=traded)
                np.multiply(traded, 1 / self._root[bucket], out=out[bucket], casting="same_kind")
            older, mean = mean, older
        np.nan_to_num(out, copy=False)

    def ahead(self, places: NDArray[np.int64], walked: NDArray[np.float64]) -> NDArray[np.float32]:
        """Returns features (b, features) after steps that are not in the series.

        Args:
            places: (b,) of the last known minutes.
            walked: (b, j) cumulative sums of the log prices of the j minutes after each, minus
                the series' first.
        """
        steps = walked.shape[1]
        index = np.maximum(places + steps - self.bounds[:, None], 0)
        inside = np.minimum(index, places)
        sums, counts = self._sum[inside], self._count[inside]
        new = int(np.searchsorted(self.bounds, steps))
        step = steps - self.bounds[:new]
        sums[:new] += walked[:, step - 1].T
        counts[:new] += step[:, None]
        return self._of(sums, counts)

    @property
    def base(self) -> float:
        """The log price that is subtracted before summing."""
        return self._base

    def _of(self, sums: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns features (b, features) from sums and counts at the bounds, (features + 2, b)."""
        traded = counts[:-1] - counts[1:]
        mean = sums[:-1] - sums[1:]
        mean /= np.maximum(traded, 1)
        lacking = np.flatnonzero(traded.min(axis=1) == 0)
        if len(lacking):
            _fill(mean, traded == 0, lacking)
        changed = np.diff(mean, axis=0)
        changed /= -self._root[:, None]
        return np.ascontiguousarray(changed.T, np.float32)


def _fill(mean: NDArray[np.float64], empty: NDArray[np.bool_], lacking: NDArray[np.int64]) -> None:
    """Fills empty buckets with the next older mean; before the series' start, with the oldest."""
    last = len(mean) - 1
    for bucket in lacking[::-1]:
        if bucket < last:
            np.copyto(mean[bucket], mean[bucket + 1], where=empty[bucket])
            empty[bucket] &= empty[bucket + 1]
    for bucket in lacking:
        if bucket:
            np.copyto(mean[bucket], mean[bucket - 1], where=empty[bucket])
