"""Holidays and seasonalities of a model in JSON form."""

from typing import Any

import numpy as np
import pytest

from tradebot.forecast import protocol
from tradebot.forecast.models.parameters import holidays, longer_than
from tradebot.history.bars import MINUTE, Series
from tradebot.platform.settings import SettingsError

ROWS = [
    {"holiday": "a", "ds": "2021-03-01"},
    {"holiday": "b", "ds": "2021-03-02", "lower_window": -1, "upper_window": 1},
]


@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1]])
def test_a_holiday_keeps_its_window_wherever_it_is_in_the_list(rows: list[dict[str, Any]]) -> None:
    columns = holidays(rows)
    assert columns is not None
    windows = dict(zip(columns["holiday"], columns["lower_window"], strict=True))
    assert windows == {"a": 0.0, "b": -1}


def test_an_empty_list_of_holidays_is_none() -> None:
    assert holidays([]) is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"holidays": ["2021-03-01"]}, "holidays must be a list such as"),
        ({"holidays": [{"ds": "2021-03-01"}]}, "holiday 1 lacks holiday"),
        ({"holidays": [{**ROWS[0], "until": 3}]}, "holiday 1 has 'until', which is unknown"),
        ({"seasonalities": [{"name": "q"}]}, "seasonality 1 must have name, period"),
        ({"seasonalities": [{"name": "q", "period": 9, "fourier_order": 0}]}, "must be > 0"),
    ],
)
def test_what_a_model_cannot_take_is_one_sentence(options: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        protocol.make("FastProphet", options)


@pytest.mark.parametrize("model", ["FastProphet", "Prophet"])
def test_a_month_and_other_periods_go_by_name(model: str) -> None:
    more = [{"name": "quarterly", "period": 91.3, "fourier_order": 2}]
    made: Any = protocol.make(model, {"monthly_seasonality": True, "seasonalities": more})
    minutes = np.arange(0, 120 * 1440, 240, dtype=np.int64)
    made.fit(Series(27_000_000 * MINUTE + minutes * MINUTE, np.log(100 + np.sin(minutes / 9000))))
    assert made.parameters["monthly_seasonality"] is True
    fitted = made.fitted
    components = fitted.predict().components if model == "FastProphet" else fitted.seasonalities
    assert {"monthly", "quarterly"} <= set(components)


def test_a_seasonality_longer_than_the_history_is_named() -> None:
    more = [{"name": "quarterly", "period": 91.3, "fourier_order": 2}]
    asked = {"yearly_seasonality": True, "weekly_seasonality": "auto", "daily_seasonality": 4}
    assert longer_than(60, asked, True, more) == ["yearly", "quarterly"]
    assert longer_than(400, asked, True, more) == []
