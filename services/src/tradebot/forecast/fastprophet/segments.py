"""Sufficient statistics of a history: one Gram matrix for each segment between changepoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tradebot.forecast.fastprophet.design import Design
from tradebot.forecast.fastprophet.history import Rows
from tradebot.forecast.fastprophet.setup import Changepoints, Scales
from tradebot.forecast.fastprophet.solver import Fit
from tradebot.forecast.fastprophet.times import DAY, Floats, Nanos

BLOCK: Final = 4096
"""Rows that are expanded at once: their columns stay in the cache of one core."""


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
    """½RSS as a quadratic of θ = [m, k, δ, β] about `origin`, in Prophet's scaled units.

    With d = θ − origin: RSS = constant − 2·linear·d + dᵀ·gram·d. `rows` is n.
    """

    gram: Floats
    linear: Floats
    constant: float
    origin: Floats
    rows: int

    def evaluate(self, theta: Floats) -> Fit:
        """The fit of θ (P,)."""
        away = theta - self.origin
        pull = self.gram @ away
        rss = self.constant + float(away @ (pull - 2 * self.linear))
        return Fit(max(rss, 0.0), pull - self.linear, self.gram)


def normal_equations(
    segments: Segments,
    scales: Scales,
    changepoints: Changepoints,
    origin: Floats,
    flat: bool,
    shifts: Mapping[int, tuple[float, float]],
) -> Normal:
    """The Gram matrix of θ from those of the segments.

    Inside a segment every trend column is a + b·τ. `shifts` maps a column of X to (a, b) where
    the model's column is a + b·(accumulated column): a regressor standardised anew.
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
    right = grams[:, :2, :].reshape(-1, grams.shape[2])
    inner = np.matmul(grams[:, :2, :2], basis.transpose(0, 2, 1)).reshape(-1, trend)
    mixed = left @ right[:, 2:]
    total = grams[:, 2:, 2:].sum(axis=0)
    gram = np.empty((len(origin), len(origin)))
    gram[:trend, :trend] = left @ inner
    gram[:trend, trend:] = mixed[:, :-1]
    gram[trend:, :trend] = mixed[:, :-1].T
    gram[trend:, trend:] = total[:-1, :-1]
    linear = np.concatenate((mixed[:, -1], total[:-1, -1]))
    gram = 0.5 * (gram + gram.T)
    return Normal(gram, linear, float(total[-1, -1]), origin, int(segments.bounds[-1]))


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
