"""Linear and flat growth with additive terms: the residual sum of squares is one quadratic."""

import numpy as np

from tradebot.forecast.fastprophet.segments import Normal
from tradebot.forecast.fastprophet.solver import Fit, Problem, Solution, minimise
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


def solve(problem: Problem, start: Floats, variance: float | None) -> Solution:
    """The optimum; with few rows, the best of those that a search over σ meets.

    For a given σ the problem is convex. σ itself may have several stationary values only when
    the rows hardly outnumber the parameters.
    """
    best = minimise(problem, start, variance)
    if problem.rows > 20 * len(start):
        return best
    for sigma in best.sigma * np.geomspace(30.0, 1e-4, 12):
        other = minimise(problem, best.theta, float(sigma) ** 2)
        if other.objective < best.objective - 1e-9 and other.sigma > 2e-9:
            best = other
    return best
