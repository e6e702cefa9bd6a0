"""The emulator's market in the chart: a user who tries it sees trades, at any hour."""

import numpy as np
import pytest
import yaml
from releases.rendered import CHART, ROOT

from tradebot.emulator.market.generator import Generator
from tradebot.emulator.settings import EmulatorSettings
from tradebot.history.arrays import DAY, MINUTE, joined
from tradebot.history.bars import Series
from tradebot.platform import extensions
from tradebot.records import FORECASTERS

HOUR = 60 * MINUTE
MIDNIGHT = 1_794_268_800_000
EMULATOR = yaml.safe_load((CHART / "values.yaml").read_text())["emulator"]
FORECAST = yaml.safe_load((ROOT / "manifests/btc-paper.yaml").read_text())["spec"]["forecast"]


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_the_first_bots_forecast_rises_at_once_and_falls_within_an_hour_by_the_clock(
    hour: int,
) -> None:
    start, defaults = MIDNIGHT + hour * HOUR, EmulatorSettings()
    days = defaults.history_days
    market = Generator(start=start - days * DAY, price=defaults.price, seed=EMULATOR["seed"])
    history = joined([market.next_day() for _ in range(days)])
    series = Series(history.ts, np.log(history.close))
    model = extensions.find(FORECASTERS, FORECAST["model"], "model").load()()
    model.fit(series)
    path = model.forecast(series, start, FORECAST["horizonMinutes"]).log_price
    assert path[1] > path[0]
    assert (np.diff(path[: 60 * EMULATOR["speed"]]) < 0).any()
