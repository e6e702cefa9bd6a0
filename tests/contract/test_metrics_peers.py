"""Where empyrical and quantstats agree with our figures on calendars with gaps, and where not.

Both count rows: a year is 365 of them, whatever their dates. On a calendar without gaps, or on one
filled with the last known value, all three agree. With gaps between rows the packages underestimate
the elapsed time. Depth of a drawdown and cumulative return need no time, and agree.
"""

import warnings
from collections.abc import Callable

import empyrical
import numpy as np
import pandas as pd
import pytest
import quantstats.stats as quantstats
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest import metrics

DAY, DAY_MS = 86_400.0, 86_400_000
FIRST = np.datetime64("2019-01-01", "ms").astype(np.int64)

Peer = Callable[[pd.Series], float]

AGREEING: dict[str, tuple[Peer, Peer]] = {
    "cumulative_return": (empyrical.cum_returns_final, quantstats.comp),
    "cagr": (
        lambda r: empyrical.cagr(r, annualization=365),
        lambda r: quantstats.cagr(r, periods=365),
    ),
    "volatility": (
        lambda r: empyrical.annual_volatility(r, annualization=365),
        lambda r: quantstats.volatility(r, periods=365),
    ),
    "sharpe": (
        lambda r: empyrical.sharpe_ratio(r, annualization=365),
        lambda r: quantstats.sharpe(r, periods=365),
    ),
    "sortino": (
        lambda r: empyrical.sortino_ratio(r, annualization=365),
        lambda r: quantstats.sortino(r, periods=365),
    ),
    "calmar": (
        lambda r: empyrical.calmar_ratio(r, annualization=365),
        lambda r: quantstats.calmar(r, periods=365),
    ),
    "max_drawdown": (
        lambda r: -empyrical.max_drawdown(r),
        lambda r: -quantstats.max_drawdown(r),
    ),
}
TIMELESS = ("cumulative_return", "max_drawdown")

seeds = st.integers(0, 10_000)


def curve(seed: int, rows: int, present: float) -> tuple[metrics.Floats, metrics.Times]:
    """Equity on some of the days of a calendar, and their times; the first and last are there."""
    random = np.random.default_rng(seed)
    kept = random.random(rows) < present
    kept[[0, -1]] = True
    equity = 10_000 * np.exp(np.cumsum(random.normal(0.0005, 0.02, rows)))
    return equity[kept], FIRST + np.flatnonzero(kept) * DAY_MS


def returns(equity: metrics.Floats, ts: metrics.Times) -> pd.Series:
    return pd.Series(metrics.simple_returns(equity), index=pd.to_datetime(ts[1:], unit="ms"))


def of_peers(name: str, series: pd.Series) -> list[float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [float(peer(series)) for peer in AGREEING[name]]


def measured(equity: metrics.Floats, ts: metrics.Times) -> metrics.Metrics:
    return metrics.measure(equity, ts, step_seconds=DAY)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, rows=st.integers(40, 400), present=st.floats(0.2, 1))
def test_on_a_calendar_filled_with_the_last_known_value_all_agree(
    seed: int, rows: int, present: float
) -> None:
    equity, ts = curve(seed, rows, present)
    ours = measured(equity, ts)
    filled = returns(*metrics.sampled(equity, ts, DAY))
    for name in AGREEING:
        for peer in of_peers(name, filled):
            assert getattr(ours, name) == pytest.approx(peer, rel=1e-8), name


@settings(max_examples=15, deadline=None)
@given(seed=seeds, rows=st.integers(40, 400), present=st.floats(0.2, 0.9))
def test_on_rows_with_gaps_the_packages_take_the_rows_for_days(
    seed: int, rows: int, present: float
) -> None:
    equity, ts = curve(seed, rows, present)
    ours, series = measured(equity, ts), returns(equity, ts)
    for name in TIMELESS:
        for peer in of_peers(name, series):
            assert getattr(ours, name) == pytest.approx(peer, rel=1e-8), name
    for peer in of_peers("cagr", series):
        assert peer == pytest.approx((1 + ours.cagr) ** (ours.days / len(series)) - 1, rel=1e-8)
    for peer in of_peers("volatility", series):
        assert peer == pytest.approx(np.std(series, ddof=1) * np.sqrt(365), rel=1e-8)


def test_a_year_without_rows_makes_the_packages_growth_that_of_half_the_time() -> None:
    ts = FIRST + np.concatenate([np.arange(366), np.arange(730, 1096)]) * DAY_MS
    equity = np.linspace(100, 200, len(ts))
    assert measured(equity, ts).cagr == pytest.approx(2 ** (365 / 1095) - 1)
    for peer in of_peers("cagr", returns(equity, ts)):
        assert peer == pytest.approx(2 ** (365 / 731) - 1)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, rows=st.integers(40, 400))
def test_value_at_risk_is_empyricals_and_not_the_normal_of_quantstats(seed: int, rows: int) -> None:
    series = returns(*curve(seed, rows, 1.0))
    ours = metrics.value_at_risk(series.to_numpy())
    assert ours == pytest.approx(-empyrical.value_at_risk(series, cutoff=0.05), rel=1e-9)
    normal = 1.6448536269514722 * series.std() - series.mean()
    assert normal == pytest.approx(-quantstats.value_at_risk(series, confidence=0.95), rel=1e-9)


def test_the_packages_thin_the_tail_under_ties() -> None:
    values = np.zeros(100)
    values[[10, 20, 30]] = -0.1
    series = pd.Series(values, index=pd.date_range("2021-01-01", periods=100))
    assert metrics.conditional_value_at_risk(values) == pytest.approx(0.06)
    historical = quantstats.conditional_value_at_risk(
        series, confidence=0.95, method="historical", prepare_returns=False
    )
    assert -historical == pytest.approx(0.003)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, rows=st.integers(20, 400).filter(lambda rows: rows % 20 != 0))
def test_the_packages_tails_hold_a_whole_number_of_returns_and_ours_a_twentieth(
    seed: int, rows: int
) -> None:
    series = returns(*curve(seed, rows + 1, 1.0))
    worst = -np.sort(series.to_numpy())
    whole = int(0.05 * (rows - 1)) + 1
    peer = -empyrical.conditional_value_at_risk(series, cutoff=0.05)
    assert peer == pytest.approx(worst[:whole].mean(), rel=1e-9)
    ours = metrics.conditional_value_at_risk(series.to_numpy())
    assert worst[: whole + 1].mean() - 1e-12 <= ours <= worst[: max(1, whole - 1)].mean() + 1e-12


def test_quantstats_counts_a_drawdowns_days_from_the_first_one_below_its_peak() -> None:
    ts = FIRST + np.array([0, 1, 2, 40, 41, 42]) * DAY_MS
    equity = np.array([100.0, 110.0, 90.0, 95.0, 111.0, 112.0])
    assert metrics.longest_drawdown(equity, ts) == 40 * DAY
    details = quantstats.drawdown_details(quantstats.to_drawdown_series(returns(equity, ts)))
    assert details["days"].tolist() == [39]
