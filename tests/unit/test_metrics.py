"""Metrics against known distributions, and against two packages where definitions agree."""

import math
import warnings

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.backtest import metrics
from tradebot.backtest.metrics import Trip

DAY = 86_400.0
RANDOM = np.random.default_rng(11)
RETURNS = RANDOM.normal(0.002, 0.02, 730)
EQUITY = 10_000 * np.concatenate([[1.0], np.cumprod(1 + RETURNS)])


def test_value_at_risk_is_the_quantile_of_the_loss_on_a_known_normal() -> None:
    sample = np.random.default_rng(1).normal(0.002, 0.02, 400_000)
    assert metrics.value_at_risk(sample) == pytest.approx(1.644854 * 0.02 - 0.002, rel=0.01)


def test_conditional_value_at_risk_is_the_mean_beyond_it_on_a_known_normal() -> None:
    sample = np.random.default_rng(2).normal(0.002, 0.02, 400_000)
    density_over_tail = 2.062713
    assert metrics.conditional_value_at_risk(sample) == pytest.approx(
        density_over_tail * 0.02 - 0.002, rel=0.01
    )


@given(st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=200))
def test_the_conditional_value_at_risk_is_never_below_the_value_at_risk(
    sample: list[float],
) -> None:
    returns = np.array(sample)
    assert metrics.conditional_value_at_risk(returns) >= metrics.value_at_risk(returns) - 1e-12


def test_figures_agree_with_empyrical_where_definitions_do() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = {
            "sharpe": empyrical.sharpe_ratio(RETURNS, annualization=365),
            "sortino": empyrical.sortino_ratio(RETURNS, annualization=365),
            "calmar": empyrical.calmar_ratio(RETURNS, annualization=365),
            "cagr": empyrical.cagr(RETURNS, annualization=365),
            "volatility": empyrical.annual_volatility(RETURNS, annualization=365),
            "max_drawdown": -empyrical.max_drawdown(RETURNS),
            "cumulative_return": empyrical.cum_returns_final(RETURNS),
            "value_at_risk": -empyrical.value_at_risk(RETURNS, cutoff=0.05),
        }
    ours = metrics.measure(EQUITY, DAY)
    for name, value in peer.items():
        assert getattr(ours, name) == pytest.approx(value, rel=1e-9), name


def test_a_constant_gain_has_growth_but_no_ratio_of_risk() -> None:
    equity = 100 * 1.001 ** np.arange(366)
    table = metrics.measure(equity, DAY)
    assert table.cagr == pytest.approx(1.001**365 - 1)
    assert math.isnan(table.sharpe)
    assert math.isnan(table.sortino)
    assert table.max_drawdown == 0


def test_a_drawdown_has_depth_and_lasts_until_its_peak_is_reached_again() -> None:
    equity = np.array([100.0, 120.0, 90.0, 100.0, 121.0, 110.0])
    assert metrics.drawdown(equity).max() == pytest.approx(0.25)
    assert metrics.longest_drawdown(equity, DAY) == 3 * DAY


def test_a_drawdown_that_is_still_open_lasts_to_the_end() -> None:
    equity = np.array([100.0, 90.0, 91.0, 92.0])
    assert metrics.longest_drawdown(equity, DAY) == 3 * DAY


def test_a_year_has_365_days_of_a_market_that_never_closes() -> None:
    equity = np.linspace(100, 110, 366)
    assert metrics.cagr(equity, DAY) == pytest.approx(0.10)


def test_risk_is_measured_on_the_resampled_returns_and_growth_on_every_step() -> None:
    minutes = 1440 * 60
    equity = 100 * np.exp(np.cumsum(RANDOM.normal(0, 1e-4, minutes + 1)))
    table = metrics.measure(equity, 60.0)
    daily = metrics.measure(equity[::1440], DAY)
    assert table.sharpe == daily.sharpe
    assert table.resample_seconds == DAY
    assert table.max_drawdown >= daily.max_drawdown


def test_round_trips_count_as_won_only_after_fees() -> None:
    trips = [Trip(0, 1, 100.0, 101.0, 1.0, 0.5), Trip(2, 3, 100.0, 101.0, 1.0, 1.5)]
    assert metrics.win_rate(trips) == 0.5
    assert metrics.profit_factor(trips) == 1.0
    assert math.isnan(metrics.win_rate([]))
    assert metrics.profit_factor(trips[:1]) == math.inf


def test_a_curve_of_one_value_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        metrics.measure(np.array([1.0]), DAY)
