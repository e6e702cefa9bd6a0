"""Metrics against known distributions and on calendars with gaps."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.backtest import metrics
from tradebot.backtest.metrics import Trip

DAY = 86_400.0
DAY_MS = 86_400_000
RANDOM = np.random.default_rng(11)
RETURNS = RANDOM.normal(0.002, 0.02, 730)
EQUITY = 10_000 * np.concatenate([[1.0], np.cumprod(1 + RETURNS)])


def days(count: int) -> metrics.Times:
    return np.arange(count, dtype=np.int64) * DAY_MS


def daily(equity: metrics.Floats) -> metrics.Metrics:
    return metrics.measure(equity, days(len(equity)), step_seconds=DAY)


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


@pytest.mark.parametrize("falls", [1, 3, 5, 8])
def test_ties_with_the_quantile_do_not_thin_the_tail(falls: int) -> None:
    returns = np.zeros(100)
    returns[np.arange(falls) * 10] = -0.1
    assert metrics.conditional_value_at_risk(returns) == pytest.approx(min(falls, 5) * 0.02)


@given(st.lists(st.sampled_from([-0.2, -0.1, 0.0, 0.01]) | st.floats(-0.5, 0.5), min_size=1))
def test_the_conditional_value_at_risk_is_the_least_of_rockafellars_and_uryasevs_function(
    sample: list[float],
) -> None:
    losses = -np.array(sample)
    least = min(v + np.mean(np.maximum(losses - v, 0)) / 0.05 for v in losses)
    assert metrics.conditional_value_at_risk(-losses) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("rate", [1e-2, 1e-4, 1e-6, 1e-8, -1e-4])
def test_equal_returns_have_no_sharpe_ratio_whatever_their_size(rate: float) -> None:
    returns = metrics.simple_returns(10_000 * (1 + rate) ** np.arange(250))
    assert math.isnan(metrics.sharpe(returns, DAY))


def test_a_total_loss_is_minus_a_hundred_percent_and_nothing_is_lost_after_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = daily(np.array([100.0, 50.0, 0.0, 0.0, 0.0]))
    assert (table.cagr, table.cumulative_return, table.max_drawdown) == (-1.0, -1.0, 1.0)
    assert table.max_drawdown_seconds == 4 * DAY
    assert table.conditional_value_at_risk == 1.0


def test_a_constant_gain_has_growth_but_no_ratio_of_risk() -> None:
    table = daily(100 * 1.001 ** np.arange(366))
    assert table.cagr == pytest.approx(1.001**365 - 1)
    assert math.isnan(table.sharpe)
    assert math.isnan(table.sortino)
    assert math.isnan(table.calmar)
    assert table.max_drawdown == 0


def test_a_drawdown_has_depth_and_lasts_until_its_peak_is_reached_again() -> None:
    equity = np.array([100.0, 120.0, 90.0, 100.0, 121.0, 110.0])
    assert metrics.drawdown(equity).max() == pytest.approx(0.25)
    assert metrics.longest_drawdown(equity, days(6)) == 3 * DAY


def test_a_drawdown_that_is_still_open_lasts_to_the_end() -> None:
    assert metrics.longest_drawdown(np.array([100.0, 90.0, 91.0, 92.0]), days(4)) == 3 * DAY


def test_a_curve_that_never_falls_has_a_drawdown_of_length_zero() -> None:
    assert metrics.longest_drawdown(np.array([100.0, 101.0, 101.0, 103.0]), days(4)) == 0


def test_a_drawdown_lasts_through_bars_that_are_missing() -> None:
    ts = np.array([0, 1, 40, 41], np.int64) * DAY_MS
    assert metrics.longest_drawdown(np.array([100.0, 90.0, 95.0, 100.0]), ts) == 41 * DAY


def test_a_year_has_365_days_of_a_market_that_never_closes() -> None:
    assert daily(np.linspace(100, 110, 366)).cagr == pytest.approx(0.10)


def test_growth_goes_by_time_where_a_year_of_bars_is_missing() -> None:
    ts = np.concatenate([np.arange(366), np.arange(731, 1097)]) * DAY_MS
    table = metrics.measure(np.linspace(100, 200, 732), ts, step_seconds=DAY)
    assert table.days == 1096
    assert table.cagr == pytest.approx(2 ** (365 / 1096) - 1)


@pytest.mark.parametrize("hours", [3, 23.9])
def test_growth_of_some_hours_is_not_a_years(hours: float) -> None:
    assert math.isnan(metrics.cagr(np.array([100.0, 101.0]), hours * 3600))


def test_growth_of_a_whole_year_is_its_cumulative_return_on_minutes_with_holes() -> None:
    random = np.random.default_rng(3)
    kept = np.flatnonzero(random.random(365 * 1440 - 1) > 0.01) + 1
    ts = np.concatenate([[0], kept, [365 * 1440]]) * 60_000
    equity = 100 * np.exp(np.cumsum(random.normal(0, 1e-4, len(ts))))
    table = metrics.measure(equity, ts, step_seconds=60.0)
    assert table.cagr == pytest.approx(table.cumulative_return, rel=1e-9)


def test_risk_is_measured_on_the_resampled_returns_and_growth_on_every_step() -> None:
    minutes = 1440 * 60
    equity = 100 * np.exp(np.cumsum(RANDOM.normal(0, 1e-4, minutes + 1)))
    ts = np.arange(minutes + 1, dtype=np.int64) * 60_000
    table = metrics.measure(equity, ts, step_seconds=60.0)
    by_day = daily(equity[::1440])
    assert table.sharpe == by_day.sharpe
    assert table.resample_seconds == DAY
    assert table.max_drawdown >= by_day.max_drawdown


def test_a_fall_in_the_last_part_of_a_day_counts_in_the_risk() -> None:
    equity = np.concatenate([np.full(60, 100.0), np.full(6, 50.0)])
    ts = np.arange(66, dtype=np.int64) * 3_600_000
    table = metrics.measure(equity, ts, step_seconds=3600.0)
    assert table.max_drawdown == 0.5
    assert table.volatility > 0
    assert table.conditional_value_at_risk == pytest.approx(0.5)


def test_a_run_of_some_hours_has_its_risk_by_bars() -> None:
    equity = np.array([100.0, 101.0, 99.0, 102.0])
    table = metrics.measure(equity, np.arange(4) * 3_600_000, step_seconds=3600.0)
    assert table.resample_seconds == 3600.0
    assert table.volatility > 0


def test_exposure_is_a_share_of_time_and_a_position_is_held_through_a_gap() -> None:
    ts = np.array([0, 1, 10, 11], np.int64) * DAY_MS
    assert metrics.exposure(ts, DAY_MS, np.array([0.0, 1.0, 0.0, 0.0])) == pytest.approx(9 / 12)


def test_round_trips_count_as_won_only_after_fees() -> None:
    trips = [Trip(0, 1, 100.0, 101.0, 1.0, 0.5), Trip(2, 3, 100.0, 101.0, 1.0, 1.5)]
    assert metrics.win_rate(trips) == 0.5
    assert metrics.profit_factor(trips) == 1.0
    assert math.isnan(metrics.win_rate([]))
    assert metrics.profit_factor(trips[:1]) == math.inf


def test_a_curve_of_one_value_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        daily(np.array([1.0]))
