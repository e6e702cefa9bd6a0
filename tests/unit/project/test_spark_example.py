"""The example with Spark: what can be checked without Spark."""

import importlib
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "report" / "spark"


def test_the_connector_is_of_the_pinned_version_of_spark() -> None:
    connector = runpy.run_path(str(FOLDER / "windows.py"))["CONNECTOR"]
    (pinned,) = re.findall(r"^pyspark==(\S+)", (ROOT / "requirements/spark.txt").read_text(), re.M)
    assert connector.endswith(f":{pinned}")
    assert f"pyspark=={pinned}" in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("program", ["windows.py", "measure.py"])
def test_a_program_explains_itself_without_spark(program: str) -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / program, "--help"], capture_output=True, text=True, check=True
    )
    assert "--kafka" in done.stdout


@pytest.fixture
def sums_close(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    monkeypatch.syspath_prepend(str(ROOT))
    compared: Any = importlib.import_module("benchmarks.liquidity").sums_close
    return compared


OURS = {f"{window} BTCUSD": {"bid": 1.1 * window, "ask": 2.0} for window in range(6)}


def test_sums_that_differ_by_rounding_alone_are_equal(sums_close: Callable[..., bool]) -> None:
    near = {
        name: {side: v * (1 + 1e-15) for side, v in each.items()} for name, each in OURS.items()
    }
    assert sums_close(OURS, near)


def test_a_sum_that_lacks_a_record_is_noticed(sums_close: Callable[..., bool]) -> None:
    assert not sums_close(OURS, {**OURS, "1 BTCUSD": {"bid": 1.1, "ask": 1.9}})
    assert not sums_close(OURS, {})
