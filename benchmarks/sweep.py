"""A thousand parameter sets over a year of minutes, and vectorbt's own broadcasting on the same.

Each set is a pair of moving averages whose crossings trade one unit at the next open, with a fee
of 0.1 %. Ours runs on two cores, as the peer may. `TRADEBOT_BENCH_BARS` names a file of real
minutes; without it the bars are drawn at random. `TRADEBOT_BENCH_SETS` is the number of sets; the
peer, which is slow, runs over the first of them.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import environment
from benchmarks.backtest import CASH, COSTS, FEE, bars
from tradebot.backtest.tune import search
from tradebot.backtest.tune.space import find
from tradebot.history.arrays import Bars

SETS = int(os.environ.get("TRADEBOT_BENCH_SETS", "1000"))
PEER_SETS = 40
CHUNK = 10
"""Columns that the peer broadcasts at a time: at more, a year of minutes outgrows the memory."""

WORKERS = 2


def pairs(count: int) -> list[dict[str, float | int]]:
    """Fast and slow windows, spread over a day and three; slow is always the longer."""
    random = np.random.default_rng(2)
    fast = random.integers(30, 1440, count)
    slow = fast + random.integers(60, 2880, count)
    return [{"fast": int(f), "slow": int(s)} for f, s in zip(fast, slow, strict=True)]


def measure() -> dict[str, Any]:
    """Sets a second of both, and whether the final equities agree."""
    market, sets = bars(), pairs(SETS)
    tunable = find(str(Path(__file__).with_name("crossing_unit.py")))
    search.sweep(market.rows(0, 10_000), tunable, sets[:2], COSTS, cash=CASH, workers=WORKERS)
    began = time.perf_counter()
    trials = search.sweep(market, tunable, sets, COSTS, cash=CASH, workers=WORKERS)
    seconds = time.perf_counter() - began
    peer = _vectorbt(market, sets[:PEER_SETS])
    rate = SETS / seconds
    found = {"name": "sweep", "ours": rate, "unit": "sets/s", "sets": SETS, "seconds": seconds}
    if "error" in peer:
        return found | {"peer": None, "ratio": None, "vectorbt": f"failed: {peer['error']}"}
    theirs = min(SETS, PEER_SETS) / peer["seconds"]
    apart = np.max(np.abs(np.array(peer["equity"]) / [t.equity for t in trials[:PEER_SETS]] - 1))
    return found | {
        "peer": theirs,
        "ratio": rate / theirs,
        "bars": len(market.ts),
        "peer_sets": min(SETS, PEER_SETS),
        "equity_apart": float(apart),
    }


def _vectorbt(market: Bars, sets: list[dict[str, float | int]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path, chosen = Path(folder) / "bars.npz", Path(folder) / "sets.npz"
        np.savez(path, ts=market.ts, open=market.open, close=market.close)
        np.savez(chosen, pairs=np.array([[each["fast"], each["slow"]] for each in sets]))
        return environment.run("sweep_vectorbt", path, chosen, CHUNK, CASH, FEE)
