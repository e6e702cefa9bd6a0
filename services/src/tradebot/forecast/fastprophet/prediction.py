"""From fitted parameters to a forecast with bands."""

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from tradebot.forecast.fastprophet.engine import Fitted
from tradebot.forecast.fastprophet.forecast import Forecast
from tradebot.forecast.fastprophet.history import Rows
from tradebot.forecast.fastprophet.times import SECOND, Floats, Nanos, to_datetime64
from tradebot.forecast.fastprophet.uncertainty import half_widths, horizons, interpolate


def following(rows: Rows, count: int, step: float | None) -> Nanos:
    """The next `count` times after the history, `step` seconds apart (median step if `None`)."""
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
    """The forecast at `times` (n,), in any order."""
    if not len(times):
        raise ValueError("There is no time to predict.")
    scales, design = fitted.scales, fitted.design
    t = scales.t(times)
    floor, cap = _limits(fitted, len(times), numbers)
    trend = trend_at(fitted, t, cap) * scales.y_scale + floor
    columns = design.matrix(times, numbers)
    parts = _components(fitted, columns)
    factor = 1 + parts["multiplicative_terms"]
    yhat = trend * factor + parts["additive_terms"]
    stamps = to_datetime64(times)
    if not fitted.specification.options.uncertainty_samples:
        return Forecast(stamps, yhat, trend, components=parts)
    band, drift = linear_bands(fitted, t, factor)
    return Forecast(
        stamps, yhat, trend, yhat - band, yhat + band, trend - drift, trend + drift, parts
    )


def _limits(
    fitted: Fitted, count: int, numbers: Mapping[str, Floats]
) -> tuple[Floats | float, Floats]:
    """Floor in the unit of y and scaled cap (n,) of the rows; the last known where not given."""
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


def trend_at(fitted: Fitted, t: Floats, cap: Floats) -> Floats:
    """The scaled trend at scaled times (n,); `cap` (n,) matters for logistic growth alone."""
    parameters, growth = fitted.parameters, fitted.specification.options.growth
    if growth == "flat":
        return np.full(len(t), parameters.m)
    line = (
        parameters.k * (t - parameters.m)
        if growth == "logistic"
        else (parameters.m + parameters.k * t)
    )
    changes = fitted.changepoints.t(fitted.scales)
    for delta, change in zip(parameters.delta, changes, strict=True):
        if delta != 0:
            line += delta * np.maximum(t - change, 0.0)
    return np.asarray(cap * expit(line)) if growth == "logistic" else line


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
    return parts | {f"{mode}_terms": total for mode, total in totals.items()}


def linear_bands(fitted: Fitted, t: Floats, factor: Floats) -> tuple[Floats, Floats]:
    """Half-widths of the bands of yhat and of the trend (n,), in the unit of y."""
    options, parameters = fitted.specification.options, fitted.parameters
    width, y_scale = options.interval_width, fitted.scales.y_scale
    future = np.flatnonzero(t > 1)
    quiet = half_widths(width, 0.0, np.zeros(1), np.ones(1), np.array([parameters.sigma]))[0]
    band, drift = np.full(len(t), quiet), np.zeros(len(t))
    count = len(future)
    if count and options.growth == "linear":
        order = future[np.argsort(t[future], kind="stable")]
        ahead = t[order]
        step = float(np.diff(ahead).mean()) if count > 1 else 1 / (len(fitted.rows) - 1)
        rate = len(fitted.changepoints.times) * step
        slope = (float(np.abs(parameters.delta).mean()) + 1e-8) * step
        drift[order] = _drift(width, rate, slope, count)
        band[order] = _noisy(width, rate, slope, count, parameters.sigma, np.abs(factor[order]))
    return band * y_scale, drift * y_scale


def _drift(width: float, rate: float, slope: float, count: int) -> Floats:
    """Half-widths of the trend alone: 0 while the chance of no change reaches the width."""
    calm = int(np.log(width) / np.log1p(-rate)) if rate < 1 else 0
    known = np.unique(np.concatenate(([max(min(calm, count), 1)], calm + horizons(count - calm))))
    known = known[known <= count] if count > calm else horizons(count)
    q = half_widths(
        width, rate, np.full(len(known), slope), known.astype(float), np.zeros(len(known))
    )
    return interpolate(known, q, count)


def _noisy(
    width: float, rate: float, slope: float, count: int, sigma: float, factor: Floats
) -> Floats:
    """Half-widths of trend times factor plus noise, at every horizon (count,)."""
    known = horizons(count)
    low, high = float(factor.min()), float(factor.max())
    grid = np.array([low]) if high - low < 1e-12 else np.linspace(low, high, 7)
    slopes, steps = np.meshgrid(slope * grid, known.astype(float), indexing="ij")
    noise = np.full(slopes.size, sigma)
    q = half_widths(width, rate, slopes.ravel(), steps.ravel(), noise).reshape(slopes.shape)
    every = np.stack([interpolate(known, row, count) for row in q])
    if len(grid) == 1:
        return np.asarray(every[0])
    place = (factor - low) / (high - low) * (len(grid) - 1)
    below = np.minimum(place.astype(np.int64), len(grid) - 2)
    share, column = place - below, np.arange(count)
    return np.asarray((1 - share) * every[below, column] + share * every[below + 1, column])
