"""The report's LSTM to the parameter, and one that looks back a year."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.forecast.models import training
from tradebot.forecast.models.lstm import LstmForecaster
from tradebot.forecast.models.network import Network, ReluLstm, Weights, parameter_count
from tradebot.forecast.models.training import Training
from tradebot.forecast.models.views import Lags, run_lengths
from tradebot.forecast.models.year_features import YearFeatures, ages
from tradebot.forecast.models.year_lstm import YearLags, YearLstmForecaster
from tradebot.history.bars import MINUTE, Series


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def series_of(minutes: np.ndarray, seed: int = 0) -> Series:
    price = 9 + np.cumsum(np.random.default_rng(seed).normal(0, 1e-3, len(minutes)))
    return Series(minutes.astype(np.int64) * MINUTE, price)


def test_the_reports_network_has_50251_parameters_as_keras_counts_them() -> None:
    network = LstmForecaster().network()
    assert parameter_count(network.lstm) == 50_200
    assert parameter_count(network.dense) == 51
    assert parameter_count(network) == 50_251


def test_a_year_of_lookback_takes_no_more_than_60000() -> None:
    assert parameter_count(YearLstmForecaster().network()) <= 60_000
    assert ages()[-1] == 525_600


def test_the_cell_is_an_lstm_with_relu_where_that_has_tanh() -> None:
    layer = ReluLstm(3, 2, generator())
    values = torch.randn(5, 4, 3, generator=generator())
    hidden, state = torch.zeros(5, 2), torch.zeros(5, 2)
    for step in range(4):
        gates = values[:, step] @ layer.kernel + hidden @ layer.recurrent + layer.bias
        i, f, c, o = gates[:, 0:2], gates[:, 2:4], gates[:, 4:6], gates[:, 6:8]
        state = torch.sigmoid(f) * state + torch.sigmoid(i) * torch.relu(c)
        hidden = torch.sigmoid(o) * torch.relu(state)
    assert torch.allclose(layer(values), hidden)
    assert layer.bias[2:4].tolist() == [1, 1]


def test_numpy_walks_with_the_weights_that_torch_learnt() -> None:
    network = Network(20, 7, generator())
    values = np.random.default_rng(0).normal(0, 2, (11, 20)).astype(np.float32)
    expected = network(torch.from_numpy(values)).detach().numpy()
    assert np.abs(Weights.of(network)(values) - expected).max() < 1e-5
    weights, _ = Weights.restore(Weights.of(network).dump())
    assert np.abs(weights(values) - expected).max() < 1e-5


@given(
    st.lists(st.booleans(), min_size=30, max_size=120), st.sampled_from(["levels", "differences"])
)
def test_no_input_and_no_target_crosses_a_gap(traded: list[bool], values: str) -> None:
    minutes = np.flatnonzero(traded)
    if len(minutes) < 2:
        return
    series = series_of(minutes)
    rows = Lags(series, 5, values).targets()  # type: ignore[arg-type]
    reach = 5 if values == "levels" else 6
    for row in rows:
        span = series.ts[row - reach : row + 1]
        assert len(span) == reach + 1
        assert (np.diff(span) == MINUTE).all()
    usable = run_lengths(series.ts) > reach
    assert len(rows) == usable.sum()


def test_a_batch_is_the_values_before_a_row_and_its_own() -> None:
    series = series_of(np.arange(30))
    view = Lags(series, 4, "differences")
    inputs, targets = view.batch(np.array([10]), np.array([0.0, 1.0]))
    changes = np.diff(series.log_price)
    assert np.allclose(inputs[0], changes[5:9], atol=1e-7)
    assert np.allclose(targets[0], changes[9], atol=1e-7)


def test_a_walk_feeds_each_step_to_the_next() -> None:
    series = series_of(np.arange(30))
    view = Lags(series, 3, "differences")
    path = view.walk(np.array([29]), 3, np.array([0.0, 1.0]), lambda window: window[:, -1] * 2)
    last = series.log_price[-1] - series.log_price[-2]
    moves = np.cumsum([2 * last, 4 * last, 8 * last])
    assert np.allclose(path[0], series.log_price[-1] + moves, atol=1e-6)


def naive_features(series: Series, row: int, bounds: np.ndarray) -> np.ndarray:
    """Bucket by bucket, from the minutes themselves."""
    minute = series.ts[: row + 1] // MINUTE
    now = minute[-1]
    means: list[float | None] = []
    for young, old in pairwise(bounds):
        inside = (minute > now - old) & (minute <= now - young)
        means.append(float(series.log_price[: row + 1][inside].mean()) if inside.any() else None)
    filled: list[float] = []
    for number in range(len(means)):
        older = [mean for mean in means[number:] if mean is not None]
        newer = [mean for mean in means[:number] if mean is not None]
        filled.append(older[0] if older else newer[-1])
    middle = (bounds[1:] + bounds[:-1]) / 2
    return -np.diff(filled) / np.sqrt(np.diff(middle))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=20, max_size=300), st.integers(0, 10_000))
def test_year_features_are_the_means_of_growing_spans(traded: list[bool], seed: int) -> None:
    minutes = np.flatnonzero([True, *traded])
    series = series_of(minutes, seed)
    bounds = ages(12, reach=200, single=4)
    features = YearFeatures(series, bounds)
    places = features.position(series.ts)
    every = features.every()
    for row in (0, len(minutes) // 2, len(minutes) - 1):
        expected = naive_features(series, row, bounds)
        assert np.abs(features.at(places[row : row + 1])[0] - expected).max() < 1e-6
        assert np.abs(every[places[row] - 1] - expected).max() < 1e-6


def test_a_minute_appended_to_the_year_gives_the_features_from_scratch() -> None:
    series = series_of(np.array([*range(50), *range(53, 400)]))
    grown = YearFeatures(Series(series.ts[:20], series.log_price[:20]))
    for ts, price in zip(series.ts[20:], series.log_price[20:], strict=True):
        grown.append(int(ts), float(price))
    fresh = YearFeatures(series)
    assert np.allclose(grown.every(), fresh.every(), atol=1e-7)


def test_features_of_a_walk_are_those_that_it_would_have_if_it_came_true() -> None:
    series = series_of(np.arange(300))
    known = Series(series.ts[:290], series.log_price[:290])
    features = YearFeatures(known)
    place = features.position(known.ts[-1:])
    walked = np.cumsum(series.log_price[290:] - features.base)[None]
    fresh = YearFeatures(series)
    for steps in range(1, 11):
        ahead = features.ahead(place, walked[:, :steps])
        assert np.allclose(ahead, fresh.at(place + steps), atol=1e-7)


def test_a_minute_of_the_year_view_sees_nothing_of_itself_or_later() -> None:
    series = series_of(np.arange(400))
    changed = series.log_price.copy()
    changed[300:] += 5
    rows = np.array([299, 300])
    scale = np.ones(201)
    before, _ = YearLags(series).batch(rows, scale)
    after, _ = YearLags(Series(series.ts, changed)).batch(rows, scale)
    assert np.allclose(before, after, atol=1e-6)


def trained(
    epochs: int, checkpoint: Path | None = None, stop: Callable[[], None] = lambda: None
) -> dict[str, np.ndarray]:
    view = Lags(series_of(np.arange(1500)), 10, "differences")
    targets = view.targets()
    network = training.new_network(10, 5, seed=1)
    how = Training(epochs=epochs, patience=10)
    scale = view.learn_scale(targets)
    training.train(
        network, view, scale, targets[:1200], targets[1200:], how, checkpoint=checkpoint, key="k"
    )
    return {name: weight.numpy() for name, weight in network.state_dict().items()}


def test_a_seed_gives_the_same_weights_again() -> None:
    one, other = trained(3), trained(3)
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_training_that_was_broken_off_ends_with_the_weights_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "check.point"
    keep, kept = training._keep, 0

    def break_after_two(*arguments: object) -> None:
        nonlocal kept
        keep(*arguments)  # type: ignore[arg-type]
        kept += 1
        if kept == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "_keep", break_after_two)
    with pytest.raises(KeyboardInterrupt):
        trained(5, checkpoint)
    monkeypatch.setattr(training, "_keep", keep)
    assert checkpoint.exists()
    resumed, whole = trained(5, checkpoint), trained(5)
    assert all(np.array_equal(resumed[name], whole[name]) for name in whole)
    assert not checkpoint.exists()


def test_a_checkpoint_that_is_broken_or_of_another_training_is_left_aside(tmp_path: Path) -> None:
    checkpoint = tmp_path / "check.point"
    checkpoint.write_bytes(b"not a checkpoint")
    fresh = trained(2)
    left = trained(2, checkpoint)
    assert all(np.array_equal(left[name], fresh[name]) for name in fresh)


def test_training_ends_when_the_validation_no_longer_gets_better() -> None:
    view = Lags(series_of(np.arange(1500)), 10, "differences")
    targets = view.targets()
    network = training.new_network(10, 5, seed=1)
    how = Training(epochs=500, patience=2, rate=0.05)
    scale = view.learn_scale(targets)
    best = training.train(network, view, scale, targets[:1200], targets[1200:], how)
    again = training._error(network, view, scale, targets[1200:], torch.device("cpu"))
    assert again == pytest.approx(best, rel=1e-6)


def test_a_pattern_that_can_be_learnt_is_learnt() -> None:
    minutes = np.arange(3000)
    price = 9 + 0.01 * np.sin(2 * np.pi * minutes / 30)
    series = Series((minutes * MINUTE).astype(np.int64), price)
    known = Series(series.ts[:2900], series.log_price[:2900])
    model = LstmForecaster(lookback=40, epochs=20, batch=64)
    model.fit(known)
    path = model.forecast(known, known.end + MINUTE, 10)
    error = np.abs(path.log_price - series.log_price[2900:2910]).max()
    assert error < 0.004
    ts, said, true, learnt = model.fitted_and_true(known)
    assert len(ts) == len(said) == len(true) > learnt > 0
