"""Warm-up: whether the last row is the same whatever bar the strategy starts from."""

import numpy as np

from tradebot.strategies.checks.finding import Finding, utc
from tradebot.strategies.checks.rows import Decide, first_difference, wanted
from tradebot.strategies.interface import Bars

ENDS = 24
"""Number of last rows to compare."""


def check(decide: Decide, bars: Bars, warmup: int) -> Finding:
    """Compares last rows computed on `warmup` bars with those on all earlier bars.

    The row's own bar comes on top: a strategy that needs no earlier bar has a warm-up of 0.
    """
    rows = len(bars.ts)
    if rows <= 2 * warmup + 1:
        text = f"{rows} bars are too few to check a warm-up of {warmup}: use longer data"
        return Finding(check="warm-up", passed=False, reason=text)
    whole = decide(bars)
    for row in _last_rows(whole, 2 * warmup):
        for lead in (warmup, 2 * warmup):
            part = decide(bars.rows(row - lead, row + 1))
            if first_difference(whole[row : row + 1], part[-1:]) is None:
                continue
            ts = int(bars.ts[row])
            return Finding(
                check="warm-up",
                passed=False,
                reason=(
                    f"the row of bar {row} ({utc(ts)}) is {wanted(whole[row])} on all bars but "
                    f"{wanted(part[-1])} with {lead} bars before it: declare a longer WARMUP, or "
                    "let rows depend on the last bars alone"
                ),
                bar=row,
                ts=ts,
            )
    text = f"last rows are the same whatever the start, with {warmup} bars before them"
    return Finding(check="warm-up", passed=True, reason=text)


def _last_rows(whole: np.ndarray, least: int) -> list[int]:
    """Returns rows to compare: some with orders, and some spread evenly."""
    orders = np.flatnonzero(whole[:, 0] if whole.dtype == np.float64 else whole != "")
    orders = orders[orders >= least]
    chosen = orders[np.linspace(0, len(orders) - 1, ENDS // 2).astype(int)] if len(orders) else []
    spread = np.linspace(least, len(whole) - 1, ENDS // 2).astype(int)
    return sorted({int(row) for row in (*chosen, *spread)})
