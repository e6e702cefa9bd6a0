"""Multiplicative terms from statistics: moments of products of columns, by segment.

Inside a segment the trend is linear in time, so the model y = g·(1 + X_m β_m) + X_a β_a is
linear in ζ = [z, τz], z = [1, X, y]; Σ ζζᵀ of each segment is all that a step needs.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tradebot.fastprophet.rows import RowModel
from tradebot.fastprophet.segments import trend_basis
from tradebot.fastprophet.solver import Fit
from tradebot.fastprophet.times import DAY, Floats

_ROWS: Final = 2048


@dataclass(frozen=True)
class Products:
    """Σ ζζᵀ for each segment, `grams` (S + 1, 2K + 4, 2K + 4).

    τ runs over [−1, 1] in a segment. `basis` (S + 1, trend, 2) holds each trend column as
    a + b·τ, `levels` (S + 1,) the constant that was taken from the segment's scaled y, and
    `product` (K,) says which columns multiply the trend.
    """

    grams: Floats
    basis: Floats
    levels: Floats
    product: npt.NDArray[np.bool_]

    def evaluate(self, theta: Floats) -> Fit:
        """The fit of θ = [m, k, δ, β]."""
        count, trend, _ = self.basis.shape
        size = len(self.product)
        half = size + 2
        beta, share = theta[trend:], np.where(self.product, theta[trend:], 0.0)
        line = np.tensordot(self.basis, theta[:trend], (1, 0))
        # The derivative of the fit by each β, as weights of X and of τX in each segment.
        still = np.where(self.product, line[:, :1], 1.0)
        moving = np.where(self.product, line[:, 1:], 0.0)
        residual = np.zeros((count, 2 * half))
        residual[:, 0] = self.levels - line[:, 0]
        residual[:, 1 : 1 + size] = -beta * still
        residual[:, 1 + size] = 1.0
        residual[:, half] = -line[:, 1]
        residual[:, half + 1 : -1] = -beta * moving
        moments = np.matmul(self.grams, residual[:, :, None])[:, :, 0]
        rss = float((residual * moments).sum())
        # The derivative of the fit by the line's two coefficients, as weights of ζ.
        slope = np.zeros((2, 2 * half))
        slope[0, :half] = slope[1, half:] = np.concatenate(([1.0], share, [0.0]))
        left = self.basis.transpose(1, 0, 2).reshape(trend, -1)
        columns, later = slice(1, 1 + size), slice(half + 1, 2 * half - 1)
        gradient = np.concatenate(
            (
                left @ (moments @ slope.T).reshape(-1),
                (still * moments[:, columns] + moving * moments[:, later]).sum(axis=0),
            )
        )
        pulled = slope @ self.grams
        inner = np.matmul(pulled @ slope.T, self.basis.transpose(0, 2, 1)).reshape(-1, trend)
        mixed = pulled[:, :, columns] * still[:, None] + pulled[:, :, later] * moving[:, None]
        hessian = np.empty((len(theta), len(theta)))
        hessian[:trend, :trend] = left @ inner
        hessian[:trend, trend:] = left @ mixed.reshape(-1, size)
        hessian[trend:, :trend] = hessian[:trend, trend:].T
        weights = ((columns, still), (later, moving))
        hessian[trend:, trend:] = sum(
            (self.grams[:, a, b] * u[:, :, None] * v[:, None, :]).sum(axis=0)
            for a, u in weights
            for b, v in weights
        )
        bend = np.zeros_like(hessian)
        pairs = np.stack((moments[:, columns], moments[:, later]), axis=1) * self.product
        bend[:trend, trend:] = -left @ pairs.reshape(-1, size)
        bend[trend:, :trend] = bend[:trend, trend:].T
        return Fit(max(rss, 0.0), -gradient, hessian, bend)


def make_products(model: RowModel) -> Products:
    """The statistics of a history in one pass over its rows."""
    times, edges = model.rows.times, model.changepoints.bounds
    n, count, size = len(times), len(edges) - 1, model.design.size
    first = times[np.minimum(edges[:-1], n - 1)]
    last = times[np.maximum(edges[1:] - 1, 0)]
    centres = first + (last - first) // 2
    nanos = np.maximum((last - first) / 2, 1.0)
    basis = trend_basis(centres, model.scales, model.changepoints, model.growth == "flat")
    basis[:, :, 1] *= (nanos / DAY)[:, None]
    half = size + 2
    grams, levels = np.zeros((count, 2 * half, 2 * half)), np.zeros(count)
    z = np.empty((2 * half, _ROWS))
    for segment in range(count):
        low, high = int(edges[segment]), int(edges[segment + 1])
        for start in range(low, high, _ROWS):
            stop = min(start + _ROWS, high)
            block = z[:, : stop - start]
            y, _ = model.fill(block[1 : half - 1], start, stop)
            if start == low:
                levels[segment] = y.mean()
            tau = (times[start:stop] - centres[segment]) / nanos[segment]
            block[0] = 1.0
            np.subtract(y, levels[segment], out=block[half - 1])
            np.multiply(block[:half], tau, out=block[half:])
            grams[segment] += block @ block.T
    return Products(grams, basis, levels, model.design.multiplicative)
