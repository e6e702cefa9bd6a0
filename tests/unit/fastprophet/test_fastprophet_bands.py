"""FastProphet's bands equal those of a large simulation of Prophet's own process."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from tradebot.fastprophet import FastProphet, Forecast
from tradebot.fastprophet.uncertainty import half_widths

Floats = npt.NDArray[np.float64]
DRAWS = 400_000
HOURS = np.datetime64("2021-01-04", "s") + np.arange(3000) * np.timedelta64(3600, "s")


def series(n: int, roughness: float) -> Floats:
    draw = np.random.default_rng(5)
    return np.asarray(
        10 + np.cumsum(draw.normal(0, roughness, n)) + np.sin(np.arange(n) * np.pi / 12)
    )


def slope_changes(model: FastProphet, step: float, draw: np.random.Generator) -> Floats:
    """Returns the slope change at one future step, per draw, like Prophet's sampler."""
    size = float(np.abs(model.params["delta"]).mean()) + 1e-8
    happens = draw.random(DRAWS) < len(model.params["delta"][0]) * step
    return np.asarray(np.where(happens, draw.laplace(0, size, DRAWS), 0.0))


def simulated(model: FastProphet, steps: int, step: float, factor: Floats, which: int) -> Any:
    """The trend's deviation and that of y at step `which`, in scaled units."""
    draw = np.random.default_rng(11)
    slope, deviation, last = np.zeros(DRAWS), np.zeros(DRAWS), np.zeros(DRAWS)
    for _ in range(which):
        change = slope_changes(model, step, draw)
        slope += (change + last) / 2
        last = change
        deviation += slope * step
    noise = draw.normal(0, model.params["sigma_obs"][0, 0], DRAWS)
    return deviation, deviation * factor[which - 1] + noise


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("roughness", [0.02, 0.3])
def test_bands_of_linear_growth_are_within_half_a_percent_of_a_simulation(
    mode: str, roughness: float
) -> None:
    n, steps = 1200, 60
    y = series(n, roughness)
    model = FastProphet(seasonality_mode=mode, changepoint_prior_scale=0.5).fit(HOURS[:n], y)
    forecast = model.predict(steps)
    scale = np.abs(y).max()
    factor = 1 + forecast.components["multiplicative_terms"]
    for which in (1, 7, 60):
        trend, value = simulated(model, steps, 1 / (n - 1), factor, which)
        low, high = np.quantile(value, [0.1, 0.9]) * scale
        width = high - low
        assert forecast.lower is not None and forecast.upper is not None
        assert forecast.lower[which - 1] - forecast.yhat[which - 1] == pytest.approx(
            low, abs=0.005 * width
        )
        assert forecast.upper[which - 1] - forecast.yhat[which - 1] == pytest.approx(
            high, abs=0.005 * width
        )
        assert forecast.trend_upper is not None
        drift = forecast.trend_upper[which - 1] - forecast.trend[which - 1]
        assert drift == pytest.approx(np.quantile(np.abs(trend), 0.8) * scale, abs=0.005 * width)


def test_bands_of_logistic_growth_are_within_half_a_percent_of_a_simulation() -> None:
    n, steps, cap = 1000, 60, 25.0
    y = series(n, 0.05)
    model = FastProphet(growth="logistic", changepoint_prior_scale=0.5).fit(HOURS[:n], y, cap=cap)
    forecast = model.predict(steps)
    scale, step = np.abs(y).max(), 1 / (n - 1)
    exponent = np.log(forecast.trend / (cap - forecast.trend))
    draw = np.random.default_rng(13)
    slope, deviation, last = np.zeros(DRAWS), np.zeros(DRAWS), np.zeros(DRAWS)
    for which in range(1, steps + 1):
        deviation += slope * step
        change = slope_changes(model, step, draw)
        slope += (change + last) / 2
        last = change
        if which not in (1, 20, 60):
            continue
        trend = cap * expit(exponent[which - 1] + deviation)
        value = trend - trend.mean() + scale * draw.normal(0, model.params["sigma_obs"][0], DRAWS)
        low, high = np.quantile(value, [0.1, 0.9])
        assert forecast.lower is not None and forecast.upper is not None
        gap = forecast.yhat[which - 1]
        assert forecast.lower[which - 1] - gap == pytest.approx(low, abs=0.005 * (high - low))
        assert forecast.upper[which - 1] - gap == pytest.approx(high, abs=0.005 * (high - low))


@pytest.mark.parametrize("width", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("rate", [0.003, 0.1, 1.0])
def test_quantiles_hold_for_any_width_and_rate(width: float, rate: float) -> None:
    draw, steps = np.random.default_rng(2), 12
    total = np.zeros(DRAWS)
    for j in range(steps):
        total += (draw.random(DRAWS) < rate) * draw.laplace(0, 1.0, DRAWS) * (j + 0.5)
    noise = 2.0
    total += draw.normal(0, noise, DRAWS)
    one = np.ones(1)
    ours = half_widths(width, rate, one, steps * one, noise * one)[0]
    assert (np.abs(total) <= ours).mean() == pytest.approx(width, abs=0.003)


def test_flat_growth_and_the_past_have_the_noise_alone() -> None:
    model = FastProphet(growth="flat").fit(HOURS[:500], series(500, 0.05))
    forecast = model.predict(10)
    assert forecast.lower is not None and forecast.upper is not None
    assert np.ptp(forecast.upper - forecast.lower) < 1e-9
    past = FastProphet().fit(HOURS[:500], series(500, 0.05)).predict(HOURS[:100])
    assert past.trend_upper is not None
    assert (past.trend_upper == past.trend).all()


def test_bands_do_not_depend_on_the_order_of_the_times() -> None:
    model = FastProphet().fit(HOURS[:500], series(500, 0.05))
    shuffle = np.random.default_rng(0).permutation(200)
    plain, mixed = model.predict(HOURS[400:600]), model.predict(HOURS[400:600][shuffle])
    assert plain.upper is not None and mixed.upper is not None
    assert np.allclose(mixed.upper, plain.upper[shuffle], rtol=1e-12)


def test_no_samples_means_no_bands() -> None:
    model = FastProphet(uncertainty_samples=0).fit(HOURS[:500], series(500, 0.05))
    assert model.predict(5).lower is None


def test_interpolated_horizons_agree_with_those_that_are_inverted() -> None:
    model = FastProphet(changepoint_prior_scale=0.5).fit(HOURS[:1200], series(1200, 0.1))

    def width(forecast: Forecast) -> Floats:
        assert forecast.lower is not None and forecast.upper is not None
        return forecast.upper - forecast.lower

    long, short = width(model.predict(1440)), width(model.predict(37))
    assert np.abs(long[:37] / short - 1).max() < 2e-3
