"""Logistic growth: not convex, so both signs of the base rate are solved and compared."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tradebot.fastprophet.blocks import Blocks, make_blocks
from tradebot.fastprophet.options import Options
from tradebot.fastprophet.rows import RowModel
from tradebot.fastprophet.setup import change_scale
from tradebot.fastprophet.solver import Fit, Penalty, Problem, Solution, minimise
from tradebot.fastprophet.times import Floats

FEW_ROWS: Final = 3000
"""Below this many rows, a step over the rows themselves is as cheap as one from moments."""

THIN_ROWS: Final = 20_000
"""Minimum rows of a thinned history that still show where its optimum is."""


@dataclass(frozen=True)
class LogisticPrior:
    """Priors of θ = [c, k, δ, β] where m = −c/k ~ Normal(0, 5): k cannot pass 0.

    `sign` is that of k in this basin; beyond it the prior is infinite. `precisions` (P,) are
    those of k and β.
    """

    precisions: Floats
    sign: float

    def __call__(self, theta: Floats) -> Penalty:
        """Value and slopes at θ. Gauss and Newton's Hessian lacks m∇²m, which has no sign."""
        c, k = float(theta[0]), float(theta[1])
        slope = self.precisions * theta
        hessian = np.diag(self.precisions)
        if k * self.sign <= 0:
            return Penalty(np.inf, slope, hessian)
        m = -c / k
        change = np.array([-1 / k, -m / k])
        value = 0.5 * float(slope @ theta) + m * m / 50
        slope[:2] += m / 25 * change
        hessian[:2, :2] += np.array([[1.0, m], [m, m * m]]) / (25 * k * k)
        bend = np.zeros_like(hessian)
        bend[:2, :2] = np.array([[0.0, m], [m, 2 * m * m]]) / (25 * k * k)
        return Penalty(value, slope, hessian, bend)


def fit_logistic(model: RowModel, options: Options) -> tuple[Solution, Solution]:
    """Returns the optima of the basins k > 0 and k < 0, the better one first.

    Long histories with only additive terms are solved from the moments of short blocks, which are
    halved until their polynomials are exact to rounding.
    """
    if len(model.rows) < FEW_ROWS or model.design.multiplicative.any():
        first = _by_rows(model, options, likely := _likely_sign(model))
        found = [first, _by_rows(model, options, -likely, first.objective)]
    else:
        blocks = make_blocks(model)
        found = [_by_blocks(model, blocks, options, sign) for sign in (1.0, -1.0)]
    better, other = sorted(found, key=lambda solution: solution.objective)
    return better, other


def _by_blocks(model: RowModel, blocks: Blocks, options: Options, sign: float) -> Solution:
    solution = _descend(model, blocks.evaluate, options, _start(model, sign))
    while (finer := blocks.split(model, solution.theta)) is not None:
        blocks = finer
        solution = _descend(model, blocks.evaluate, options, solution.theta)
    return solution


def _likely_sign(model: RowModel) -> float:
    """Returns the sign of the history's overall slope."""
    t, share = model.shares()
    return 1.0 if float(np.polyfit(t, share, 1)[0]) >= 0 else -1.0


def _by_rows(model: RowModel, options: Options, sign: float, best: float = -np.inf) -> Solution:
    """Returns the better of two descents: from a stiff trend, and from a flexible one.

    `best` is the other basin's optimum: what falls far behind the best that is known is not
    followed to its end. Of a long history both look at evenly spread rows only; the better one
    then ends on all.
    """
    thin = replace(model, every=max(1, len(model.rows) // THIN_ROWS))
    start = _start(thin, sign)
    whole = thin.every == 1  # objectives of some rows and of all are not comparable
    limit = best if whole else -np.inf
    stiff = _descend(thin, thin.evaluate, options, start, best=limit)
    lowest = stiff.objective if limit == -np.inf else min(limit, stiff.objective)
    known = stiff if stiff.converged else None
    free = _descend(thin, thin.evaluate, options, start, 0.1 * stiff.sigma**2, lowest, known)
    better = min(stiff, free, key=lambda solution: solution.objective)
    if whole:
        return better
    return _descend(model, model.evaluate, options, better.theta, better.sigma**2)


def _descend(
    model: RowModel,
    evaluate: Callable[[Floats], Fit],
    options: Options,
    start: Floats,
    variance: float | None = None,
    best: float = -np.inf,
    known: Solution | None = None,
) -> Solution:
    precisions = np.concatenate(([0.0, 1 / 25], np.zeros(model.trend_size - 2)))
    precisions = np.concatenate((precisions, model.design.prior_scales**-2.0))
    prior = LogisticPrior(precisions, float(np.sign(start[1])))
    tau = change_scale(options, model.changepoints)
    changes, columns = slice(2, model.trend_size), slice(model.trend_size, len(start))
    problem = Problem(model.count, evaluate, prior, tau, changes, linear=columns)
    return minimise(problem, start, variance, best=best, known=known)


def _start(model: RowModel, sign: float) -> Floats:
    """A line through the mean exponent of the history, with a rate of the given sign."""
    t, share = model.shares()
    exponent = np.log(share / (1 - share))
    rate = max(1.0, abs(float(np.polyfit(t, exponent, 1)[0])))
    theta = np.zeros(model.trend_size + model.design.size)
    theta[1] = sign * rate
    theta[0] = exponent.mean() - theta[1] * t.mean()
    return theta
