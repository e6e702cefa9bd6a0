"""Each figure of docs/backtest.md, computed from its formula a step at a time."""

import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradebot.backtest import metrics
from tradebot.backtest.metrics import Metrics, Trip

DOCS = Path(__file__).parents[3] / "docs" / "backtest.md"
DAY = 86_400
YEAR = 365 * DAY


class Run:
    """A random curve on bars with gaps, and the results of the formulas."""

    def __init__(self, seed: int, bars: int, step: int, rate: float) -> None:
        random = np.random.default_rng(seed)
        starts = np.cumsum(random.choice([1, 1, 1, 2, 9], bars)) * step
        self.step, self.rate = step, rate
        self.starts = [int(start) for start in starts]
        self.held = [float(amount) for amount in random.choice([0.0, 0.0, 2.5], bars)]
        self.t = [self.starts[0], *(start + step for start in self.starts)]
        moves = random.choice([0.0, 0.02, -0.03, 0.01], bars) * random.random(bars).round(1)
        self.e = [float(value) for value in 1000 * np.cumprod([1.0, *(1 + moves)])]
        self.trips = [
            Trip(0, 1, 10.0, float(price), 3.0, 0.4) for price in random.uniform(8, 13, 5)
        ]

    def measured(self) -> Metrics:
        ts = np.array(self.t, np.int64) * 1000
        return metrics.measure(
            np.array(self.e), ts, step_seconds=float(self.step), trips=self.trips,
            exposed=metrics.exposure(
                np.array(self.starts, np.int64) * 1000, self.step * 1000, np.array(self.held)
            ),
            traded_quote=5000.0, fees=12.5, risk_free_rate=self.rate,
        )  # fmt: skip

    def returns(self) -> tuple[list[float], float]:
        """Returns the returns, and their step."""
        span = self.t[-1] - self.t[0]
        step = DAY if span >= 2 * DAY else self.step
        read, at = [], self.t[0]
        while at < self.t[-1]:
            read.append(max(i for i, t in enumerate(self.t) if t <= at))
            at += step
        read.append(len(self.t) - 1)
        values = [self.e[i] for i in read]
        return [after / before - 1 for before, after in pairwise(values)], float(step)

    def drawdowns(self) -> tuple[float, float]:
        """The deepest, and the longest in seconds."""
        deepest, longest = 0.0, 0
        for i, peak in enumerate(self.e):
            if peak < max(self.e[: i + 1]):
                continue
            below = i + 1
            while below < len(self.e) and self.e[below] < peak * (1 - 1e-12):
                deepest = max(deepest, 1 - self.e[below] / peak)
                below += 1
            if below > i + 1:
                longest = max(longest, self.t[min(below, len(self.e) - 1)] - self.t[i])
        return deepest, float(longest)

    def exposure(self) -> float:
        held = 0
        for i, amount in enumerate(self.held):
            end = self.starts[i + 1] if i + 1 < len(self.starts) else self.t[-1]
            held += (end - self.starts[i]) * (amount > 0)
        return held / (self.t[-1] - self.t[0])

    def mean_equity(self) -> float:
        parts = [
            (e1 + e0) / 2 * (t1 - t0)
            for (e0, e1), (t0, t1) in zip(pairwise(self.e), pairwise(self.t), strict=True)
        ]
        return sum(parts) / (self.t[-1] - self.t[0])

    def figures(self) -> dict[str, float]:
        """Every figure by its formula."""
        e, span = self.e, self.t[-1] - self.t[0]
        r, step = self.returns()
        m = len(r)
        p = m * YEAR / span
        f = (1 + self.rate) ** (1 / p) - 1
        mean = sum(r) / m
        variance = sum((one - mean) ** 2 for one in r) / (m - 1) * p
        deviation = math.sqrt(variance / p)
        downside = math.sqrt(sum(min(one - f, 0) ** 2 for one in r) / m)
        deepest, longest = self.drawdowns()
        growth = (e[-1] / e[0]) ** (YEAR / span) - 1 if span >= DAY else math.nan
        place, losses = 0.05 * (m - 1), sorted((-one for one in r), reverse=True)
        whole, k = math.floor(place), 0.05 * m
        quantile = losses[whole] + (place - whole) * (losses[min(whole + 1, m - 1)] - losses[whole])
        full = math.floor(k)
        tail = sum(losses[:full]) + (k - full) * losses[min(full, m - 1)]
        profits = [(trip.exit_price - trip.entry_price) * trip.amount - trip.fees
                   for trip in self.trips]  # fmt: skip
        lost = -sum(profit for profit in profits if profit < 0)
        won = sum(profit for profit in profits if profit > 0)
        return {
            "days": span / DAY,
            "cagr": growth,
            "cumulative_return": e[-1] / e[0] - 1,
            "max_drawdown": deepest,
            "max_drawdown_seconds": longest,
            "variance": variance,
            "volatility": math.sqrt(variance),
            "sharpe": (mean - f) / deviation * math.sqrt(p) if deviation > 1e-12 else math.nan,
            "sortino": (mean - f) / downside * math.sqrt(p) if downside > 1e-12 else math.nan,
            "calmar": growth / deepest if deepest else math.nan,
            "value_at_risk": quantile,
            "conditional_value_at_risk": tail / k,
            "risk_free_rate": self.rate,
            "resample_seconds": step,
            "exposure": self.exposure(),
            "turnover": 5000.0 / self.mean_equity(),
            "trades": len(self.trips),
            "win_rate": sum(profit > 0 for profit in profits) / len(profits),
            "profit_factor": won / lost if lost else (math.inf if won else math.nan),
            "fees": 12.5,
            "final_equity": e[-1],
        }


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    bars=st.integers(3, 120),
    step=st.sampled_from([60, 3600, 6 * 3600, DAY]),
    rate=st.sampled_from([0.0, 0.03]),
)
def test_every_figure_is_what_its_formula_gives(
    seed: int, bars: int, step: int, rate: float
) -> None:
    run = Run(seed, bars, step, rate)
    table, right = run.measured(), run.figures()
    assert set(right) == set(Metrics.__struct_fields__)
    for name, value in right.items():
        assert getattr(table, name) == pytest.approx(value, rel=1e-7, abs=1e-9, nan_ok=True), name


def test_the_docs_define_every_figure() -> None:
    section = DOCS.read_text().split("## Metrics", 1)[1]
    assert re.findall(r"^\| `(\w+)` \|", section, re.M) == list(Metrics.__struct_fields__)
