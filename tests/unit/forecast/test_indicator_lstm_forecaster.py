"""The indicator LSTM forecasts minutes from the given bars only."""

import numpy as np
import pytest

from tradebot.forecast.models.indicator_lstm import IndicatorLstmForecaster
from tradebot.forecast.protocol import NotEnoughHistoryError
from tradebot.history.bars import MINUTE, Series


def minutes(rows: int, seed: int = 1) -> Series:
    steps = np.random.default_rng(seed).normal(0, 1e-3, rows)
    return Series(1_600_000_020_000 + MINUTE * np.arange(rows), 9 + np.cumsum(steps))


@pytest.fixture(scope="module")
def fitted() -> IndicatorLstmForecaster:
    model = IndicatorLstmForecaster(resolution_minutes=5, epochs=20)
    model.fit(minutes(1000))
    return model


def test_a_forecast_starts_at_the_last_price_and_stays_after_three_bars(
    fitted: IndicatorLstmForecaster,
) -> None:
    history = minutes(1000)
    path = fitted.forecast(history, history.end, 60)
    assert path.log_price[0] == history.log_price[-1]
    assert len(set(path.log_price[15:])) == 1
    assert (path.lower <= path.log_price).all()
    assert (path.log_price <= path.upper).all()


def test_a_forecast_depends_on_nothing_after_the_history_it_was_given(
    fitted: IndicatorLstmForecaster,
) -> None:
    whole = minutes(1200)
    changed = Series(whole.ts, np.where(np.arange(1200) < 900, whole.log_price, 0.0))
    until = int(whole.ts[900])
    first = fitted.forecast(whole.until(until), until, 30)
    second = fitted.forecast(changed.until(until), until, 30)
    np.testing.assert_array_equal(first.log_price, second.log_price)


def test_a_restored_model_forecasts_the_same(fitted: IndicatorLstmForecaster) -> None:
    other = IndicatorLstmForecaster(**fitted.parameters)
    other.restore(fitted.dump())
    history = minutes(900, seed=2)
    np.testing.assert_array_equal(
        other.forecast(history, history.end, 10).log_price,
        fitted.forecast(history, history.end, 10).log_price,
    )


def test_a_short_history_says_how_many_bars_are_needed() -> None:
    with pytest.raises(NotEnoughHistoryError, match="needs 34 bars of 60 minutes, there are 2"):
        IndicatorLstmForecaster().fit(minutes(100))
