"""Prepares a loaded strategy for a run: sets the flags' values, and fits it."""

from collections.abc import Callable
from typing import Final

import msgspec

from tradebot import strategies
from tradebot.backtest.settings import BacktestSettings
from tradebot.history.arrays import joined
from tradebot.platform.settings import SettingsError
from tradebot.strategies.checks import lookahead
from tradebot.strategies.interface import Bars, Signals, Strategy
from tradebot.strategies.loading import LoadedStrategy
from tradebot.strategies.orders import Orders
from tradebot.strategies.parameters import Value

FLAGS: Final = ("seed", "epochs", "mended")
"""Flags that set the parameter of the same name, if a strategy has one."""

TUTORIAL: Final = "IndicatorLstm"
"""The strategy that is fitted to the tested bars themselves, unless it is mended."""

Progress = Callable[[str], None]


def load(settings: BacktestSettings) -> LoadedStrategy:
    """Loads the settings' strategy, with its parameters.

    Raises:
        SettingsError: there is no such strategy, or it has no such parameter.
    """
    found = strategies.load(settings.strategy)
    flags = {name: getattr(settings, name) for name in FLAGS if name in found.parameters}
    return found.with_parameters({**flags, **values_of(settings.parameters)})


def ready(
    loaded: LoadedStrategy,
    settings: BacktestSettings,
    before: Bars,
    tested: Bars,
    tell: Progress,
) -> Strategy | Signals:
    """Fits the strategy on the bars before the test; `tell` is called with lines about progress.

    A function of arrays sees its warm-up too, as far as there are bars before the test.

    Raises:
        SettingsError: there are too few bars before the test, or the strategy looks ahead.
    """
    if not loaded.is_fitted:
        lookahead.refuse(loaded, tested)
        return loaded.create() if loaded.is_class else _warmed(loaded, before)
    strategy = loaded.create()
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


def _warmed(loaded: LoadedStrategy, before: Bars) -> Signals:
    lead = before.rows(max(0, len(before.ts) - loaded.warmup), len(before.ts))

    def signals(bars: Bars) -> Orders:
        orders = loaded.orders(joined([lead, bars]))
        return msgspec.structs.replace(
            orders, side=orders.side[len(lead.ts) :], size=orders.size[len(lead.ts) :]
        )

    return signals if len(lead.ts) else loaded.orders


def values_of(text: str) -> dict[str, Value]:
    """A strategy's parameters from a JSON object.

    Raises:
        SettingsError: it is none.
    """
    try:
        values = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError as error:
        raise SettingsError(f"parameters is {text!r}, which is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise SettingsError(f"parameters is {text!r}: use a JSON object such as '{{\"fast\": 12}}'")
    return values


def _fit_as_in_the_tutorial(
    strategy: Strategy, closes: int, before: Bars, tested: Bars, tell: Progress
) -> None:
    """Fits on the tested closes themselves: the original's flaw, which `--mended` removes."""
    from tradebot.strategies.indicator_lstm import IndicatorLstmStrategy

    assert isinstance(strategy, IndicatorLstmStrategy)
    model = strategy.train(tested.close[-closes:], tell)
    strategy.begin(model, before.close[-closes:])
