"""A decision by a strategy's proposal: it takes the signal's place, and everything else holds."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.account.position import Position
from tradebot.domain.decision import Decision, decide
from tradebot.domain.situation import (
    Exits,
    Increments,
    Inputs,
    Quote,
    Settings,
    State,
    Stored,
    Suggestion,
    Window,
    read_stored,
)
from tradebot.domain.wanting import tightened

END = 1_700_000_040_000
BUY = Suggestion(
    id=f"sma/{END}",
    strategy="Sma",
    digest="d",
    data="i",
    bar_end=END,
    side="buy",
    size=Decimal("0.5"),
    sizing="Fraction",
    reason="Sma wants to buy",
)
SELL = msgspec.structs.replace(BUY, side="sell", size=Decimal(0), sizing="Amount")
FLAT = State(base=Decimal(0), quote=Decimal(10_000))
HELD = State(
    base=Decimal(3),
    quote=Decimal(10_000),
    bought=True,
    position=Position(
        amount=Decimal(2), cost=Decimal(200), opened_at=END - 1, high=Decimal(100), low=Decimal(100)
    ),
)
SETTINGS = Settings(
    proposer="sma", risk_fraction=Decimal(1), cooldown_ms=0, slippage_bps=0, exits=Exits()
)


def inputs(suggestion: Suggestion | None, *, ratio: float = 1.0, complete: bool = True) -> Inputs:
    return Inputs(
        now=END + 100,
        window=Window(end=END, ratio=ratio, complete=complete),
        prediction=None,
        quote=Quote(bid=Decimal(99), ask=Decimal(100)),
        increments=Increments(
            amount_step=Decimal("0.001"), price_step=Decimal("0.01"), minimum=Decimal("0.001")
        ),
        taker_fee_bps=Decimal(0),
        suggestion=suggestion,
    )


def decided(
    suggestion: Suggestion | None, state: State = FLAT, settings: Settings = SETTINGS
) -> Decision:
    return decide(state, inputs(suggestion), settings)


def changed(suggestion: Suggestion, **changes: object) -> Suggestion:
    return msgspec.structs.replace(suggestion, **changes)


def test_a_proposal_to_buy_is_bought_without_a_forecast() -> None:
    decision = decided(BUY)
    assert (decision.action, decision.amount, decision.price) == ("buy", 50, 100)
    assert decision.reason == "Sma wants to buy"
    assert decision.usable


def test_the_bots_own_risk_fraction_bounds_what_the_strategy_wants() -> None:
    less = msgspec.structs.replace(SETTINGS, risk_fraction=Decimal("0.1"))
    assert decided(BUY, settings=less).amount == 10


def test_an_amount_is_bought_and_never_more_than_risk_allows() -> None:
    assert decided(changed(BUY, size=Decimal(7), sizing="Amount")).amount == 7
    assert decided(changed(BUY, size=Decimal(700), sizing="Amount")).amount == 100


def test_a_sell_of_nothing_in_particular_sells_the_bots_own_position() -> None:
    assert decided(SELL, HELD).amount == 2


def test_a_part_of_the_position_may_be_sold() -> None:
    assert decided(changed(SELL, size=Decimal("0.5")), HELD).amount == Decimal("0.5")


def test_a_proposals_limit_bounds_the_price() -> None:
    reach = msgspec.structs.replace(SETTINGS, slippage_bps=100, collar_bps=500)
    assert decided(BUY, settings=reach).price == 101
    assert decided(changed(BUY, limit=Decimal("100.5")), settings=reach).price == Decimal("100.5")


@pytest.mark.parametrize(
    ("suggestion", "state", "says"),
    [
        (changed(BUY, limit=Decimal(98)), FLAT, "has not reached its limit 98"),
        (changed(BUY, stop=Decimal(105)), FLAT, "has not reached its stop 105"),
        (changed(SELL, limit=Decimal(120)), HELD, "has not reached its limit 120"),
        (changed(SELL, stop=Decimal(90)), HELD, "has not reached its stop 90"),
    ],
)
def test_a_price_that_the_market_has_not_reached_is_waited_for(
    suggestion: Suggestion, state: State, says: str
) -> None:
    decision = decided(suggestion, state)
    assert (decision.action, decision.gate) == ("hold", "signal")
    assert says in decision.reason


def test_no_proposal_holds_and_says_whose_is_missing() -> None:
    decision = decided(None)
    assert (decision.action, decision.gate, decision.usable) == ("hold", "signal", False)
    assert "no proposal of sma" in decision.reason


def test_a_proposal_of_another_bar_holds() -> None:
    decision = decided(changed(BUY, bar_end=END - 60_000))
    assert decision.action == "hold"
    assert str(END - 60_000) in decision.reason


def test_a_failing_strategy_holds_with_the_place() -> None:
    failing = changed(BUY, side="hold", failing="sma.py, line 3: ValueError: no")
    decision = decided(failing)
    assert decision.action == "hold"
    assert decision.reason == "Sma failed: sma.py, line 3: ValueError: no"
    assert not decision.usable


@pytest.mark.parametrize(
    ("state", "ratio", "complete", "gate"),
    [
        (msgspec.structs.replace(FLAT, halted="a limit"), 1.0, True, "halt"),
        (msgspec.structs.replace(FLAT, reconciled=False), 1.0, True, "reconciliation"),
        (FLAT, 9.0, True, "band"),
        (FLAT, 1.0, False, "completeness"),
        (HELD, 1.0, True, "position"),
        (msgspec.structs.replace(FLAT, quote=Decimal(0)), 1.0, True, "size"),
    ],
)
def test_the_gates_hold_a_proposal_as_they_hold_a_signal(
    state: State, ratio: float, complete: bool, gate: str
) -> None:
    decision = decide(state, inputs(BUY, ratio=ratio, complete=complete), SETTINGS)
    assert (decision.action, decision.gate) == ("hold", gate)


def test_a_strategy_that_adds_may_buy_more() -> None:
    assert decided(changed(BUY, adds=True), HELD).action == "buy"


def test_the_reports_rule_never_looks_at_a_proposal() -> None:
    rule = msgspec.structs.replace(SETTINGS, proposer="")
    assert decided(BUY, settings=rule) == decided(None, settings=rule)


def test_a_stored_decision_by_a_proposal_is_decided_again_the_same() -> None:
    stored = Stored(state=FLAT, inputs=inputs(BUY), settings=SETTINGS)
    again = read_stored(msgspec.json.encode(stored).decode())
    assert decide(again.state, again.inputs, again.settings) == decided(BUY)


def test_of_two_exits_the_one_that_closes_earlier_counts() -> None:
    own = Exits(stop_loss=Decimal("0.05"), max_hold_ms=1_000)
    wanted = Exits(stop_loss=Decimal("0.2"), take_profit=Decimal("0.1"), max_hold_ms=500)
    assert tightened(own, wanted) == Exits(
        stop_loss=Decimal("0.05"), take_profit=Decimal("0.1"), max_hold_ms=500
    )
    assert tightened(own, None) == own


@given(
    side=st.sampled_from(["buy", "sell", "hold"]),
    size=st.decimals(0, 10**15, places=3),
    sizing=st.sampled_from(["Fraction", "Amount"]),
    limit=st.none() | st.decimals("0.01", 10**6, places=2),
    risk=st.decimals("0.01", 1, places=2),
    state=st.sampled_from([FLAT, HELD]),
)
def test_no_proposal_spends_more_than_the_bot_may_or_sells_more_than_it_has(
    side: str,
    size: Decimal,
    sizing: str,
    limit: Decimal | None,
    risk: Decimal,
    state: State,
) -> None:
    suggestion = changed(BUY, side=side, size=size, sizing=sizing, limit=limit, adds=True)
    settings = msgspec.structs.replace(SETTINGS, risk_fraction=risk)
    decision = decide(state, inputs(suggestion), settings)
    if decision.action == "buy":
        assert decision.price is not None
        assert decision.amount * decision.price <= risk * state.quote
        assert limit is None or decision.price <= limit
    if decision.action == "sell":
        assert decision.amount <= 2
