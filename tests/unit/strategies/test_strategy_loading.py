"""Strategy files are loaded in one place, and each bad one gives one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tradebot import strategies
from tradebot.history.arrays import Bars
from tradebot.platform.settings import SettingsError
from tradebot.strategies import source

ARRAYS = '''"""Buys every so many bars."""
import numpy as np
from tradebot.strategies import Bars, Orders
PARAMETERS = {"every": (5, 2, 50), "size": 0.5}
FORECASTS = ("FastProphet",)
def warmup(every):
    return every * 2
def signals(bars: Bars, every: int = 5, size: float = 0.5) -> Orders:
    side = (np.arange(len(bars.ts)) % every == 0).astype(np.int8)
    return Orders(side=side, size=np.full(len(bars.ts), size))
'''
CLASS = """
from tradebot.strategies import Market, Strategy
WARMUP = 7
class Mine(Strategy):
    def __init__(self, share=0.5):
        self.share = share
    def on_bar(self, market: Market) -> None:
        market.buy(fraction=self.share)
"""


def bars(rows: int = 10) -> Bars:
    price = np.full(rows, 100.0)
    ts = np.arange(rows, dtype=np.int64) * 60_000
    return Bars(ts, price, price, price, price, price, 60_000)


def written(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def refusal(folder: Path, text: str, **parameters: object) -> str:
    """Returns the error for a file, without its folder."""
    with pytest.raises(SettingsError) as caught:
        loaded = strategies.load(written(folder, text), parameters)  # type: ignore[arg-type]
        loaded.create() if loaded.is_class else loaded.orders(bars())
    return str(caught.value).replace(f"{folder}/", "")


def test_a_file_of_arrays_says_what_it_is_called_takes_and_needs(tmp_path: Path) -> None:
    loaded = strategies.load(written(tmp_path, ARRAYS), {"every": 4})
    assert (loaded.name, loaded.description) == ("mine", "Buys every so many bars.")
    assert loaded.parameters == {"every": 4, "size": 0.5}
    assert (loaded.warmup, loaded.forecasts) == (8, ("FastProphet",))
    assert [(p.name, p.low, p.high) for p in loaded.known] == [
        ("every", 2, 50),
        ("size", None, None),
    ]
    assert loaded.orders(bars()).side.tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1, 0]


def test_a_class_is_instantiated_for_each_run_with_its_parameters(tmp_path: Path) -> None:
    loaded = strategies.load(written(tmp_path, CLASS), {"share": 0.25})
    first, second = loaded.create(), loaded.create()
    assert loaded.is_class and loaded.warmup == 7
    assert first is not second and first.share == 0.25  # type: ignore[attr-defined]


def test_the_digest_changes_with_the_code_and_with_a_parameter_and_with_nothing_else(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, ARRAYS)
    other = written(tmp_path, ARRAYS, name="other.py")
    assert strategies.load(file).digest == strategies.load(other, {"every": 5}).digest
    assert strategies.load(file).digest != strategies.load(file, {"every": 6}).digest
    changed = written(tmp_path, ARRAYS.replace("== 0", "== 1"), name="changed.py")
    assert strategies.load(file).digest != strategies.load(changed).digest


def test_a_file_named_like_a_standard_module_does_not_replace_it(tmp_path: Path) -> None:
    strategies.load(written(tmp_path, CLASS, name="json.py"))
    import json

    assert json.loads("[1]") == [1]


@pytest.mark.parametrize("name", source.installed())
def test_every_built_in_says_what_it_does_and_what_it_takes(name: str) -> None:
    loaded = strategies.load(name)
    assert loaded.description
    assert all(parameter.default is not None for parameter in loaded.known)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "mine.py has no strategy: it must define either one class that extends Strategy or "),
        (ARRAYS + CLASS, "mine.py has Mine, signals: it must define either one class"),
        ("x = 1\ny = x / 0\n", "mine.py, line 2: ZeroDivisionError: division by zero"),
        ("def f(:\n", "mine.py, line 1: SyntaxError: "),
        ("import pandasql\n", "mine.py, line 1 needs the package pandasql: install it; on a "),
        ("from tradebot.nowhere import x\n", "line 1: ModuleNotFoundError: No module named 'tra"),
        (
            ARRAYS.replace("Orders(side=side, size", "Orders(side=side[1:], size"),
            "mine.py: there are 10 bars but 9 sides and 10 sizes: return one side and one size "
            "for every bar",
        ),
        (
            ARRAYS.replace("return Orders(side=side", "return dict(side=side"),
            "mine.py: signals returned dict: return Orders(side=…, size=…)",
        ),
        (
            ARRAYS.replace("size)\n", "size)\n", 1).replace("np.int8", "np.int8) * np.int8(3"),
            "mine.py: the side at bar 0 is 3: use 1, -1 or 0",
        ),
        (
            ARRAYS.replace("len(bars.ts), size", "len(bars.ts), np.nan"),
            "mine.py: the size of the buy at bar 0 is nan: return a number",
        ),
        (
            ARRAYS.replace("every == 0", "every == [][0]"),
            "mine.py, line 9: IndexError: list index out of range",
        ),
        (
            ARRAYS.replace("(5, 2, 50)", "(5, 8, 50)"),
            "mine.py: PARAMETERS sets every to (5, 8, 50): use a default, or (default, least, "
            "greatest) as numbers in that range",
        ),
        (
            ARRAYS.replace("every: int = 5", "every: int = 6"),
            "mine.py: every is 5 by default in PARAMETERS but 6 in the function: use the same",
        ),
        (
            ARRAYS.replace('"size": 0.5', '"sizes": 0.5'),
            "mine.py: PARAMETERS names sizes, but signals takes one of every, size: name it there",
        ),
        (
            CLASS.replace("share=0.5", "share"),
            "mine.py: the parameter share has no default: give it one in PARAMETERS",
        ),
        (CLASS.replace("= 7", "= -1"), "mine.py: WARMUP is -1: use a number of bars, 0 or more"),
        (
            ARRAYS.replace('("FastProphet",)', '"FastProphet"'),
            "mine.py: FORECASTS is 'FastProphet': use names of models, such as (\"FastProphet\",)",
        ),
        (
            CLASS.replace("self.share = share", "self.share = share / 0"),
            "mine.py, line 6: ZeroDivisionError: float division by zero",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    assert sentence in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"evry": 3}, "mine.py has no parameter evry: use one of every, size"),
        ({"every": 2.5}, "mine.py: the parameter every is 2.5: use a whole number"),
        ({"every": True}, "mine.py: the parameter every is True: use a whole number"),
        ({"size": "all"}, "mine.py: the parameter size is 'all': use a number"),
    ],
)
def test_a_parameter_that_does_not_exist_or_is_of_another_kind_is_one_sentence(
    tmp_path: Path, parameters: dict[str, object], sentence: str
) -> None:
    assert refusal(tmp_path, ARRAYS, **parameters) == sentence


def test_a_name_that_is_not_installed_lists_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"strategy is 'Sma': use one of BuyAndHold, .*\.py"):
        strategies.load("Sma")


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.py does not exist: use the path of a strategy"):
        strategies.load(str(tmp_path / "none.py"))


def test_two_packages_with_a_strategy_of_one_name_are_both_named(tmp_path: Path) -> None:
    for package in ("one", "two"):
        info = tmp_path / package / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[tradebot.strategies]\nMine = {package}_mine\n")
    path = os.pathsep.join(str(tmp_path / package) for package in ("one", "two"))
    done = subprocess.run(
        [sys.executable, "-c", "from tradebot import strategies; strategies.load('Mine')"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert (
        "strategy is 'Mine', which is installed twice, by one (one_mine) and two (two_mine): "
        "uninstall or rename one" in done.stderr
    )
