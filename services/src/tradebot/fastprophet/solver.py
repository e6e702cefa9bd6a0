"""The MAP parameters: damped Gauss-Newton steps, each an exact L1 quadratic program."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
from scipy.linalg import lapack

from tradebot.fastprophet.active_set import penalised_minimum
from tradebot.fastprophet.times import Floats

LEAST_SIGMA: Final = 1e-9
"""The smallest noise, relative to the scale of y: Prophet's own for a constant series."""

AT_FLOOR: Final = 1e-6
"""A change of the objective that ends a descent whose noise has reached `LEAST_SIGMA`."""

HOPELESS: Final = 50
"""A descent that would need so many more steps like its last to reach another's optimum ends."""

CRAWL: Final = 1e-5
"""The least gain of the objective that a damped step must have."""

CRAWLS: Final = 8
"""So many damped steps in a row with less gain end a descent: it is pressed against a bound."""

NEAR: Final = 0.1
"""After a step shorter than this, in deviations of a row, the whole Hessian is used."""


class Fit(NamedTuple):
    """The fit of a θ: the residual sum of squares, the gradient of its half, and JᵀJ.

    `bend` is what JᵀJ lacks of the Hessian, −Σ r·∇²(fit); `None` if the fit is linear in θ.
    """

    rss: float
    gradient: Floats
    hessian: Floats
    bend: Floats | None = None


class Penalty(NamedTuple):
    """What a prior adds at a θ: its value, gradient, and a positive semidefinite Hessian (P, P).

    `bend` is what that Hessian lacks of the whole one; `None` where nothing.
    """

    value: float
    gradient: Floats
    hessian: Floats
    bend: Floats | None = None


class Prior(Protocol):
    """The part of the objective that depends on θ alone, without its L1 term."""

    def __call__(self, theta: Floats) -> Penalty:
        """Value and slopes at θ."""
        ...


@dataclass(frozen=True)
class Problem:
    """One MAP problem. `penalised` are the δ in θ, each with prior Laplace(0, `tau`)."""

    rows: int
    evaluate: Callable[[Floats], Fit]
    prior: Prior
    tau: float
    penalised: slice


@dataclass(frozen=True)
class Solution:
    """θ and σ at the optimum. `objective` is −lp__ of Stan, without its constants."""

    theta: Floats
    sigma: float
    objective: float
    rss: float
    steps: int
    converged: bool


def best_variance(rss: float, rows: int) -> float:
    """σ² that minimises n ln σ + RSS/(2σ²) + 2σ²: the half-normal prior of σ is Normal(0, ½)."""
    root = float(np.sqrt(rows * rows + 16 * max(rss, 0.0)))
    return max(2 * rss / (rows + root), LEAST_SIGMA * LEAST_SIGMA)


def objective(problem: Problem, theta: Floats, rss: float, variance: float) -> float:
    """−lp__ at θ and σ² = variance."""
    noise = 0.5 * problem.rows * float(np.log(variance)) + rss / (2 * variance) + 2 * variance
    lasso = float(np.abs(theta[problem.penalised]).sum()) / problem.tau
    return noise + problem.prior(theta).value + lasso


def minimise(
    problem: Problem,
    start: Floats,
    variance: float | None = None,
    steps: int = 500,
    best: float = -np.inf,
) -> Solution:
    """The optimum that the descent from `start` reaches.

    `best` is the objective of another optimum: a descent that is not getting there ends early,
    not converged. So does one whose steps are short and gain next to nothing.

    `variance`, if given, is the σ² of the first step. A step is taken when the objective falls,
    or when it is so short that only rounding could make it rise. θ and σ² take turns; where σ²
    settles slowly, its limit is extrapolated for the next step.
    """
    theta, fit = start, problem.evaluate(start)
    own = best_variance(fit.rss, problem.rows)
    aim = own if variance is None else variance
    value = np.inf if variance is not None else objective(problem, theta, fit.rss, own)
    damping, length, drift, converged, count, crawled = 0.0, np.inf, np.inf, False, 0, 0
    while count < steps and not converged and damping < 1e12:
        count += 1
        trial = _towards(problem, theta, fit, aim, damping, bent=length < NEAR)
        step = trial - theta
        trial_fit = problem.evaluate(trial)
        trial_own = best_variance(trial_fit.rss, problem.rows)
        trial_value = objective(problem, trial, trial_fit.rss, trial_own)
        change = float(step @ fit.hessian @ step)
        moved = float(np.sqrt(max(change, 0.0) / (own * problem.rows)))
        if own == trial_own == aim == LEAST_SIGMA**2 and abs(trial_value - value) < AT_FLOOR:
            # A curve through every row: the residual is only rounding.
            better = (trial, trial_fit) if trial_value < value else (theta, fit)
            theta, fit, value, converged = *better, min(value, trial_value), True
            break
        if not np.isfinite(trial_value) or not (trial_value <= value or moved < 1e-7):
            # Nowhere lower along a step that is next to nothing: this is the optimum.
            converged = damping == 0 and moved < 1e-9
            if aim != own:
                aim = own
            else:
                damping = max(damping * 8, 1e-6)
            continue
        trial_drift = float(np.log(trial_own / own))
        level = 1e-10 if count < 400 else 1e-7
        converged = _still(moved, length, level) and _still(abs(trial_drift), abs(drift), level)
        lost = count >= 10 and HOPELESS * (value - trial_value) < trial_value - best
        ratio = trial_drift / drift if drift else 0.0
        slow = 0.1 < ratio < 0.95 and damping == 0 and abs(trial_drift) > 1e-9
        aim = trial_own * (float(np.exp(trial_drift * ratio / (1 - ratio))) if slow else 1.0)
        damping = 0.0 if damping < 1e-5 else damping / 8
        crawled = crawled + 1 if damping > 0 and value - trial_value < CRAWL else 0
        theta, fit, own, value = trial, trial_fit, trial_own, trial_value
        length, drift = moved, np.inf if slow else trial_drift
        if crawled >= CRAWLS or (lost and best > -np.inf):
            break
    return Solution(theta, float(np.sqrt(own)), value, fit.rss, count, converged)


def _bent(hessian: Floats, bend: Floats, theta: Floats, penalised: slice) -> Floats:
    """Returns the whole Hessian if it is convex; or that of the moving parameters; or no `bend`.

    A δ at 0 need not have positive curvature, since its L1 term holds it; it is then treated
    separately.
    """
    if _is_convex(hessian + bend):
        return hessian + bend
    moving = np.ones(len(theta), dtype=np.bool_)
    moving[penalised] = theta[penalised] != 0
    apart = np.where(moving[:, None] == moving, hessian, 0.0)
    apart += np.where(moving[:, None] & moving, bend, 0.0)
    return apart if _is_convex(apart) else hessian


def _is_convex(hessian: Floats) -> bool:
    """Whether a quadratic with this Hessian has one minimum, with a margin for rounding."""
    diagonal = hessian.diagonal()
    if diagonal.min() <= 0:
        return False
    size = np.sqrt(diagonal)
    scaled = hessian / size / size[:, None] - 1e-10 * np.eye(len(hessian))
    return bool(lapack.dpotrf(scaled, lower=1)[1] == 0)


def _still(now: float, before: float, level: float) -> bool:
    """Whether a change is down to rounding: zero, or below `level` and no longer shrinking."""
    return now < 1e-11 or (now < level and now > 0.3 * before)


def minimum_at(problem: Problem, theta: Floats, fit: Fit, variance: float) -> Floats:
    """Returns the most probable θ at a given σ² if the fit is linear in θ: one exact step.

    `fit` is that of `theta`, from which the step starts.
    """
    return _towards(problem, theta, fit, variance, 0.0, bent=False)


def _towards(
    problem: Problem, theta: Floats, fit: Fit, variance: float, damping: float, bent: bool
) -> Floats:
    prior = problem.prior(theta)
    hessian = fit.hessian + variance * prior.hessian
    diagonal = np.diag_indices(len(theta))
    # A column of zeros has no curvature: any value will do.
    hessian[diagonal] = np.maximum(hessian[diagonal], np.finfo(np.float64).tiny)
    lacking = None if prior.bend is None else variance * prior.bend
    if bent and fit.bend is not None:
        bend = fit.bend if lacking is None else fit.bend + lacking
        hessian = _bent(hessian, bend, theta, problem.penalised)
    elif lacking is not None and _is_convex(hessian + lacking):
        hessian = hessian + lacking
    hessian[diagonal] *= 1 + damping
    gradient = fit.gradient + variance * prior.gradient
    weight = variance / problem.tau
    try:
        return penalised_minimum(hessian, gradient, theta, weight, problem.penalised)
    except FloatingPointError:
        return np.full(len(theta), np.nan)
