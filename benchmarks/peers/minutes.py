"""Fits of a log price by minute: `TASK KIND ROWS …`; prints JSON on the last line.

Tasks: `beside` (FastProphet and Prophet on the same rows), `alone` (time and memory of a fit),
`refit` (append a minute and fit again).
"""

import json
import logging
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tradebot.fastprophet import FastProphet

MODELS: dict[str, dict[str, Any]] = {
    "linear": {},
    "logistic": {"growth": "logistic"},
    "multiplicative": {"seasonality_mode": "multiplicative"},
}
HORIZON = 1440


def history(
    rows: int, seconds: int = 60
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.float64]]:
    """Times from 2012, `seconds` apart, and a log price: a walk with a wave of 1,440 rows."""
    step = np.timedelta64(seconds, "s")
    times = np.datetime64("2012-01-01T00:00", "ns") + np.arange(rows) * step
    walk = np.random.default_rng(7).normal(0, 1e-3, rows)
    np.cumsum(walk, out=walk)
    walk += 9 + 0.02 * np.sin(np.arange(rows) * (2 * np.pi / 1440))
    return times, walk


def beside(kind: str, rows: int) -> dict[str, Any]:
    """Returns both times in s, the gain in log posterior, and the time of a day's forecast."""
    import pandas as pd
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    logging.getLogger("prophet").setLevel(logging.ERROR)
    times, values = history(rows)
    cap = float(values.max()) * 1.1
    limit = {"cap": cap} if kind == "logistic" else {}
    ours, fast = _timed(lambda: FastProphet(**MODELS[kind]).fit(times, values, **limit), 5)
    frame = pd.DataFrame({"ds": times, "y": values, "cap": cap})
    peer, slow = _timed(lambda: Prophet(**MODELS[kind]).fit(frame), 1)
    # The same function measures the gain for both: Stan's own, up to constants.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    from prophets.target import Target

    target = Target.of_prophet(slow)
    return {
        "ours": ours,
        "peer": peer,
        "log_posterior_gain": target.log_posterior(fast.params) - target.log_posterior(slow.params),
        **(_predictions(fast, slow) if kind != "logistic" else {}),
    }


def _predictions(fast: Any, slow: Any) -> dict[str, float]:
    """Returns the milliseconds of a day's forecast with bands.

    Not for logistic growth: Prophet's sampling takes time in proportion to the square of the
    history, an hour at 40,000 rows.
    """
    import pandas as pd

    ours, forecast = _timed(lambda: fast.predict(HORIZON), 7)
    peer, _ = _timed(lambda: slow.predict(pd.DataFrame({"ds": forecast.ds})), 3)
    return {"predict_ms": ours * 1e3, "predict_peer_ms": peer * 1e3, "predict_ratio": peer / ours}


def alone(kind: str, rows: int) -> dict[str, Any]:
    """Returns the seconds of a fit, and its peak memory above the process's with its input."""
    times, values = history(rows)
    limit = {"cap": float(values.max()) * 1.1} if kind == "logistic" else {}
    FastProphet(**MODELS[kind]).fit(times[:5000], values[:5000], **limit)
    Path("/proc/self/clear_refs").write_text("5")
    before, cpu = _memory("VmRSS"), time.process_time()
    seconds, _ = _timed(lambda: FastProphet(**MODELS[kind]).fit(times, values, **limit), 1)
    cpu = time.process_time() - cpu
    return {"seconds": seconds, "cpu_seconds": cpu, "extra_mb": _memory("VmHWM") - before}


def refit(kind: str, rows: int, minutes: int) -> dict[str, Any]:
    """Returns milliseconds of append and refit, and the final distance from a fit from scratch."""
    times, values = history(rows + minutes)
    model = FastProphet(**MODELS[kind]).fit(times[:rows], values[:rows])
    took, worked = [], []
    for row in range(rows, rows + minutes):
        cpu = time.process_time()
        seconds, _ = _timed(lambda i=row: model.append(times[i : i + 1], values[i : i + 1]), 1)
        worked.append((time.process_time() - cpu) * 1e3)
        took.append(seconds * 1e3)
    again = FastProphet(**MODELS[kind]).fit(times, values)
    away = np.abs(model.predict(HORIZON).yhat - again.predict(HORIZON).yhat)
    return {
        "rows": rows,
        "p50_ms": statistics.median(took),
        "p99_ms": float(np.percentile(took, 99)),
        "p99_cpu_ms": float(np.percentile(worked, 99)),
        "difference": float(away.max()),
    }


def _timed(call: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Returns the median time of some calls, in seconds, and the last result."""
    took = []
    answer = None
    for _ in range(times):
        start = time.perf_counter()
        answer = call()
        took.append(time.perf_counter() - start)
    return statistics.median(took), answer


def _memory(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {field} in /proc/self/status")


if __name__ == "__main__":
    tasks: dict[str, Callable[..., dict[str, Any]]] = {
        "beside": beside,
        "alone": alone,
        "refit": refit,
    }
    print(json.dumps(tasks[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:]))))
