"""Linear and flat growth with additive terms: the residual sum of squares is one quadratic."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tradebot.fastprophet.design import Design
from tradebot.fastprophet.options import Options
from tradebot.fastprophet.rows import RowModel
from tradebot.fastprophet.segments import Normal, Segments, normal_equations
from tradebot.fastprophet.setup import change_scale
from tradebot.fastprophet.solver import (
    Fit,
    Penalty,
    Problem,
    Solution,
    minimise,
    minimum_at,
    objective,
)
from tradebot.fastprophet.threads import one_thread
from tradebot.fastprophet.times import Floats

STATIONS: Final = 28
"""Number of σ values in a search: five per decade."""


class GaussianPrior:
    """Independent normal priors, mean 0. `precisions` (P,) is 0 where there is none."""

    def __init__(self, precisions: Floats) -> None:
        self._precisions = precisions
        self._hessian = np.diag(precisions)

    def __call__(self, theta: Floats) -> Penalty:
        """Value, gradient and Hessian at θ."""
        slope = self._precisions * theta
        return Penalty(0.5 * float(slope @ theta), slope, self._hessian)


def gaussian_prior(scales: Floats, changepoints: int, flat: bool) -> GaussianPrior:
    """Returns Prophet's priors of θ = [m, k, δ, β]: m, k ~ Normal(0, 5), β ~ Normal(0, scales)."""
    trend = np.full(1 if flat else 2, 1 / 25)
    return GaussianPrior(
        np.concatenate((trend, np.zeros(0 if flat else changepoints), scales**-2.0))
    )


def fit_linear(
    segments: Segments, model: RowModel, options: Options, start: tuple[Floats, float] | None
) -> Solution:
    """Returns the optimum of θ = [m, k, δ, β] from the statistics; `start` is a nearby θ and σ².

    For a given σ the problem is convex. σ itself may have several stationary values only if the
    rows hardly outnumber the parameters; a search over σ then picks the best. If the statistics
    have too few digits, the optimum is refined on the rows of `model`.
    """
    design, scales, changepoints = model.design, model.scales, model.changepoints
    flat = options.growth == "flat"
    changes = 0 if flat else len(changepoints.times)
    trend = 1 if flat else 2 + changes
    shifts = _shifts(segments.design, design)
    normal = normal_equations(segments, scales, changepoints, flat, shifts)
    prior = gaussian_prior(design.prior_scales, changes, flat)
    penalised = slice(0, 0) if flat else slice(2, trend)
    tau = change_scale(options, model.changepoints)
    problem = Problem(normal.rows, normal.evaluate, prior, tau, penalised)
    with one_thread():
        if start is not None:
            return minimise(problem, *start)
        return _from_scratch(problem, model, normal)


def _from_scratch(problem: Problem, model: RowModel, normal: Normal) -> Solution:
    """Finds the optimum without a nearby start."""
    constant = np.zeros(len(normal.gram))
    constant[0] = normal.level
    if problem.rows <= 20 * len(constant):
        # The rows themselves are as few as their statistics, and have twice the digits.
        problem = replace(problem, evaluate=model.linear().evaluate)
        return _search(problem, minimise(problem, constant), normal)
    best = minimise(problem, constant)
    if best.rss < 1e-9 * normal.constant or _condition(normal.gram) > 1e9:
        best = _refine(problem, best, model)
    return best


def _search(problem: Problem, best: Solution, normal: Normal) -> Solution:
    """Returns the best of the stationary points on a path over σ, `best` among them.

    The path takes the exact θ of each σ, from much noise to little, each started at the last. Where
    its objective has a minimum, a descent ends in it. The path ends where rounding determines the
    residual: there a curve goes through every row, the posterior is unbounded, and its peak says
    nothing about the data.
    """
    rounding = 1e-11 * normal.constant
    path = _path(problem, best, rounding)
    for before, here, after in zip(path, path[1:], path[2:], strict=False):
        if here.objective >= min(before.objective, after.objective):
            continue
        other = minimise(problem, here.theta)
        if other.objective < best.objective and other.rss > rounding:
            best = other
    return best


def _path(problem: Problem, best: Solution, rounding: float) -> list[Solution]:
    """Returns the optimum of θ for a falling sequence of σ."""
    theta, found = best.theta, list[Solution]()
    fit = problem.evaluate(theta)
    for sigma in best.sigma * np.geomspace(30.0, 1e-4, STATIONS):
        theta = minimum_at(problem, theta, fit, float(sigma) ** 2)
        fit = problem.evaluate(theta)
        if fit.rss <= rounding:
            break
        value = objective(problem, theta, fit.rss, float(sigma) ** 2)
        found.append(Solution(theta, float(sigma), value, fit.rss, 1, converged=False))
    return found


def _refine(problem: Problem, best: Solution, model: RowModel) -> Solution:
    """Solves again with residuals computed row by row around the last optimum."""
    for _ in range(2):
        exact = model.evaluate(best.theta)
        near = _Near(best.theta, exact)
        best = minimise(replace(problem, evaluate=near.evaluate), best.theta, best.sigma**2)
    return best


@dataclass(frozen=True)
class _Near:
    """The fit of a linear model at any θ, from its exact fit at one."""

    origin: Floats
    fit: Fit

    def evaluate(self, theta: Floats) -> Fit:
        away = theta - self.origin
        pull = self.fit.hessian @ away
        rss = self.fit.rss + float(away @ (pull + 2 * self.fit.gradient))
        return Fit(max(rss, 0.0), pull + self.fit.gradient, self.fit.hessian)


def _condition(gram: Floats) -> float:
    """Returns the condition number of a Gram matrix with its columns scaled to one length."""
    size = np.sqrt(gram.diagonal())
    size[size == 0] = 1.0
    values = np.linalg.eigvalsh(gram / size / size[:, None])
    return float(values[-1] / max(values[0], 1e-300))


def _shifts(made: Design, wanted: Design) -> dict[int, tuple[float, float]]:
    """Returns columns whose standardisation has changed since the statistics, as a + b·column."""
    shifts: dict[int, tuple[float, float]] = {}
    first = wanted.size - len(wanted.regressors)
    for number, regressor in enumerate(wanted.regressors):
        old, new = made.standards[regressor.name], wanted.standards[regressor.name]
        if old != new:
            shifts[first + number] = ((old.mu - new.mu) / new.std, old.std / new.std)
    return shifts
