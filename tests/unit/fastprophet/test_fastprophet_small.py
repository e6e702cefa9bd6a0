"""Histories with few rows: few steps, and the same optimum as a search without shortcuts."""

import numpy as np
import pandas as pd
import pytest

from tradebot.fastprophet import FastProphet, engine, linear, solver
from tradebot.fastprophet.solver import Problem, Solution
from tradebot.fastprophet.threads import _controller, one_thread
from tradebot.fastprophet.times import Floats


def history(seed: int, rows: int, freq: str) -> pd.DataFrame:
    noise = np.random.default_rng(seed)
    y = 10 + np.cumsum(noise.normal(0, 0.3, rows)) + np.sin(np.arange(rows) / 3)
    return pd.DataFrame({"ds": pd.date_range("2019-01-01", periods=rows, freq=freq), "y": y})


class Counted:
    """Counts the exact steps of a fit: each is a solve of some 60 unknowns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = 0
        towards = solver._towards

        def counted(*arguments: object, **named: object) -> Floats:
            self.steps += 1
            return towards(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(solver, "_towards", counted)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("rows", "freq"), [(3, "MS"), (15, "D"), (17, "D"), (40, "h"), (500, "D")])
def test_a_small_fit_takes_few_steps(
    monkeypatch: pytest.MonkeyPatch, seed: int, rows: int, freq: str
) -> None:
    counted = Counted(monkeypatch)
    model = FastProphet().fit(history(seed, rows, freq))
    assert model.solution.converged
    assert counted.steps <= 200


def test_a_curve_through_every_row_ends_the_descent(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    table = pd.DataFrame(
        {
            "ds": pd.date_range("2019-01-01", periods=3, freq="MS"),
            "y": [9.839189, 9.64565, 9.858861],
        }
    )
    assert FastProphet().fit(table).solution.sigma == 1e-9
    assert counted.steps <= 60


@pytest.mark.parametrize("seed", range(8))
def test_a_path_finds_no_worse_an_optimum_than_descents_from_every_noise(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    table = history(seed, 14 + seed, "D")
    found = FastProphet().fit(table).log_posterior

    def every(problem: Problem, best: Solution, normal: linear.Normal) -> Solution:
        for sigma in best.sigma * np.geomspace(30.0, 0.05, 6):
            other = solver.minimise(problem, best.theta, float(sigma) ** 2, steps=60)
            if other.objective < best.objective and other.rss > 1e-11 * normal.constant:
                best = other
        return best

    monkeypatch.setattr(linear, "_search", every)
    assert found >= FastProphet().fit(table).log_posterior - 1e-6


def test_a_solve_has_one_thread_and_leaves_the_others_as_they_were() -> None:
    controller = _controller()
    before = [library["num_threads"] for library in controller.info()]
    with one_thread():
        blas = [one for one in controller.info() if one["user_api"] == "blas"]
        assert {library["num_threads"] for library in blas} == {1}
    assert [library["num_threads"] for library in controller.info()] == before


@pytest.mark.parametrize("rows", [100, 25_000])
def test_a_fit_of_any_length_has_one_thread(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    controller, seen = _controller(), set[int]()
    solved = engine._solved

    def watched(*arguments: object) -> object:
        blas = [one for one in controller.info() if one["user_api"] == "blas"]
        seen.update(library["num_threads"] for library in blas)
        return solved(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "_solved", watched)
    with controller.limit(limits=2, user_api="blas"):
        FastProphet().fit(history(0, rows, "min"))
    assert seen == {1}


def test_the_worse_basin_of_logistic_growth_is_left_when_it_falls_behind() -> None:
    table = history(1, 300, "D").assign(cap=40.0)
    better, other = FastProphet(growth="logistic").fit(table).runs
    assert better.converged
    assert better.objective < other.objective
    assert better.steps + other.steps < 200


@pytest.mark.parametrize("seed", range(4))
def test_a_descent_that_is_pressed_against_a_rate_of_zero_ends(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # A level history has no optimum inside the basins of rising and of falling rates.
    counted = Counted(monkeypatch)
    y = 20 + np.random.default_rng(seed).normal(0, 0.5, 25)
    table = history(0, 25, "W").assign(y=y, cap=40.0)
    options = {"yearly_seasonality": True, "seasonality_mode": "multiplicative"}
    FastProphet(growth="logistic", n_changepoints=5, **options).fit(table)
    assert counted.steps <= 450


@pytest.mark.parametrize("seed", range(4))
def test_a_product_of_trend_and_seasonality_takes_few_steps_along_its_valley(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # Trend and event may trade places at nearly the same fit: a long, curved valley.
    counted = Counted(monkeypatch)
    noise = np.random.default_rng(seed)
    table = history(seed, 8 + 4 * seed, "D")
    days = noise.choice(table.ds, 3, replace=False)
    model = FastProphet(
        seasonality_mode="multiplicative",
        n_changepoints=5,
        holidays=pd.DataFrame({"holiday": "event", "ds": days}),
    )
    assert model.fit(table).solution.converged
    assert counted.steps <= 60


def test_a_basin_without_an_optimum_is_left_before_its_rate_vanishes() -> None:
    table = history(3, 140, "W").assign(cap=40.0)
    for run in FastProphet(growth="logistic", yearly_seasonality=True).fit(table).runs:
        assert run.steps <= 100
