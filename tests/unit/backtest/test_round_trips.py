"""Round trips: each sell closes the oldest buys, including an earlier one's rest."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest.costs import FREE, Costs, flat
from tradebot.backtest.engines import event
from tradebot.backtest.outcome import trips
from tradebot.history.arrays import Bars
from tradebot.strategies import Market, Strategy

DAY_MS = 86_400_000


def bars_of(price: float, rows: int = 8) -> Bars:
    prices = np.full(rows, price)
    ts = np.arange(rows, dtype=np.int64) * DAY_MS
    return Bars(ts, prices, prices, prices, prices, np.full(rows, 1e12), DAY_MS)


class InTwo(Strategy):
    """Buys once, sells all but a rest, then the rest."""

    def __init__(self, amount: float, rest: float) -> None:
        self.amount, self.rest = amount, rest

    def on_bar(self, market: Market) -> None:
        if market.index == 0:
            market.buy(amount=self.amount)
        elif market.index == 2:
            market.sell(amount=self.amount - self.rest)
        elif market.index == 4:
            market.sell()


@pytest.mark.parametrize(
    ("amount", "rest", "costs"),
    [
        (1e8, 5e-5, Costs(tiers=flat(0), spread_bps=0)),
        (1.0, 1e-12, FREE),
        (1000.0, 1e-9, FREE),
    ],
)
def test_a_tiny_rest_of_a_position_is_a_trip_of_its_own(
    amount: float, rest: float, costs: Costs
) -> None:
    bars = bars_of(0.01)
    found = trips(bars, event.run(bars, InTwo(amount, rest), costs, 2e6))
    assert [trip.amount for trip in found] == pytest.approx([amount - rest, rest], rel=1e-3)


class Wander(Strategy):
    """Buys and sells parts at random, and sells the rest at the end."""

    def __init__(self, seed: int, last: int) -> None:
        self.random, self.last = np.random.default_rng(seed), last

    def on_bar(self, market: Market) -> None:
        if market.index == self.last:
            market.sell()
        elif market.index < self.last and self.random.random() < 0.5:
            market.buy(fraction=float(self.random.uniform(0, 0.5)))
        elif market.index < self.last and market.position:
            market.sell(amount=market.position * float(self.random.choice([0.3, 1 - 1e-11, 1.0])))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.integers(-6, 4), fee=st.sampled_from([0.0, 25.0]))
def test_the_profits_of_all_trips_are_what_the_account_gained(
    seed: int, scale: int, fee: float
) -> None:
    random = np.random.default_rng(seed)
    price = 10.0**scale * np.exp(np.cumsum(random.normal(0, 0.05, 60)))
    ts = np.arange(60, dtype=np.int64) * DAY_MS
    bars = Bars(ts, price, price, price, price, np.full(60, 1e15), DAY_MS)
    costs = Costs(
        tiers=flat(fee), spread_bps=0, volume_share=math.inf, price_step=10.0 ** (scale - 6),
        amount_step=10.0 ** (-scale - 8), minimum=0,
    )  # fmt: skip
    result = event.run(bars, Wander(seed, 57), costs, 10_000.0)
    found = trips(bars, result)
    assert len(found) == int(np.sum(result.fills.side < 0))
    assert sum(trip.profit for trip in found) == pytest.approx(
        result.equity[-1] - 10_000.0, abs=1e-6
    )
