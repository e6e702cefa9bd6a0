"""The MAP parameters: damped Gauss-Newton steps, each an exact L1 quadratic program."""

import math
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
"""The least gain of the objective that a step must have that is damped or not much shorter."""

CRAWLS: Final = 8
"""So many such steps in a row with less gain end a descent: it is pressed against a bound."""

NEAR: Final = 0.1
"""After a step shorter than this, in deviations of a row, the whole Hessian is used."""

SAME: Final = 0.05
"""A descent that comes this near another's optimum, in deviations of a row, ends there."""


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
    """One MAP problem. `penalised` are the δ in θ, each with prior Laplace(0, `tau`).

    `linear` are the parameters in which the fit is linear while all others stand still, where it
    is not linear in all of them.
    """

    rows: int
    evaluate: Callable[[Floats], Fit]
    prior: Prior
    tau: float
    penalised: slice
    linear: slice | None = None


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
    return _value(problem, theta, rss, variance, problem.prior(theta))


def _value(problem: Problem, theta: Floats, rss: float, variance: float, penalty: Penalty) -> float:
    noise = 0.5 * problem.rows * math.log(variance) + rss / (2 * variance) + 2 * variance
    lasso = float(np.abs(theta[problem.penalised]).sum()) / problem.tau
    return noise + penalty.value + lasso


def minimise(
    problem: Problem,
    start: Floats,
    variance: float | None = None,
    steps: int = 500,
    best: float = -np.inf,
    known: Solution | None = None,
) -> Solution:
    """The optimum that the descent from `start` reaches.

    `best` is the objective of another optimum: a descent that is not getting there ends early,
    not converged. So does one whose steps are short and gain next to nothing. `known` is another
    optimum of the same problem: a descent that arrives there returns it.

    `variance`, if given, is the σ² of a first step, which is taken wherever it leads. Later steps
    are Newton's with σ² at its best for each θ. They are taken when the objective falls, or when
    they are so short that only rounding could make it rise. A step that leaves a curved valley is
    first brought back to the valley's floor (variable projection).
    """
    here = _at(problem, start)
    if variance is not None:
        there = _at(problem, _towards(problem, here, variance, 0.0, whole=False))
        here = there if np.isfinite(there.value) else here
    damping, length, converged, count, crawled, failed = 0.0, np.inf, False, 0, 0, 0
    while count < steps and not converged and damping < 1e12:
        count += 1
        trial = _towards(problem, here, here.variance, damping, whole=length < NEAR)
        there = _at(problem, trial)
        moved = _distance(here, trial, problem.rows)
        floored = here.variance == there.variance == LEAST_SIGMA**2
        if floored and abs(there.value - here.value) < AT_FLOOR:
            # A curve through every row: the residual is only rounding.
            here, converged = min(here, there, key=lambda point: point.value), True
            break
        if not there.value <= here.value and moved >= 1e-7:
            there = _restored(problem, there, here)
        if not (there.value <= here.value or (moved < 1e-7 and there.value - here.value < 1e-6)):
            # Nowhere lower along a step that is next to nothing: this is the optimum.
            converged = damping == 0 and moved < 1e-9 and np.isfinite(there.value)
            failed += 1
            damping = max(damping * 8 ** min(failed, 3), 1e-6)
            continue
        gain, failed = here.value - there.value, 0
        converged = _still(moved, length, 1e-10 if count < 400 else 1e-7)
        damping = 0.0 if damping < 1e-5 else damping / 8
        held = damping > 0 or (there.fit.bend is not None and moved > 0.5 * length)
        crawled = crawled + 1 if held and gain < CRAWL else 0
        here, length = there, moved
        if known is not None and _distance(here, known.theta, problem.rows) < SAME:
            return known
        lost = count >= 10 and HOPELESS * gain < here.value - best and best > -np.inf
        if crawled >= CRAWLS or lost:
            break
    sigma = float(np.sqrt(here.variance))
    return Solution(here.theta, sigma, here.value, here.fit.rss, count, bool(converged))


class _Point(NamedTuple):
    """A θ with its fit, its penalty, its best σ² and the objective there."""

    theta: Floats
    fit: Fit
    penalty: Penalty
    variance: float
    value: float


def _at(problem: Problem, theta: Floats) -> _Point:
    fit, penalty = problem.evaluate(theta), problem.prior(theta)
    variance = best_variance(fit.rss, problem.rows)
    value = _value(problem, theta, fit.rss, variance, penalty)
    return _Point(theta, fit, penalty, variance, value)


def _distance(here: _Point, theta: Floats, rows: int) -> float:
    """Returns how far the fit of θ is from that of a point, in deviations of a row."""
    step = theta - here.theta
    change = float(step @ here.fit.hessian @ step)
    return float(np.sqrt(max(change, 0.0) / (here.variance * rows)))


def _restored(problem: Problem, there: _Point, here: _Point) -> _Point:
    """Returns the point with the best linear parameters for the others of `there`, if it is lower.

    The step from `here` to `there` left a curved valley. Its floor is where the parameters in
    which the fit is linear are at their best.
    """
    pick = problem.linear
    if pick is None or pick.start == pick.stop or not np.isfinite(there.value):
        return there
    hessian = there.fit.hessian[pick, pick] + here.variance * there.penalty.hessian[pick, pick]
    diagonal = np.diag_indices(len(hessian))
    hessian[diagonal] = np.maximum(hessian[diagonal], np.finfo(np.float64).tiny)
    gradient = (there.fit.gradient + here.variance * there.penalty.gradient)[pick]
    held = problem.penalised if problem.penalised.start >= pick.start else slice(0, 0)
    theta, weight = there.theta.copy(), here.variance / problem.tau
    try:
        theta[pick] = penalised_minimum(hessian, gradient, theta[pick], weight, held)
    except FloatingPointError:
        return there
    return _at(problem, theta)


def _bent(hessian: Floats, bend: Floats, theta: Floats, penalised: slice) -> Floats:
    """Returns the whole Hessian if it is convex; or that of the moving parameters; or no `bend`.

    A δ at 0 need not have positive curvature, since its L1 term holds it; then `bend` counts
    among the others alone, at last with that δ treated separately.
    """
    if _is_convex(whole := hessian + bend):
        return whole
    moving = np.ones(len(theta), dtype=np.bool_)
    moving[penalised] = theta[penalised] != 0
    bend = np.where(moving[:, None] & moving, bend, 0.0)
    if _is_convex(whole := hessian + bend):
        return whole
    apart = np.where(moving[:, None] == moving, hessian, 0.0) + bend
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


def _towards(
    problem: Problem, here: _Point, variance: float, damping: float, whole: bool
) -> Floats:
    """Returns the minimum of the quadratic model at a point, its diagonal raised by `damping`.

    `whole` adds what Gauss and Newton's Hessian lacks: the curvature of the fit, where it leaves
    the model convex.
    """
    fit, penalty = here.fit, here.penalty
    hessian = fit.hessian + variance * penalty.hessian
    diagonal = np.diag_indices(len(hessian))
    # A column of zeros has no curvature: any value will do.
    hessian[diagonal] = np.maximum(hessian[diagonal], np.finfo(np.float64).tiny)
    raised = damping * hessian[diagonal]
    bend = fit.bend if whole else None
    if penalty.bend is not None:
        lacking = variance * penalty.bend
        if bend is not None:
            bend = bend + lacking
        elif _is_convex(hessian + lacking):
            hessian = hessian + lacking
    model = hessian
    if variance == here.variance:
        following = _following(fit, variance)
        extra = following if bend is None else bend + following
        model = _bent(hessian, extra, here.theta, problem.penalised)
    if model is hessian and bend is not None:
        model = _bent(hessian, bend, here.theta, problem.penalised)
    hessian = model
    hessian[diagonal] += raised
    gradient = fit.gradient + variance * penalty.gradient
    weight = variance / problem.tau
    try:
        return penalised_minimum(hessian, gradient, here.theta, weight, problem.penalised)
    except FloatingPointError:
        return np.full(len(here.theta), np.nan)


def _following(fit: Fit, variance: float) -> Floats:
    """Returns what the Hessian lacks when σ² is at its best for each θ.

    F(θ, ln σ) has F_σσ = 2R/σ² + 8σ² and F_θσ = −∇R/σ²; eliminating ln σ leaves this rank-one term.
    """
    less = 2 / (fit.rss + 4 * variance * variance)
    return -less * np.outer(fit.gradient, fit.gradient)


def minimum_at(problem: Problem, theta: Floats, fit: Fit, variance: float) -> Floats:
    """Returns the most probable θ at a given σ² if the fit is linear in θ: one exact step.

    `fit` is that of `theta`, from which the step starts.
    """
    here = _Point(theta, fit, problem.prior(theta), np.nan, np.nan)
    return _towards(problem, here, variance, 0.0, whole=False)
