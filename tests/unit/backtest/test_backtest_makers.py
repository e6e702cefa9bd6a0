"""Maker orders in a backtest: honest fills, the maker's fee, and both engines agree to the bit."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest.costs import Costs, Tier
from tradebot.backtest.engines import compiled, event
from tradebot.backtest.engines.by_rows import ByRows
from tradebot.backtest.result import Fills
from tradebot.domain.situation import Exits, Making, Unfilled
from tradebot.history.arrays import Bars
from tradebot.strategies import Market, Orders, Sizing, Strategy

MINUTE = 60_000
Row = tuple[float, float, float, float]
CALM: Row = (100, 100, 100, 100)
MAKER_BPS, TAKER_BPS = 20.0, 40.0
WAITS = Making(reprices=1, wait_ms=MINUTE)


def path(*rows: Row, volume: float = 1e9) -> Bars:
    """Bars of (open, high, low, close)."""
    columns = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    ts = np.arange(len(rows), dtype=np.int64) * MINUTE
    return Bars(ts, *columns, np.full(len(rows), volume), MINUTE)


def costs_of(making: Making | None = WAITS, **changes: float) -> Costs:
    return Costs(tiers=(Tier(0, MAKER_BPS, TAKER_BPS),), spread_bps=2.0, making=making, **changes)  # type: ignore[arg-type]


def fills_of(bars: Bars, costs: Costs, *sides: int, reach: float = math.inf) -> Fills:
    """Fills of orders for 1 of base at the first bars' closes; both engines must agree."""
    side = np.zeros(len(bars.ts), np.int8)
    side[: len(sides)] = sides
    orders = Orders(side=side, size=np.ones(len(side)), sizing=Sizing.AMOUNT, reach_bps=reach)
    fast = compiled.run(bars, orders, costs, 1000.0).fills
    slow = event.run(bars, ByRows(orders, costs), costs, 1000.0).fills
    assert fast.price.tolist() == slow.price.tolist()
    return fast


def fee_bps(fills: Fills, row: int = 0) -> float:
    return float(round(fills.fee[row] / (fills.price[row] * fills.amount[row]) * 1e4, 6))


def test_a_buy_rests_at_the_bid_and_fills_there_as_maker_once_trades_go_through() -> None:
    fills = fills_of(path(CALM, (100, 101, 99, 100), CALM), costs_of(), 1)
    assert (fills.bar.tolist(), fills.price.tolist()) == ([1], [99.99])
    assert fee_bps(fills) == MAKER_BPS


def test_trades_at_its_price_do_not_fill_it() -> None:
    fills = fills_of(path(CALM, (100, 101, 99.99, 100), CALM), costs_of(), 1)
    assert fills.bar.tolist() == []


def test_a_sell_rests_at_the_ask() -> None:
    bars = path(CALM, (100, 101, 99, 100), (100, 101, 99.995, 100), CALM)
    fills = fills_of(bars, costs_of(), 1, -1)
    assert (fills.bar.tolist(), fills.price.tolist()) == ([1, 2], [99.99, 100.01])


def test_it_follows_the_best_price_at_the_end_of_a_period() -> None:
    bars = path(CALM, CALM, (102, 103, 101, 102), CALM)
    fills = fills_of(bars, costs_of(), 1)
    assert (fills.bar.tolist(), fills.price.tolist()) == ([2], [101.98])


def test_a_period_of_two_bars_lets_it_rest_for_two() -> None:
    bars = path(CALM, CALM, (102, 103, 101, 102), (102, 103, 101, 102), CALM)
    fills = fills_of(bars, costs_of(Making(reprices=1, wait_ms=MINUTE + 1)), 1)
    assert fills.bar.tolist() == [3]


@pytest.mark.parametrize(("unfilled", "bars_filled"), [("Take", [3]), ("GiveUp", [])])
def test_after_the_last_period_it_is_taken_with_the_takers_fee_or_given_up(
    unfilled: Unfilled, bars_filled: list[int]
) -> None:
    making = Making(reprices=1, wait_ms=MINUTE, unfilled=unfilled)
    fills = fills_of(path(CALM, CALM, CALM, CALM, CALM), costs_of(making), 1)
    assert fills.bar.tolist() == bars_filled
    if bars_filled:
        assert fills.price.tolist() == [100.01] and fee_bps(fills) == TAKER_BPS


def test_neither_resting_nor_taking_is_worse_than_the_reach_of_the_order() -> None:
    risen: Row = (110, 111, 109, 110)
    assert not len(fills_of(path(CALM, CALM, risen, risen, risen), costs_of(), 1, reach=0).bar)
    back: Row = (110, 111, 99, 100)
    fills = fills_of(path(CALM, risen, back, CALM), costs_of(), 1, reach=0)
    assert fills.price.tolist() == [100.01], "it rests at its limit, below the best price"


def test_a_row_to_the_other_side_cancels_an_order_that_waits() -> None:
    bars = path(CALM, CALM, (100, 101, 90, 100), CALM, CALM)
    assert not len(fills_of(bars, costs_of(), 1, -1).bar)


def test_a_thin_bar_fills_a_part_and_the_rest_waits() -> None:
    through: Row = (100, 101, 99, 100)
    bars = path(CALM, through, through, CALM, volume=1.0)
    fills = fills_of(bars, costs_of(volume_share=0.4), 1)
    assert fills.amount.tolist() == [0.4, 0.4, pytest.approx(0.2)]
    assert [fee_bps(fills, row) for row in range(3)] == [MAKER_BPS, MAKER_BPS, TAKER_BPS]


def test_an_exit_never_waits_and_cancels_what_does() -> None:
    bars = path(CALM, (100, 101, 99, 100), (80, 80, 79, 80), CALM)
    side = np.array([1, -1, 0, 0], np.int8)
    orders = Orders(side=side, size=np.ones(4), sizing=Sizing.AMOUNT)
    exits = Exits(stop_loss=Decimal("0.1"))
    for result in (
        compiled.run(bars, orders, costs_of(), 1000.0, exits),
        event.run(bars, ByRows(orders, costs_of()), costs_of(), 1000.0, exits),
    ):
        assert result.fills.bar.tolist() == [1, 2]
        assert fee_bps(result.fills, 1) == TAKER_BPS


def test_market_orders_of_a_class_wait_and_its_limits_rest_as_before() -> None:
    class Once(Strategy):
        def __init__(self, limit: float | None) -> None:
            self._limit = limit

        def on_bar(self, market: Market) -> None:
            if market.index == 0:
                market.buy(amount=1.0, limit=self._limit)

    bars = path(CALM, (100, 101, 99, 100), CALM)
    assert event.run(bars, Once(None), costs_of(), 1000.0).fills.price.tolist() == [99.99]
    assert event.run(bars, Once(99.5), costs_of(), 1000.0).fills.price.tolist() == [99.5]


costs = st.builds(
    Costs,
    tiers=st.sampled_from([(Tier(0, 20, 40),), (Tier(0, 20, 40), Tier(20_000, 10, 30))]),
    spread_bps=st.floats(0, 20),
    impact_bps=st.sampled_from([0.0, 50.0]),
    volume_share=st.sampled_from([0.1, 1.0, math.inf]),
    latency_bars=st.integers(1, 3),
    amount_step=st.sampled_from([1e-8, 0.001, 0.1]),
    price_step=st.sampled_from([0.01, 0.5]),
    minimum=st.sampled_from([1e-5, 0.05]),
    making=st.builds(
        Making,
        reprices=st.integers(0, 3),
        wait_ms=st.integers(1, 3 * MINUTE),
        unfilled=st.sampled_from(["Take", "GiveUp"]),
    ),
)
limits = st.builds(
    Exits,
    stop_loss=st.sampled_from([None, Decimal("0.01")]),
    trailing_stop=st.sampled_from([None, Decimal("0.02")]),
    take_profit=st.sampled_from([None, Decimal("0.01")]),
    max_hold_ms=st.sampled_from([None, 5 * MINUTE]),
)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cost=costs,
    exits=limits,
    sizing=st.sampled_from(Sizing),
    reach=st.sampled_from([0.0, 10.0, 200.0, math.inf]),
)
def test_both_engines_make_the_same_fills_and_equity_to_the_last_bit(
    seed: int, cost: Costs, exits: Exits, sizing: Sizing, reach: float
) -> None:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.005, 150)))
    opening = np.concatenate([[100.0], close[:-1]]) * np.exp(random.normal(0, 0.001, 150))
    high = np.maximum(opening, close) * (1 + random.uniform(0, 0.003, 150))
    low = np.minimum(opening, close) * (1 - random.uniform(0, 0.003, 150))
    ts = np.arange(150, dtype=np.int64) * MINUTE
    bars = Bars(ts, opening, high, low, close, random.uniform(0, 20, 150), MINUTE)
    side = random.choice(np.array([-1, 0, 0, 1], np.int8), 150)
    orders = Orders(side=side, size=random.uniform(0, 1, 150), sizing=sizing, reach_bps=reach)
    fast = compiled.run(bars, orders, cost, 10_000.0, exits)
    slow = event.run(bars, ByRows(orders, cost), cost, 10_000.0, exits)
    for name in ("bar", "side", "price", "amount", "fee"):
        np.testing.assert_array_equal(getattr(fast.fills, name), getattr(slow.fills, name))
    np.testing.assert_array_equal(fast.equity, slow.equity)
    assert fast.cash == slow.cash and fast.cash >= -1e-6
