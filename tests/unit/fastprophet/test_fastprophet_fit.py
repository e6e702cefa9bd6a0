"""A FastProphet fit is an optimum of Prophet's posterior, whatever the model and the history."""

import os
import pickle
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from prophets.cases import Case, cases

from tradebot.fastprophet import FastProphet

EXAMPLES = int(os.environ.get("TRADEBOT_FASTPROPHET_EXAMPLES", "100"))
RANDOM = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="TRADEBOT_FASTPROPHET_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
HOURS = np.datetime64("2021-01-04", "s") + np.arange(2000) * np.timedelta64(3600, "s")


def walk(n: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 10 + np.cumsum(np.random.default_rng(seed).normal(0, 0.1, n))


@RANDOM
@given(cases())
def test_the_optimality_conditions_hold(case: Case) -> None:
    model = case.fit()
    assert model.solution.converged
    assert case.target(model).distance(model.params) <= 1e-8


@RANDOM
@given(cases())
def test_the_reported_posterior_is_stans(case: Case) -> None:
    model = case.fit()
    assert model.log_posterior == pytest.approx(
        case.target(model).log_posterior(model.params), rel=1e-9, abs=1e-6
    )


@RANDOM
@given(cases(growths=("linear", "flat")))
def test_no_point_nearby_is_more_probable(case: Case) -> None:
    model = case.fit()
    target, draw = case.target(model), np.random.default_rng(1)
    for size in (1e-6, 1e-3):
        for _ in range(20):
            moved = {
                name: values * (1 + size * draw.normal(size=values.shape))
                + size * draw.normal(size=values.shape) * (name not in ("sigma_obs", "delta"))
                for name, values in model.params.items()
            }
            assert target.log_posterior(moved) <= model.log_posterior + 1e-7


@pytest.mark.parametrize("kind", ["logistic", "multiplicative"])
def test_statistics_of_long_histories_give_the_fit_of_the_rows(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"growth": "logistic"} if kind == "logistic" else {"seasonality_mode": kind}
    n = 1500
    limit = {"cap": np.linspace(30, 40, n)} if kind == "logistic" else {}

    def fitted() -> FastProphet:
        model = FastProphet(**options)
        return model.add_seasonality("x", 3.3, 2, mode="additive").fit(HOURS[:n], walk(n), **limit)

    by_rows = fitted()
    monkeypatch.setattr(f"tradebot.fastprophet.{kind}.FEW_ROWS", 10)
    by_statistics = fitted()
    assert by_statistics.log_posterior == pytest.approx(by_rows.log_posterior, abs=1e-6)
    for name, values in by_rows.params.items():
        assert np.abs(by_statistics.params[name] - values).max() < 1e-6, name


def test_a_thinned_start_ends_at_the_optimum_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fitted() -> FastProphet:
        model = FastProphet(growth="logistic", seasonality_mode="multiplicative")
        return model.fit(HOURS[:1501], walk(1501), cap=30.0)

    by_all = fitted()
    monkeypatch.setattr("tradebot.fastprophet.logistic.THIN_ROWS", 400)
    by_thin = fitted()
    assert by_thin.solution.steps < by_all.solution.steps
    assert by_thin.log_posterior == pytest.approx(by_all.log_posterior, abs=1e-6)


def test_both_basins_of_the_logistic_are_solved_and_the_better_one_is_kept() -> None:
    t = np.linspace(-4, 4, 400)
    rising = 10 / (1 + np.exp(-t)) + np.random.default_rng(0).normal(0, 0.2, 400)
    up = FastProphet(growth="logistic").fit(HOURS[:400], rising, cap=11.0)
    down = FastProphet(growth="logistic").fit(HOURS[:400], rising[::-1], cap=11.0)
    for model, sign in ((up, 1), (down, -1)):
        assert np.sign(model.params["k"][0, 0]) == sign
        better, other = (run.objective for run in model.runs)
        assert better == -model.log_posterior
        assert other > better + 10


def test_ten_rows_are_fitted() -> None:
    model = FastProphet().fit(HOURS[:10], walk(10))
    case = Case(HOURS[:10], walk(10), {})
    assert len(model.changepoints) == 7
    assert case.target(model).distance(model.params) <= 1e-8


def test_a_constant_series_is_the_line_through_it_as_in_prophet() -> None:
    model = FastProphet().fit(HOURS[:100], np.full(100, 7.0))
    forecast = model.predict(5)
    assert model.params["sigma_obs"] == 1e-9
    assert np.allclose(forecast.yhat, 7.0, rtol=1e-12)


def test_one_repeated_value_with_one_exception_is_fitted() -> None:
    y = np.where(np.arange(300) == 150, 6.0, 5.0)
    model = FastProphet(weekly_seasonality=False, daily_seasonality=False).fit(HOURS[:300], y)
    none = {f"{name}_seasonality": False for name in ("weekly", "daily")}
    assert Case(HOURS[:300], y, none).target(model).distance(model.params) <= 1e-8


def test_a_step_of_a_million_is_fitted() -> None:
    y = 1e6 * (np.arange(1000) > 500) + np.random.default_rng(0).normal(0, 1, 1000)
    none = {f"{name}_seasonality": False for name in ("weekly", "daily")}
    model = FastProphet(**none).fit(HOURS[:1000], y)
    assert Case(HOURS[:1000], y, none).target(model).distance(model.params) <= 1e-8


def test_yearly_seasonality_on_four_weeks_is_fitted() -> None:
    n = 24 * 28
    model = FastProphet(
        yearly_seasonality=True, weekly_seasonality=False, daily_seasonality=False
    ).fit(HOURS[:n], walk(n))
    yearly = ({"name": "yearly", "period": 365.25, "fourier_order": 10},)
    target = Case(HOURS[:n], walk(n), {}, seasonalities=yearly).target(model)
    assert target.distance(model.params) <= 1e-7
    assert model.log_posterior == pytest.approx(target.log_posterior(model.params), abs=1e-5)


def test_fewer_rows_than_parameters_stay_on_the_optimum_that_does_not_run_through_every_row() -> (
    None
):
    ds = np.datetime64("2021-01-01") + np.arange(30)
    model = FastProphet().fit(ds, walk(30))
    weekly = ({"name": "weekly", "period": 7, "fourier_order": 3},)
    assert model.params["sigma_obs"] > 1e-4
    assert Case(ds, walk(30), {}, seasonalities=weekly).target(model).distance(model.params) <= 1e-8


def test_rows_of_the_same_time_are_fitted() -> None:
    ds, y = np.repeat(HOURS[:100], 3), walk(300)
    none = {f"{name}_seasonality": False for name in ("weekly", "daily")}
    model = FastProphet(**none).fit(ds, y)
    assert Case(ds, y, none).target(model).distance(model.params) <= 1e-8


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"mcmc_samples": 100}, "mcmc_samples is not supported"),
        ({"stan_backend": "CMDSTANPY"}, "stan_backend is not supported"),
        ({"growth": "cubic"}, "growth"),
        ({"scaling": "none"}, "scaling"),
        ({"changepoint_range": 2.0}, "changepoint_range"),
        ({"seasonality_mode": "both"}, "seasonality_mode"),
        ({"changepoint_prior_scale": 0.0}, "changepoint_prior_scale"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FastProphet(**arguments)


def test_predictors_of_regressors_and_calendars_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="regressor_predictor is not supported"):
        FastProphet().add_regressor("x", regressor_predictor=True)
    with pytest.raises(ValueError, match="add_country_holidays"):
        FastProphet().add_country_holidays("US")


@pytest.mark.parametrize(
    ("ds", "y", "limits", "says"),
    [
        (HOURS[:3], [1.0, np.nan, np.nan], {}, "less than 2"),
        (HOURS[:3], [1.0, np.inf, 2.0], {}, "infinity in column y"),
        (np.array(["2021-01-01", "NaT"], "datetime64[s]"), [1.0, 2.0], {}, "NaT"),
        (HOURS[[0, 0, 0]], [1.0, 2.0, 3.0], {}, "same time"),
        (HOURS[:3], [1.0, 2.0], {}, "y has shape"),
        (HOURS[:3], None, {}, "y is missing"),
    ],
)
def test_bad_input_is_named(ds: Any, y: Any, limits: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FastProphet().fit(ds, y, **limits)


def test_logistic_growth_needs_a_cap_above_the_floor() -> None:
    with pytest.raises(ValueError, match="Capacities must be supplied"):
        FastProphet(growth="logistic").fit(HOURS[:50], walk(50))
    with pytest.raises(ValueError, match="cap must be greater than floor"):
        FastProphet(growth="logistic").fit(HOURS[:50], walk(50), cap=5.0, floor=6.0)


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_times_may_be_numbers_since_1970_of_any_unit(unit: int) -> None:
    seconds = HOURS[:300].astype("datetime64[s]").astype(np.int64)
    ours = FastProphet().fit(seconds * unit, walk(300)).predict(3)
    theirs = FastProphet().fit(HOURS[:300], walk(300)).predict(3)
    assert (ours.yhat == theirs.yhat).all()
    assert (ours.ds == theirs.ds).all()


def test_a_history_may_be_a_table_and_holidays_a_mapping() -> None:
    class Table(dict):  # type: ignore[type-arg]
        columns = ("ds", "y")

    holidays = {
        "holiday": ["feast"],
        "ds": ["2021-01-10"],
        "lower_window": [-1],
        "upper_window": [0],
    }
    y = walk(600)
    y[24 * 5 : 24 * 7] += 5
    model = FastProphet(holidays=holidays).fit(Table(ds=HOURS[:600], y=y))
    feast = model.predict(HOURS[:600]).components["feast"]
    assert (feast[24 * 5 : 24 * 7] > 3).all()
    assert (np.delete(feast, np.arange(24 * 5, 24 * 7)) == 0).all()


def test_the_seasonalities_are_chosen_as_prophet_chooses_them() -> None:
    def found(n: int, step: str) -> set[str]:
        ds = np.datetime64("2019-01-01", "s") + np.arange(n) * np.timedelta64(1, step)
        parts = FastProphet().fit(ds, walk(n)).predict(2).components
        return set(parts) & {"yearly", "weekly", "daily"}

    assert found(731, "D") == {"yearly", "weekly"}
    assert found(730, "D") == {"weekly"}
    assert found(15, "D") == {"weekly"}
    assert found(14, "D") == set()
    assert found(49, "h") == {"daily"}
    assert found(48, "h") == set()


def test_a_fitted_model_survives_pickling() -> None:
    model = FastProphet().fit(HOURS[:500], walk(500))
    copy = pickle.loads(pickle.dumps(model))
    copy.append(HOURS[500:501], walk(501)[500:])
    model.append(HOURS[500:501], walk(501)[500:])
    assert (copy.predict(5).yhat == model.predict(5).yhat).all()


def test_the_package_needs_numpy_and_scipy_alone() -> None:
    program = """
        import sys
        class Refuse:
            def find_spec(self, name, path=None, target=None):
                top = name.split(".")[0]
                known = top in sys.stdlib_module_names or top in ("numpy", "scipy") or top[0] == "_"
                ours = name in ("tradebot", "tradebot.forecast")
                if not (known or ours or name.startswith("tradebot.fastprophet")):
                    raise ImportError(f"{name} is not to be imported")
        sys.meta_path.insert(0, Refuse())
        import numpy as np
        from tradebot.fastprophet import FastProphet
        n = 3000
        y = 10 + np.cumsum(np.random.default_rng(0).normal(0, .01, n))
        for options, limits in (({}, {}), ({"growth": "logistic"}, {"cap": 20.0})):
            FastProphet(**options).fit(np.arange(n) * 60, y, **limits).predict(10)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=120)
