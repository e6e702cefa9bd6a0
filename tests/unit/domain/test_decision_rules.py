"""The report's rules, and the gates around them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.account.position import Position
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
from tradebot.domain.situation import Holdings, PositionUnit, Stored, read_stored
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
    """A bot that bought all the base that its account has."""
    own = position(Decimal(base))
    return State(base=Decimal(base), quote=Decimal(1000), bought=True, position=own, **changes)


def position(amount: Decimal) -> Position:
    price = Decimal(11000)
    return Position(amount=amount, cost=amount * price, opened_at=1, high=price, low=price)


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


def test_a_sell_leaves_what_the_bot_did_not_buy() -> None:
    state = msgspec.structs.replace(holding("0.5"), base=Decimal(10))
    assert decided(-0.001, state=state).amount == Decimal("0.5")
    nothing = decided(-0.001, state=State(base=Decimal(10), quote=Decimal(1000)))
    assert (nothing.action, nothing.gate) == ("hold", "position")
    assert nothing.reason == "nothing to sell; 10 of base in the account is not the bot's own"


def test_with_holdings_of_all_a_sell_sells_the_whole_balance_whoever_bought_it() -> None:
    state = State(base=Decimal(10), quote=Decimal(1000))
    decision = decided(-0.001, state=state, settings=Settings(holdings="All"))
    assert (decision.action, decision.amount) == ("sell", Decimal(10))


def test_a_sell_never_requests_more_than_is_available() -> None:
    state = msgspec.structs.replace(holding("0.5"), base=Decimal("0.2"))
    assert decided(-0.001, state=state).amount == Decimal("0.2")


def test_a_decision_stored_before_holdings_was_a_setting_sold_the_whole_balance() -> None:
    given_now = situation()
    stored = Stored(
        state=given_now.pop("state"),
        settings=given_now.pop("settings"),
        inputs=Inputs(increments=STEPS, **given_now),
    )
    text = msgspec.json.encode(stored).decode()
    assert read_stored(text) == stored
    old = text.replace('"holdings":"Own",', "")
    assert old != text
    assert read_stored(old).settings == msgspec.structs.replace(stored.settings, holdings="All")


def test_a_flat_forecast_holds() -> None:
    decision = decided(0.0)
    assert (decision.action, decision.gate) == ("hold", "signal")


def test_without_a_forecast_for_the_minute_the_bot_holds() -> None:
    decision = decided(prediction=None)
    assert (decision.action, decision.signal, decision.delta) == ("hold", "hold", None)


def test_what_was_bought_is_not_bought_again() -> None:
    decision = decided(0.001, state=holding())
    assert (decision.action, decision.gate) == ("hold", "position")
    assert decision.reason == "the bot has already bought"


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
            "settings": Settings(max_position=Decimal(2), holdings="All"),
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
    everything = Settings(max_position=Decimal(1), holdings="All")
    assert decided(state=state, settings=everything).amount == Decimal("0.001")
    own = Settings(max_position=Decimal("0.002"))
    assert decided(state=state, settings=own).amount == Decimal("0.002"), "it bought nothing yet"


@pytest.mark.parametrize(("limit", "unit"), [("0.25", "equity"), ("250", "quote")])
def test_a_position_limit_may_be_a_part_of_equity_or_a_value(
    limit: str, unit: PositionUnit
) -> None:
    most = Settings(risk_fraction=Decimal(1), max_position=Decimal(limit), max_position_unit=unit)
    assert decided(settings=most).amount == Decimal("0.02193086"), "250 of 1,000 USD at the limit"


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
    own=st.decimals(min_value=0, max_value=1, places=8),
    holdings=st.sampled_from(["Own", "All"]),
    bid=prices,
    spread=st.decimals(min_value="0.01", max_value=100, places=2),
    fraction=st.decimals(min_value="0.01", max_value=1, places=2),
    limit=st.none() | st.decimals(min_value="0.001", max_value=100, places=3),
    delta=st.sampled_from([0.01, -0.01]),
)
def test_no_order_risks_more_than_its_limits(
    quote: Decimal,
    base: Decimal,
    own: Decimal,
    holdings: Holdings,
    bid: Decimal,
    spread: Decimal,
    fraction: Decimal,
    limit: Decimal | None,
    delta: float,
) -> None:
    settings = Settings(
        holdings=holdings, risk_fraction=fraction, max_position=limit, collar_bps=5000
    )
    state = State(base=base, quote=quote, position=position(base * own) if own else None)
    held = base if holdings == "All" else base * own
    decision = decided(
        delta, state=state, settings=settings, quote=Quote(bid=bid, ask=bid + spread)
    )
    if decision.action == "hold":
        return
    assert decision.price is not None
    assert decision.amount % STEPS.amount_step == 0 and decision.price % STEPS.price_step == 0
    assert decision.amount >= STEPS.minimum
    if decision.action == "sell":
        assert decision.amount <= held
        return
    assert decision.amount * decision.price * Decimal("1.004") <= fraction * quote
    if limit is not None:
        assert held + decision.amount <= limit


def test_a_decision_comes_out_the_same_from_its_stored_inputs() -> None:
    given_now = situation()
    state, settings = given_now.pop("state"), given_now.pop("settings")
    inputs = Inputs(increments=STEPS, **given_now)
    again = [
        msgspec.json.decode(msgspec.json.encode(part), type=type(part))
        for part in (state, inputs, settings)
    ]
    assert decide(*again) == decide(state, inputs, settings)


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
