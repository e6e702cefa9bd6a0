"""How a decision reads a forecast, and the marks that losses are measured against."""

from decimal import Decimal

import pytest

from tradebot.domain.risk.marks import advance, scale
from tradebot.domain.signal import predict
from tradebot.domain.situation import Marks, Prediction
from tradebot.records import ForecastRecord


def predicted(ts: int) -> Prediction | None:
    """Reads a forecast of five minutes from minute one on at `ts` (ms)."""
    forecast = ForecastRecord(
        symbol="BTCUSD",
        model="m",
        digest="d",
        fitted_at=0,
        history_end=0,
        start=60_000,
        step_ms=60_000,
        log_price=[1.0, 1.1, 1.3, 1.2, 1.4],
        lower=[],
        upper=[],
    )
    return predict(forecast, ts)


def test_the_forecast_is_read_at_the_window_s_timestamp_and_the_step_after() -> None:
    read = predicted(120_000)
    assert read is not None
    assert (read.log_price, read.log_price_next, read.log_price_turn) == (1.1, 1.3, 1.3)


@pytest.mark.parametrize("ts", [0, 59_999, 300_000, 10**9])
def test_outside_its_reach_a_forecast_says_nothing(ts: int) -> None:
    assert predicted(ts) is None


def test_marks_reset_at_the_start_of_a_day_and_keep_the_peak() -> None:
    day = 86_400_000
    marks = advance(None, Decimal(100), day)
    marks = advance(marks, Decimal(120), day + 1)
    marks = advance(marks, Decimal(90), 2 * day)
    assert marks == Marks(day=2, day_equity=Decimal(90), peak_equity=Decimal(120))


def test_a_deposit_is_not_a_gain_and_a_withdrawal_not_a_loss() -> None:
    marks = Marks(day=1, day_equity=Decimal(100), peak_equity=Decimal(120))
    assert scale(marks, before=Decimal(90), after=Decimal(180)) == Marks(
        day=1, day_equity=Decimal(200), peak_equity=Decimal(240)
    )
    assert scale(marks, before=Decimal(0), after=Decimal(180)) is None, "there was no ratio"
