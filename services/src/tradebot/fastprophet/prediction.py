"""Forecasts with bands from fitted parameters."""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from tradebot.fastprophet.bands import bands
from tradebot.fastprophet.engine import Fitted
from tradebot.fastprophet.forecast import Forecast
from tradebot.fastprophet.history import Rows
from tradebot.fastprophet.times import SECOND, Floats, Nanos, to_datetime64


def following(rows: Rows, count: int, step: float | None) -> Nanos:
    """Returns the next `count` times after the history, `step` s apart (median step if `None`)."""
    if count < 1:
        raise ValueError("predict needs at least one step.")
    if step is None:
        nanos = int(np.median(np.diff(rows.times[-1001:])))
        if nanos == 0:
            raise ValueError("The history's last times are all the same: pass step, in seconds.")
    else:
        nanos = round(step * SECOND)
    return rows.last + nanos * np.arange(1, count + 1)


def predict(fitted: Fitted, times: Nanos, numbers: Mapping[str, Floats]) -> Forecast:
    """Forecasts at `times` (n,), in any order."""
    if not len(times):
        raise ValueError("There is no time to predict.")
    scales, design = fitted.scales, fitted.design
    t = scales.t(times)
    floor, cap = _limits(fitted, len(times), numbers)
    line = line_at(fitted, t)
    logistic = fitted.specification.options.growth == "logistic"
    trend = (cap * expit(line) if logistic else line) * scales.y_scale + floor
    columns = design.matrix(times, numbers)
    parts = _components(fitted, columns)
    factor = 1 + parts["multiplicative_terms"]
    yhat = trend * factor + parts["additive_terms"]
    stamps = to_datetime64(times)
    if not fitted.specification.options.uncertainty_samples:
        return Forecast(stamps, yhat, trend, components=parts)
    off = bands(fitted, t, factor, line, cap) * scales.y_scale
    return Forecast(
        stamps, yhat, trend, yhat + off[0], yhat + off[1], trend + off[2], trend + off[3], parts
    )


def _limits(
    fitted: Fitted, count: int, numbers: Mapping[str, Floats]
) -> tuple[Floats | float, Floats]:
    """Returns floor in the unit of y and scaled cap (n,) per row; by default the last known."""
    scales = fitted.scales
    floor: Floats | float = scales.offset
    if scales.row_floor:
        floor = _given(fitted, "floor", count, numbers)
    if fitted.specification.options.growth != "logistic":
        return floor, np.empty(0)
    cap = _given(fitted, "cap", count, numbers)
    if (cap <= floor).any():
        raise ValueError("cap must be greater than floor (which defaults to 0).")
    return floor, (cap - floor) / scales.y_scale


def _given(fitted: Fitted, name: str, count: int, numbers: Mapping[str, Floats]) -> Floats:
    if name in numbers:
        return numbers[name]
    known = fitted.rows.column(name)
    assert known is not None
    return np.full(count, known[-1])


def line_at(fitted: Fitted, t: Floats) -> Floats:
    """The scaled trend at scaled times (n,); of logistic growth, the exponent u."""
    parameters, growth = fitted.parameters, fitted.specification.options.growth
    if growth == "flat":
        return np.full(len(t), parameters.m)
    if growth == "logistic":
        line = parameters.k * (t - parameters.m)
    else:
        line = parameters.m + parameters.k * t
    changes = fitted.changepoints.t(fitted.scales)
    for delta, change in zip(parameters.delta, changes, strict=True):
        if delta != 0:
            line += delta * np.maximum(t - change, 0.0)
    return line


def _components(fitted: Fitted, columns: Floats) -> dict[str, Floats]:
    parts: dict[str, Floats] = {}
    beta, y_scale = fitted.parameters.beta, fitted.scales.y_scale
    totals = {"additive": np.zeros(columns.shape[1]), "multiplicative": np.zeros(columns.shape[1])}
    holidays = np.zeros(columns.shape[1])
    names = set(fitted.design.holidays.names)
    for name, mode, numbers in fitted.design.components:
        part = beta[numbers] @ columns[numbers]
        if mode == "additive":
            part *= y_scale
        totals[mode] += part
        parts[name] = part
        if name in names:
            holidays += part
    if names:
        parts["holidays"] = holidays
    for kind in totals:
        chosen = [parts[r.name] for r in fitted.design.regressors if r.mode == kind]
        if chosen:
            parts[f"extra_regressors_{kind}"] = np.sum(chosen, axis=0)
    return parts | {f"{mode}_terms": total for mode, total in totals.items()}
