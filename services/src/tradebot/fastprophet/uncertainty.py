"""The distribution of a linear trend's deviation from its forecast, without sampling.

At each future step, with probability p, Prophet's sampler changes the slope by a Laplace(0, λ)
amount, half of it at that step and half at the next. So the trend's deviation after n steps of
length dt is U_n = λ·dt·Σ (j + ½)·B_j·L_j over j < n, with Bernoulli B and standard Laplace L. Its
characteristic function is a product with a closed form; inverting it gives the quantile.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr, ndtri

from tradebot.fastprophet.times import Floats

_EXACT: Final = 5
"""Factors of the product that are multiplied out; the rest is summed as an integral."""

_ORDER: Final = 16
_PANEL, _REACH = 2.5, 80.0
"""Up to `_REACH` radians panels are short enough to resolve sin(ωq) for q of 11 deviations."""


def _nodes() -> tuple[Floats, Floats]:
    """Quadrature nodes and weights for ∫₀^∞ f(x) dx, x in units of 1 / standard deviation."""
    points, weights = np.polynomial.legendre.leggauss(_ORDER)
    fine = np.array([0.0, 0.3, 1.0])
    even = np.arange(_PANEL, _REACH + 1e-9, _PANEL)
    wide = _REACH * np.geomspace(1, 8, 19)[1:]
    tail = 8 * _REACH * np.geomspace(1, 1e4, 10)[1:]
    edges = np.concatenate((fine, even, wide, tail))
    half = np.diff(edges)[:, None] / 2
    middle = (edges[1:] + edges[:-1])[:, None] / 2
    return (middle + half * points).ravel(), (half * weights).ravel()


_X, _W = _nodes()


def half_widths(
    width: float,
    rate: float,
    slope: Floats,
    steps: Floats,
    noise: Floats,
) -> Floats:
    """Returns q with P(|slope·Σ(j + ½)B_j L_j + noise·Z| ≤ q) = width, for each horizon (h,).

    `rate` is p, `slope` (h,) is λ·dt, `steps` (h,) is n, `noise` (h,) the standard deviation of
    normal Z (0 for none). Without noise, q is 0 if the probability of no change reaches `width`.
    """
    p = min(rate, 1.0)
    spread = slope * np.sqrt(2 * p * steps * (4 * steps**2 - 1) / 12)
    atom = (1 - p) ** steps
    scale = np.sqrt(spread**2 / np.maximum(1 - atom, 1e-12) + noise**2)
    q = noise * ndtri((1 + width) / 2)
    work = np.flatnonzero((spread > 1e-6 * noise) & ((noise > 0) | (atom < width)))
    if not len(work):
        return np.asarray(q)
    density, omega = _density(p, slope[work], steps[work], noise[work], scale[work])
    # First guess: the futures with changes follow a Laplace distribution.
    rare = np.log(np.maximum((1 - atom[work]) / (1 - width), 1.0)) * scale[work] / np.sqrt(2)
    guess = np.where(noise[work] > 0, q[work], rare)
    q[work] = _invert(width, density, omega, guess, scale[work], atom[work], noise[work])
    return np.asarray(q)


def masses(rate: float, slope: Floats, steps: Floats) -> tuple[Floats, Floats]:
    """Returns the distribution of slope·Σ(j + ½)B_j L_j: values and probabilities (h, points).

    The grid is dense around 0 and ends at 11 standard deviations of the futures with changes.
    """
    p = min(rate, 1.0)
    atom = (1 - p) ** steps
    changed = np.maximum(1 - atom, 1e-12)
    scale = slope * np.sqrt(2 * p * steps * (4 * steps**2 - 1) / 12 / changed)
    density, omega = _density(p, slope, steps, np.zeros(len(steps)), scale)
    edges = scale[:, None] * (11 * np.sinh(np.linspace(0, 5, 65)) / np.sinh(5))
    inside = np.zeros(edges.shape)
    for column in range(1, edges.shape[1]):
        angle = omega * edges[:, column : column + 1]
        inside[:, column] = (density / omega * np.sin(angle)).sum(axis=1)
    inside = np.maximum.accumulate(np.minimum(inside, changed[:, None]), axis=1)
    inside[:, -1] = changed
    side = np.diff(inside, axis=1) / 2
    middle = (edges[:, 1:] + edges[:, :-1]) / 2
    values = np.concatenate((-middle[:, ::-1], np.zeros((len(steps), 1)), middle), axis=1)
    return values, np.concatenate((side[:, ::-1], atom[:, None], side), axis=1)


def _density(
    p: float, slope: Floats, steps: Floats, noise: Floats, scale: Floats
) -> tuple[Floats, Floats]:
    """Returns weights d and frequencies ω (h, nodes): P(|X| ≤ q) = Σ d·sin(ωq)/ω + the atom."""
    # Noise suppresses all frequencies beyond seven of its deviations.
    heard = np.searchsorted(_X, 7.0 / float((noise / scale).min() + 1e-12))
    omega = _X[:heard] / scale[:, None]
    product = np.exp(_log_product(p, slope[:, None] * omega, steps[:, None]))
    still = ((1 - p) ** steps)[:, None]
    damp = np.exp(-0.5 * (noise[:, None] * omega) ** 2)
    return (product - still) * damp * (_W[:heard] / scale[:, None]) * (2 / np.pi), omega


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
    start: Floats,
    scale: Floats,
    atom: Floats,
    noise: Floats,
) -> Floats:
    """Solves P(|X| ≤ q) = width by guarded Newton steps, row by row until each converges."""
    found = start.copy()
    low, high = np.zeros(len(start)), 40 * scale
    # Without changes only the noise is left: its distribution is known; without it, an atom at 0.
    loud = noise > 0
    quiet = np.where(loud, noise, 1.0)
    bell = np.where(loud, atom * np.sqrt(2 / np.pi) / quiet, 0.0)
    rest = np.arange(len(start))
    for _ in range(60):
        q = found[rest]
        angle = omega[rest] * q[:, None]
        far = np.minimum(q / quiet[rest], 40.0)
        inside = (density[rest] * np.sin(angle) / omega[rest]).sum(axis=1)
        inside += atom[rest] * np.where(loud[rest], 2 * ndtr(far) - 1, 1.0)
        slope = (density[rest] * np.cos(angle)).sum(axis=1) + bell[rest] * np.exp(-0.5 * far * far)
        short = inside < width
        low[rest] = np.where(short, q, low[rest])
        high[rest] = np.where(short, high[rest], q)
        with np.errstate(divide="ignore", invalid="ignore"):
            trial = q + (width - inside) / slope
        inner = np.isfinite(trial) & (trial > low[rest]) & (trial < high[rest])
        trial = np.where(inner, trial, (low[rest] + high[rest]) / 2)
        found[rest] = trial
        rest = rest[np.abs(trial - q) > 1e-4 * scale[rest]]
        if not len(rest):
            break
    return found


def horizons(steps: int, count: int = 40) -> npt.NDArray[np.int64]:
    """Returns the horizons at which quantiles are computed; the rest is interpolated."""
    if steps <= count:
        return np.arange(1, steps + 1)
    return np.unique(np.geomspace(1, steps, count).round().astype(np.int64))


def interpolate(known: npt.NDArray[np.int64], q: Floats, steps: int, first: int = 1) -> Floats:
    """Interpolates (monotone cubic) from some horizons to all of 1 … steps; 0 before `first`."""
    if len(known) == steps:
        return q
    every = np.zeros(steps)
    every[first - 1 :] = PchipInterpolator(known, q)(np.arange(first, steps + 1))
    return every
