"""A strategy's code: a user's file, or a module of an installed package."""

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from tradebot.platform import extensions
from tradebot.platform.packages import missing
from tradebot.strategies.interface import Strategy
from tradebot.strategies.parameters import StrategyError

GROUP: Final = "tradebot.strategies"
"""The entry points of strategies: a module in the form of a strategy file, or one function or
class of it."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a strategy is: its name, its module, and the function or class in it."""

    name: str
    module: ModuleType
    found: Callable[..., Any]
    digest: str
    """SHA-256 of the code, hexadecimal."""
    where: str
    """Its name in errors: the path of a file, or the name."""

    @property
    def is_class(self) -> bool:
        """Whether it is called at each bar; otherwise it is a function of arrays."""
        return inspect.isclass(self.found)


def find(path_or_name: str) -> Source:
    """Finds a file's strategy if the text ends in `.py`, otherwise the installed one of that name.

    Raises:
        StrategyError: there is none, or it does not run.
    """
    if path_or_name.endswith(".py"):
        path = Path(path_or_name)
        module, code = run_file(path)
        return _source(path.stem, module, chosen(module, str(path)), code, str(path))
    return _installed(path_or_name)


def installed() -> list[str]:
    """Returns the names of the installed strategies, sorted."""
    return extensions.names(GROUP)


def _installed(name: str) -> Source:
    if name not in installed():
        raise StrategyError(
            f"strategy is {name!r}: use one of {', '.join(installed())}, or the path of a .py file"
        )
    point = extensions.find(GROUP, name, "strategy")
    try:
        found = point.load()
    except ModuleNotFoundError as error:
        raise missing(f"strategy {name}", error) from None
    module = found if inspect.ismodule(found) else sys.modules[point.module]
    if found is module:
        found = chosen(module, name)
    elif (inspect.isclass(found) and not issubclass(found, Strategy)) or not callable(found):
        raise StrategyError(
            f"strategy {name} is neither a class that extends Strategy nor a function of bars"
        )
    return _source(name, module, found, Path(str(module.__file__)).read_bytes(), name)


def _source(
    name: str, module: ModuleType, found: Callable[..., Any], code: bytes, where: str
) -> Source:
    digest = hashlib.sha256(code).hexdigest()
    return Source(name=name, module=module, found=found, digest=digest, where=where)


def chosen(module: ModuleType, where: str) -> Callable[..., Any]:
    """Returns the one strategy of a module: its class, or its function `signals`.

    Raises:
        StrategyError: the module has none, or several.
    """
    signals = getattr(module, "signals", None)
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Strategy)
        and value.__module__ == module.__name__
    ]
    if callable(signals) and not classes:
        found: Callable[..., Any] = signals
        return found
    if len(classes) == 1 and signals is None:
        return classes[0]
    what = [kind.__name__ for kind in classes] + (["signals"] if signals else [])
    raise StrategyError(
        f"{where} has {', '.join(what) if what else 'no strategy'}: it must define either one class"
        " that extends Strategy or one function `signals(bars)`"
    )


def run_file(path: Path) -> tuple[ModuleType, bytes]:
    """Runs a file; returns its module, and its code.

    Raises:
        StrategyError: the file does not exist or does not run; the message names the line.
    """
    try:
        code = path.read_bytes()
    except OSError:
        raise StrategyError(f"{path} does not exist: use the path of a strategy file") from None
    # A unique name: a file called json.py must not replace the standard library's module.
    name = f"tradebot_strategy_{path.stem}_{hashlib.sha256(code).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and not f"{error.name}.".startswith("tradebot."):
            needs = f"{path}, line {line_of(error, path)}"
            besides = "; on a cluster, set the chart's images.forecast to an image that has it"
            raise missing(needs, error, besides) from None
        raise StrategyError(failure(error, path)) from None
    return module, code


def failure(error: BaseException, path: Path | str) -> str:
    """Returns where in a strategy's file an error arose, and the last line of its traceback."""
    last = traceback.format_exception_only(error)[-1].strip()
    return f"{path}, line {line_of(error, path)}: {last}"


def line_of(error: BaseException, path: Path | str) -> int | None:
    """Returns the last line of the file that the error passed through, or a syntax error's own."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = (frame.lineno for frame in reversed(frames) if frame.filename == str(path))
    return next(lines, getattr(error, "lineno", None))
