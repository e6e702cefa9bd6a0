"""FastProphet alongside Prophet on the same minutes, and alone on millions of them.

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


_KINDS = ("linear", "logistic", "multiplicative")
_FIGURES = ("seconds", "cpu_seconds", "extra_mb")


def _beside(kind: str, rows: int) -> dict[str, Any]:
    found = _child("beside", kind, rows)
    ratio = found["peer"] / found["ours"]
    return {"ratio": ratio, "unit": "s", "rows": rows, **found}


def _child(task: str, kind: str, *numbers: int) -> dict[str, Any]:
    """Runs `peers/minutes.py`; returns the object on the last line that it prints."""
    path = Path(__file__).parent / "peers" / "minutes.py"
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
    done = subprocess.run(
        [sys.executable, path, task, kind, *map(str, numbers)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, **threads},
    )
    if done.returncode:
        raise RuntimeError(f"the measurement failed: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
