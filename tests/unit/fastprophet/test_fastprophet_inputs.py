"""FastProphet accepts and refuses the same inputs as Prophet, with a reason."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tradebot.fastprophet import FastProphet
from tradebot.fastprophet.times import to_nanos

DAYS = pd.date_range("2020-01-01", periods=60)
Y = 10 + 0.1 * np.arange(60) + np.sin(np.arange(60))


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"ds": DAYS, "y": Y}).assign(**columns)


def with_gap(values: np.ndarray) -> np.ndarray:
    holed = values.astype(float)
    holed[7] = np.nan
    return holed


@pytest.mark.parametrize(
    ("add", "column", "bad"),
    [
        (lambda model: model.add_regressor("x"), "x", np.nan),
        (lambda model: model.add_regressor("x"), "x", np.inf),
        (lambda model: model.add_seasonality("w", 7, 2, condition_name="on"), "on", 0.5),
    ],
)
def test_a_row_without_y_is_left_out_before_its_other_columns_are_looked_at(
    add: Callable[[FastProphet], Any], column: str, bad: float
) -> None:
    values = np.arange(60) % 2.0
    whole = frame(**{column: values}).assign(y=with_gap(Y))
    spoilt = whole.copy()
    spoilt.loc[7, column] = bad
    fits = []
    for table in (whole, spoilt):
        model = FastProphet()
        add(model)
        fits.append(model.fit(table).params["beta"])
    np.testing.assert_array_equal(*fits)


def test_a_cap_of_a_row_without_y_may_be_below_the_floor() -> None:
    table = frame(cap=30.0).assign(y=with_gap(Y))
    table.loc[7, "cap"] = -1.0
    assert FastProphet(growth="logistic").fit(table).fitted


@pytest.mark.parametrize("column", ["cap", "floor"])
def test_cap_and_floor_are_not_looked_at_without_logistic_growth(column: str) -> None:
    plain = FastProphet().fit(frame()).params["k"]
    assert FastProphet().fit(frame(**{column: np.nan})).params["k"] == plain


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("20200131", "2020-01-31"),
        ("2020-01-31", "2020-01-31"),
        ("2020/01/31 12:30", "2020-01-31T12:30"),
        ("2020-01-31T12:30:01.5", "2020-01-31T12:30:01.500"),
        (datetime(2020, 1, 31), "2020-01-31"),
    ],
)
def test_text_is_read_as_the_day_that_a_person_means(text: Any, means: str) -> None:
    assert to_nanos([text])[0] == np.datetime64(means, "ns").astype(np.int64)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("2020-01-31T00:00Z", "has a time zone"),
        ("2020-01-31 00:00:00+02:00", "has a time zone"),
        (datetime(2020, 1, 31, tzinfo=UTC), "has a time zone"),
        ("9999-12-31", "times must lie between 1677"),
        ("2300-01-01", "times must lie between 1677"),
        (np.datetime64("1500-01-01"), "times must lie between 1677"),
        ("soon", "which is not a time: use 2020-01-31"),
        ("2020-13-01", "which is not a time"),
        (None, "has a missing time"),
    ],
)
def test_a_time_that_cannot_be_kept_is_refused_with_a_sentence(value: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        to_nanos([value])


def test_a_forecast_is_never_for_another_date_than_was_asked() -> None:
    model = FastProphet().fit(frame())
    with pytest.raises(ValueError, match="ds has 2300-01-01"):
        model.predict(pd.DataFrame({"ds": ["2300-01-01"]}))


@pytest.mark.parametrize("name", [None, float("nan"), "", " "])
def test_a_holiday_without_a_name_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="A holiday has no name"):
        FastProphet(holidays={"holiday": ["a", name], "ds": ["2020-01-02", "2020-01-03"]})


def test_a_day_without_one_of_its_windows_has_neither() -> None:
    days = {"holiday": ["a"], "ds": ["2020-01-20"]}
    half = {**days, "lower_window": [-1.0], "upper_window": [np.nan]}
    plain = FastProphet(holidays=days).fit(frame()).params["beta"]
    np.testing.assert_array_equal(FastProphet(holidays=half).fit(frame()).params["beta"], plain)


def test_a_condition_that_is_neither_0_nor_1_is_refused_in_a_forecast_too() -> None:
    model = FastProphet().add_seasonality("w", 7, 2, condition_name="on")
    model.fit(frame(on=np.arange(60) % 2))
    with pytest.raises(ValueError, match="non-boolean in column 'on'"):
        model.predict(pd.DataFrame({"ds": ["2020-04-01"], "on": [0.5]}))


def test_minmax_takes_the_lowest_y_as_the_floor_of_a_negative_cap() -> None:
    table = frame(cap=-1.0).assign(y=Y - 30)
    assert FastProphet(growth="logistic", scaling="minmax").fit(table).fitted
    with pytest.raises(ValueError, match="cap must be greater than floor"):
        FastProphet(growth="logistic").fit(table)


@pytest.mark.parametrize("size", [1e154, 1e-160])
def test_numbers_whose_squares_overflow_are_refused_with_what_to_do(size: float) -> None:
    with pytest.raises(ValueError, match="divide y by a constant"):
        FastProphet().fit(frame().assign(y=Y * size))
