"""FastProphet compared with Prophet on the same minutes, and alone on millions of them.

Each measurement is a process of its own with one thread for linear algebra. Histories are seeded
random walks of a log price with a daily wave.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROWS = 40_000
MILLIONS = 4_200_000
THREADS = ("OPENBLAS", "OMP", "MKL")


def measure_linear(rows: int = ROWS) -> dict[str, Any]:
    """Linear growth, additive seasonality: Prophet's defaults."""
    return _beside("linear", rows)


def measure_logistic(rows: int = ROWS) -> dict[str, Any]:
    """Logistic growth under a cap."""
    return _beside("logistic", rows)


def measure_multiplicative(rows: int = ROWS) -> dict[str, Any]:
    """Linear growth, multiplicative seasonality."""
    return _beside("multiplicative", rows)


def measure_millions(rows: int = MILLIONS) -> dict[str, Any]:
    """Seconds and memory above the input for a fit of each kind on `rows` minutes.

    `seconds` and `extra_mb` are those of linear growth; the other kinds have theirs by name.
    """
    kinds = {kind: _child("alone", kind, rows) for kind in _KINDS}
    linear = kinds["linear"]
    return {
        "ours": linear["seconds"],
        "peer": None,
        "ratio": None,
        "unit": "s",
        "rows": rows,
        **linear,
        **{f"{kind}_{figure}": kinds[kind][figure] for kind in _KINDS[1:] for figure in _FIGURES},
    }


def measure_refit(rows: int = MILLIONS, minutes: int = 1440) -> dict[str, Any]:
    """Append a minute and fit again, for a day of minutes; then how far from a fit from scratch.

    `difference` is the largest of ŷ over the next day, in log price.
    """
    found = _child("refit", "linear", rows, minutes)
    return {"ours": found["p99_ms"], "peer": None, "ratio": None, "unit": "ms", **found}


def measure_table() -> dict[str, Any]:
    """A fit of 3 to 4.2 million rows, with as many BLAS threads as the library takes by itself.

    The rows are in `table`. Prophet runs up to 10,000 rows; above that `peer` is None. `ratio` is
    the least of the rows that have both, in CPU time.
    """
    found = _script("prophet_sizes", "sizes", threads=None, timeout=1800)["rows"]
    least = min((row for row in found if row["ratio_cpu"]), key=lambda row: row["ratio_cpu"])
    return {
        "ours": least["ours_cpu"],
        "peer": least["peer_cpu"],
        "ratio": least["ratio_cpu"],
        "unit": "s of CPU",
        "table": found,
    }


def measure_small(designs: int = 1000) -> dict[str, Any]:
    """CPU time of fits of random small designs: few rows, every kind of growth and term."""
    found = _script("prophet_sizes", "designs", designs, threads=None, timeout=3600)
    return {"ours": found["p99_ms"], "peer": None, "ratio": None, "unit": "ms of CPU", **found}


_KINDS = ("linear", "logistic", "multiplicative")
_FIGURES = ("seconds", "cpu_seconds", "extra_mb")


def _beside(kind: str, rows: int) -> dict[str, Any]:
    found = _child("beside", kind, rows)
    ratio = found["peer"] / found["ours"]
    return {"ratio": ratio, "unit": "s", "rows": rows, **found}


def _child(task: str, kind: str, *numbers: int) -> dict[str, Any]:
    """Runs `peers/minutes.py` with one thread; returns the object on the last line it prints."""
    return _script("minutes", task, kind, *numbers, threads=1, timeout=900)


def _script(name: str, *arguments: object, threads: int | None, timeout: float) -> dict[str, Any]:
    """Runs a script of `peers/`; BLAS has `threads`, or as many as it takes by itself."""
    path = Path(__file__).parent / "peers" / f"{name}.py"
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in [f"{library}_NUM_THREADS" for library in THREADS]
    }
    if threads is not None:
        environment |= {f"{library}_NUM_THREADS": str(threads) for library in THREADS}
    done = subprocess.run(
        [sys.executable, path, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=environment,
    )
    if done.returncode:
        raise RuntimeError(f"the measurement failed: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
