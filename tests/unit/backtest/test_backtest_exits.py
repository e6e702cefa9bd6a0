"""Exits in a backtest: each sells by its rule, and both engines agree to the last bit."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest.costs import FREE, Costs, Tier, flat
from tradebot.backtest.engines import compiled, event
from tradebot.backtest.engines.by_rows import ByRows
from tradebot.backtest.result import Result
from tradebot.backtest.running import exits_of
from tradebot.backtest.settings import BacktestSettings
from tradebot.domain.situation import Exits
from tradebot.history.arrays import Bars
from tradebot.strategies import Market, Orders, Sizing, Strategy

MINUTE = 60_000
TENTH = Decimal("0.1")
STOP = Exits(stop_loss=TENTH)
TRAIL = Exits(trailing_stop=TENTH)
PROFIT = Exits(take_profit=TENTH)

Row = tuple[float, float, float, float]


def path(*rows: Row, volume: float = 1e9) -> Bars:
    """Bars of (open, high, low, close)."""
    opening, high, low, close = (
        np.array(column, dtype=float) for column in zip(*rows, strict=True)
    )
    ts = np.arange(len(rows), dtype=np.int64) * MINUTE
    return Bars(ts, opening, high, low, close, np.full(len(rows), volume), MINUTE)


CALM: Row = (100, 100, 100, 100)


def bought_once(bars: Bars, exits: Exits, costs: Costs = FREE) -> Result:
    """A buy of 1 at the first bar's close, filled at the second bar's open."""
    side = np.zeros(len(bars.ts), np.int8)
    side[0] = 1
    orders = Orders(side=side, size=np.ones(len(bars.ts)), sizing=Sizing.AMOUNT)
    return compiled.run(bars, orders, costs, 1000.0, exits)


def sales(result: Result) -> list[tuple[int, float]]:
    """Bar and price of each sell."""
    fills = result.fills
    sold = fills.side < 0
    return list(zip(fills.bar[sold].tolist(), fills.price[sold].round(9).tolist(), strict=True))


def test_a_stop_within_a_bar_sells_at_its_level() -> None:
    bars = path(CALM, CALM, (100, 101, 80, 85))
    assert sales(bought_once(bars, STOP)) == [(2, 90.0)]


def test_a_gap_below_the_stop_sells_at_the_open() -> None:
    bars = path(CALM, CALM, (70, 75, 60, 75))
    assert sales(bought_once(bars, STOP)) == [(2, 70.0)]


def test_a_stop_counts_within_the_bar_whose_open_bought() -> None:
    bars = path(CALM, (100, 100, 80, 100), CALM)
    assert sales(bought_once(bars, STOP)) == [(1, 90.0)]


def test_a_stop_is_measured_from_the_entry_with_its_fee() -> None:
    costs = Costs(tiers=flat(1000), spread_bps=0, price_step=1e-9, minimum=0)
    bars = path(CALM, CALM, (100, 100, 98.9, 100))
    assert sales(bought_once(bars, STOP, costs)) == [(2, 99.0)]


def test_a_trailing_stop_follows_the_highest_price() -> None:
    bars = path(CALM, CALM, (100, 200, 100, 200), (200, 200, 170, 170))
    assert sales(bought_once(bars, TRAIL)) == [(3, 180.0)]


def test_a_trailing_stop_ignores_the_high_of_the_bar_it_is_judged_in() -> None:
    bars = path(CALM, CALM, (100, 200, 95, 190))
    assert sales(bought_once(bars, TRAIL)) == []


def test_a_take_profit_sells_at_its_level_or_at_a_better_open() -> None:
    assert sales(bought_once(path(CALM, CALM, (100, 115, 100, 100)), PROFIT)) == [(2, 110.0)]
    assert sales(bought_once(path(CALM, CALM, (120, 120, 120, 120)), PROFIT)) == [(2, 120.0)]


def test_a_bar_that_reaches_both_counts_as_the_stop() -> None:
    both = Exits(stop_loss=TENTH, take_profit=TENTH)
    assert sales(bought_once(path(CALM, CALM, (100, 120, 80, 100)), both)) == [(2, 90.0)]


def test_a_maximum_hold_ends_at_the_first_open_at_or_after_it() -> None:
    hold = Exits(max_hold_ms=2 * MINUTE)
    bars = path(CALM, CALM, CALM, (105, 105, 105, 105), CALM)
    assert sales(bought_once(bars, hold)) == [(3, 105.0)]


def test_what_a_thin_bar_does_not_take_is_judged_again_at_the_next() -> None:
    costs = Costs(tiers=flat(0), spread_bps=0, volume_share=0.5, amount_step=0.1, minimum=0.1)
    bars = path(CALM, CALM, (90, 90, 90, 90), (95, 95, 95, 95), (80, 80, 80, 80))
    bars.volume[2] = 1.2
    assert sales(bought_once(bars, STOP, costs)) == [(2, 90.0), (4, 80.0)]


def test_a_strategy_may_buy_again_at_the_close_of_the_bar_that_sold() -> None:
    bars = path(CALM, CALM, (80, 80, 80, 80), (80, 80, 80, 80))
    orders = Orders(
        side=np.array([1, 0, 1, 0], np.int8), size=np.ones(4), sizing=Sizing.AMOUNT
    )  # fmt: skip
    assert compiled.run(bars, orders, FREE, 1000.0, STOP).fills.side.tolist() == [1, -1, 1]


def test_an_exit_cancels_a_resting_sell_and_leaves_a_resting_buy() -> None:
    class Resting(Strategy):
        def on_bar(self, market: Market) -> None:
            if market.index == 0:
                market.buy(amount=1.0)
            if market.index == 1:
                market.sell(amount=1.0, limit=150.0)
                market.buy(amount=2.0, limit=60.0)

    bars = path(CALM, CALM, (80, 80, 80, 80), (80, 80, 80, 80), (200, 200, 50, 200))
    fills = event.run(bars, Resting(), FREE, 1000.0, STOP).fills
    assert fills.side.tolist() == [1, -1, 1]
    assert fills.price.tolist() == [100.0, 80.0, 60.0]


costs = st.builds(
    Costs,
    tiers=st.sampled_from([flat(0), flat(10), (Tier(0, 20, 40), Tier(50_000, 10, 30))]),
    spread_bps=st.floats(0, 20),
    impact_bps=st.sampled_from([0.0, 50.0]),
    volume_share=st.sampled_from([0.02, 0.1, 1.0, float("inf")]),
    latency_bars=st.integers(1, 4),
    amount_step=st.sampled_from([1e-8, 0.001, 0.1]),
    price_step=st.sampled_from([0.01, 0.5]),
    minimum=st.sampled_from([1e-5, 0.05]),
)


def maybe(low: float, high: float) -> st.SearchStrategy[Decimal | None]:
    return st.none() | st.floats(low, high).map(lambda value: Decimal(repr(value)))


exits = st.builds(
    Exits,
    stop_loss=maybe(0.001, 0.2),
    trailing_stop=maybe(0.001, 0.2),
    take_profit=maybe(0.001, 0.3),
    max_hold_ms=st.none() | st.integers(1, 40).map(lambda count: count * MINUTE),
)


def random_bars(seed: int, rows: int) -> Bars:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, rows)))
    opening = np.concatenate([[100.0], close[:-1]]) * np.exp(random.normal(0, 0.01, rows))
    high = np.maximum(opening, close) * (1 + random.uniform(0, 0.02, rows))
    low = np.minimum(opening, close) * (1 - random.uniform(0, 0.02, rows))
    steps = random.integers(1, 4, rows)  # bars without trades are absent
    return Bars(
        np.cumsum(steps) * MINUTE, opening, high, low, close, random.uniform(0, 20, rows), MINUTE
    )


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cost=costs,
    exit_rules=exits,
    sizing=st.sampled_from(Sizing),
    reach=st.sampled_from([0.0, 10.0, 200.0, float("inf")]),
)
def test_both_engines_make_the_same_fills_and_equity_to_the_last_bit_with_exits(
    seed: int, cost: Costs, exit_rules: Exits, sizing: Sizing, reach: float
) -> None:
    rows = 120
    bars = random_bars(seed, rows)
    random = np.random.default_rng(seed + 1)
    orders = Orders(
        side=random.choice(np.array([-1, 0, 1], np.int8), rows, p=[0.1, 0.6, 0.3]),
        size=random.uniform(0, 1, rows),
        sizing=sizing,
        reach_bps=reach,
    )
    fast = compiled.run(bars, orders, cost, 10_000.0, exit_rules)
    slow = event.run(bars, ByRows(orders, cost), cost, 10_000.0, exit_rules)
    for name in ("bar", "side", "price", "amount", "fee"):
        np.testing.assert_array_equal(getattr(fast.fills, name), getattr(slow.fills, name))
    np.testing.assert_array_equal(fast.equity, slow.equity)


def test_the_flags_are_those_of_a_bot_and_zero_turns_one_off() -> None:
    asked = BacktestSettings(stop_loss=TENTH, max_hold_minutes=90)
    assert exits_of(asked) == Exits(stop_loss=TENTH, max_hold_ms=90 * MINUTE)


@pytest.mark.parametrize("name", ["stop_loss", "trailing_stop"])
def test_a_fall_of_all_or_more_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 1"):
        BacktestSettings(**{name: Decimal(1)})  # type: ignore[arg-type]
