"""Every forecaster follows the protocol: whole forecasts, no look-ahead, restorable."""

from typing import Any

import numpy as np
import pytest

from tradebot.forecast import protocol
from tradebot.forecast.protocol import Forecaster, NotEnoughHistoryError
from tradebot.history.bars import MINUTE, Series
from tradebot.platform import extensions
from tradebot.records import FORECASTERS

SMALL: dict[str, dict[str, Any]] = {
    "Persistence": {},
    "Drift": {},
    "SeasonalNaive": {},
    "Prophet": {"uncertainty_samples": 100},
    "FastProphet": {},
    "Lstm": {"lookback": 20, "units": 4, "epochs": 2},
    "YearLstm": {"units": 4, "epochs": 1},
    "IndicatorLstm": {"resolution_minutes": 5, "epochs": 1},
}
"""The models at a size suitable for a test."""
LOOKS_BACK = {"Persistence", "Drift", "SeasonalNaive", "Lstm", "YearLstm", "IndicatorLstm"}
"""Models whose forecast starts from the newest minutes, not from those of their last fit."""


def history(rows: int = 2000, seed: int = 1, absent: float = 0.02) -> Series:
    """A random walk with a daily wave and absent minutes."""
    random = np.random.default_rng(seed)
    minutes = np.flatnonzero(random.random(rows) >= absent)
    steps = random.normal(0, 1e-3, rows)
    wave = 0.01 * np.sin(2 * np.pi * np.arange(rows) / 1440)
    price = 9 + np.cumsum(steps) + wave
    start = 1_600_000_020_000 // MINUTE * MINUTE
    return Series((start + minutes * MINUTE).astype(np.int64), price[minutes])


@pytest.fixture(params=sorted(SMALL))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fitted(name: str, series: Series) -> Forecaster:
    model = protocol.make(name, SMALL[name])
    model.fit(series)
    return model


def same(one: protocol.Path, other: protocol.Path, within: float = 0.0) -> bool:
    pairs = [(getattr(one, part), getattr(other, part)) for part in ("log_price", "lower", "upper")]
    return all(np.abs(a - b).max() <= within for a, b in pairs)


def test_every_installed_model_is_held_to_this() -> None:
    assert set(extensions.names(FORECASTERS)) == set(SMALL)


def test_a_forecast_is_whole_finite_and_inside_its_bounds(name: str) -> None:
    series = history()
    path = fitted(name, series).forecast(series, series.end + MINUTE, 120)
    assert len(path.log_price) == len(path.lower) == len(path.upper) == 120
    assert np.isfinite(path.log_price).all()
    assert (path.lower <= path.log_price).all()
    assert (path.log_price <= path.upper).all()
    assert 0 < path.interval < 1
    assert path.ts[1] - path.ts[0] == MINUTE


def test_a_forecast_does_not_depend_on_what_comes_after_its_history(name: str) -> None:
    """Shifted, cut off or shuffled: no future changes forecasts of the past."""
    whole = history(2200)
    known = whole.until(int(whole.ts[1800]))
    truth = fitted(name, known).forecast(known, known.end + MINUTE, 60)
    random = np.random.default_rng(0)
    future = whole.log_price[1800:]
    for changed in (future[:0], future + 1.0, random.permutation(future)):
        count = len(changed)
        price = np.concatenate([known.log_price, changed])
        other = Series(whole.ts[: 1800 + count], price).until(int(whole.ts[1800]))
        model = fitted(name, other)
        assert same(model.forecast(other, other.end + MINUTE, 60), truth)


def test_a_forecast_of_any_length_agrees_with_a_shorter_one(name: str) -> None:
    series = history()
    model = fitted(name, series)
    start = series.end + MINUTE
    long, short = model.forecast(series, start, 90), model.forecast(series, start, 45)
    assert np.abs(long.log_price[:45] - short.log_price).max() <= 1e-12


def test_a_model_never_changes_the_history_that_it_is_shown(name: str) -> None:
    series = history()
    ts, price = series.ts.copy(), series.log_price.copy()
    series.ts.flags.writeable = series.log_price.flags.writeable = False
    fitted(name, series).forecast(series, series.end + MINUTE, 10)
    assert np.array_equal(series.ts, ts)
    assert np.array_equal(series.log_price, price)


def test_a_restored_model_says_what_it_said_before(name: str) -> None:
    series = history()
    model = fitted(name, series)
    again = protocol.make(name, SMALL[name])
    again.restore(model.dump())
    start = series.end + MINUTE
    assert again.parameters == model.parameters
    assert same(again.forecast(series, start, 60), model.forecast(series, start, 60), 1e-12)


def test_the_same_history_gives_the_same_model(name: str) -> None:
    series = history()
    start = series.end + MINUTE
    one, other = fitted(name, series), fitted(name, series)
    assert same(one.forecast(series, start, 60), other.forecast(series, start, 60))


def test_newer_minutes_move_the_forecast_of_a_model_that_looks_back(name: str) -> None:
    series = history()
    known = series.until(int(series.ts[1700]))
    model = fitted(name, known)
    start = series.end + MINUTE
    moved = not same(model.forecast(known, start, 30), model.forecast(series, start, 30))
    assert moved == (name in LOOKS_BACK)


def test_too_short_a_history_is_refused_with_what_it_takes(name: str) -> None:
    with pytest.raises(NotEnoughHistoryError, match="needs"):
        protocol.make(name, SMALL[name]).fit(history().newest(2))


def test_minutes_appended_to_fast_prophet_give_the_fit_from_scratch() -> None:
    series = history(3000)
    grown = protocol.make("FastProphet")
    for end in range(2900, len(series) + 1, 7):
        grown.fit(Series(series.ts[:end], series.log_price[:end]))
    grown.fit(series)
    start = series.end + MINUTE
    fresh = fitted("FastProphet", series)
    assert same(grown.forecast(series, start, 1440), fresh.forecast(series, start, 1440), 1e-7)


def test_seasonal_naive_repeats_yesterdays_moves() -> None:
    minutes = np.arange(3 * 1440)
    start = 1_600_000_020_000 // MINUTE * MINUTE
    wave = 9 + 0.1 * np.sin(2 * np.pi * minutes / 1440)
    whole = Series((start + minutes * MINUTE).astype(np.int64), wave)
    known = Series(whole.ts[: 2 * 1440 + 100], whole.log_price[: 2 * 1440 + 100])
    model = fitted("SeasonalNaive", known)
    path = model.forecast(known, known.end + MINUTE, 1200)
    assert (
        np.abs(path.log_price - whole.between(path.start, whole.end).log_price[:1200]).max() < 1e-9
    )


def test_seasonal_naive_takes_the_last_season_and_not_an_older_one() -> None:
    whole = history(4000, absent=0.0)
    known = whole.until(int(whole.ts[3500]))
    path = fitted("SeasonalNaive", known).forecast(known, known.end + MINUTE, 1000)
    last, price = 3499, whole.log_price
    moved = price[last + 1 - 1440 : last + 1001 - 1440] - price[last - 1440]
    assert np.abs(path.log_price - (price[last] + moved)).max() < 1e-12


def test_an_unknown_model_and_wrong_options_are_one_clear_sentence() -> None:
    with pytest.raises(protocol.SettingsError, match="model is 'Oracle': use one of Drift, "):
        protocol.make("Oracle")
    with pytest.raises(protocol.SettingsError, match="model_options is not valid for Lstm"):
        protocol.make("Lstm", {"values": "prices"})
    with pytest.raises(protocol.SettingsError, match="model_options is not valid for Prophet"):
        protocol.make("Prophet", {"growth": "sideways"})


@pytest.mark.parametrize("name", ["Prophet", "FastProphet"])
@pytest.mark.parametrize("growth", ["linear", "logistic", "flat"])
def test_prophet_takes_each_growth_and_a_holiday(name: str, growth: str) -> None:
    series = history(800)
    holiday = {"holiday": "halving", "ds": "2020-09-13"}
    options = {"growth": growth, "holidays": [holiday], "uncertainty_samples": 10}
    model = protocol.make(name, options)
    model.fit(series)
    path = model.forecast(series, series.end + MINUTE, 10)
    assert np.abs(path.log_price - series.log_price[-1]).max() < 0.5
    assert model.parameters["holidays"] == [holiday]
