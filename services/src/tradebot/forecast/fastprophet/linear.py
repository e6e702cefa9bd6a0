"""Linear and flat growth with additive terms: the residual sum of squares is one quadratic."""

import numpy as np

from tradebot.forecast.fastprophet.design import Design
from tradebot.forecast.fastprophet.options import Options
from tradebot.forecast.fastprophet.segments import Normal, Segments, normal_equations
from tradebot.forecast.fastprophet.setup import Changepoints, Scales
from tradebot.forecast.fastprophet.solver import LEAST_SIGMA, Fit, Problem, Solution, minimise
from tradebot.forecast.fastprophet.times import Floats


class GaussianPrior:
    """Independent normal priors, mean 0. `precisions` (P,) is 0 where there is none."""

    def __init__(self, precisions: Floats) -> None:
        self._precisions = precisions
        self._hessian = np.diag(precisions)

    def __call__(self, theta: Floats) -> tuple[float, Floats, Floats]:
        """Value, gradient and Hessian at θ."""
        slope = self._precisions * theta
        return 0.5 * float(slope @ theta), slope, self._hessian


def gaussian_prior(scales: Floats, changepoints: int, flat: bool) -> GaussianPrior:
    """Prophet's priors of θ = [m, k, δ, β]: m, k ~ Normal(0, 5), β ~ Normal(0, scales)."""
    trend = np.full(1 if flat else 2, 1 / 25)
    return GaussianPrior(
        np.concatenate((trend, np.zeros(0 if flat else changepoints), scales**-2.0))
    )


def quadratic_problem(
    normal: Normal, prior: GaussianPrior, tau: float, penalised: slice
) -> Problem:
    """The MAP problem of a quadratic residual."""

    def evaluate(theta: Floats) -> Fit:
        away = theta - normal.origin
        pull = normal.gram @ away
        rss = normal.constant + float(away @ (pull - 2 * normal.linear))
        return Fit(max(rss, 0.0), pull - normal.linear, normal.gram)

    return Problem(normal.rows, evaluate, prior, tau, penalised)


def fit_linear(
    segments: Segments,
    scales: Scales,
    changepoints: Changepoints,
    design: Design,
    options: Options,
    start: tuple[Floats, float] | None,
) -> Solution:
    """The optimum of θ = [m, k, δ, β] from the statistics; `start` is a θ and σ² close to it.

    For a given σ the problem is convex. σ itself may have several stationary values only when
    the rows hardly outnumber the parameters: then a search over σ picks the best of them.
    """
    flat = options.growth == "flat"
    changes = 0 if flat else len(changepoints.times)
    trend = 1 if flat else 2 + changes
    origin = np.zeros(trend + design.size)
    origin[0] = (segments.baseline - scales.offset) / scales.y_scale
    shifts = _shifts(segments.design, design)
    normal = normal_equations(segments, scales, changepoints, origin, flat, shifts)
    prior = gaussian_prior(design.prior_scales, changes, flat)
    penalised = slice(0, 0) if flat else slice(2, trend)
    problem = quadratic_problem(normal, prior, options.changepoint_prior_scale, penalised)
    if start is not None:
        return minimise(problem, *start)
    best = minimise(problem, origin)
    if problem.rows > 20 * len(origin):
        return best
    for sigma in best.sigma * np.geomspace(30.0, 1e-4, 12):
        other = minimise(problem, best.theta, float(sigma) ** 2)
        if other.objective < best.objective - 1e-9 and other.sigma > 2 * LEAST_SIGMA:
            best = other
    return best


def _shifts(made: Design, wanted: Design) -> dict[int, tuple[float, float]]:
    """Columns whose standardisation changed since the statistics were made, as a + b·column."""
    shifts: dict[int, tuple[float, float]] = {}
    first = wanted.size - len(wanted.regressors)
    for number, regressor in enumerate(wanted.regressors):
        old, new = made.standards[regressor.name], wanted.standards[regressor.name]
        if old != new:
            shifts[first + number] = ((old.mu - new.mu) / new.std, old.std / new.std)
    return shifts
