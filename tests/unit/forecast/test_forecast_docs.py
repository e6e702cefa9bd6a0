"""The model in docs/forecast.md works as written."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from tradebot.forecast.evaluation.evaluate import Plan, evaluate
from tradebot.forecast.protocol import Forecaster
from tradebot.history.bars import MINUTE, Series

PAGE = Path(__file__).parents[3] / "docs" / "forecast.md"


def test_the_forecaster_of_the_page_keeps_the_protocol_and_can_be_evaluated() -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    names: dict[str, Any] = {}
    exec(found.group(1), names)
    model = names["Reverting"]()
    assert isinstance(model, Forecaster)
    price = 9 + np.cumsum(np.random.default_rng(0).normal(0, 1e-3, 2000))
    series = Series((1_600_000_020_000 + MINUTE * np.arange(2000)).astype(np.int64), price)
    plan = Plan(fee_bps=40.0, folds=2, fold_minutes=120, stride_minutes=60)
    report, _ = evaluate({"Reverting": names["Reverting"]}, series, plan, symbol="BTCUSD")
    assert {verdict.model for verdict in report.verdicts} == {"Reverting", "Persistence"}
    model.fit(series)
    again = names["Reverting"]()
    again.restore(model.dump())
    start = series.end + MINUTE
    said, same = model.forecast(series, start, 60), again.forecast(series, start, 60)
    assert np.array_equal(said.upper, same.upper)
