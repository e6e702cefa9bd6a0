"""Fills on assets of every size: steps, thin bars, fee tiers, and invalid sizes."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tradebot.backtest.costs import FREE, Costs, Tier, flat
from tradebot.backtest.engines import compiled, event
from tradebot.backtest.engines.arithmetic import ceil_to_step, floor_to_step
from tradebot.backtest.engines.by_rows import ByRows
from tradebot.history.arrays import Bars
from tradebot.strategies import Market, Strategy
from tradebot.strategies.orders import Orders, Sizing

MINUTE, DAY = 60_000, 86_400_000
STILL = (10.0, 10.0, 10.0, 10.0)
DIP = (10.0, 10.0, 8.0, 10.0)


class First(Strategy):
    """Buys at the first bar, then sells all at `sell_at`."""

    def __init__(self, sell_at: int = -1, **order: float | bool) -> None:
        self.order, self.sell_at = order, sell_at

    def on_bar(self, market: Market) -> None:
        if market.index == 0:
            market.buy(**self.order)  # type: ignore[arg-type]
        if market.index == self.sell_at:
            market.sell(stop=9.0)


def path(*rows: tuple[float, ...], volume: list[float]) -> Bars:
    opening, high, low, close = (np.array(column) for column in zip(*rows, strict=True))
    ts = np.arange(len(rows), dtype=np.int64) * MINUTE
    return Bars(ts, opening, high, low, close, np.array(volume), MINUTE)


def on_days(*days: int, price: float = 100.0) -> Bars:
    prices = np.full(len(days), price)
    ts = np.array(days, np.int64) * DAY
    return Bars(ts, prices, prices, prices, prices, np.full(len(days), 1e9), DAY)


COST = Costs(tiers=(Tier(0, 20, 40),), spread_bps=0, volume_share=0.25)
TIERED = Costs(tiers=(Tier(0, 100, 100), Tier(150, 10, 10)), spread_bps=0, volume_share=math.inf)

decimals = st.decimals(
    min_value=Decimal("1e-12"), max_value=Decimal(10) ** 12, allow_nan=False, places=12
)


@settings(deadline=None)
@given(steps=st.integers(0, 10**15), places=st.integers(0, 12))
def test_a_value_on_a_step_stays_where_it_is(steps: int, places: int) -> None:
    value, step = float(Decimal(steps).scaleb(-places)), float(Decimal(1).scaleb(-places))
    assert floor_to_step(value, step) == value
    assert ceil_to_step(value, step) == value


@settings(deadline=None)
@given(value=decimals, places=st.integers(0, 12))
def test_a_rounded_value_is_the_exact_decimal_or_within_rounding_of_it(
    value: Decimal, places: int
) -> None:
    step = Decimal(1).scaleb(-places)
    assume(value / step < 2**50)  # beyond it a float is not exact to a step
    for round_to, way in ((floor_to_step, ROUND_FLOOR), (ceil_to_step, ROUND_CEILING)):
        exact = float((value / step).to_integral_value(rounding=way) * step)
        near = float((value / step).to_integral_value() * step)
        slack = max(1e-9 * float(step), 16 * 2**-52 * float(value))
        got = round_to(float(value), float(step))
        assert got == exact or (got == near and abs(got - float(value)) <= slack)


def test_a_trillion_on_a_hundred_millionth_does_not_overflow() -> None:
    assert floor_to_step(1e12, 1e-8) == 1e12
    assert ceil_to_step(1e300, 1e-8) == 1e300


def test_a_volume_above_92_billion_fills_an_order() -> None:
    bars = path(STILL, STILL, volume=[1e12, 1e12])
    assert event.run(bars, First(amount=1.0), COST, 1000.0).fills.amount.tolist() == [1.0]


def test_an_unknown_volume_fills_nothing_and_stops_nothing_after_it() -> None:
    bars = path(STILL, DIP, DIP, volume=[100, math.nan, 100])
    assert event.run(bars, First(amount=1.0, limit=9.0), COST, 1000.0).fills.bar.tolist() == [2]


def test_a_resting_limit_waits_out_a_bar_that_is_too_thin() -> None:
    bars = path(STILL, STILL, DIP, DIP, volume=[100, 100, 0.00001, 100])
    fills = event.run(bars, First(amount=1.0, limit=9.0), COST, 1000.0).fills
    assert (fills.bar.tolist(), fills.price.tolist()) == ([3], [9.0])


def test_a_limit_that_crosses_in_a_thin_bar_rests_for_the_next() -> None:
    bars = path(STILL, STILL, DIP, volume=[100, 0.00001, 100])
    fills = event.run(bars, First(amount=1.0, limit=11.0), COST, 1000.0).fills
    assert (fills.bar.tolist(), fills.amount.tolist()) == ([2], [1.0])


def test_a_triggered_stop_waits_out_a_thin_bar_and_takes_at_the_next_open() -> None:
    later = (9.5, 12.0, 9.5, 12.0)
    bars = path(STILL, STILL, STILL, DIP, later, volume=[100, 100, 100, 0.00001, 100])
    fills = event.run(bars, First(amount=1.0, sell_at=1), COST, 1000.0).fills
    assert (fills.bar.tolist(), fills.price.tolist()) == ([1, 4], [10.0, 9.5])


def test_a_stop_that_fills_in_part_continues_in_the_next_bar() -> None:
    bars = path(STILL, STILL, STILL, DIP, STILL, volume=[100, 100, 100, 2, 100])
    fills = event.run(bars, First(amount=1.0, sell_at=1), COST, 1000.0).fills
    assert (fills.bar.tolist(), fills.amount.tolist()) == ([1, 3, 4], [1.0, 0.5, 0.5])


def test_a_rest_below_the_smallest_order_still_ends_its_order() -> None:
    cost = Costs(tiers=flat(0), spread_bps=0, volume_share=0.25, minimum=0.5, amount_step=0.1)
    bars = path(STILL, STILL, DIP, DIP, volume=[100, 100, 3.2, 100])
    fills = event.run(bars, First(amount=1.0, limit=9.0), cost, 1000.0).fills
    assert fills.amount.tolist() == pytest.approx([0.8, 0.2])


def test_limits_and_stops_are_on_the_price_step_on_the_safe_side() -> None:
    bars = path(STILL, (10, 10, 9, 10), (10, 12, 10, 12), volume=[100, 100, 100])
    assert event.run(bars, First(amount=1.0, limit=9.123456), COST, 1e3).fills.price.tolist() == [
        9.12
    ]
    assert event.run(bars, First(amount=1.0, stop=11.001), COST, 1e3).fills.price.tolist() == [
        11.01
    ]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), reach=st.sampled_from([0.0, 3.0, 50.0]))
def test_a_bounded_order_never_fills_past_its_limit_on_the_step(seed: int, reach: float) -> None:
    random = np.random.default_rng(seed)
    close = 10 * np.exp(np.cumsum(random.normal(0, 0.001, 80)))
    ts = np.arange(80, dtype=np.int64) * MINUTE
    bars = Bars(ts, close, close, close, close, np.full(80, 1e6), MINUTE)
    side = random.choice(np.array([-1, 0, 1], np.int8), 80)
    orders = Orders(side=side, size=np.ones(80), sizing=Sizing.AMOUNT, reach_bps=reach)
    fills = compiled.run(bars, orders, COST, 1e6).fills
    for bar, way, price in zip(fills.bar, fills.side, fills.price, strict=True):
        bound = Decimal(repr(float(close[bar - 1]))) * (1 + int(way) * Decimal(reach) / 10_000)
        rounding = ROUND_FLOOR if way > 0 else ROUND_CEILING
        limit = bound.quantize(Decimal("0.01"), rounding=rounding)
        assert (limit - Decimal(repr(float(price)))) * int(way) >= 0
        assert Decimal(repr(float(price))) % Decimal("0.01") == 0


def test_the_fee_of_an_old_month_is_forgotten_when_an_order_is_sized() -> None:
    bars = on_days(0, 1, 2, 50, 51)
    orders = Orders(side=np.array([1, -1, 0, 1, 0], np.int8), size=np.full(5, 0.5))
    fills = compiled.run(bars, orders, TIERED, 10_000.0).fills
    first = fills.side[:2] * fills.price[:2] * fills.amount[:2] + fills.fee[:2]
    spent = fills.price[2] * fills.amount[2] + fills.fee[2]
    assert spent / (10_000 - first.sum()) == pytest.approx(0.5, abs=1e-9)


def test_a_strategy_reads_the_fee_of_its_own_moment() -> None:
    read: list[float] = []

    class Ask(Strategy):
        def on_bar(self, market: Market) -> None:
            read.append(market.taker_fee_bps)  # type: ignore[attr-defined]
            if market.index == 0:
                market.buy(amount=2.0)

    event.run(on_days(0, 1, 2, 29, 30, 31, 50), Ask(), TIERED, 10_000.0)
    assert read == [100.0, 10.0, 10.0, 10.0, 10.0, 100.0, 100.0]


@pytest.mark.parametrize("size", [math.nan, math.inf, -math.inf])
def test_a_size_that_is_not_a_number_is_refused_by_name_in_both_engines(size: float) -> None:
    bars = on_days(0, 1)
    for order in ({"amount": size}, {"fraction": size}):
        with pytest.raises(ValueError, match=f"the size of an order is {size}: use a number"):
            event.run(bars, First(**order), FREE, 1000.0)
    orders = Orders(side=np.array([1, 0], np.int8), size=np.full(2, size))
    with pytest.raises(ValueError, match=f"the size of the buy at bar 0 is {size}"):
        compiled.run(bars, orders, FREE, 1000.0)


@pytest.mark.parametrize("price", [math.nan, math.inf, 0.0, -1.0])
@pytest.mark.parametrize("kind", ["limit", "stop"])
def test_a_price_that_no_order_can_have_is_refused_by_name(kind: str, price: float) -> None:
    with pytest.raises(ValueError, match=f"the {kind} of an order is {price}: use a price above"):
        event.run(on_days(0, 1), First(amount=1.0, **{kind: price}), FREE, 1000.0)


@pytest.mark.parametrize("cash", [math.nan, math.inf, 0.0, -5.0])
def test_cash_that_no_account_has_is_refused_in_both_engines(cash: float) -> None:
    orders = Orders(side=np.array([1, 0], np.int8), size=np.ones(2))
    with pytest.raises(ValueError, match="the cash at the start is"):
        event.run(on_days(0, 1), First(amount=1.0), FREE, cash)
    with pytest.raises(ValueError, match="the cash at the start is"):
        compiled.run(on_days(0, 1), orders, FREE, cash)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    price=st.integers(-8, 6),
    volume=st.integers(0, 15),
    reach=st.sampled_from([0.0, 20.0, math.inf]),
    sizing=st.sampled_from(Sizing),
)
def test_both_engines_agree_to_the_last_bit_on_assets_of_every_size(
    seed: int, price: int, volume: int, reach: float, sizing: Sizing
) -> None:
    random = np.random.default_rng(seed)
    close = 10.0**price * np.exp(np.cumsum(random.normal(0, 0.02, 100)))
    ts = np.cumsum(random.integers(1, 20, 100)) * DAY
    bars = Bars(ts, close, close, close, close, random.uniform(0, 10.0**volume, 100), DAY)
    side = random.choice(np.array([-1, 0, 1], np.int8), 100)
    size = random.uniform(0, 1, 100) * (1 if sizing == Sizing.FRACTION else 10.0 ** (4 - price))
    orders = Orders(side=side, size=size, sizing=sizing, reach_bps=reach)
    tiers = (Tier(0, 20, 40), Tier(2_000, 10, 30), Tier(20_000, 5, 10))
    cost = Costs(tiers=tiers, price_step=10.0 ** (price - 4), volume_share=0.5)
    fast = compiled.run(bars, orders, cost, 10_000.0)
    slow = event.run(bars, ByRows(orders, cost), cost, 10_000.0)
    for name in ("bar", "side", "price", "amount", "fee"):
        np.testing.assert_array_equal(getattr(fast.fills, name), getattr(slow.fills, name))
    np.testing.assert_array_equal(fast.equity, slow.equity)
