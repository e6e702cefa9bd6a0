"""Implausible numbers of a market or a model: the bot holds, and no mark moves."""

import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from soaks.orders import Soak

from tradebot.domain.decision import (
    Decision,
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
from tradebot.domain.risk.marks import equity_of
from tradebot.domain.situation import DAY_MS
from tradebot.venue.port import Ticker

END = 1_602_770_100_000
D = Decimal
GOOD = Quote(bid=D("11381.50"), ask=D("11388.08"))
WATCHED = Settings(max_daily_loss=D("0.02"), max_drawdown=D("0.1"))


def prediction(now: float, following: float, turn: float, history_end: int = END) -> Prediction:
    return Prediction(
        model="m", digest="d", history_end=history_end, evaluated=True,
        log_price=now, log_price_next=following, log_price_turn=turn,
    )  # fmt: skip


RISES = prediction(9.34, 9.35, 9.36)


def holding(**changes: Any) -> State:
    marks = Marks(day=END // DAY_MS, day_equity=D(10_000), peak_equity=D(10_000))
    return State(**({"base": D("0.5"), "quote": D("4307.60"), "marks": marks} | changes))


def decided(**changes: Any) -> Decision:
    settings = changes.pop("settings", WATCHED)
    state = changes.pop("state", holding())
    given_now: dict[str, Any] = {
        "now": END + 1000,
        "taker_fee_bps": D(40),
        "window": Window(end=END, ratio=1.0, complete=True),
        "prediction": RISES,
        "quote": GOOD,
        "increments": Increments(
            amount_step=D("0.00000001"), price_step=D("0.01"), minimum=D("0.00001")
        ),
    }
    return decide(state, Inputs(**(given_now | changes)), settings)


# Forecasts.

floats = st.floats(allow_nan=True, allow_infinity=True)


@given(floats, floats, floats, st.sampled_from([0, 10]))
@example(0.0, 1.0, 1000.0, 0)
@example(-1e308, 1e308, 1e308, 10)
@example(math.nan, 1.0, 1.0, 0)
@example(9.3, 9.4, math.inf, 10)
def test_whatever_a_forecast_says_the_bot_decides_and_what_it_decided_can_be_stored(
    now: float, following: float, turn: float, edge: int
) -> None:
    settings = Settings(min_edge_bps=edge)
    decision = decided(prediction=prediction(now, following, turn), settings=settings)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision
    if decision.action != "hold":
        assert max(abs(now), abs(following), abs(turn)) <= 300


def test_numbers_that_are_not_prices_give_no_signal_and_the_reason_says_so() -> None:
    decision = decided(prediction=prediction(0.0, 1.0, 1000.0))
    assert (decision.action, decision.signal, decision.gate) == ("hold", "hold", "signal")
    assert decision.reason == "the forecast is not the logarithm of a possible price"


def test_a_forecast_from_the_future_does_not_look_fresh_forever() -> None:
    ahead = prediction(9.34, 9.35, 9.36, history_end=END + 2 * 3_600_000)
    decision = decided(prediction=ahead)
    assert (decision.action, decision.gate) == ("hold", "model")
    assert decision.reason == "the model's last minute is 7199 s in the future"


def test_a_window_from_the_future_is_not_traded_on() -> None:
    decision = decided(window=Window(end=END + DAY_MS, ratio=1.0, complete=True))
    assert (decision.action, decision.gate) == ("hold", "window_age")


# Prices.

BROKEN = {
    "no bid": Quote(bid=D(0), ask=D("11388.08")),
    "a bid of dust": Quote(bid=D("0.01"), ask=D("11388.08")),
    "no ask": Quote(bid=D("11381.50"), ask=D(0)),
    "an ask from the moon": Quote(bid=D("11381.50"), ask=D(1_000_000)),
    "crossed": Quote(bid=D("11388.08"), ask=D(6000)),
    "nothing": Quote(bid=D(0), ask=D(0)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_prices_neither_trade_nor_halt_nor_move_what_losses_are_measured_by(
    name: str,
) -> None:
    for delta in (0.01, -0.01, 0.0):
        forecast = prediction(9.34, 9.34 + delta, 9.34 + delta)
        decision = decided(quote=BROKEN[name], prediction=forecast)
        assert (decision.action, decision.halt) == ("hold", "")
    assert equity_of(holding(), BROKEN[name], WATCHED) is None


def test_prices_that_orders_may_reach_are_prices_to_measure_losses_by() -> None:
    """Otherwise a wide collar would let a bot trade in a market that no limit watches."""
    wide = Quote(bid=D(8000), ask=D(12_000))
    assert equity_of(holding(), wide, WATCHED) is None
    far = msgspec.structs.replace(WATCHED, collar_bps=2500)
    assert equity_of(holding(), wide, far) == D("9307.60")
    assert decided(quote=wide, settings=far).halt.startswith("the day's loss is 6.92%")


async def test_a_broken_book_leaves_the_trader_s_marks_and_mid_as_they_were() -> None:
    desk = Soak(seed=1, windows=0, kill_rate=0.0)
    desk.venue.rate = 0.0
    await desk._start()
    await desk.engine.reconcile()
    before = desk.engine.mid

    async def broken() -> Ticker:
        return Ticker(bid=D("0.01"), ask=D(11_400), last=D(1), ts=desk.venue.now, volumes={})

    desk.venue.ticker = broken  # type: ignore[method-assign]
    window = Window(end=desk.venue.now, ratio=1.0, complete=True)
    accounted = await desk.decider.on_window(window)
    assert accounted is not None and accounted.equity is None
    assert desk.journaled.ledger.marks is None
    await desk.engine.reconcile()
    assert desk.engine.mid == before


prices = st.decimals(min_value=0, max_value=10**6, places=2)


@given(bid=prices, ask=prices, delta=st.sampled_from([0.01, -0.01]), collar=st.integers(1, 5000))
@example(bid=D(9000), ask=D(13_000), delta=-0.01, collar=5000)
def test_no_order_is_sent_by_prices_that_losses_are_not_measured_by(
    bid: Decimal, ask: Decimal, delta: float, collar: int
) -> None:
    settings = Settings(collar_bps=collar, slippage_bps=0)
    quote = Quote(bid=bid, ask=ask)
    decision = decided(
        quote=quote, settings=settings, prediction=prediction(9.34, 9.34 + delta, 9.34 + delta)
    )
    if decision.action != "hold":
        assert equity_of(holding(), quote, settings) is not None


@given(
    step=st.sampled_from(["0.1", "0.25", "0.0000001", "5", "1000", "0.00000003"]),
    amount_step=st.sampled_from(["1E-8", "0.001", "1", "0.3", "1000"]),
    price=st.decimals(min_value="0.0000001", max_value=10**6, places=7),
    delta=st.sampled_from([0.01, -0.01]),
)
def test_odd_steps_never_make_an_order_that_is_off_them_or_dearer_than_asked(
    step: str, amount_step: str, price: Decimal, delta: float
) -> None:
    increments = Increments(amount_step=D(amount_step), price_step=D(step), minimum=D(0))
    quote = Quote(bid=price, ask=price * D("1.0001"))
    settings = Settings(collar_bps=100)
    decision = decided(
        quote=quote, increments=increments, settings=settings,
        prediction=prediction(9.34, 9.34 + delta, 9.34 + delta),
    )  # fmt: skip
    if decision.action == "hold":
        return
    assert decision.price is not None and decision.price > 0 and decision.amount > 0
    assert decision.price % increments.price_step == 0
    assert decision.amount % increments.amount_step == 0
    assert abs(decision.price - quote.mid) <= quote.mid * D("0.01")
    if decision.action == "sell":
        assert decision.amount <= holding().base
    else:
        cost = decision.amount * decision.price * D("1.004")
        assert cost <= settings.risk_fraction * holding().quote
