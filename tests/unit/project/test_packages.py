"""Every install variant contains what it runs, and a missing library is reported."""

import ast
import re
import subprocess
import sys
from importlib.metadata import entry_points, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from tradebot.cli import commands
from tradebot.forecast import protocol
from tradebot.platform import extensions
from tradebot.platform.packages import EXTRAS, missing
from tradebot.platform.settings import SettingsError
from tradebot.records import FORECASTERS

ROOT = Path(__file__).parents[3]
DISTRIBUTIONS = packages_distributions()


def imported(module: str, seen: set[str] | None = None) -> set[str]:
    """Returns the distributions that importing one of our modules imports, by name."""
    seen = set() if seen is None else seen
    if module in seen:
        return set()
    seen.add(module)
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return set()
    names: list[str] = []
    for node in ast.parse(Path(spec.origin).read_text()).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    found: set[str] = set()
    for name in names:
        if name.startswith("tradebot."):
            if find_spec(name.rpartition(".")[0]) and _is_module(name):
                found |= imported(name, seen)
        else:
            top = name.partition(".")[0]
            found |= {dist.lower().replace("_", "-") for dist in DISTRIBUTIONS.get(top, [])[:1]}
    return found


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def pinned(file: str) -> set[str]:
    text = (ROOT / "requirements" / file).read_text()
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.M))


@pytest.mark.parametrize("name", sorted(commands()))
def test_make_setup_installs_what_a_command_imports(name: str) -> None:
    assert imported(commands()[name][0].partition(":")[0]) <= pinned("setup.txt")


@pytest.mark.parametrize("model", extensions.names(FORECASTERS))
def test_the_forecast_image_holds_what_a_model_of_a_bot_imports(model: str) -> None:
    dockerfile = (ROOT / "images/forecast/Dockerfile").read_text()
    added = re.search(r"--constraint /tmp/lstm.txt ([\w -]+);", dockerfile)
    assert added is not None
    of_lstm = set(added[1].split())
    assert of_lstm <= pinned("lstm.txt")
    (point,) = entry_points(group=FORECASTERS, name=model)
    assert imported(point.module) <= pinned("forecast.txt") | of_lstm


@pytest.mark.parametrize("model", ["Lstm", "IndicatorLstm", "YearLstm"])
def test_make_setup_lstm_installs_what_the_lstms_import(model: str) -> None:
    (point,) = entry_points(group=FORECASTERS, name=model)
    assert imported(point.module) <= pinned("lstm.txt") | pinned("setup.txt")


@pytest.mark.parametrize("target", sorted({target for _, target in EXTRAS.values()}))
def test_a_target_named_in_a_message_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


def test_a_command_without_its_library_says_what_to_call() -> None:
    script = "import sys; sys.modules['numba'] = None; from tradebot.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", script, "backtest", "--help"], capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(
        "Error: tradebot backtest needs the package numba: run `make setup` in the checkout, or"
    )


def test_a_model_without_its_library_says_what_to_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_point: object) -> object:
        raise ModuleNotFoundError(name="torch")

    point = type("Point", (), {"load": find})()
    monkeypatch.setattr(protocol.extensions, "find", lambda *_names: point)
    with pytest.raises(SettingsError, match=r"^model Lstm needs the package torch: run `make se"):
        protocol.make("Lstm")


def test_a_library_of_a_model_of_ones_own_is_named_too() -> None:
    error = missing("model Mine", ModuleNotFoundError(name="jax.numpy"))
    assert error.message == "model Mine needs the package jax: install it"
