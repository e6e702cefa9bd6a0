"""FastProphet and Prophet from 3 rows to 4.2 million: `sizes`, or `designs COUNT`.

Prints JSON on the last line, and before it each row as it is measured. Up to 1,000 rows are daily,
more are minutes. BLAS uses as many threads as the environment sets.
"""

import json
import logging
import os
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from minutes import MODELS, history

from tradebot.fastprophet import FastProphet

SIZES = (3, 17, 60, 200, 500, 1_000, 10_000, 100_000, 1_000_000, 4_200_000)
DAILY = 1_000
"""Largest number of rows that are daily."""
PEER = 10_000
"""Maximum rows for Prophet; ten times as many take it minutes."""
DAY = 86_400


def sizes() -> dict[str, Any]:
    """Returns a row for each kind of growth or term and each number of rows."""
    found = []
    for rows in SIZES:
        for kind in MODELS:
            found.append(_row(kind, rows))
            print(json.dumps(found[-1]), flush=True)
    return {"rows": found}


def _row(kind: str, rows: int) -> dict[str, Any]:
    times, values = history(rows, DAY if rows <= DAILY else 60)
    cap = float(values.max()) * 1.1
    limit = {"cap": cap} if kind == "logistic" else {}
    ours, cpu = _timed(
        lambda: FastProphet(**MODELS[kind]).fit(times, values, **limit), 7 if rows <= 10_000 else 1
    )
    row = {
        "kind": kind,
        "threads": os.environ.get("OPENBLAS_NUM_THREADS", "default"),
        "rows": rows,
        "ours": ours,
        "ours_cpu": cpu,
        "peer": None,
        "peer_cpu": None,
        "ratio": None,
        "ratio_cpu": None,
    }
    if rows <= PEER:
        fit = _prophet(kind, times, values, cap)
        row["peer"], row["peer_cpu"] = _timed(fit, 2 if rows <= DAILY else 1)
        row["ratio"], row["ratio_cpu"] = row["peer"] / ours, row["peer_cpu"] / cpu
    return row


def _prophet(kind: str, times: Any, values: Any, cap: float) -> Callable[[], object]:
    import pandas as pd
    from prophet import Prophet

    frame = pd.DataFrame({"ds": times, "y": values, "cap": cap})
    return lambda: Prophet(**MODELS[kind]).fit(frame)


def _timed(call: Callable[[], object], times: int) -> tuple[float, float]:
    """Returns the median time and CPU time of some calls after a first one, in seconds."""
    if times > 1:
        call()
    took, worked = [], []
    for _ in range(times):
        start, cpu = time.perf_counter(), _cpu()
        call()
        took.append(time.perf_counter() - start)
        worked.append(_cpu() - cpu)
    return statistics.median(took), statistics.median(worked)


def _cpu() -> float:
    """Returns the CPU seconds of this process and its finished children, such as Prophet's fit."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def designs(count: int) -> dict[str, Any]:
    """Returns milliseconds of CPU per fit, over `count` random designs of 2 to 300 rows."""
    took = []
    for seed in range(count):
        options, table, regressors = _design(np.random.default_rng(seed))
        model = FastProphet(**options)
        for name in regressors:
            model.add_regressor(name)
        start = time.process_time()
        model.fit(table)
        took.append((time.process_time() - start) * 1e3)
    p50, p99 = np.percentile(took, [50, 99])
    slow = [{"seed": int(seed), "ms": took[seed]} for seed in np.argsort(took)[-5:][::-1]]
    return {
        "designs": count,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "max_ms": max(took),
        "over_50_ms": sum(one > 50 for one in took),
        "over_500_ms": sum(one > 500 for one in took),
        "threads": os.environ.get("OPENBLAS_NUM_THREADS", "default"),
        "slowest": slow,
    }


def _design(noise: np.random.Generator) -> tuple[dict[str, Any], Any, list[str]]:
    """Draws options, rows and names of regressors at random."""
    import pandas as pd

    rows = int(np.exp(noise.uniform(np.log(2), np.log(300))))
    growth = str(noise.choice(["linear", "linear", "flat", "logistic"]))
    options: dict[str, Any] = {
        "growth": growth,
        "n_changepoints": int(noise.choice([0, 5, 25])),
        "changepoint_prior_scale": float(10 ** noise.uniform(-3, 0)),
        "seasonality_prior_scale": float(10 ** noise.uniform(-2, 1)),
        "seasonality_mode": str(noise.choice(["additive", "additive", "multiplicative"])),
    }
    for name in ("yearly", "weekly", "daily"):
        options[f"{name}_seasonality"] = [True, False, "auto"][int(noise.integers(3))]
    frequency = str(noise.choice(["MS", "W", "D", "h", "min"]))
    table = pd.DataFrame({"ds": pd.date_range("2015-01-01", periods=rows, freq=frequency)})
    wave = np.sin(np.arange(rows) / noise.uniform(1, 10))
    table["y"] = noise.uniform(1, 100) + np.cumsum(noise.normal(0, 0.5, rows)) + wave
    if growth == "logistic":
        table["cap"] = float(table.y.max() + noise.uniform(1, 20))
        table["floor"] = float(table.y.min() - noise.uniform(1, 20))
    if noise.random() < 0.3:
        days = noise.choice(table.ds, min(3, rows), replace=False)
        options["holidays"] = pd.DataFrame({"holiday": "event", "ds": days})
    regressors = [f"x{number}" for number in range(int(noise.integers(0, 3)))]
    for name in regressors:
        table[name] = noise.normal(size=rows)
    return options, table, regressors


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    task, *numbers = sys.argv[1:]
    tasks: dict[str, Callable[..., dict[str, Any]]] = {"sizes": sizes, "designs": designs}
    print(json.dumps(tasks[task](*map(int, numbers))))
