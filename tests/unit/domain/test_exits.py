"""Exits: what closes a position, what a halt allows, and what nothing may hold back."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tradebot.domain.account.position import Position
from tradebot.domain.decision import (
    Decision,
    Exits,
    Increments,
    Inputs,
    Marks,
    Prediction,
    Quote,
    Settings,
    State,
    Window,
    decide,
)
from tradebot.domain.exits import breach, flatten, policies, pricing

D = Decimal
END = 1_602_770_100_000
MINUTE = 60_000
STEPS = Increments(amount_step=D("0.00000001"), price_step=D("0.01"), minimum=D("0.00001"))
BOUGHT = Position(
    amount=D("0.5"), cost=D(5000), opened_at=END - 30 * MINUTE, high=D(10_000), low=D(10_000)
)
HOLDING = State(base=D("0.5"), quote=D(1000), bought=True, position=BOUGHT, signal_at=END - MINUTE)


def market(mid: str | int, width_bps: int = 2, **changes: Any) -> Quote:
    half = D(mid) * width_bps / 20_000
    return Quote(bid=D(mid) - half, ask=D(mid) + half, **changes)


def forecast(delta: float) -> Prediction:
    return Prediction(
        model="m", digest="d", history_end=END - MINUTE, evaluated=True,
        log_price=9.2, log_price_next=9.2 + delta, log_price_turn=9.2 + delta,
    )  # fmt: skip


def looked(
    state: State = HOLDING,
    exits: Exits | None = None,
    *,
    mid: str | int = 10_000,
    delta: float | None = None,
    quote: Quote | None = None,
    **rules: Any,
) -> Decision:
    """Returns the decision between windows; without `delta` there is no forecast."""
    inputs = Inputs(
        now=END,
        window=Window(end=END, ratio=None, complete=False),
        prediction=None if delta is None else forecast(delta),
        quote=quote or market(mid),
        increments=STEPS,
        taker_fee_bps=D(40),
    )
    return decide(state, inputs, Settings(exits=exits or Exits(), **rules))


# Each policy.


@pytest.mark.parametrize(
    ("exits", "mid", "leaves"),
    [
        (Exits(stop_loss=D("0.05")), "9500.01", ""),
        (Exits(stop_loss=D("0.05")), 9500, "stop_loss"),
        (Exits(stop_loss=D("0.05")), 100, "stop_loss"),
        (Exits(trailing_stop=D("0.05")), "9500.01", ""),
        (Exits(trailing_stop=D("0.05")), 9500, "trailing_stop"),
        (Exits(take_profit=D("0.1")), "10999.99", ""),
        (Exits(take_profit=D("0.1")), 11_000, "take_profit"),
        (Exits(max_hold_ms=30 * MINUTE + 1), 10_000, ""),
        (Exits(max_hold_ms=30 * MINUTE), 10_000, "max_hold"),
        (Exits(no_signal_ms=MINUTE + 1), 10_000, ""),
        (Exits(no_signal_ms=MINUTE), 10_000, "no_signal"),
        (Exits(), 1, ""),
    ],
)
def test_an_exit_closes_the_whole_position_at_its_limit(
    exits: Exits, mid: str | int, leaves: str
) -> None:
    decision = looked(exits=exits, mid=mid)
    assert decision.exit == leaves
    assert decision.action == ("sell" if leaves else "hold")
    if leaves:
        assert decision.amount == D("0.5")
        assert leaves in [verdict.gate for verdict in decision.verdicts if not verdict.passed]


def test_a_trailing_stop_measures_from_the_highest_price_since_the_position_was_opened() -> None:
    higher = replace(HOLDING, position=replace(BOUGHT, high=D(12_000)))
    exits = Exits(trailing_stop=D("0.05"))
    assert looked(higher, exits, mid=11_401).exit == ""
    assert looked(higher, exits, mid=11_400).exit == "trailing_stop"


def test_time_without_a_signal_counts_from_the_opening_fill_at_the_earliest() -> None:
    fresh = replace(HOLDING, signal_at=0, position=replace(BOUGHT, opened_at=END - MINUTE))
    assert looked(fresh, Exits(no_signal_ms=2 * MINUTE)).exit == ""
    assert looked(replace(HOLDING, signal_at=0), Exits(no_signal_ms=2 * MINUTE)).exit == "no_signal"


def test_a_bot_without_a_position_has_nothing_to_exit() -> None:
    flat = State(base=D(3), quote=D(1000))
    assert looked(flat, Exits(stop_loss=D("0.01"), max_hold_ms=1), mid=1).exit == ""


def test_a_policy_is_named_as_its_file() -> None:
    files = (flatten, breach, *policies.POLICIES)
    assert tuple(Path(str(file.__file__)).stem for file in files) == policies.NAMES  # type: ignore[union-attr]


def test_an_exit_comes_before_a_signal_to_buy_or_to_sell() -> None:
    for delta in (0.001, -0.001):
        decision = looked(exits=Exits(stop_loss=D("0.05")), mid=9000, delta=delta)
        assert (decision.action, decision.exit) == ("sell", "stop_loss")


def test_an_exit_may_sell_as_far_below_the_best_bid_as_its_slippage_allows() -> None:
    exits = Exits(stop_loss=D("0.05"), max_slippage_bps=300)
    decision = looked(exits=exits, quote=Quote(bid=D(9000), ask=D(9001)))
    assert decision.price == D(8730)


# What nothing may hold back.

STOPPED = {
    "too many orders": {"orders_at": tuple(END - MINUTE * ago for ago in range(30, 0, -1))},
    "an order just now": {"orders_at": (END,)},
    "halted": {"halted": "the day's loss"},
    "paused": {"paused": "lunch"},
}


@pytest.mark.parametrize("name", STOPPED)
def test_neither_a_halt_nor_the_number_of_orders_holds_an_exit_back(name: str) -> None:
    state = replace(HOLDING, **STOPPED[name])
    decision = looked(state, Exits(stop_loss=D("0.05")), mid=9000)
    assert (decision.action, decision.exit) == ("sell", "stop_loss")


@pytest.mark.parametrize("width", [2, 250, 400, 900])
def test_the_width_of_a_sound_market_holds_neither_an_exit_nor_a_signal_to_sell_back(
    width: int,
) -> None:
    wide = market(9000, width)
    assert looked(exits=Exits(stop_loss=D("0.05")), quote=wide).action == "sell"
    assert looked(delta=-0.001, quote=wide).action == "sell"


def test_a_book_that_lost_a_side_is_measured_by_the_last_trade() -> None:
    exits = Exits(stop_loss=D("0.05"))
    torn = Quote(bid=D("0.01"), ask=D(10_000), last=D(9400))
    decision = looked(exits=exits, quote=torn)
    assert (decision.action, decision.price) == ("sell", D(8930)), "5 % below the last trade"
    same = Quote(bid=D("0.01"), ask=D(10_000), last=D(9990))
    assert looked(exits=exits, quote=same).exit == "", "an empty side is no fall of the price"
    blind = Quote(bid=D("0.01"), ask=D(10_000))
    decision = looked(replace(HOLDING, position=BOUGHT), Exits(max_hold_ms=1), quote=blind)
    assert (decision.action, decision.gate, decision.exit) == ("hold", "exit_price", "max_hold")


def test_books_in_doubt_hold_an_exit_back_since_it_could_sell_twice() -> None:
    for doubt in ({"reconciled": False}, {"unresolved": 1}):
        state = replace(HOLDING, **doubt)  # type: ignore[arg-type]
        decision = looked(state, Exits(stop_loss=D("0.05")), mid=9000)
        assert (decision.action, decision.gate) == ("hold", "reconciliation")
        assert decision.exit == "stop_loss", "it is known, and asked again at the next look"


# What a halt leaves open.

LOSING = Marks(day=END // 86_400_000, day_equity=D(7000), peak_equity=D(7000))


@pytest.mark.parametrize("breached", ["now", "before", "paused"])
@pytest.mark.parametrize(
    ("on_breach", "sells"), [("ReduceOnly", True), ("Flatten", True), ("Hold", False)]
)
def test_a_breached_limit_lets_a_signal_sell_unless_the_owner_wants_to_hold(
    breached: str, on_breach: Any, sells: bool
) -> None:
    changes: dict[str, Any] = {
        "now": {"marks": LOSING},
        "before": {"halted": "a limit"},
        "paused": {"paused": "lunch"},
    }[breached]
    decision = looked(
        replace(HOLDING, **changes), delta=-0.001, on_breach=on_breach, max_drawdown=D("0.1")
    )
    assert (decision.action == "sell") is sells
    assert bool(decision.halt) is (breached == "now"), "the halt is latched all the same"


@pytest.mark.parametrize("on_breach", ["ReduceOnly", "Flatten", "Hold"])
def test_no_breach_lets_a_signal_buy(on_breach: Any) -> None:
    flat = State(base=D(0), quote=D(6000), marks=LOSING)
    decision = looked(flat, delta=0.001, on_breach=on_breach, max_drawdown=D("0.1"))
    assert (decision.action, decision.gate) == ("hold", "drawdown")
    halted = looked(State(base=D(0), quote=D(6000), halted="x"), delta=0.001, on_breach=on_breach)
    assert (halted.action, halted.gate) == ("hold", "halt")


def test_flatten_on_breach_sells_at_the_very_look_that_halts_and_until_nothing_is_left() -> None:
    losing = replace(HOLDING, marks=LOSING)
    decision = looked(losing, on_breach="Flatten", max_drawdown=D("0.1"))
    assert (decision.action, decision.exit) == ("sell", "breach")
    assert decision.halt
    later = looked(replace(HOLDING, halted="a limit"), on_breach="Flatten")
    assert (later.action, later.exit) == ("sell", "breach")


def test_a_person_s_flatten_sells_though_halts_hold_and_the_market_has_any_width() -> None:
    state = replace(HOLDING, paused="out", flattening="out", halted="a limit")
    decision = looked(state, quote=Quote(bid=D(2000), ask=D(90_000)), on_breach="Hold")
    assert (decision.action, decision.exit, decision.price) == ("sell", "flatten", D(1900))


# The price of an exit.

levels = st.lists(
    st.tuples(
        st.decimals(min_value="0.01", max_value=20_000, places=2),
        st.decimals(min_value="0.0001", max_value=10, places=4),
    ),
    max_size=20,
    unique_by=lambda level: level[0],
).map(lambda found: sorted(found, reverse=True))


@hypothesis_settings(deadline=None)
@given(bids=levels, lowest=st.decimals(min_value="0.01", max_value=20_000, places=2))
def test_a_try_takes_every_bid_down_to_its_own_step_and_is_not_sent_where_there_is_none(
    bids: list[pricing.Level], lowest: Decimal
) -> None:
    limit = pricing.limit_of(bids, lowest)
    assert limit == (lowest if any(price >= lowest for price, _ in bids) else None)


@given(slippage=st.integers(0, 1000), last=st.integers(1, 5000))
def test_the_tries_go_deeper_one_by_one_and_end_at_the_floor(slippage: int, last: int) -> None:
    tries = list(
        pricing.reaches(Settings(slippage_bps=slippage, exits=Exits(max_slippage_bps=last)))
    )
    assert tries == sorted(set(tries)) and tries[-1] == last
    assert len(tries) <= 14, "a look is not the place for many orders"
