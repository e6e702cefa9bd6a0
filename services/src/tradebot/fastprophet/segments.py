"""Sufficient statistics of a history: one Gram matrix for each segment between changepoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tradebot.fastprophet.design import Design
from tradebot.fastprophet.history import Rows
from tradebot.fastprophet.setup import Changepoints, Scales
from tradebot.fastprophet.solver import Fit
from tradebot.fastprophet.times import DAY, Floats, Nanos

BLOCK: Final = 4096
"""Rows expanded at once: their columns fit into one core's cache."""


@dataclass(frozen=True)
class Segments:
    """For each segment G = Σ zzᵀ over its rows, z = [1, τ, X, y − baseline].

    `grams` (S + 1, K + 3, K + 3); τ is the time in days from the segment's `centres` (S + 1,), in
    ns, which stay where they are when a boundary moves. `bounds` (S + 2,) are row numbers,
    `baseline` the constant taken from y, `design` what X was made with, `accumulated` the number
    of rows of the pass over all of them.
    """

    bounds: npt.NDArray[np.int64]
    centres: Nanos
    grams: Floats
    baseline: float
    design: Design
    accumulated: int

    def add(
        self, segment: int, times: Nanos, residual: Floats, columns: Floats, sign: float
    ) -> None:
        """Add rows to a segment's Gram matrix, or take them from it (sign −1)."""
        z = np.empty((columns.shape[0] + 3, len(times)))
        z[0] = 1.0
        z[1] = (times - self.centres[segment]) * (1.0 / DAY)
        z[2:-1] = columns
        z[-1] = residual
        self.grams[segment] += sign * (z @ z.T)


def accumulate(rows: Rows, design: Design, bounds: Nanos) -> Segments:
    """The statistics of all rows in one pass, in blocks of some thousand rows."""
    y = rows.y
    baseline = float(y.mean())
    n, count = len(rows), len(bounds) - 1
    times = rows.times
    first = times[np.minimum(bounds[:-1], n - 1)]
    last = times[np.maximum(bounds[1:] - 1, 0)]
    centres = first + (last - first) // 2
    size = design.size + 3
    grams = np.zeros((count, size, size))
    z = np.empty((size, BLOCK))
    z[0] = 1.0
    segment = 0
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        block = z[:, : stop - start]
        design.fill(block[2:-1], times[start:stop], rows.others(slice(start, stop)))
        np.subtract(y[start:stop], baseline, out=block[-1])
        at = start
        while at < stop:
            while bounds[segment + 1] <= at:
                segment += 1
            end = min(stop, int(bounds[segment + 1]))
            part = block[:, at - start : end - start]
            np.multiply(times[at:end] - centres[segment], 1.0 / DAY, out=part[1])
            grams[segment] += part @ part.T
            at = end
    return Segments(bounds.copy(), centres, grams, baseline, design, n)


@dataclass(frozen=True)
class Normal:
    """The fit of θ = [m, k, δ, β] from the segments, in Prophet's scaled units.

    `gram` (P, P) is that of θ, `grams` (S + 1, K + 3, K + 3) those of the segments, `basis`
    (S + 1, trend, 2) each trend column as a + b·τ, `level` the scaled baseline of y, `constant`
    the sum of squares about it and `rows` n.
    """

    gram: Floats
    grams: Floats
    basis: Floats
    level: float
    constant: float
    rows: int

    def evaluate(self, theta: Floats) -> Fit:
        """The fit of θ (P,).

        It is summed up segment by segment: there the trend is a level and a slope, while the
        terms of θ that make it up may be much larger than it and cancel.
        """
        trend = self.basis.shape[1]
        line = np.tensordot(self.basis, theta[:trend], (1, 0))
        residual = np.empty(self.grams.shape[:2])
        residual[:, 0] = self.level - line[:, 0]
        residual[:, 1] = -line[:, 1]
        residual[:, 2:-1] = -theta[trend:]
        residual[:, -1] = 1.0
        moments = np.matmul(self.grams, residual[:, :, None])[:, :, 0]
        rss = float((residual * moments).sum())
        pull = np.tensordot(self.basis, moments[:, :2], ((0, 2), (0, 1)))
        gradient = np.concatenate((pull, moments[:, 2:-1].sum(axis=0)))
        return Fit(max(rss, 0.0), -gradient, self.gram)


def normal_equations(
    segments: Segments,
    scales: Scales,
    changepoints: Changepoints,
    flat: bool,
    shifts: Mapping[int, tuple[float, float]],
) -> Normal:
    """The statistics of θ from those of the segments.

    Inside a segment every trend column is a + b·τ. `shifts` maps a column of X to (a, b) where
    the model's column is a + b·(accumulated column): a regressor standardised again.
    """
    grams = segments.grams.copy()
    grams[:, -1, :] /= scales.y_scale
    grams[:, :, -1] /= scales.y_scale
    for column, (shift, factor) in shifts.items():
        row = column + 2
        grams[:, row, :] = factor * grams[:, row, :] + shift * grams[:, 0, :]
        grams[:, :, row] = factor * grams[:, :, row] + shift * grams[:, :, 0]
    basis = trend_basis(segments.centres, scales, changepoints, flat)
    trend = basis.shape[1]
    # (trend, 2·segments) times (2·segments, rest): all segments in one product.
    left = basis.transpose(1, 0, 2).reshape(trend, -1)
    inner = np.matmul(grams[:, :2, :2], basis.transpose(0, 2, 1)).reshape(-1, trend)
    total = grams[:, 2:, 2:].sum(axis=0)
    size = trend + len(total) - 1
    gram = np.empty((size, size))
    gram[:trend, :trend] = left @ inner
    gram[:trend, trend:] = left @ grams[:, :2, 2:-1].reshape(left.shape[1], size - trend)
    gram[trend:, :trend] = gram[:trend, trend:].T
    gram[trend:, trend:] = total[:-1, :-1]
    gram = 0.5 * (gram + gram.T)
    level = (segments.baseline - scales.offset) / scales.y_scale
    rows = int(segments.bounds[-1])
    return Normal(gram, grams, basis, level, float(total[-1, -1]), rows)


def trend_basis(centres: Nanos, scales: Scales, changepoints: Changepoints, flat: bool) -> Floats:
    """Each trend column as a + b·τ in each segment: (segments, columns, 2)."""
    count = len(centres)
    if flat:
        basis = np.zeros((count, 1, 2))
        basis[:, 0, 0] = 1.0
        return basis
    slope = DAY / scales.span
    basis = np.zeros((count, 2 + len(changepoints.times), 2))
    basis[:, 0, 0] = 1.0
    basis[:, 1, 0] = scales.t(centres)
    basis[:, 1, 1] = slope
    ramps = (centres[:, None] - changepoints.times) / scales.span
    past = np.arange(count)[:, None] > np.arange(len(changepoints.times))
    basis[:, 2:, 0] = np.where(past, ramps, 0.0)
    basis[:, 2:, 1] = np.where(past, slope, 0.0)
    return basis
