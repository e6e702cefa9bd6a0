"""Bands of a linear trend without sampling.

Prophet's sampler changes the slope, at each future step, with probability p by a
Laplace(0, λ) amount, half of it at its own step and half at the next. So the trend's deviation
after n steps of length dt is U_n = λ·dt·Σ (j + ½)·B_j·L_j over j < n, with Bernoulli B and
standard Laplace L, and its characteristic function is a product that sums in closed form. The
quantile comes from its inversion.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr, ndtri

from tradebot.forecast.fastprophet.times import Floats

_EXACT: Final = 16
"""Factors of the product that are multiplied out; the others are summed as an integral."""

_LINEAR, _GEOMETRIC, _ORDER = 20, 14, 16
_REACH: Final = 200.0
"""Up to this many radians the oscillating integrand is resolved by panels of equal width."""


def _nodes() -> tuple[Floats, Floats]:
    """Quadrature nodes and weights for ∫₀^∞ f(x) dx, x in units of 1 / standard deviation."""
    points, weights = np.polynomial.legendre.leggauss(_ORDER)
    fine = np.array([0.0, 2.0, 4.0, 7.0])
    even = np.linspace(0, _REACH, _LINEAR + 1)[1:]
    edges = np.concatenate((fine, even, _REACH * np.geomspace(1, 1e5, _GEOMETRIC + 1)[1:]))
    half = np.diff(edges)[:, None] / 2
    middle = (edges[1:] + edges[:-1])[:, None] / 2
    return (middle + half * points).ravel(), (half * weights).ravel()


_X, _W = _nodes()


def half_widths(width: float, rate: float, slope: Floats, steps: Floats, noise: Floats) -> Floats:
    """q with P(|slope·Σ(j + ½)B_j L_j + noise·Z| ≤ q) = width, for each horizon (h,).

    `rate` is p, `slope` (h,) is λ·dt, `steps` (h,) is n, `noise` (h,) the standard deviation of
    normal Z (0 for none). Where the chance of no change at all reaches `width` and there is no
    noise, q is 0.
    """
    p = min(rate, 1.0)
    spread = slope * np.sqrt(2 * p * steps * (4 * steps**2 - 1) / 12)
    scale = np.sqrt(spread**2 + noise**2)
    q = noise * ndtri((1 + width) / 2)
    atom = (1 - p) ** steps
    work = np.flatnonzero((spread > 1e-6 * noise) & ((noise > 0) | (atom < width)))
    if not len(work):
        return np.asarray(q)
    scale, still = scale[work], atom[work, None]
    omega = _X / scale[:, None]
    product = np.exp(_log_product(p, slope[work, None] * omega, steps[work, None]))
    damp = np.exp(-0.5 * (noise[work, None] * omega) ** 2)
    density = (product - still) * damp * (_W / scale[:, None]) * (2 / np.pi)
    q[work] = _invert(width, density, omega, q[work], scale, still[:, 0], noise[work])
    return np.asarray(q)


def _log_product(p: float, x: Floats, steps: Floats) -> Floats:
    """Σ over j < n of log(1 − p + p / (1 + (x(j + ½))²))."""
    keep = 1 - p
    total = np.zeros(np.broadcast_shapes(x.shape, steps.shape))
    for j in range(min(_EXACT, int(steps.max()))):
        square = (x * (j + 0.5)) ** 2
        total += np.where(j < steps, np.log1p(-p * square / (1 + square)), 0.0)
    if steps.max() > _EXACT:
        upper = _antiderivative(keep, x * steps)
        lower = _antiderivative(keep, x * _EXACT)
        total += np.where(steps > _EXACT, (upper - lower) / np.maximum(x, 1e-300), 0.0)
    return total


def _antiderivative(keep: float, x: Floats) -> Floats:
    """∫₀ˣ log((1 + keep·u²) / (1 + u²)) du."""
    value = x * (np.log1p(keep * x * x) - np.log1p(x * x)) - 2 * np.arctan(x)
    root = float(np.sqrt(keep))
    value += 2 / root * np.arctan(root * x) if root > 0 else 2 * x
    return np.asarray(value)


def _invert(
    width: float,
    density: Floats,
    omega: Floats,
    low: Floats,
    scale: Floats,
    atom: Floats,
    noise: Floats,
) -> Floats:
    """Guarded Newton steps for P(|X| ≤ q) = width, from below: the law is unimodal."""
    q, high = low.copy(), 40 * scale
    quiet = np.maximum(noise, 1e-300)
    for _ in range(60):
        angle = omega * q[:, None]
        inside = (density * np.sin(angle) / omega).sum(axis=1) + atom * (
            2 * ndtr(np.minimum(q / quiet, 40.0)) - 1 if noise.any() else 1.0
        )
        slope = (density * np.cos(angle)).sum(axis=1)
        slope += atom * np.sqrt(2 / np.pi) * np.exp(-0.5 * np.minimum(q / quiet, 40.0) ** 2) / quiet
        short = inside < width
        low, high = np.where(short, q, low), np.where(short, high, q)
        with np.errstate(divide="ignore", invalid="ignore"):
            trial = q + (width - inside) / slope
        inner = np.isfinite(trial) & (trial > low) & (trial < high)
        trial = np.where(inner, trial, (low + high) / 2)
        done = np.abs(trial - q) <= 1e-7 * scale
        q = trial
        if done.all():
            break
    return q


def horizons(steps: int, count: int = 40) -> npt.NDArray[np.int64]:
    """The horizons at which quantiles are inverted; those between are interpolated."""
    if steps <= count:
        return np.arange(1, steps + 1)
    return np.unique(np.geomspace(1, steps, count).round().astype(np.int64))


def interpolate(known: npt.NDArray[np.int64], q: Floats, steps: int) -> Floats:
    """The half-width at every horizon 1 … steps, from those at some (monotone cubic)."""
    if len(known) == steps:
        return q
    return np.asarray(PchipInterpolator(known, q)(np.arange(1, steps + 1)))
