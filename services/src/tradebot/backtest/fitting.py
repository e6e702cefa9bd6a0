"""Makes a loaded strategy ready for a run: with its flags' values, and fitted."""

from collections.abc import Callable
from typing import Final

from tradebot import strategies
from tradebot.backtest.settings import BacktestSettings
from tradebot.platform.settings import SettingsError
from tradebot.strategies.interface import Bars, Signals, Strategy
from tradebot.strategies.loading import LoadedStrategy

FLAGS: Final = ("seed", "epochs", "mended")
"""Flags that set the parameter of the same name, where a strategy has one."""

TUTORIAL: Final = "IndicatorLstm"
"""The strategy that is fitted to the very bars that it is tested on, unless it is mended."""

Progress = Callable[[str], None]


def load(settings: BacktestSettings) -> LoadedStrategy:
    """The strategy that the settings name, with its parameters.

    Raises:
        SettingsError: there is no such strategy, or it has no such parameter.
    """
    found = strategies.load(settings.strategy)
    flags = {name: getattr(settings, name) for name in FLAGS if name in found.parameters}
    return found.with_parameters(flags)


def ready(
    loaded: LoadedStrategy,
    settings: BacktestSettings,
    before: Bars,
    tested: Bars,
    tell: Progress,
) -> Strategy | Signals:
    """The strategy, fitted on the bars before the test; `tell` takes lines on how that goes.

    Raises:
        SettingsError: there are too few bars before the test.
    """
    if not loaded.is_class:
        return loaded.orders
    strategy = loaded.create()
    if type(strategy).fit is Strategy.fit:
        return strategy
    if len(before.ts) < loaded.warmup:
        raise SettingsError(
            f"there are {len(before.ts)} bars before the test, but {loaded.name} needs "
            f"{loaded.warmup}: use a file that starts earlier, or a shorter --to"
        )
    if loaded.name == TUTORIAL and not settings.mended:
        _fit_as_in_the_tutorial(strategy, loaded.warmup, before, tested, tell)
    else:
        strategy.fit(before.rows(len(before.ts) - loaded.warmup, len(before.ts)), tell)
    return strategy


def _fit_as_in_the_tutorial(
    strategy: Strategy, closes: int, before: Bars, tested: Bars, tell: Progress
) -> None:
    """On the tested closes themselves: the original's flaw, which `--mended` removes."""
    from tradebot.strategies.indicator_lstm import IndicatorLstmStrategy

    assert isinstance(strategy, IndicatorLstmStrategy)
    model = strategy.train(tested.close[-closes:], tell)
    strategy.begin(model, before.close[-closes:])
