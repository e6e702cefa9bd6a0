"""Updates a history's statistics when rows are appended."""

from dataclasses import dataclass, replace

import numpy as np

from tradebot.fastprophet.design import Standard
from tradebot.fastprophet.history import Rows
from tradebot.fastprophet.options import Regressor
from tradebot.fastprophet.segments import Segments
from tradebot.fastprophet.times import Floats, Nanos


@dataclass(frozen=True)
class ColumnMoments:
    """The moments that standardise a regressor: count, mean, Σ(x − mean)², and its kind."""

    count: int
    mean: float
    squares: float
    varies: bool
    binary: bool

    @classmethod
    def of(cls, values: Floats) -> "ColumnMoments":
        """Computes the moments of a column (n,)."""
        mean = float(values.mean())
        varies = bool((values != values[0]).any())
        binary = bool(np.isin(values, (0.0, 1.0)).all())
        return cls(len(values), mean, float(((values - mean) ** 2).sum()), varies, binary)

    def joined(self, other: "ColumnMoments") -> "ColumnMoments":
        """Merges the moments of two columns."""
        count = self.count + other.count
        away = other.mean - self.mean
        mean = self.mean + away * other.count / count
        squares = self.squares + other.squares + away * away * self.count * other.count / count
        varies = self.varies or other.varies or away != 0
        return ColumnMoments(count, mean, squares, varies, self.binary and other.binary)

    def standard(self, regressor: Regressor) -> Standard:
        """Standardises as Prophet does: not at all if it is constant, or 0/1 with "auto"."""
        left = regressor.standardize == "auto" and self.binary
        if not self.varies or left or not regressor.standardize:
            return Standard()
        return Standard(self.mean, float(np.sqrt(self.squares / (self.count - 1))))


def follow(segments: Segments, rows: Rows, bounds: Nanos, before: int) -> Segments | None:
    """Returns the statistics after appending rows `before` … and moving boundaries to `bounds`.

    Each boundary that moved passes its rows to the segment before it. `None` if boundaries moved
    back, or so far that a pass over all rows is due.
    """
    old = segments.bounds
    if len(old) != len(bounds) or (bounds < old).any():
        return None
    if len(rows) > 1.25 * segments.accumulated:
        return None
    crossing = [np.arange(a, b) for a, b in zip(old[1:-1], bounds[1:-1], strict=True)]
    fresh = np.arange(before, len(rows))
    index = np.concatenate([fresh, *crossing])
    if len(index) > max(256, len(rows) // 8):
        return None
    times, y, others = rows.take(index)
    residual = y - segments.baseline
    columns = segments.design.matrix(times, others)
    grams = segments.grams.copy()
    moved = replace(segments, grams=grams, bounds=bounds.copy())
    parts = np.split(np.arange(len(index)), np.cumsum([len(fresh)] + [len(c) for c in crossing]))
    moved.add(len(bounds) - 2, times[parts[0]], residual[parts[0]], columns[:, parts[0]], 1.0)
    for segment in range(len(crossing) - 1, -1, -1):
        part = parts[1 + segment]
        if len(part):
            piece = times[part], residual[part], columns[:, part]
            moved.add(segment + 1, *piece, -1.0)
            moved.add(segment, *piece, 1.0)
    return moved
