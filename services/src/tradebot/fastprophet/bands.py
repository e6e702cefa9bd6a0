"""Uncertainty bands of a forecast, from the exact distribution of future changes, no sampling.

Linear growth: the trend's deviation, scaled by what multiplies the trend, plus normal noise; both
are symmetric. Logistic growth: the exponent deviates in the same way and passes through the
sigmoid; as in Prophet, the deviation's mean is removed. Flat growth: noise alone.
"""

from typing import Final

import numpy as np
from scipy.special import expit, ndtr, ndtri

from tradebot.fastprophet.engine import Fitted
from tradebot.fastprophet.times import Floats
from tradebot.fastprophet.uncertainty import half_widths, horizons, interpolate, masses

_FACTORS: Final = 7
"""If the factor of the trend varies, quantiles are computed for this many of its values."""
_DRIFTS: Final = 20
"""Horizons at which the trend's own quantiles are computed: without noise they cost the most."""


def bands(fitted: Fitted, t: Floats, factor: Floats, line: Floats, cap: Floats) -> Floats:
    """Returns offsets (4, n), scaled: lower and upper from yhat, lower and upper from the trend.

    `t` (n,) scaled times, `factor` (n,) what multiplies the trend, `line` (n,) the trend or its
    exponent, `cap` (n,) the scaled cap of logistic growth.
    """
    options, parameters = fitted.specification.options, fitted.parameters
    width, sigma = options.interval_width, parameters.sigma
    quiet = sigma * float(ndtri((1 + width) / 2))
    off = np.zeros((4, len(t)))
    off[0], off[1] = -quiet, quiet
    future = np.flatnonzero(t > 1)
    count = len(future)
    if not count or options.growth == "flat":
        return off
    order = future[np.argsort(t[future], kind="stable")]
    step = float(np.diff(t[order]).mean()) if count > 1 else 1 / (len(fitted.rows) - 1)
    if step <= 0:
        return off
    rate = len(fitted.changepoints.times) * step
    slope = (float(np.abs(parameters.delta).mean()) + 1e-8) * step
    law = _Law(width, rate, slope, sigma, count)
    if options.growth == "linear":
        noisy = law.noisy(np.abs(factor[order]))
        drift = law.drift()
        off[:, order] = -noisy, noisy, -drift, drift
    else:
        off[:, order] = law.logistic(line[order], cap[order], factor[order])
    return off


class _Law:
    """The distribution of a future of `count` steps: p = `rate` and λ·dt = `slope` per step."""

    def __init__(self, width: float, rate: float, slope: float, sigma: float, count: int) -> None:
        self._width, self._rate, self._slope, self._sigma = width, rate, slope, sigma
        self._count = count
        self._known = horizons(count)

    def drift(self) -> Floats:
        """Half-widths of the trend alone: 0 while the chance of no change reaches the width."""
        count = self._count
        calm = int(np.log(self._width) / np.log1p(-self._rate)) if self._rate < 1 else 0
        if calm >= count:
            return np.zeros(count)
        known = calm + horizons(count - calm, _DRIFTS)
        known = np.concatenate(([calm], known)) if calm else known
        q = self._quantiles(known.astype(float))
        return interpolate(known, q, count, first=calm or 1)

    def noisy(self, factor: Floats) -> Floats:
        """Half-widths of the trend times `factor` (count,) plus noise."""
        grid = _grid(factor)
        steps = np.tile(self._known.astype(float), len(grid))
        slopes = np.repeat(self._slope * grid, len(self._known))
        noise = np.full(len(steps), self._sigma)
        q = half_widths(self._width, self._rate, slopes, steps, noise)
        return self._spread(q.reshape(len(grid), -1), grid, factor)

    def logistic(self, line: Floats, cap: Floats, factor: Floats) -> Floats:
        """Offsets (4, count) for an exponent `line`; its step n deviates as a line's step n − 1."""
        known = self._known
        steps = np.maximum(known - 1.0, 1.0)
        values, chances = masses(self._rate, np.full(len(known), self._slope), steps)
        still = known == 1
        values[still] = 0.0
        centre = line[known - 1][:, None]
        share = expit(centre + values)
        mean = (chances * share).sum(axis=1, keepdims=True)
        reach = np.where(still, 0.0, self._quantiles(steps))
        edges = expit(centre[:, 0] + np.array([[-1.0], [1.0]]) * reach) - mean[:, 0]
        trend = np.stack([interpolate(known, edge, self._count) for edge in edges]) * cap
        weight = cap * factor
        grid = _grid(weight)
        away = (share - mean) * grid[:, None, None]
        tails = ((1 - self._width) / 2, (1 + self._width) / 2)
        both = [self._mixture(tail, away, chances) for tail in tails]
        noisy = np.stack([self._spread(q, grid, weight) for q in both])
        return np.concatenate((noisy, trend))

    def _quantiles(self, steps: Floats) -> Floats:
        slopes = np.full(len(steps), self._slope)
        return half_widths(self._width, self._rate, slopes, steps, np.zeros(len(steps)))

    def _mixture(self, tail: float, away: Floats, chances: Floats) -> Floats:
        """Solves Σ chance·Φ((z − away) / σ) = tail for z: (grid, horizons)."""
        sigma = self._sigma
        low, high = away.min(axis=2) - 8 * sigma, away.max(axis=2) + 8 * sigma
        z = (chances * away).sum(axis=2) + sigma * float(ndtri(tail))
        for _ in range(60):
            far = (z[:, :, None] - away) / sigma
            below = (chances * ndtr(far)).sum(axis=2)
            rise = (chances * np.exp(-0.5 * far * far)).sum(axis=2) / (sigma * np.sqrt(2 * np.pi))
            low, high = np.where(below < tail, z, low), np.where(below < tail, high, z)
            with np.errstate(divide="ignore", invalid="ignore"):
                trial = z + (tail - below) / rise
            trial = np.where((trial > low) & (trial < high), trial, (low + high) / 2)
            done = float(np.abs(trial - z).max()) <= 1e-6 * sigma
            z = trial
            if done:
                break
        return np.asarray(z)

    def _spread(self, known: Floats, grid: Floats, factor: Floats) -> Floats:
        """Interpolates to every horizon, from some horizons and a grid of factors."""
        every = np.stack([interpolate(self._known, row, self._count) for row in known])
        if len(grid) == 1:
            return np.asarray(every[0])
        place = (factor - grid[0]) / (grid[-1] - grid[0]) * (len(grid) - 1)
        below = np.minimum(place.astype(np.int64), len(grid) - 2)
        share, column = place - below, np.arange(self._count)
        return np.asarray((1 - share) * every[below, column] + share * every[below + 1, column])


def _grid(factor: Floats) -> Floats:
    low, high = float(factor.min()), float(factor.max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        return np.array([low])
    return np.linspace(low, high, _FACTORS)
