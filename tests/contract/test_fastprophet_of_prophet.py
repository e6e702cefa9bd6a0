"""FastProphet against the real Prophet: never less probable, the same forecast, the same object."""

import logging
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from prophet import Prophet
from prophet.diagnostics import cross_validation
from prophet.serialize import model_from_json, model_to_json
from prophets.cases import Case, cases
from prophets.target import Target

from tradebot.fastprophet import FastProphet

EXAMPLES = int(os.environ.get("TRADEBOT_FASTPROPHET_EXAMPLES", "15"))
NEXT_DAY = 1440
FREE = {"n_changepoints": 8, "changepoint_prior_scale": 0.5}
"""With these, no slope change is 0 at the optimum. Only there can Stan's optimiser, made for smooth
functions, converge to its tolerances."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Silences Stan, which reports each stop of its line search as an error."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


def real(case: Case) -> Any:
    """Returns the case's model in Prophet's own class, not fitted."""
    model = Prophet(**case.options)
    for seasonality in case.seasonalities:
        model.add_seasonality(**seasonality)
    for regressor in case.regressors:
        model.add_regressor(**regressor)
    return model


def tight(fresh: Any, frame: pd.DataFrame) -> Any:
    """Runs Prophet to convergence: tolerances far below its own, restarted until it is best."""
    best, params = -np.inf, None
    for _ in range(12):
        model = fresh()
        model.fit(
            frame.copy(),
            tol_obj=1e-15,
            tol_rel_obj=1e-2,
            tol_grad=1e-12,
            tol_rel_grad=1e-3,
            tol_param=1e-14,
            history_size=60,
            iter=20_000,
            require_converged=False,
            sig_figs=17,
            algorithm="LBFGS",
            **({"init": params} if params else {}),
        )
        reached = Target.of_prophet(model).log_posterior(model.params)
        params = {name: np.ravel(value) for name, value in model.params.items() if name != "trend"}
        if reached <= best + 1e-7:
            return model
        best = reached
    return model


def minutes(n: int) -> pd.DataFrame:
    """Returns minutes of a rising random walk, for which Prophet starts near the optimum."""
    y = 10 + np.linspace(0, 1, n) + np.cumsum(np.random.default_rng(0).normal(0, 1e-3, n))
    return pd.DataFrame({"ds": pd.date_range("2021-03-01", periods=n, freq="min"), "y": y})


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="TRADEBOT_FASTPROPHET_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(cases())
def test_no_fit_is_less_probable_than_prophets(case: Case) -> None:
    model = case.fit()
    peer = real(case).fit(pd.DataFrame(case.frame()))
    target = Target.of_prophet(peer)
    ours = target.log_posterior(model.params)
    assert ours == pytest.approx(model.log_posterior, rel=1e-7, abs=1e-4)
    assert ours >= target.log_posterior(peer.params) - 1e-6


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({"growth": "flat"}, {}),
        ({}, {}),
        (FREE, {}),
        ({**FREE, "seasonality_mode": "multiplicative"}, {}),
        ({**FREE, "growth": "logistic"}, {"cap": 14.0}),
    ],
    ids=["flat", "defaults", "linear", "multiplicative", "logistic"],
)
def test_the_forecast_is_that_of_a_prophet_with_tight_tolerances(
    options: dict[str, Any], limits: dict[str, Any]
) -> None:
    frame = minutes(3000).assign(**limits)
    ours = FastProphet(**options).fit(frame)
    peer = tight(lambda: Prophet(uncertainty_samples=0, **options), frame)
    history = peer.predict(frame)["yhat"] - ours.predict(frame).yhat
    future = peer.make_future_dataframe(NEXT_DAY, freq="min", include_history=False)
    ahead = peer.predict(future.assign(**limits))["yhat"] - ours.predict(NEXT_DAY).yhat
    assert np.abs(history).max() / peer.y_scale <= 1e-4
    assert np.abs(ahead).max() / peer.y_scale <= 5e-4


HOLIDAYS = pd.DataFrame(
    {
        "holiday": ["a", "a", "b"],
        "ds": pd.to_datetime(["2021-01-05", "2021-01-20", "2021-01-12"]),
        "lower_window": [-1, -1, 0],
        "upper_window": [0, 0, 1],
        "prior_scale": [5.0, 5.0, 20.0],
    }
)


def full_frame(n: int = 900) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns hours with gaps in y, a regressor, a condition and a cap; and two more days."""
    draw = np.random.default_rng(0)
    ds = pd.date_range("2021-01-01", periods=n + 48, freq="h")
    x = draw.normal(3, 2, n + 48)
    future = pd.DataFrame({"ds": ds, "x": x, "weekday": ds.day_of_week < 5, "cap": 15.0})
    y = 10 + np.cumsum(draw.normal(0, 0.02, n)) + 0.3 * x[:n]
    y[[5, 60, n - 1]] = np.nan
    return future[:n].assign(y=y), future


def with_all(made: Any) -> Any:
    """A regressor and a conditional seasonality added."""
    made.add_regressor("x", prior_scale=3.0)
    return made.add_seasonality("at_work", 1, 2, condition_name="weekday")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"growth": "logistic", "scaling": "minmax"},
        {"growth": "flat", "n_changepoints": 3},
        {"seasonality_mode": "multiplicative", "holidays_mode": "additive"},
        {"changepoints": ["2021-01-10", "2021-01-20"], "interval_width": 0.9},
        {"n_changepoints": 0, "yearly_seasonality": 2},
    ],
    ids=str,
)
def test_a_fit_becomes_the_object_that_prophets_own_fit_would_be(options: dict[str, Any]) -> None:
    frame, future = full_frame()
    ours = with_all(FastProphet(holidays=HOLIDAYS.copy(), **options)).fit(frame)
    ours_forecast = pd.DataFrame(ours.predict(future).columns())
    made = ours.to_prophet()
    peer = with_all(Prophet(holidays=HOLIDAYS.copy(), **options)).fit(frame.copy())

    for name in ("start", "t_scale", "y_scale", "y_min", "logistic_floor", "component_modes"):
        assert getattr(made, name) == getattr(peer, name), name
    assert made.seasonalities == peer.seasonalities
    assert made.extra_regressors == peer.extra_regressors
    assert np.array_equal(made.changepoints_t, peer.changepoints_t)
    assert made.train_component_cols.equals(peer.train_component_cols)
    assert np.array_equal(made.history_dates, peer.history_dates)
    for name in made.history:
        assert np.array_equal(made.history[name], peer.history[name]), name
    for name, values in made.params.items():
        assert values.shape == peer.params[name].shape, name
    target = Target.of_prophet(peer)
    assert target.log_posterior(made.params) >= target.log_posterior(peer.params) - 1e-6

    forecast = made.predict(future)
    for name in set(forecast) & set(ours_forecast) - {"ds"}:
        if not name.endswith(("_lower", "_upper")):
            assert np.abs(forecast[name] - ours_forecast[name]).max() < 1e-9, name
    missing = set(forecast) - set(ours_forecast) - {"cap"}
    assert all(name.endswith(("_lower", "_upper")) for name in missing), missing


def test_plots_diagnostics_and_serialization_of_prophet_work_on_a_fit() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    frame, future = full_frame()
    made = with_all(FastProphet(holidays=HOLIDAYS.copy())).fit(frame).to_prophet()
    forecast = made.predict(future)
    assert made.plot(forecast) is not None
    assert made.plot_components(forecast) is not None
    copy = model_from_json(model_to_json(made))
    assert np.array_equal(copy.predict(future)["yhat"], forecast["yhat"])
    simple = FastProphet(n_changepoints=3, weekly_seasonality=False).fit(frame).to_prophet()
    checked = cross_validation(
        simple, initial="20 days", period="8 days", horizon="4 days", disable_tqdm=True
    )
    assert {"yhat", "y", "cutoff"} <= set(checked)


def test_bands_are_prophets_own_up_to_its_sampling() -> None:
    frame = minutes(3000)
    ours = FastProphet(changepoint_prior_scale=0.5).fit(frame)
    made = ours.to_prophet()
    made.uncertainty_samples = 4000
    np.random.seed(0)
    future = made.make_future_dataframe(120, freq="min", include_history=False)
    drawn, exact = made.predict(future), ours.predict(120)
    assert exact.lower is not None and exact.upper is not None
    ratio = (drawn["yhat_upper"] - drawn["yhat_lower"]) / (exact.upper - exact.lower)
    assert np.abs(ratio.mean() - 1) < 0.01
    assert np.abs(ratio - 1).max() < 0.1
