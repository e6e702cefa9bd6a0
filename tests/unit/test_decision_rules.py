"""The report's rules, and the gates around them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.decision import (
    Decision,
    Increments,
    Inputs,
    Marks,
    Prediction,
    Proposal,
    Quote,
    Settings,
    State,
    Window,
    decide,
)
from tradebot.domain.risk.gates import GATES
from tradebot.domain.risk.marks import advance, scale
from tradebot.domain.signal import predict
from tradebot.records import ForecastRecord
from tradebot.trader.metrics import DECISIONS, from_zero

END = 1_602_770_100_000
STEPS = Increments(
    amount_step=Decimal("0.00000001"), price_step=Decimal("0.01"), minimum=Decimal("0.00001")
)


def prediction(
    delta: float, turn: float | None = None, age_ms: int = 60_000, *, evaluated: bool = True
) -> Prediction:
    return Prediction(
        model="FastProphet",
        digest="d1",
        history_end=END - age_ms,
        evaluated=evaluated,
        log_price=9.34,
        log_price_next=9.34 + delta,
        log_price_turn=9.34 + (delta if turn is None else turn),
    )


def situation(delta: float = 0.001, **changes: Any) -> dict[str, Any]:
    """A bot with 1,000 USD and no base, on a good window, with the forecast's delta."""
    return {
        "state": State(base=Decimal(0), quote=Decimal(1000)),
        "window": Window(end=END, ratio=1.0, complete=True),
        "prediction": prediction(delta),
        "quote": Quote(bid=Decimal("11381.50"), ask=Decimal("11388.08")),
        "now": END + 1000,
        "taker_fee_bps": Decimal(40),
        "settings": Settings(),
    } | changes


def decided(delta: float = 0.001, **changes: Any) -> Decision:
    given_now = situation(delta, **changes)
    state, settings = given_now.pop("state"), given_now.pop("settings")
    return decide(state, Inputs(increments=STEPS, **given_now), settings)


def holding(base: str = "0.5", **changes: Any) -> State:
    return State(base=Decimal(base), quote=Decimal(1000), bought=True, **changes)


# The report's rules.


def test_a_rising_forecast_buys_with_the_risk_fraction_of_the_quote_balance() -> None:
    decision = decided(0.001)
    assert (decision.action, decision.signal, decision.gate) == ("buy", "buy", "")
    assert decision.price == Decimal("11399.46"), "10 bps past the ask, on the price step, down"
    assert decision.amount == Decimal("0.00436869"), "5 % of 1,000 USD, the fee paid from it"


def test_a_falling_forecast_sells_all_that_is_held() -> None:
    decision = decided(-0.001, state=holding("0.123456789"))
    assert decision.action == "sell"
    assert decision.amount == Decimal("0.12345678")
    assert decision.price == Decimal("11370.12"), "10 bps below the bid, on the price step, up"


def test_a_flat_forecast_holds() -> None:
    decision = decided(0.0)
    assert (decision.action, decision.gate) == ("hold", "signal")


def test_without_a_forecast_for_the_minute_the_bot_holds() -> None:
    decision = decided(prediction=None)
    assert (decision.action, decision.signal, decision.delta) == ("hold", "hold", None)


def test_what_was_bought_is_not_bought_again() -> None:
    decision = decided(0.001, state=holding())
    assert (decision.action, decision.gate) == ("hold", "position")
    assert decision.reason == "has already bought"


def test_base_that_the_bot_did_not_buy_does_not_stop_a_buy() -> None:
    assert decided(0.001, state=State(base=Decimal(1000), quote=Decimal(1000))).action == "buy"


def test_a_sell_needs_a_balance() -> None:
    assert decided(-0.001).gate == "position"


@pytest.mark.parametrize(
    ("ratio", "action"),
    [(0.4999, "hold"), (0.5, "buy"), (1.0, "buy"), (2.0, "buy"), (2.0001, "hold"), (None, "hold")],
)
def test_a_buy_needs_a_ratio_inside_the_band(ratio: float | None, action: str) -> None:
    decision = decided(window=Window(end=END, ratio=ratio, complete=True))
    assert decision.action == action
    assert decision.gate == ("" if action == "buy" else "band")


def test_a_sell_asks_neither_band_nor_completeness_nor_the_model_s_age() -> None:
    decision = decided(
        state=holding(),
        window=Window(end=END, ratio=None, complete=False),
        prediction=prediction(-0.001, age_ms=10**8),
    )
    assert decision.action == "sell"


# The gates.

CLOSED: list[tuple[str, dict[str, Any]]] = [
    ("halt", {"state": State(base=Decimal(0), quote=Decimal(1000), halted="loss")}),
    ("halt", {"state": State(base=Decimal(0), quote=Decimal(1000), paused="lunch")}),
    ("reconciliation", {"state": State(base=Decimal(0), quote=Decimal(1000), reconciled=False)}),
    ("reconciliation", {"state": State(base=Decimal(0), quote=Decimal(1000), unresolved=1)}),
    *(
        ("market_status", {"market_status": status})
        for status in ("closed", "cancel_only", "post_only")
    ),
    ("window_age", {"now": END + 70_001}),
    ("window_age", {"now": 0}),
    ("feed", {"quote": None}),
    ("feed", {"quote": Quote(bid=Decimal(10), ask=Decimal(11), silent_ms=10_001)}),
    ("feed", {"quote": Quote(bid=Decimal(11), ask=Decimal(11))}),
    ("model", {"prediction": prediction(0.001, age_ms=3_600_000)}),
    ("model", {"prediction": prediction(0.001, evaluated=False)}),
    ("completeness", {"window": Window(end=END, ratio=1.0, complete=False)}),
    ("edge", {"settings": Settings(min_edge_bps=1)}),
    ("edge", {"settings": Settings(min_edge_bps=21), "prediction": prediction(0.0001, turn=0.01)}),
    (
        "cooldown",
        {"state": State(base=Decimal(0), quote=Decimal(1000), orders_at=(END - 59_999,))},
    ),
    (
        "order_rate",
        {
            "state": State(
                base=Decimal(0),
                quote=Decimal(1000),
                orders_at=(END - 3_599_999, END - 120_000),
            ),
            "settings": Settings(max_orders_per_hour=3),
        },
    ),
    (
        "size",
        {
            "state": State(base=Decimal(2), quote=Decimal(1000)),
            "settings": Settings(max_position=Decimal(2)),
        },
    ),
    ("size", {"state": State(base=Decimal(0), quote=Decimal("0.01"))}),
    ("collar", {"quote": Quote(bid=Decimal(11000), ask=Decimal(11388))}),
    (
        "daily_loss",
        {
            "state": State(
                base=Decimal(0),
                quote=Decimal(979),
                marks=Marks(
                    day=END // 86_400_000, day_equity=Decimal(1000), peak_equity=Decimal(1000)
                ),
            ),
            "settings": Settings(max_daily_loss=Decimal("0.02")),
        },
    ),
    (
        "drawdown",
        {
            "state": State(
                base=Decimal(0),
                quote=Decimal(900),
                marks=Marks(day=0, day_equity=Decimal(900), peak_equity=Decimal(1000)),
            ),
            "settings": Settings(max_drawdown=Decimal("0.1")),
        },
    ),
]


@pytest.mark.parametrize(("gate", "changes"), CLOSED)
def test_each_gate_alone_holds_a_buy_back_and_says_why(gate: str, changes: dict[str, Any]) -> None:
    decision = decided(**changes)
    assert (decision.action, decision.signal, decision.gate) == ("hold", "buy", gate)
    assert decision.reason
    assert next(verdict.gate for verdict in decision.verdicts if not verdict.passed) == gate


def test_the_window_right_after_the_cooldown_may_buy() -> None:
    state = State(base=Decimal(0), quote=Decimal(1000), orders_at=(END - 60_000,))
    assert decided(state=state).action == "buy"


def test_a_day_s_loss_halts_the_bot() -> None:
    marks = Marks(day=END // 86_400_000, day_equity=Decimal(1000), peak_equity=Decimal(1000))
    state = State(base=Decimal(0), quote=Decimal(980), marks=marks)
    decision = decided(state=state, settings=Settings(max_daily_loss=Decimal("0.02")))
    assert decision.halt == "the day's loss is 2.00% of equity; the limit is 2.00%"


def test_a_forecast_that_pays_fees_and_edge_passes() -> None:
    wide = Settings(min_edge_bps=19)
    assert decided(prediction=prediction(0.0001, turn=0.01), settings=wide).action == "buy"


def test_the_number_of_orders_in_an_hour_never_holds_a_sell_back() -> None:
    recent = tuple(END - 60_000 * ago for ago in range(30, 0, -1))
    settings = Settings(max_orders_per_hour=3)
    assert decided(-0.001, state=holding(orders_at=recent), settings=settings).action == "sell"


def test_a_position_limit_makes_a_buy_smaller_before_it_forbids_it() -> None:
    state = State(base=Decimal("0.999"), quote=Decimal(100_000))
    decision = decided(state=state, settings=Settings(max_position=Decimal(1)))
    assert decision.amount == Decimal("0.001")


def test_losses_halt_the_bot_at_any_window_whatever_the_signal() -> None:
    state = State(
        base=Decimal(0),
        quote=Decimal(900),
        marks=Marks(day=0, day_equity=Decimal(900), peak_equity=Decimal(1000)),
    )
    decision = decided(0.0, state=state, settings=Settings(max_drawdown=Decimal("0.1")))
    assert decision.action == "hold"
    assert decision.halt == "equity is 10.00% below its peak; the limit is 10.00%"


def test_a_loss_within_its_limit_does_not_halt() -> None:
    state = State(
        base=Decimal(0),
        quote=Decimal("981"),
        marks=Marks(day=END // 86_400_000, day_equity=Decimal(1000), peak_equity=Decimal(1000)),
    )
    decision = decided(state=state, settings=Settings(max_daily_loss=Decimal("0.02")))
    assert (decision.action, decision.halt) == ("buy", "")


# Properties.

money = st.decimals(min_value=0, max_value=10**7, places=2)
prices = st.decimals(min_value="0.01", max_value=10**6, places=2)


@given(
    quote=money,
    base=st.decimals(min_value=0, max_value=1000, places=8),
    bid=prices,
    spread=st.decimals(min_value="0.01", max_value=100, places=2),
    fraction=st.decimals(min_value="0.01", max_value=1, places=2),
    limit=st.none() | st.decimals(min_value="0.001", max_value=100, places=3),
    delta=st.sampled_from([0.01, -0.01]),
)
def test_no_order_risks_more_than_its_limits(
    quote: Decimal,
    base: Decimal,
    bid: Decimal,
    spread: Decimal,
    fraction: Decimal,
    limit: Decimal | None,
    delta: float,
) -> None:
    settings = Settings(risk_fraction=fraction, max_position=limit, collar_bps=5000)
    state = State(base=base, quote=quote)
    decision = decided(
        delta, state=state, settings=settings, quote=Quote(bid=bid, ask=bid + spread)
    )
    if decision.action == "hold":
        return
    assert decision.price is not None
    assert decision.amount % STEPS.amount_step == 0 and decision.price % STEPS.price_step == 0
    assert decision.amount >= STEPS.minimum
    if decision.action == "sell":
        assert decision.amount <= base
        return
    assert decision.amount * decision.price * Decimal("1.004") <= fraction * quote
    if limit is not None:
        assert base + decision.amount <= limit


def test_a_decision_comes_out_the_same_from_its_stored_inputs() -> None:
    given_now = situation()
    state, settings = given_now.pop("state"), given_now.pop("settings")
    inputs = Inputs(increments=STEPS, **given_now)
    again = [
        msgspec.json.decode(msgspec.json.encode(part), type=type(part))
        for part in (state, inputs, settings)
    ]
    assert decide(*again) == decide(state, inputs, settings)


# Forecast and marks.


def predicted(ts: int) -> Prediction | None:
    """What a forecast of five minutes from minute one on says at `ts` (ms)."""
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


def test_marks_start_a_day_anew_and_keep_the_peak() -> None:
    day = 86_400_000
    marks = advance(None, Decimal(100), day)
    marks = advance(marks, Decimal(120), day + 1)
    marks = advance(marks, Decimal(90), 2 * day)
    assert marks == Marks(day=2, day_equity=Decimal(90), peak_equity=Decimal(120))


def test_a_deposit_is_no_gain_and_a_withdrawal_no_loss() -> None:
    marks = Marks(day=1, day_equity=Decimal(100), peak_equity=Decimal(120))
    assert scale(marks, before=Decimal(90), after=Decimal(180)) == Marks(
        day=1, day_equity=Decimal(200), peak_equity=Decimal(240)
    )
    assert scale(marks, before=Decimal(0), after=Decimal(180)) is None, "there was no ratio"


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.GATE)
def test_a_gate_is_named_as_its_file(gate: Any) -> None:
    assert Path(gate.__file__).stem == gate.GATE


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.GATE)
def test_a_verdict_names_the_gate_that_gave_it(gate: Any) -> None:
    now = situation()
    state, settings = now.pop("state"), now.pop("settings")
    proposal = Proposal(side="buy", amount=Decimal(1), price=Decimal(100))
    verdict = gate.check(state, Inputs(increments=STEPS, **now), settings, proposal)
    assert verdict.gate == gate.GATE


def test_each_gate_is_counted_from_zero() -> None:
    from_zero("untraded")
    counted = {
        sample.labels["gate"]
        for metric in DECISIONS.collect()
        for sample in metric.samples
        if sample.labels["bot"] == "untraded" and sample.labels["action"] == "hold"
    }
    assert counted == {gate.GATE for gate in GATES} | {"signal"}
