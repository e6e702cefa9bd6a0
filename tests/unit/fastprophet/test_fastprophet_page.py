"""Every code block of the page for people with a series and no bot runs, in order."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[3] / "docs" / "tutorials" / "fastprophet.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_blocks_run_one_after_the_other_as_written() -> None:
    names: dict[str, Any] = {}
    for block in blocks():
        exec(compile(block, str(PAGE), "exec"), names)
    assert len(blocks()) == 7


def test_the_package_needs_only_numpy_and_scipy() -> None:
    """As on a machine where `pip install --no-deps .` left everything else out."""
    program = textwrap.dedent(
        """
        import sys

        class Refused:
            allowed = {"numpy", "scipy", "tradebot"}

            def find_spec(self, name, path=None, target=None):
                top = name.partition(".")[0]
                if top in sys.stdlib_module_names or top in self.allowed or top.startswith("_"):
                    return None
                raise ModuleNotFoundError(f"No module named {top!r}", name=top)

        sys.meta_path.insert(0, Refused())
        from tradebot.fastprophet import FastProphet

        import numpy as np

        days = np.arange("2021-01-01", "2021-06-01", dtype="datetime64[D]")
        forecast = FastProphet().fit(days, np.arange(len(days)) * 1.0).predict(3)
        print(len(forecast.yhat))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "3\n", done.stderr
