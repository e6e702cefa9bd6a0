"""From rows to a fitted model, and from there to one with more rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tradebot.forecast.fastprophet.design import Design, Standard
from tradebot.forecast.fastprophet.history import Rows
from tradebot.forecast.fastprophet.holidays import Holidays, read_holidays
from tradebot.forecast.fastprophet.linear import gaussian_prior, quadratic_problem, solve
from tradebot.forecast.fastprophet.options import Options, Regressor, Seasonality
from tradebot.forecast.fastprophet.segments import Segments, accumulate, normal_equations
from tradebot.forecast.fastprophet.setup import (
    Changepoints,
    Scales,
    changepoints_of,
    least_step,
    scales_of,
    seasonalities_of,
)
from tradebot.forecast.fastprophet.solver import Solution
from tradebot.forecast.fastprophet.times import Floats


@dataclass(frozen=True)
class Specification:
    """A model before it sees data."""

    options: Options
    seasonalities: Mapping[str, Seasonality]
    holidays: Holidays
    regressors: tuple[Regressor, ...]


@dataclass(frozen=True)
class Parameters:
    """Prophet's parameters in its scaled units: δ (S,), β (K,)."""

    k: float
    m: float
    delta: Floats
    beta: Floats
    sigma: float

    def as_prophet(self) -> dict[str, Floats]:
        """Arrays (1, ·) under Prophet's names; an empty β is Prophet's one zero column."""
        beta = self.beta if len(self.beta) else np.zeros(1)
        values = {"k": [self.k], "m": [self.m], "delta": self.delta, "beta": beta}
        values["sigma_obs"] = [self.sigma]
        return {name: np.array(v, dtype=np.float64).reshape(1, -1) for name, v in values.items()}


@dataclass(frozen=True)
class Fitted:
    """A fitted model and all that a refit starts from."""

    specification: Specification
    rows: Rows
    step: int
    scales: Scales
    design: Design
    changepoints: Changepoints
    segments: Segments | None
    solution: Solution
    parameters: Parameters


def holidays_of(options: Options) -> Holidays:
    """The holidays of a model's options. Raises `ValueError` as Prophet does."""
    return read_holidays(options.holidays, options.holidays_prior_scale, options.holidays_mode)


def check_columns(
    options: Options, seasonalities: Mapping[str, Seasonality], numbers: Mapping[str, Floats]
) -> None:
    """Raise `ValueError` for a history that lacks what the model needs."""
    if "y" not in numbers:
        raise ValueError("y is missing: pass fit(ds, y), or a table with the columns ds and y.")
    for seasonality in seasonalities.values():
        name = seasonality.condition_name
        if name is not None and not np.isin(numbers[name], (0.0, 1.0)).all():
            raise ValueError(f"Found non-boolean in column {name!r}.")
    if options.growth == "logistic":
        if "cap" not in numbers:
            raise ValueError("Capacities must be supplied for logistic growth: pass cap.")
        if (numbers["cap"] <= numbers.get("floor", np.zeros(1))).any():
            raise ValueError("cap must be greater than floor (which defaults to 0).")


def fit(specification: Specification, rows: Rows) -> Fitted:
    """Fit from scratch. Raises `ValueError` for a history that cannot be fitted."""
    if len(rows) < 2:
        raise ValueError("The history has less than 2 non-NaN rows.")
    options = specification.options
    scales = scales_of(options, rows)
    step = least_step(rows.times)
    seasonalities = seasonalities_of(options, specification.seasonalities, scales.span, step)
    standards = {r.name: _standard(r, rows.column(r.name)) for r in specification.regressors}
    design = Design(seasonalities, specification.holidays, specification.regressors, standards)
    changepoints = changepoints_of(options, rows.times)
    draft = Fitted(
        specification, rows, step, scales, design, changepoints, None, _NOTHING, _UNKNOWN
    )
    y = rows.y
    if options.growth != "logistic" and y.min() == y.max():
        return _constant(draft)
    if options.growth == "logistic" or design.multiplicative.any():
        raise NotImplementedError("logistic growth and multiplicative terms")
    centre = float(y.mean())
    segments = accumulate(rows, design, changepoints.bounds, lambda a, b: y[a:b] - centre)
    return solve_linear(replace(draft, segments=segments), centre)


def append(fitted: Fitted, more: Rows) -> Fitted:
    """Fit with more rows at the end."""
    fitted.rows.extend(more)
    return fit(fitted.specification, fitted.rows)


def solve_linear(draft: Fitted, centre: float) -> Fitted:
    """The optimum of linear or flat growth from the statistics of `draft`."""
    assert draft.segments is not None
    options, scales = draft.specification.options, draft.scales
    flat = options.growth == "flat"
    changes = 0 if flat else len(draft.changepoints.times)
    trend = 1 if flat else 2 + changes
    origin = np.zeros(trend + draft.design.size)
    origin[0] = (centre - scales.offset) / scales.y_scale
    normal = normal_equations(draft.segments, scales, draft.changepoints, origin, flat, {})
    prior = gaussian_prior(draft.design.prior_scales, changes, flat)
    penalised = slice(0, 0) if flat else slice(2, trend)
    problem = quadratic_problem(normal, prior, options.changepoint_prior_scale, penalised)
    solution = solve(problem, origin, None)
    return replace(draft, solution=solution, parameters=parameters_of(draft, solution))


def parameters_of(draft: Fitted, solution: Solution) -> Parameters:
    """Prophet's parameters from θ = [m, k, δ, β]."""
    theta = solution.theta
    count = len(draft.changepoints.times)
    if draft.specification.options.growth == "flat":
        return Parameters(0.0, float(theta[0]), np.zeros(count), theta[1:], solution.sigma)
    k, delta = float(theta[1]), theta[2 : 2 + count]
    if draft.changepoints.dummy:
        k, delta = k + float(delta[0]), np.zeros(1)
    return Parameters(k, float(theta[0]), delta, theta[2 + count :], solution.sigma)


def _constant(draft: Fitted) -> Fitted:
    """A constant series is not fitted, as in Prophet: the line through it, σ = 1e-9."""
    m = (float(draft.rows.y[0]) - draft.scales.offset) / draft.scales.y_scale
    count = len(draft.changepoints.times)
    parameters = Parameters(0.0, m, np.zeros(count), np.zeros(draft.design.size), 1e-9)
    solution = Solution(np.zeros(0), 1e-9, -np.inf, 0.0, 0, True)
    return replace(draft, solution=solution, parameters=parameters)


def _standard(regressor: Regressor, values: Floats | None) -> Standard:
    assert values is not None
    kinds = np.unique(values)
    if len(kinds) < 2 or not regressor.standardize:
        return Standard()
    if regressor.standardize == "auto" and set(kinds) == {0.0, 1.0}:
        return Standard()
    return Standard(float(values.mean()), float(values.std(ddof=1)))


_NOTHING = Solution(np.zeros(0), 0.0, np.inf, 0.0, 0, False)
_UNKNOWN = Parameters(0.0, 0.0, np.zeros(0), np.zeros(0), 0.0)
