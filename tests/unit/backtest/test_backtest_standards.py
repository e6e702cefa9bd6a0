"""Moving averages and crossings on realistic prices."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.history.arrays import Bars
from tradebot.strategies import sma_cross
from tradebot.strategies.indicators import crossings, moving_average

DAY_MS = 86_400_000


def bars_of(price: np.ndarray) -> Bars:  # type: ignore[type-arg]
    ts = np.arange(len(price), dtype=np.int64) * DAY_MS
    return Bars(ts, price, price, price, price, np.full(len(price), 1e6), DAY_MS)


@settings(deadline=None)
@given(
    values=st.lists(st.floats(1e-8, 1e8), min_size=1, max_size=60),
    window=st.integers(1, 12),
)
def test_an_average_is_the_exact_mean_of_its_window(values: list[float], window: int) -> None:
    means = moving_average(np.array(values), window)
    for row in range(len(values)):
        if row < window - 1:
            assert np.isnan(means[row])
            continue
        part = [Fraction(value) for value in values[row - window + 1 : row + 1]]
        scale = max(values[max(0, row - 2 * window) : row + 1])
        assert means[row] == pytest.approx(float(sum(part) / window), abs=1e-13 * scale)


@pytest.mark.parametrize("price", [100.1, 0.1, 1e-8, 58123.57])
@pytest.mark.parametrize("windows", [(10, 30), (3, 7), (480, 1440)])
def test_a_constant_price_makes_no_crossing(price: float, windows: tuple[int, int]) -> None:
    assert not sma_cross.signals(bars_of(np.full(3000, price)), *windows).side.any()


def test_a_price_that_comes_to_rest_makes_no_crossing_after_its_last() -> None:
    random = np.random.default_rng(8)
    price = np.concatenate([np.exp(np.cumsum(random.normal(0, 0.02, 5000))), np.full(500, 1.1)])
    assert not sma_cross.signals(bars_of(price * 100)).side[5040:].any()


def test_two_prices_in_turn_make_no_crossing_of_averages_over_whole_turns() -> None:
    price = np.tile([100.1, 100.3], 500)
    assert not sma_cross.signals(bars_of(price), 10, 30).side.any()


def test_one_value_that_is_not_a_number_silences_an_average_for_its_window_only() -> None:
    values = np.arange(1.0, 101.0)
    values[40] = np.nan
    means = moving_average(values, 10)
    assert np.isnan(means[40:50]).all()
    np.testing.assert_allclose(means[50:], np.arange(46.5, 96.5))
    np.testing.assert_allclose(means[9:40], np.arange(5.5, 36.5))


def test_an_infinite_value_is_handled_like_one_that_is_not_a_number() -> None:
    values = np.arange(1.0, 31.0)
    values[12] = np.inf
    assert np.isfinite(moving_average(values, 5)[17:]).all()


@pytest.mark.parametrize("level", [100.1, 1e-8])
def test_lines_that_differ_by_rounding_do_not_cross(level: float) -> None:
    fast = level * (1 + np.array([0, 4, -4, 4, 0]) * 2.0**-52)
    assert not crossings(fast, np.full(5, level)).any()


def test_a_crossing_behind_a_hole_is_made_where_both_lines_are_known_again() -> None:
    fast = np.array([1.0, 1.0, np.nan, np.nan, 3.0, 3.0])
    assert crossings(fast, np.full(6, 2.0)).tolist() == [0, 0, 0, 0, 1, 0]


def test_a_fast_window_longer_than_the_slow_one_starts_when_both_are_known() -> None:
    assert not sma_cross.signals(bars_of(np.full(50, 5.0)), 30, 10).side.any()
    rising = sma_cross.signals(bars_of(np.arange(1.0, 61.0)), 30, 10).side
    assert not rising.any()


def test_a_window_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="the window of a moving average is 0: use 1 or more"):
        moving_average(np.ones(3), 0)
