"""The indicator LSTM is the tutorial's: features, episodes, network, averaging and sizes."""

import numpy as np
import pandas as pd
import pytest
import ta
import talib

from tradebot.backtest.costs import FREE
from tradebot.backtest.engines import event
from tradebot.history.arrays import Bars
from tradebot.indicator_lstm import features
from tradebot.indicator_lstm.model import IndicatorLstm, Training, train
from tradebot.strategies.indicator_lstm import (
    IndicatorLstmStrategy,
    ThreeDayMean,
    truncate,
)

CLOSES = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.03, 300)))


def test_the_macd_and_its_signal_agree_with_a_second_library() -> None:
    line, signal = features.macd(CLOSES, mended=True)
    peer = ta.trend.MACD(pd.Series(CLOSES))
    np.testing.assert_allclose(line[25:], peer.macd().to_numpy()[25:], rtol=1e-9)
    np.testing.assert_allclose(signal[60:], peer.macd_signal().to_numpy()[60:], atol=2e-3)


def test_the_macd_agrees_with_a_third_library_once_its_start_is_forgotten() -> None:
    line, signal = features.macd(CLOSES, mended=True)
    peer_line, peer_signal, _ = talib.MACD(CLOSES)
    np.testing.assert_allclose(line[250:], peer_line[250:], atol=1e-6)
    np.testing.assert_allclose(signal[250:], peer_signal[250:], atol=1e-6)


def test_the_rsi_agrees_with_a_second_library_once_its_start_is_forgotten() -> None:
    peer = ta.momentum.RSIIndicator(pd.Series(CLOSES)).rsi().to_numpy()
    np.testing.assert_allclose(features.rsi(CLOSES)[200:], peer[200:], atol=1e-3)


def averaged(values: features.Floats, weight: float) -> features.Floats:
    """An exponential average, a step at a time."""
    smoothed = [values[0]]
    for value in values[1:]:
        smoothed.append(weight * value + (1 - weight) * smoothed[-1])
    return np.array(smoothed)


def test_the_tutorials_macd_is_weighted_as_its_library_weighs_it() -> None:
    line, signal = features.macd(CLOSES)
    right = (averaged(CLOSES, 0.15) - averaged(CLOSES, 0.075))[25:]
    np.testing.assert_allclose(line[25:], right, atol=1e-10)
    np.testing.assert_allclose(signal[25:], averaged(right, 0.2), atol=1e-10)
    assert np.isnan(line[:25]).all()


@pytest.mark.parametrize("price", [7.0, 100.1, 1e-8])
def test_a_flat_series_is_neither_oversold_nor_overbought_and_has_no_momentum(
    price: float,
) -> None:
    flat = np.full(60, price)
    assert (features.rsi(flat)[14:] == 50).all()
    line, signal = features.macd(flat)
    assert (line[25:] == 0).all() and (signal[25:] == 0).all()


def test_an_rsi_that_begins_flat_is_wilders_from_the_first_move() -> None:
    closes = np.concatenate([np.full(20, 100.0), CLOSES])
    index = features.rsi(closes)
    assert (index[14:20] == 50).all()
    np.testing.assert_array_equal(index[20:], talib.RSI(closes, 14)[20:])


def test_one_close_that_is_not_a_number_is_passed_over_by_every_indicator() -> None:
    holed = np.insert(CLOSES, 100, np.nan)
    for whole, broken in (
        ([features.rsi(CLOSES)], [features.rsi(holed)]),
        (features.macd(CLOSES), features.macd(holed)),
    ):
        for clean, found in zip(whole, broken, strict=True):
            assert np.isnan(found[100])
            np.testing.assert_array_equal(np.delete(found, 100), clean)


def test_the_first_row_is_the_26th_close_where_every_indicator_is_known() -> None:
    rows = features.features(CLOSES)
    assert rows.shape == (275, 4)
    assert rows[0, 0] == CLOSES[25] / CLOSES[24]
    assert np.isfinite(rows).all()


def test_an_episode_shows_five_rows_and_requests_the_three_ratios_that_follow() -> None:
    rows = features.features(CLOSES)
    inputs, outputs = features.episodes(rows)
    assert inputs.shape == (267, 5, 4)
    np.testing.assert_array_equal(inputs[10], rows[10:15])
    np.testing.assert_array_equal(outputs[10], rows[15:18, 0])


def test_too_few_closes_say_how_many_are_needed() -> None:
    with pytest.raises(features.TooFewClosesError, match="34 or more"):
        features.episodes(features.features(CLOSES[:30]))


def test_the_network_has_the_tutorials_parameters() -> None:
    model = train(CLOSES, Training(epochs=1))
    count = sum(parameter.numel() for parameter in model._network.parameters())
    assert count == 4 * 20 * (4 + 20 + 2) + 20 * 3 + 3


def test_a_seed_reproduces_the_model_and_the_loss_falls() -> None:
    losses: list[float] = []
    training = Training(epochs=60, report_every=20, seed=5)
    first = train(CLOSES, training, lambda _epoch, loss: losses.append(loss))
    second = train(CLOSES, training)
    np.testing.assert_array_equal(first.ratios(CLOSES), second.ratios(CLOSES))
    assert losses[0] > losses[-1]


def test_a_model_survives_being_written_down() -> None:
    model = train(CLOSES, Training(epochs=5, mended=True))
    copy = IndicatorLstm.load(model.dump())
    np.testing.assert_array_equal(model.ratios(CLOSES), copy.ratios(CLOSES))
    plain = train(CLOSES, Training(epochs=5))
    assert not np.array_equal(model.ratios(CLOSES), plain.ratios(CLOSES))


def test_a_prediction_does_not_change_when_the_future_does() -> None:
    model = train(CLOSES[:200], Training(epochs=5))
    later = np.concatenate([CLOSES[:250], CLOSES[250:] * 3])
    np.testing.assert_array_equal(model.ratios(CLOSES[:250]), model.ratios(later[:250]))


def test_a_day_is_judged_by_the_mean_of_up_to_three_predictions() -> None:
    mean = ThreeDayMean()
    assert mean.next_day([1.0, 1.1, 1.2]) == 1.0
    assert mean.next_day([2.0, 2.1, 2.2]) == pytest.approx((2.0 + 1.1) / 2)
    assert mean.next_day([3.0, 3.1, 3.2]) == pytest.approx((3.0 + 2.1 + 1.2) / 3)
    assert mean.next_day([4.0, 4.1, 4.2]) == pytest.approx((4.0 + 3.1 + 2.2) / 3)


def test_sizes_are_cut_off_after_two_places() -> None:
    assert (truncate(0.009), truncate(1.239), truncate(2.0)) == (0.0, 1.23, 2.0)


def test_the_tutorials_cut_loses_a_hundredth_to_rounding_and_the_mended_one_does_not() -> None:
    assert (truncate(0.29), truncate(0.29, mended=True)) == (0.28, 0.29)


class Says(IndicatorLstm):
    """A model that always predicts one ratio."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def ratios(self, closes: features.Floats) -> features.Floats:
        return np.full(3, self._ratio)


def _flat(rows: int) -> Bars:
    price = np.full(rows, 50.0)
    ts = np.arange(rows, dtype=np.int64) * 86_400_000
    return Bars(ts, price, price, price, price, np.full(rows, 1e9), 86_400_000)


def predicting(ratio: float) -> IndicatorLstmStrategy:
    strategy = IndicatorLstmStrategy()
    strategy.begin(Says(ratio), CLOSES)
    return strategy


def test_a_rise_of_a_tenth_buys_a_fifth_of_the_cash() -> None:
    strategy = predicting(1.1)
    fills = event.run(_flat(2), strategy, FREE, 10_000.0).fills
    assert fills.amount.tolist() == [truncate(10_000 * 2 * 0.1 / 50)]


def test_a_fall_with_nothing_held_does_nothing() -> None:
    strategy = predicting(0.9)
    assert len(event.run(_flat(3), strategy, FREE, 10_000.0).fills.bar) == 0
