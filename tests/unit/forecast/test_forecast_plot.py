"""Plots of a model: always held-out data next to what it learnt from."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tradebot.forecast import protocol
from tradebot.forecast.command import command
from tradebot.forecast.plot import components, draw, predictions
from tradebot.history.bars import MINUTE, Series

START = 1_600_000_020_000 // MINUTE * MINUTE


def history(rows: int = 3000) -> Series:
    price = 9 + np.cumsum(np.random.default_rng(0).normal(0, 1e-3, rows))
    return Series((START + MINUTE * np.arange(rows)).astype(np.int64), price)


@pytest.mark.parametrize(
    ("name", "options", "pictures"),
    [
        ("FastProphet", {}, ["forecast", "components"]),
        ("Lstm", {"lookback": 20, "units": 4, "epochs": 1}, ["forecast", "fitted"]),
        ("Drift", {}, ["forecast"]),
    ],
)
def test_each_model_is_drawn_as_a_page_and_as_pictures(
    name: str, options: dict[str, int], pictures: list[str], tmp_path: Path
) -> None:
    model = protocol.make(name, dict(options))
    drawn = predictions.predictions_of(model, "BTCUSD", history(), held_out=240, shown=500)
    paths = draw.write(tmp_path, drawn, predictions.components(model))
    names = [f"BTCUSD-{name}.html", *(f"BTCUSD-{name}-{picture}.png" for picture in pictures)]
    assert [path.name for path in paths] == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths[1:])
    page = paths[0].read_text()
    assert "out of sample" in page and "price, USD" in page and "time (UTC)" in page
    assert len(page) < 1_000_000


def test_what_is_held_out_is_never_learnt() -> None:
    model = protocol.make("Drift")
    series = history()
    drawn = predictions.predictions_of(model, "BTCUSD", series, held_out=240, shown=500)
    split = series.end + MINUTE - 240 * MINUTE
    assert drawn.path.start == split
    assert drawn.history.ts[-1] == split - MINUTE
    assert len(drawn.actual.ts) == 740


def test_an_lstm_shows_minutes_that_it_learnt_from_and_later_ones_that_it_did_not() -> None:
    model = protocol.make("Lstm", {"lookback": 20, "units": 4, "epochs": 1})
    drawn = predictions.predictions_of(model, "BTCUSD", history(), held_out=240, shown=500)
    assert 0 < len(drawn.outside.ts) < len(drawn.inside.ts)
    assert drawn.inside.ts[-1] < drawn.outside.ts[0]
    assert drawn.outside.ts[-1] < drawn.path.start


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    told = CliRunner().invoke(command, ["plot"])
    assert (told.exit_code, "history_file is empty" in told.output) == (2, True)


def test_a_component_is_shown_as_its_effect_on_the_price_in_its_own_units() -> None:
    model = protocol.make("FastProphet", {"holidays": [{"holiday": "a", "ds": "2020-09-14"}]})
    model.fit(history())
    parts = {one.name: one for one in components.of_model(predictions.components(model))}
    assert list(parts) == ["trend", "daily", "holidays"]
    assert np.allclose(parts["trend"].y, np.exp(9), rtol=0.5)
    assert parts["daily"].x_unit == "time of day (UTC)"
    assert all(np.abs(one.y).max() < 1 for name, one in parts.items() if name != "trend")


def test_a_multiplicative_component_is_a_share_of_the_trend() -> None:
    model = protocol.make("FastProphet", {"seasonality_mode": "multiplicative"})
    model.fit(history())
    parts = components.of_model(predictions.components(model))
    assert [one.effect for one in parts] == ["price", "trend share"]
