"""The report's rule is one rule: through the trader's decide, and as arrays."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest.costs import Costs, flat
from tradebot.backtest.engines import compiled, event
from tradebot.backtest.outcome import judge, trips
from tradebot.backtest.report_rule import ReportRule, bare
from tradebot.domain.situation import Exits, Settings
from tradebot.history.arrays import Bars, Flows, Predictions
from tradebot.strategies import Orders, report

MINUTE = 60_000
COSTS = Costs(tiers=flat(10), spread_bps=2, price_step=1e-6)


def orders(bars: Bars, rules: Settings) -> Orders:
    return report.signals(
        bars,
        risk_fraction=float(rules.risk_fraction),
        band_min_bps=rules.band_min_bps,
        band_max_bps=rules.band_max_bps,
        slippage_bps=rules.slippage_bps,
    )


def flows(ratio: np.ndarray, complete: np.ndarray) -> Flows:  # type: ignore[type-arg]
    bid = np.where(np.isnan(ratio), 0.0, ratio * 1e6)
    return Flows(bid=bid, ask=np.full(len(ratio), 1e6), ratio=ratio, complete=complete)


def market(seed: int, rows: int = 150) -> Bars:
    random = np.random.default_rng(seed)
    close = 1000 * np.exp(np.cumsum(random.normal(0, 0.002, rows)))
    opening = np.concatenate([[1000.0], close[:-1]])
    ts = 1_600_000_020_000 + np.arange(rows, dtype=np.int64) * MINUTE
    high, low = np.maximum(opening, close), np.minimum(opening, close)
    delta = random.choice([-0.001, 0.0, 0.001, np.nan], rows)
    predictions = Predictions(
        log_price=np.log(close), log_price_next=np.log(close) + delta, history_end=ts
    )
    seen = flows(random.choice([0.2, 1.0, 3.0, np.nan], rows), random.random(rows) > 0.2)
    volume = np.full(rows, 1e6)
    return Bars(ts, opening, high, low, close, volume, MINUTE, seen, {"FastProphet": predictions})


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_bare_rule_as_arrays_trades_as_decide_does(seed: int) -> None:
    bars = market(seed)
    rules = bare(Settings(risk_fraction=Decimal("0.5")))
    fast = compiled.run(bars, orders(bars, rules), COSTS, 10_000.0)
    strategy = ReportRule(bars, rules, COSTS)
    slow = event.run(bars, strategy, COSTS, 10_000.0)
    assert fast.fills.bar.tolist() == slow.fills.bar.tolist()
    assert fast.fills.side.tolist() == slow.fills.side.tolist()
    np.testing.assert_allclose(fast.fills.price, slow.fills.price, rtol=1e-12)
    np.testing.assert_allclose(fast.fills.amount, slow.fills.amount, rtol=1e-6)


def test_a_gate_that_counts_holds_orders_back_in_the_event_engine() -> None:
    bars = market(1)
    rules = msgspec.structs.replace(bare(Settings()), max_orders_per_hour=2)
    strategy = ReportRule(bars, rules, COSTS)
    fills = event.run(bars, strategy, COSTS, 10_000.0).fills
    assert np.diff(np.searchsorted(fills.bar, [0, 60])) <= 2
    assert any(decision.gate == "order_rate" for decision in strategy.decisions)


def test_round_trips_and_equity_say_the_same_profit() -> None:
    bars = market(7, rows=600)
    run = compiled.run(bars, orders(bars, bare(Settings())), COSTS, 10_000.0)
    assert run.position[-1] == 0 or run.fills.side[-1] == 1
    closed = trips(bars, run)
    flat_at = int(run.fills.bar[run.fills.side < 0][-1])
    assert sum(trip.profit for trip in closed) == pytest.approx(run.equity[flat_at] - 10_000.0)


def test_the_table_counts_what_was_traded_and_paid() -> None:
    bars = market(7, rows=600)
    run = compiled.run(bars, orders(bars, bare(Settings())), COSTS, 10_000.0)
    table = judge(bars, run, cash=10_000.0)
    assert table.trades == int(np.sum(run.fills.side < 0))
    assert table.fees == pytest.approx(0.001 * np.sum(run.fills.price * run.fills.amount))
    assert 0 < table.exposure < 1


def falling(rows: int = 60) -> Bars:
    """Prices that lose 0.5 % per bar, and a forecast that says buy until it ends."""
    close = 1000 * 0.995 ** np.arange(rows)
    ts = 1_600_000_020_000 + np.arange(rows, dtype=np.int64) * MINUTE
    predictions = Predictions(
        log_price=np.log(close),
        log_price_next=np.where(np.arange(rows) < 2, np.log(close) + 0.001, np.nan),
        history_end=ts,
    )
    seen = flows(np.ones(rows), np.full(rows, True))
    volume = np.full(rows, 1e6)
    return Bars(ts, close, close, close, close, volume, MINUTE, seen, {"FastProphet": predictions})


@pytest.mark.parametrize(
    ("exits", "name", "bars_held"),
    [
        (Exits(stop_loss=Decimal("0.05")), "stop_loss", 12),
        (Exits(trailing_stop=Decimal("0.02")), "trailing_stop", 5),
        (Exits(max_hold_ms=20 * MINUTE), "max_hold", 20),
        (Exits(no_signal_ms=7 * MINUTE), "no_signal", 8),
    ],
)
def test_an_exit_closes_the_position_in_a_backtest_as_it_does_live(
    exits: Exits, name: str, bars_held: int
) -> None:
    bars = falling()
    rules = msgspec.structs.replace(bare(Settings()), exits=exits)
    strategy = ReportRule(bars, rules, COSTS)
    fills = event.run(bars, strategy, COSTS, 10_000.0).fills
    assert fills.side.tolist() == [1, -1]
    assert fills.bar[1] - fills.bar[0] == pytest.approx(bars_held, abs=1)
    assert [d.exit for d in strategy.decisions if d.exit] == [name]


def test_without_exits_a_falling_price_is_held_to_the_end() -> None:
    bars = falling()
    run = event.run(bars, ReportRule(bars, bare(Settings()), COSTS), COSTS, 10_000.0)
    assert run.fills.side.tolist() == [1] and run.position[-1] > 0
