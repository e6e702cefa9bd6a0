"""Bars per second of the compiled engine, compared with four packages on the same bars and rule.

The rule buys one unit when the 480-minute average crosses above the 1,440-minute one and sells it
when it crosses below, at the next open, with a fee of 0.1 %. Slow peers run over the first bars
only; their trades are compared on those. `TRADEBOT_BENCH_BARS` names a file of real minutes, in any
format that history supports; without it the bars are random.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import environment
from tradebot.backtest import prices
from tradebot.backtest.costs import Costs, flat
from tradebot.backtest.engines import compiled
from tradebot.backtest.result import Result
from tradebot.history.arrays import Bars
from tradebot.strategies import sma_cross
from tradebot.strategies.orders import Orders, Sizing

FAST, SLOW, CASH, FEE = 480, 1440, 1_000_000.0, 0.001
ROWS = 525_600
COSTS = Costs(tiers=flat(FEE * 1e4), spread_bps=0, volume_share=np.inf, price_step=1e-9, minimum=0)
PEERS = {
    "backtesting.py": ("cross_backtesting", ROWS),
    "backtrader": ("cross_backtrader", 60_000),
    "vectorbt": ("cross_vectorbt", ROWS),
    "nautilus_trader": ("cross_nautilus", 60_000),
}


def bars() -> Bars:
    """Returns real minutes if a file is named, otherwise a random walk of a year."""
    path = os.environ.get("TRADEBOT_BENCH_BARS")
    if path:
        return prices.load(path, "1m")
    random = np.random.default_rng(1)
    close = 10_000 * np.exp(np.cumsum(random.normal(0, 0.0008, ROWS)))
    opening = np.concatenate([[10_000.0], close[:-1]])
    high, low = np.maximum(opening, close), np.minimum(opening, close)
    ts = 1_514_764_800_000 + np.arange(ROWS, dtype=np.int64) * 60_000
    return Bars(ts, opening, high, low, close, np.full(ROWS, 10.0), 60_000)


def signals(market: Bars) -> Orders:
    """Returns the rule's orders, one unit each."""
    crossing = sma_cross.signals(market, FAST, SLOW)
    return Orders(side=crossing.side, size=np.ones(len(market.ts)), sizing=Sizing.AMOUNT)


def measure() -> dict[str, Any]:
    """Returns rates, and where trades agree. `ours` includes averages; `peer` is the fastest."""
    market = bars()
    rows = len(market.ts)
    compiled.run(market, signals(market), COSTS, CASH)
    seconds = []
    for _ in range(7):
        began = time.perf_counter()
        ours = compiled.run(market, signals(market), COSTS, CASH)
        seconds.append(time.perf_counter() - began)
    rate = rows / float(np.median(seconds))
    peers = _peers(market)
    fastest = max(peer.get("bars_per_second", 0.0) for peer in peers.values())
    return {
        "name": "backtest",
        "ours": rate,
        "peer": fastest,
        "ratio": rate / fastest,
        "unit": "bars/s",
        "bars_per_second": rate,
        "bars": rows,
        "trades": len(ours.fills.bar),
        **{
            name: _summary(ours, peer, whole=PEERS[name][1] >= rows) for name, peer in peers.items()
        },
    }


def _peers(market: Bars) -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.npz"
        columns = ("ts", "open", "high", "low", "close", "volume")
        np.savez(path, **{name: getattr(market, name) for name in columns})
        return {
            name: environment.run(script, path, min(rows, len(market.ts)), FAST, SLOW, CASH, FEE)
            for name, (script, rows) in PEERS.items()
        }


def _summary(ours: Result, peer: dict[str, Any], *, whole: bool) -> str:
    """Summarises the peer's rate, and whether entries, exits, prices and equity agree with ours."""
    if "error" in peer:
        return f"failed: {peer['error']}"
    rate = f"{peer['bars_per_second']:,.0f} bars/s"
    fills = ours.fills
    upto = max(peer["entries"] + peer["exits"], default=0)
    own = {side: fills.bar[(fills.side == side) & (fills.bar <= upto)].tolist() for side in (1, -1)}
    if peer["entries"] == [bar - 1 for bar in own[1]]:
        return f"{rate}, the same crossings, filled at their own close"
    if peer["entries"] != own[1] or peer["exits"] != own[-1][: len(peer["exits"])]:
        return f"{rate}, other trades: {len(peer['entries'])} entries, ours {len(own[1])}"
    prices_agree = np.allclose(
        peer["entry_prices"], fills.price[fills.side > 0][: len(peer["entries"])], rtol=1e-9
    )
    text = (
        f"{rate}, the same {len(own[1])} entries, prices {'the same' if prices_agree else 'other'}"
    )
    if whole and peer["equity"] is not None:
        text += f", final equity off by {abs(peer['equity'] / ours.equity[-1] - 1):.0e}"
    return text
