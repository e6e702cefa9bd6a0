"""Two engines, one meaning: fills are honest, and both engines agree to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest.costs import FREE, Costs, Tier, flat
from tradebot.backtest.engines import compiled, event
from tradebot.backtest.engines.by_rows import ByRows
from tradebot.history.arrays import Bars
from tradebot.strategies import Market, Strategy
from tradebot.strategies.orders import Orders, Sizing

MINUTE = 60_000


def bars_of(seed: int, rows: int, step: int = MINUTE) -> Bars:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    opening = np.concatenate([[100.0], close[:-1]]) * np.exp(random.normal(0, 0.002, rows))
    high = np.maximum(opening, close) * (1 + random.uniform(0, 0.01, rows))
    low = np.minimum(opening, close) * (1 - random.uniform(0, 0.01, rows))
    ts = np.arange(rows, dtype=np.int64) * step
    return Bars(ts, opening, high, low, close, random.uniform(0, 20, rows), step)


def flat_bars(*prices: float, volume: float = 1e9) -> Bars:
    price = np.array(prices)
    ts = np.arange(len(prices), dtype=np.int64) * MINUTE
    return Bars(ts, price, price, price, price, np.full(len(prices), volume), MINUTE)


def orders_of(*sides: int, size: float = 1.0, sizing: Sizing = Sizing.AMOUNT) -> Orders:
    return Orders(side=np.array(sides, np.int8), size=np.full(len(sides), size), sizing=sizing)


costs = st.builds(
    Costs,
    tiers=st.sampled_from([flat(0), flat(10), (Tier(0, 20, 40), Tier(50_000, 10, 30))]),
    spread_bps=st.floats(0, 20),
    impact_bps=st.sampled_from([0.0, 50.0]),
    volume_share=st.sampled_from([0.1, 1.0, float("inf")]),
    latency_bars=st.integers(1, 4),
    amount_step=st.sampled_from([1e-8, 0.001, 0.1]),
    price_step=st.sampled_from([0.01, 0.5]),
    minimum=st.sampled_from([1e-5, 0.05]),
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cost=costs,
    sizing=st.sampled_from(Sizing),
    reach=st.sampled_from([0.0, 10.0, 200.0, float("inf")]),
)
def test_both_engines_make_the_same_fills_and_equity_to_the_last_bit(
    seed: int, cost: Costs, sizing: Sizing, reach: float
) -> None:
    bars = bars_of(seed, 120, step=6 * 3600 * 1000)
    random = np.random.default_rng(seed + 1)
    orders = Orders(
        side=random.choice(np.array([-1, 0, 1], np.int8), 120),
        size=random.uniform(0, 1, 120),
        sizing=sizing,
        reach_bps=reach,
    )
    fast = compiled.run(bars, orders, cost, 10_000.0)
    slow = event.run(bars, ByRows(orders, cost), cost, 10_000.0)
    for name in ("bar", "side", "price", "amount", "fee"):
        np.testing.assert_array_equal(getattr(fast.fills, name), getattr(slow.fills, name))
    np.testing.assert_array_equal(fast.equity, slow.equity)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), cost=costs)
def test_cash_never_goes_below_zero_and_money_is_conserved(seed: int, cost: Costs) -> None:
    bars = bars_of(seed, 150)
    random = np.random.default_rng(seed)
    orders = Orders(side=random.choice(np.array([-1, 0, 1], np.int8), 150), size=np.ones(150))
    result = compiled.run(bars, orders, cost, 10_000.0)
    fills = result.fills
    spent = np.sum(fills.side * fills.price * fills.amount + fills.fee)
    assert result.cash >= -1e-6
    assert result.cash == pytest.approx(10_000.0 - spent, abs=1e-6)
    held = np.sum(fills.side * fills.amount)
    assert result.equity[-1] == pytest.approx(result.cash + held * bars.close[-1])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(10, 90), cost=costs)
def test_mutilating_the_future_changes_nothing_before_it(seed: int, cut: int, cost: Costs) -> None:
    bars = bars_of(seed, 100)
    random = np.random.default_rng(seed)
    orders = Orders(side=random.choice(np.array([-1, 0, 1], np.int8), 100), size=np.ones(100))
    future = slice(cut, None)
    mutilated = Bars(
        bars.ts,
        *(np.where(np.arange(100) < cut, column, column * 7.7)
          for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)),
        bars.step,
    )  # fmt: skip
    orders_after = Orders(side=orders.side.copy(), size=orders.size)
    orders_after.side[future] = -orders_after.side[future]
    whole = compiled.run(bars, orders, cost, 10_000.0)
    broken = compiled.run(mutilated, orders_after, cost, 10_000.0)
    np.testing.assert_array_equal(whole.equity[:cut], broken.equity[:cut])


def test_a_market_order_fills_at_the_next_open_never_at_the_close_it_was_decided_on() -> None:
    bars = flat_bars(100, 200, 300)
    result = compiled.run(bars, orders_of(1, 0, 0), FREE, 1000.0)
    assert result.fills.price.tolist() == [200.0]
    assert result.fills.bar.tolist() == [1]


def test_an_order_decided_on_the_last_bar_never_fills() -> None:
    assert len(compiled.run(flat_bars(1, 1), orders_of(0, 1), FREE, 10.0).fills.bar) == 0


def test_a_second_buy_waits_for_the_sell() -> None:
    result = compiled.run(flat_bars(*[1.0] * 6), orders_of(1, 1, 1, -1, 1, 0), FREE, 100.0)
    assert result.fills.side.tolist() == [1, -1, 1]


@pytest.mark.parametrize("engine", ["event", "compiled"])
def test_a_sell_that_filled_in_part_lets_no_buy_through(engine: str) -> None:
    bars = flat_bars(*[100.0] * 8)
    bars.volume[3] = 0.01
    orders, cost = orders_of(1, 0, -1, 1, 1, 0, 0, 0), Costs(tiers=flat(0), spread_bps=0)
    if engine == "event":
        result = event.run(bars, ByRows(orders, cost), cost, 10_000.0)
    else:
        result = compiled.run(bars, orders, cost, 10_000.0)
    assert result.fills.side.tolist() == [1, -1]
    assert result.fills.amount[1] == pytest.approx(0.01)


def test_fees_fall_when_thirty_days_of_volume_reach_a_tier_and_rise_again_after() -> None:
    tiers = (Tier(0, 100, 100), Tier(150, 10, 10))
    cost = Costs(tiers=tiers, spread_bps=0, volume_share=np.inf)
    bars = flat_bars(*[100.0] * 7)
    days = np.array([0, 1, 2, 3, 4, 50, 51], np.int64) * 86_400_000
    bars = Bars(days, bars.open, bars.high, bars.low, bars.close, bars.volume, 86_400_000)
    fills = compiled.run(bars, orders_of(1, -1, 1, -1, 1, -1, 0), cost, 10_000.0).fills
    assert (fills.fee / fills.price / fills.amount * 1e4).round(6).tolist() == [
        100.0, 100.0, 10.0, 10.0, 100.0, 100.0,
    ]  # fmt: skip


def test_a_thin_bar_fills_a_part_and_the_rest_is_cancelled() -> None:
    cost = Costs(tiers=flat(0), spread_bps=0, volume_share=0.5, amount_step=0.1)
    result = compiled.run(flat_bars(10, 10, 10, volume=1.0), orders_of(1, 0, 0), cost, 1000.0)
    assert result.fills.amount.tolist() == [0.5]


def test_a_latency_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="latency_bars is 0: set it to 1 or more"):
        Costs(latency_bars=0)


def test_orders_of_the_wrong_length_are_refused_with_both_lengths() -> None:
    with pytest.raises(ValueError, match="there are 3 bars but 2 sides"):
        compiled.run(flat_bars(1, 1, 1), orders_of(1, 0), FREE, 1.0)


class Once(Strategy):
    """Places one order at the first bar."""

    def __init__(self, **order: float | bool) -> None:
        self.order = order

    def on_bar(self, market: Market) -> None:
        if market.index == 0:
            market.buy(amount=1.0, **self.order)  # type: ignore[arg-type]


def path(*rows: tuple[float, float, float, float]) -> Bars:
    opening, high, low, close = (np.array(column) for column in zip(*rows, strict=True))
    ts = np.arange(len(rows), dtype=np.int64) * MINUTE
    return Bars(ts, opening, high, low, close, np.full(len(rows), 100.0), MINUTE)


def test_a_resting_limit_is_not_filled_by_a_mere_touch() -> None:
    bars = path((10, 10, 10, 10), (10, 10, 9, 10), (10, 10, 8.9, 10))
    fills = event.run(bars, Once(limit=9.0), FREE, 100.0).fills
    assert (fills.bar.tolist(), fills.price.tolist()) == ([2], [9.0])


def test_a_resting_limit_pays_the_makers_fee() -> None:
    cost = Costs(tiers=(Tier(0, 20, 40),), spread_bps=0)
    bars = path((10, 10, 10, 10), (10, 10, 8, 10))
    assert event.run(bars, Once(limit=9.0), cost, 100.0).fills.fee[0] == pytest.approx(0.018)


def test_a_limit_that_takes_at_once_never_rests() -> None:
    bars = path((10, 10, 10, 10), (10, 10, 10, 10), (8, 8, 8, 8))
    assert len(event.run(bars, Once(limit=9.0, at_once=True), FREE, 100.0).fills.bar) == 0


def test_a_stop_fills_at_the_worse_of_its_price_and_the_open() -> None:
    through = path((10, 10, 10, 10), (10, 12, 10, 12))
    gapped = path((10, 10, 10, 10), (15, 16, 15, 16))
    assert event.run(through, Once(stop=11.0), FREE, 100.0).fills.price.tolist() == [11.0]
    assert event.run(gapped, Once(stop=11.0), FREE, 100.0).fills.price.tolist() == [15.0]


def test_a_strategy_sees_nothing_beyond_its_bar() -> None:
    seen: list[float] = []

    class Look(Strategy):
        def on_bar(self, market: Market) -> None:
            seen.append(float(market.history("close", 99)[-1]))

    bars = flat_bars(1, 2, 3)
    event.run(bars, Look(), FREE, 1.0)
    assert seen == [1.0, 2.0, 3.0]
