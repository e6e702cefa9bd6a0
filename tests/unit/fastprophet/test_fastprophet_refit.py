"""Appending rows to a FastProphet gives the fit of all rows, at a cost independent of them."""

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prophets.cases import Case, cases

from tradebot.fastprophet import FastProphet, engine

MINUTES = np.datetime64("2021-01-04", "s") + np.arange(40_000) * np.timedelta64(60, "s")
EXAMPLES = int(os.environ.get("TRADEBOT_FASTPROPHET_EXAMPLES", "60"))


def walk(n: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 10 + np.cumsum(np.random.default_rng(3).normal(0, 1e-3, n))


def distance(one: FastProphet, other: FastProphet, ds: Any, extra: Any = None) -> float:
    """The largest difference of ŷ, as a share of the scale of y."""
    ours, theirs = one.predict(ds, extra=extra).yhat, other.predict(ds, extra=extra).yhat
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="TRADEBOT_FASTPROPHET_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(
    cases(growths=("linear", "flat")), st.lists(st.sampled_from([1, 1, 1, 2, 7, 40]), max_size=8)
)
def test_any_history_may_come_in_pieces(case: Case, pieces: list[int]) -> None:
    order = np.argsort(case.ds, kind="stable")
    ds, y = case.ds[order], case.y[order]
    while sum(pieces) > len(ds) // 2:  # at least half of the history is there before the first
        pieces = pieces[:-1]
    columns = {name: values[order] for name, values in case.columns.items()}
    cuts = [len(ds) - sum(pieces)]
    model = case.model().fit(
        ds[: cuts[0]], y[: cuts[0]], extra={n: v[: cuts[0]] for n, v in columns.items()}
    )
    for piece in pieces:
        new = slice(cuts[-1], cuts[-1] + piece)
        model.append(ds[new], y[new], extra={n: v[new] for n, v in columns.items()})
        cuts.append(cuts[-1] + piece)
    whole = case.fit()
    assert model.log_posterior == pytest.approx(whole.log_posterior, abs=1e-6)
    assert distance(model, whole, ds, columns) <= 1e-8


def test_a_day_of_single_minutes_with_moving_changepoints_equals_a_fit_from_scratch() -> None:
    rows, y = 30_000, walk(31_440)
    model = FastProphet().fit(MINUTES[:rows], y[:rows])
    before = model.changepoints
    for row in range(rows, rows + 1440):
        model.append(MINUTES[row : row + 1], y[row : row + 1])
    whole = FastProphet().fit(MINUTES[: rows + 1440], y)
    assert (model.changepoints == whole.changepoints).all()
    assert (model.changepoints != before).all()
    assert distance(model, whole, MINUTES[rows + 1440 : rows + 2880]) <= 1e-8
    assert distance(model, whole, MINUTES[: rows + 1440 : 97]) <= 1e-8


def test_a_refit_does_not_pass_over_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    y = walk(5001)
    model = FastProphet().fit(MINUTES[:5000], y[:5000])

    def passed(*_: Any) -> None:
        raise AssertionError("the whole history was read again")

    monkeypatch.setattr(engine, "accumulate", passed)
    model.append(MINUTES[5000:5001], y[5000:])


def test_seasonalities_start_when_the_history_is_long_enough_for_them() -> None:
    hours = np.datetime64("2021-01-04", "s") + np.arange(400) * np.timedelta64(3600, "s")
    y = walk(400)
    model = FastProphet().fit(hours[:330], y[:330])
    assert "weekly" not in model.predict(2).components
    for row in range(330, 340):
        model.append(hours[row : row + 1], y[row : row + 1])
    assert "weekly" in model.predict(2).components
    assert distance(model, FastProphet().fit(hours[:340], y[:340]), hours) <= 1e-8


def test_a_new_extreme_rescales_the_whole_history() -> None:
    y = walk(3002)
    y[3000:] = (40.0, -50.0)
    for scaling in ("absmax", "minmax"):
        model = FastProphet(scaling=scaling).fit(MINUTES[:3000], y[:3000])
        model.append(MINUTES[3000:3002], y[3000:])
        whole = FastProphet(scaling=scaling).fit(MINUTES[:3002], y)
        assert distance(model, whole, MINUTES[:3100]) <= 1e-8


def test_a_constant_series_is_fitted_once_it_moves() -> None:
    y = np.full(300, 5.0)
    y[299] = 5.5
    model = FastProphet().fit(MINUTES[:299], y[:299]).append(MINUTES[299:300], y[299:])
    assert distance(model, FastProphet().fit(MINUTES[:300], y), MINUTES[:400]) <= 1e-8


@pytest.mark.parametrize(
    "options", [{"growth": "logistic"}, {"seasonality_mode": "multiplicative"}], ids=str
)
def test_curved_models_are_refitted_from_scratch(options: dict[str, Any]) -> None:
    limit = {"cap": 20.0} if "growth" in options else {}
    y = walk(400)
    model = FastProphet(**options).fit(MINUTES[:399], y[:399], **limit)
    model.append(MINUTES[399:400], y[399:], **limit)
    whole = FastProphet(**options).fit(MINUTES[:400], y, **limit)
    assert distance(model, whole, MINUTES[:450]) <= 1e-8


def test_missing_values_move_the_end_of_the_history_and_nothing_else() -> None:
    y = walk(500)
    model = FastProphet().fit(MINUTES[:500], y)
    before = model.log_posterior
    model.append(MINUTES[500:502], [np.nan, np.nan])
    assert model.log_posterior == before
    assert model.predict(1).ds[0] == MINUTES[502]


def test_earlier_rows_and_missing_columns_are_refused() -> None:
    model = FastProphet().fit(MINUTES[100:600], walk(500))
    with pytest.raises(ValueError, match="not earlier than"):
        model.append(MINUTES[:1], [1.0])
    with pytest.raises(ValueError, match="has not been fit"):
        FastProphet().append(MINUTES[:1], [1.0])
    with pytest.raises(ValueError, match="fitted once"):
        model.fit(MINUTES[:10], walk(10))
    logistic = FastProphet(growth="logistic").fit(MINUTES[:100], walk(100), cap=20.0, floor=1.0)
    with pytest.raises(ValueError, match="lacks the column 'floor'"):
        logistic.append(MINUTES[100:101], [10.0], cap=20.0)
