"""One strategy, one meaning: compiled engine, event engine and the live stage's bars agree.

The stage sees bars one by one, and the newest of them only. Its proposal for a bar is the last row
on what it sees then; it must be the row of a backtest over all bars. Orders are compared between
the two engines, at equal costs.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tradebot import strategies
from tradebot.backtest.costs import Costs, flat
from tradebot.backtest.engines import compiled, event
from tradebot.backtest.engines.by_rows import ByRows
from tradebot.history.arrays import Bars, Flows, Predictions
from tradebot.strategies.checks.rows import Candidate, first_difference
from tradebot.strategies.loading import LoadedStrategy
from tradebot.strategy.bars import Columns
from tradebot.strategy.messages import Row

MINUTE = 60_000
COSTS = Costs(tiers=flat(35), spread_bps=2, volume_share=np.inf, price_step=0.01, minimum=1e-5)
CASH = 10_000.0
BUILT_IN = ("BuyAndHold", "FlowImbalance", "Report", "SmaCross")

RANDOM = '''"""A rule drawn at random: a weighted vote of a trend, a return and the order flow."""

import numpy as np

from tradebot.strategies import Bars, Orders
from tradebot.strategies.indicators import moving_average

PARAMETERS = {"seed": 0}
WARMUP = 61


def signals(bars: Bars, seed: int = 0) -> Orders:
    random = np.random.default_rng(seed)
    window, lag = random.integers(5, 61), random.integers(1, 31)
    trend = bars.close / moving_average(bars.close, int(window)) - 1
    change = np.zeros(len(bars.ts))
    change[lag:] = bars.close[lag:] / bars.close[:-lag] - 1
    flow = np.where(bars.complete & (bars.ratio > 0), np.log(bars.ratio), 0.0)
    weights = random.normal(0, 1, 3)
    vote = weights[0] * trend + weights[1] * change + weights[2] * 1e-3 * flow
    level = random.uniform(2e-4, 2e-3)
    side = np.where(vote > level, 1, np.where(vote < -level, -1, 0)).astype(np.int8)
    size = np.full(len(side), random.uniform(0.05, 1.0))
    return Orders(side=side, size=size, reach_bps=float(random.choice([10, 50, np.inf])))
'''


class Compared(NamedTuple):
    """How many rows and fills there were, and how many differ."""

    name: str
    proposals: int
    proposals_unlike: int
    orders: int
    orders_unlike: int


def market(rows: int = 400, seed: int = 5) -> Bars:
    random = np.random.default_rng(seed)
    close = (10_000 * np.exp(np.cumsum(random.normal(0, 0.001, rows)))).round(2)
    opening = np.concatenate([[10_000.0], close[:-1]])
    ts = 1_600_000_020_000 + np.arange(rows, dtype=np.int64) * MINUTE
    return with_flows(
        Bars(
            ts, opening, np.maximum(opening, close), np.minimum(opening, close), close,
            random.lognormal(0, 1, rows), MINUTE,
        )
    )  # fmt: skip


def with_flows(bars: Bars, seed: int = 6) -> Bars:
    """The bars with flows and forecasts drawn at random."""
    random, rows = np.random.default_rng(seed), len(bars.ts)
    bid, ask = random.lognormal(10, 0.7, (2, rows))
    log_price = np.log(bars.close)
    predictions = Predictions(
        log_price=log_price,
        log_price_next=log_price + random.choice([-1e-3, 0.0, 1e-3], rows),
        history_end=bars.ts,
    )
    flows = Flows(bid=bid, ask=ask, ratio=bid / ask, complete=random.random(rows) > 0.1)
    return Bars(
        bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.step, flows,
        {"FastProphet": predictions},
    )  # fmt: skip


def live_rows(loaded: LoadedStrategy, bars: Bars, keep: int) -> np.ndarray:  # type: ignore[type-arg]
    """What the stage proposes at each bar, which sees the newest `keep` bars."""
    columns = Columns(bars.step, keep, loaded.forecasts)
    rows = []
    for at in range(len(bars.ts)):
        numbers = [
            float(column[at])
            for column in (
                bars.open, bars.high, bars.low, bars.close, bars.volume,
                bars.bid_flow, bars.ask_flow, bars.ratio,
            )
        ]  # fmt: skip
        told = {
            model: (
                float(each.log_price[at]),
                float(each.log_price_next[at]),
                int(each.history_end[at]),
            )
            for model, each in bars.forecasts.items()
            if model in loaded.forecasts
        }
        columns.append(Row(int(bars.ts[at]), *numbers, bool(bars.complete[at])), told)
        orders = loaded.orders(columns.bars())
        side = float(orders.side[-1])
        rows.append((side, float(orders.size[-1]) if side > 0 else 0.0))
    return np.array(rows)


def compared(loaded: LoadedStrategy, bars: Bars, keep: int = 150) -> Compared:
    """Runs a strategy through the gears and counts what differs."""
    whole, live = Candidate(loaded).rows(bars), live_rows(loaded, bars, keep)
    unlike = [
        at for at in range(len(whole)) if first_difference(whole[at:][:1], live[at:][:1]) == 0
    ]
    orders = loaded.orders(bars)
    fast = compiled.run(bars, orders, COSTS, CASH).fills
    slow = event.run(bars, ByRows(orders, COSTS), COSTS, CASH).fills
    columns = ("bar", "side", "price", "amount", "fee")
    count = max(len(fast.bar), len(slow.bar))
    alike = 0
    if len(fast.bar) == len(slow.bar):
        same = [getattr(fast, name) == getattr(slow, name) for name in columns]
        alike = int(np.all(same, axis=0).sum())
    return Compared(loaded.name, len(whole), len(unlike), count, count - alike)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_proposes_and_trades_the_same_in_every_gear(name: str) -> None:
    found = compared(strategies.load(name), market())
    assert found.orders > 0
    assert (found.proposals_unlike, found.orders_unlike) == (0, 0)


@pytest.mark.parametrize("seed", range(10))
def test_a_random_strategy_proposes_and_trades_the_same_in_every_gear(
    tmp_path: Path, seed: int
) -> None:
    file = tmp_path / "drawn.py"
    file.write_text(RANDOM)
    found = compared(strategies.load(str(file), {"seed": seed}), market())
    assert (found.proposals_unlike, found.orders_unlike) == (0, 0)
