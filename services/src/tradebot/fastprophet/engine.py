"""Fits a model to rows, and updates it with more rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tradebot.fastprophet.design import Design
from tradebot.fastprophet.history import Rows
from tradebot.fastprophet.holidays import Holidays, read_holidays
from tradebot.fastprophet.linear import fit_linear
from tradebot.fastprophet.logistic import fit_logistic
from tradebot.fastprophet.multiplicative import fit_multiplicative
from tradebot.fastprophet.options import Options, Regressor, Seasonality
from tradebot.fastprophet.refit import ColumnMoments, follow
from tradebot.fastprophet.rows import RowModel
from tradebot.fastprophet.segments import Segments, accumulate
from tradebot.fastprophet.setup import (
    Changepoints,
    Scales,
    changepoints_of,
    least_step,
    scales_after,
    scales_of,
    seasonalities_of,
)
from tradebot.fastprophet.solver import LEAST_SIGMA, Solution
from tradebot.fastprophet.threads import one_thread
from tradebot.fastprophet.times import Floats

SMALLEST: Final = 1e-140
LARGEST: Final = 1e140
"""Largest magnitude of y whose squares can be summed over any history without overflow."""


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
class Draft:
    """What is decided before a fit. `step` is the smallest step between times, in ns."""

    specification: Specification
    rows: Rows
    step: int
    scales: Scales
    spreads: Mapping[str, ColumnMoments]
    design: Design
    changepoints: Changepoints


@dataclass(frozen=True)
class Fitted(Draft):
    """A fitted model, and the statistics for a refit if there are any."""

    segments: Segments | None
    solution: Solution
    parameters: Parameters
    others: tuple[Solution, ...] = ()


def holidays_of(options: Options) -> Holidays:
    """Reads the holidays of a model's options. Raises `ValueError` as Prophet does."""
    return read_holidays(options.holidays, options.holidays_prior_scale, options.holidays_mode)


def check_columns(options: Options, numbers: Mapping[str, Floats]) -> None:
    """Raise `ValueError` for a history that lacks what the model needs."""
    if "y" not in numbers:
        raise ValueError("y is missing: pass fit(ds, y), or a table with the columns ds and y.")
    known = ~np.isnan(numbers["y"])
    y = numbers["y"][known]
    largest = float(np.abs(y).max(initial=0.0))
    if largest and not SMALLEST <= largest <= LARGEST:
        raise ValueError(
            f"y reaches {largest:g}, whose square is not a number that a computer has: divide y "
            "by a constant."
        )
    if options.growth == "logistic":
        if "cap" not in numbers:
            raise ValueError("Capacities must be supplied for logistic growth: pass cap.")
        lowest = float(y.min(initial=0.0)) if options.scaling == "minmax" else 0.0
        floor = numbers.get("floor", np.full(len(known), lowest))
        if (numbers["cap"][known] <= floor[known]).any():
            raise ValueError(
                "cap must be greater than floor (which defaults to 0, or to the lowest y with "
                "minmax)."
            )


def check_conditions(
    seasonalities: Mapping[str, Seasonality], numbers: Mapping[str, Floats]
) -> None:
    """Raise `ValueError` for a condition that is neither 0 nor 1 in a row with a y."""
    known = ~np.isnan(numbers["y"]) if "y" in numbers else slice(None)
    for seasonality in seasonalities.values():
        name = seasonality.condition_name
        if name is not None and not np.isin(numbers[name][known], (0.0, 1.0)).all():
            raise ValueError(f"Found non-boolean in column {name!r}.")


def fit(specification: Specification, rows: Rows) -> Fitted:
    """Fits from scratch. Raises `ValueError` for a history that cannot be fitted."""
    if len(rows) < 2:
        raise ValueError("The history has less than 2 non-NaN rows.")
    scales = scales_of(specification.options, rows)
    spreads = {}
    for regressor in specification.regressors:
        column = rows.column(regressor.name)
        assert column is not None
        spreads[regressor.name] = ColumnMoments.of(column)
    return _solve(_draft(specification, rows, least_step(rows.times), scales, spreads), None)


def append(fitted: Fitted, more: Rows) -> Fitted:
    """Fits with more rows at the end; from the statistics of the earlier ones, if there are any."""
    before, rows = len(fitted.rows), fitted.rows
    rows.extend(more)
    if not len(more):
        return fitted
    if fitted.segments is None:
        return fit(fitted.specification, rows)
    step = min(fitted.step, least_step(rows.times[before - 1 :], fitted.step))
    spreads = {
        name: spread.joined(ColumnMoments.of(column))
        for name, spread in fitted.spreads.items()
        if (column := more.column(name)) is not None
    }
    scales = scales_after(fitted.specification.options, fitted.scales, more)
    draft = _draft(fitted.specification, rows, step, scales, spreads)
    if draft.design.seasonalities != fitted.design.seasonalities:
        return _solve(draft, None)
    segments = follow(fitted.segments, rows, draft.changepoints.bounds, before)
    if segments is None or draft.changepoints.dummy != fitted.changepoints.dummy:
        return _solve(draft, None)
    return _solve(draft, replace(fitted, segments=segments))


def _draft(
    specification: Specification,
    rows: Rows,
    step: int,
    scales: Scales,
    spreads: Mapping[str, ColumnMoments],
) -> Draft:
    options = specification.options
    seasonalities = seasonalities_of(options, specification.seasonalities, scales.span, step)
    standards = {r.name: spreads[r.name].standard(r) for r in specification.regressors}
    design = Design(seasonalities, specification.holidays, specification.regressors, standards)
    changepoints = changepoints_of(options, rows.times)
    return Draft(specification, rows, step, scales, spreads, design, changepoints)


def _solve(draft: Draft, warm: Fitted | None) -> Fitted:
    with one_thread():
        return _solved(draft, warm)


def _solved(draft: Draft, warm: Fitted | None) -> Fitted:
    options = draft.specification.options
    if options.growth != "logistic" and draft.scales.low == draft.scales.high:
        return _constant(draft)
    model = RowModel(draft.rows, draft.design, draft.scales, draft.changepoints, options.growth)
    if options.growth == "logistic":
        solution, other = fit_logistic(model, options)
        return replace(
            _fitted(draft, None, solution, parameters_of(draft, solution)), others=(other,)
        )
    if draft.design.multiplicative.any():
        level = (float(draft.rows.y.mean()) - draft.scales.offset) / draft.scales.y_scale
        solution = fit_multiplicative(model, options, level)
        return _fitted(draft, None, solution, parameters_of(draft, solution))
    if warm is None or warm.segments is None:
        segments, start = accumulate(draft.rows, draft.design, draft.changepoints.bounds), None
    else:
        segments, start = warm.segments, _carried(warm, draft)
    solution = fit_linear(segments, model, options, start)
    return _fitted(draft, segments, solution, parameters_of(draft, solution))


def _carried(warm: Fitted, draft: Draft) -> tuple[Floats, float]:
    """Returns the last optimum, θ and σ², in the scales of the new history."""
    old, new = warm.scales, draft.scales
    share, stretch = old.y_scale / new.y_scale, new.span / old.span
    theta = warm.solution.theta * share
    theta[0] += (old.offset - new.offset) / new.y_scale
    if draft.specification.options.growth != "flat":
        theta[1 : 2 + len(draft.changepoints.times)] *= stretch
    return theta, (warm.solution.sigma * share) ** 2


def parameters_of(draft: Draft, solution: Solution) -> Parameters:
    """Converts θ = [m, k, δ, β] to Prophet's parameters."""
    theta, growth = solution.theta, draft.specification.options.growth
    count = len(draft.changepoints.times)
    if growth == "flat":
        return Parameters(0.0, float(theta[0]), np.zeros(count), theta[1:], solution.sigma)
    k, delta = float(theta[1]), theta[2 : 2 + count]
    m = -float(theta[0]) / k if growth == "logistic" else float(theta[0])
    return Parameters(k, m, delta, theta[2 + count :], solution.sigma)


def _constant(draft: Draft) -> Fitted:
    """A constant series is not fitted, as in Prophet: the trend is constant, σ = 1e-9."""
    m = (draft.scales.low - draft.scales.offset) / draft.scales.y_scale
    count = len(draft.changepoints.times)
    parameters = Parameters(0.0, m, np.zeros(count), np.zeros(draft.design.size), LEAST_SIGMA)
    solution = Solution(np.zeros(0), LEAST_SIGMA, -np.inf, 0.0, 0, converged=True)
    return _fitted(draft, None, solution, parameters)


def _fitted(
    draft: Draft, segments: Segments | None, solution: Solution, parameters: Parameters
) -> Fitted:
    return Fitted(
        draft.specification,
        draft.rows,
        draft.step,
        draft.scales,
        draft.spreads,
        draft.design,
        draft.changepoints,
        segments,
        solution,
        parameters,
    )
