"""Linear and flat growth with multiplicative terms: trend and seasonality multiply."""

from typing import Final

import numpy as np

from tradebot.fastprophet.linear import gaussian_prior
from tradebot.fastprophet.options import Options
from tradebot.fastprophet.products import make_products
from tradebot.fastprophet.rows import RowModel
from tradebot.fastprophet.setup import change_scale
from tradebot.fastprophet.solver import Problem, Solution, minimise

FEW_ROWS: Final = 2000
"""Below this many rows, a step over the rows themselves is as cheap as one from moments."""


def fit_multiplicative(model: RowModel, options: Options, level: float) -> Solution:
    """Returns the optimum of θ = [m, k, δ, β], from a constant trend `level` and β = 0."""
    evaluate = model.evaluate if len(model.rows) < FEW_ROWS else make_products(model).evaluate
    flat = options.growth == "flat"
    changes = model.trend_size - 2
    prior = gaussian_prior(model.design.prior_scales, changes, flat)
    penalised = slice(0, 0) if flat else slice(2, model.trend_size)
    tau = change_scale(options, model.changepoints)
    trend = slice(0, model.trend_size)
    problem = Problem(model.count, evaluate, prior, tau, penalised, linear=trend)
    start = np.zeros(model.trend_size + model.design.size)
    start[0] = level
    return minimise(problem, start)
