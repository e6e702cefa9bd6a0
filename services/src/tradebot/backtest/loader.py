"""Finds a strategy: one of ours by its name, or a user's own in a file."""

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

from tradebot.backtest.settings import BacktestSettings
from tradebot.backtest.strategy import Bars, Signals, Strategy
from tradebot.platform import extensions
from tradebot.platform.packages import missing
from tradebot.platform.settings import SettingsError

HISTORY_DAYS = 300
"""Closes that the indicator LSTM learns from, as in the tutorial."""

STRATEGIES: Final = "tradebot.strategies"
"""The entry points of strategies: a class that extends `Strategy`, or a function of bars."""

TRAINED: Final = "IndicatorLstm"
"""The strategy that is trained before it runs, by settings of its own."""

Progress = Callable[[str], None]


def needs_before(strategy: str) -> int:
    """Bars that a strategy needs before the first one of the test."""
    return HISTORY_DAYS if strategy == TRAINED else 0


def find(
    settings: BacktestSettings, before: Bars, tested: Bars, tell: Progress
) -> Strategy | Signals:
    """The strategy that the settings name; `tell` is given lines on how its training goes.

    Raises:
        SettingsError: there is no such strategy, or its file holds none.
    """
    name = settings.strategy
    if name == TRAINED:
        return _indicator_lstm(settings, before, tested, tell)
    if name.endswith(".py"):
        return of_file(Path(name))
    known = extensions.names(STRATEGIES)
    if name not in known:
        raise SettingsError(
            f"strategy is {name!r}: use one of {', '.join([TRAINED, *known])}, or the path of a "
            ".py file"
        )
    found = extensions.find(STRATEGIES, name, "strategy").load()
    return _checked(found() if inspect.isclass(found) else found, name)


def _checked(found: Any, name: str) -> Strategy | Signals:
    if isinstance(found, Strategy) or callable(found):
        return cast(Strategy | Signals, found)
    raise SettingsError(
        f"strategy {name} is neither a class that extends Strategy nor a function of bars"
    )


def of_file(path: Path) -> Strategy | Signals:
    """The strategy that a user's file defines: a class, or a function called `signals`.

    Raises:
        SettingsError: the file is not there, does not run, or holds no strategy or several.
    """
    module = run_file(path)
    signals = getattr(module, "signals", None)
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Strategy)
        and value.__module__ == module.__name__
    ]
    if callable(signals) and not classes:
        found: Signals = signals
        return found
    if len(classes) == 1 and signals is None:
        return classes[0]()
    what = [kind.__name__ for kind in classes] + (["signals"] if signals else [])
    raise SettingsError(
        f"{path} has {', '.join(what) if what else 'no strategy'}: it must define either one class"
        " that extends Strategy or one function `signals(bars)`"
    )


def run_file(path: Path) -> ModuleType:
    """The module that a user's file makes.

    Raises:
        SettingsError: the file is not there or does not run; the message names the line.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SettingsError(f"{path} does not exist: use the path of a strategy file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = next(
            (frame.lineno for frame in reversed(inspect.trace()) if frame.filename == str(path)),
            getattr(error, "lineno", None),
        )
        raise SettingsError(f"{path}, line {line}: {type(error).__name__}: {error}") from None
    return module


def _indicator_lstm(
    settings: BacktestSettings, before: Bars, tested: Bars, tell: Progress
) -> Strategy:
    try:
        from tradebot.backtest.strategies.indicator_lstm import IndicatorLstmStrategy
        from tradebot.indicator_lstm.model import Training, train
    except ModuleNotFoundError as error:
        raise missing("IndicatorLstm", error) from None
    learnt = (before if settings.mended else tested).close[-HISTORY_DAYS:]
    if len(before.ts) < HISTORY_DAYS:
        raise SettingsError(
            f"there are {len(before.ts)} bars before the test, but IndicatorLstm needs "
            f"{HISTORY_DAYS}: use a file that starts earlier, or a shorter --to"
        )
    training = Training(epochs=settings.epochs, seed=settings.seed, mended=settings.mended)

    model = train(learnt, training, lambda epoch, loss: tell(f"Epoch: {epoch}, loss: {loss:.5f}"))
    return IndicatorLstmStrategy(model, before.close[-HISTORY_DAYS:], mended=settings.mended)
