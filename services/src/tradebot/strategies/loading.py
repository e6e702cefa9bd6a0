"""The one loader of strategies, for backtests, searches, checks, the stage and the demo."""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from tradebot.strategies import source
from tradebot.strategies.interface import Bars, Strategy
from tradebot.strategies.orders import Orders
from tradebot.strategies.parameters import (
    Parameter,
    StrategyError,
    Value,
    Values,
    bound,
    declared,
)
from tradebot.strategies.source import Source


class LoadedStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy with values for all its parameters.

    `digest` is that of code and parameters, 16 hexadecimal digits. `warmup` is the number of bars
    before its first decision. `forecasts` are the models whose forecasts it reads.
    """

    name: str
    description: str
    digest: str
    parameters: Mapping[str, Value]
    known: tuple[Parameter, ...]
    warmup: int
    forecasts: tuple[str, ...]
    source: Source

    @property
    def is_class(self) -> bool:
        """Whether it is a class that is called at each bar; otherwise a function of arrays."""
        return self.source.is_class

    @property
    def is_fitted(self) -> bool:
        """Whether it learns from the bars before its first one."""
        return self.is_class and getattr(self.source.found, "fit", None) is not Strategy.fit

    def create(self) -> Strategy:
        """Creates an object of a class strategy, for one run.

        Raises:
            StrategyError: its constructor fails.
        """
        assert self.is_class, f"{self.name} is a function of arrays: use `orders`"
        try:
            made: Strategy = self.source.found(**self.parameters)
        except Exception as error:
            raise self.failed(error) from error
        return made

    def orders(self, bars: Bars) -> Orders:
        """Returns the rows of an array strategy, checked: a side and a size for each bar.

        Raises:
            StrategyError: it fails, or returns something else.
        """
        assert not self.is_class, f"{self.name} is a class: use `create`"
        try:
            orders: Orders = self.source.found(bars, **self.parameters)
        except Exception as error:
            raise self.failed(error) from error
        _check(self.source.where, orders, len(bars.ts))
        return orders

    def failed(self, error: Exception) -> StrategyError:
        """Returns the error for a failure of the strategy's own code, with file and line."""
        file = inspect.getsourcefile(self.source.module) or self.source.where
        return StrategyError(source.failure(error, file))

    def with_parameters(self, values: Values) -> "LoadedStrategy":
        """Returns the same strategy with these values; the others are kept.

        Raises:
            StrategyError: there is no such parameter, or the value has the wrong type.
        """
        return _loaded(self.source, {**self.parameters, **values})


def load(path_or_name: str, parameters: Values | None = None) -> LoadedStrategy:
    """Loads the strategy in a `.py` file, or the installed one of that name.

    Args:
        parameters: values for some of its parameters; the others keep their defaults.

    Raises:
        StrategyError: there is no such strategy, its file does not run or contains none, or it has
            no such parameter.
        SettingsError: it imports a package that is not installed.
    """
    return _loaded(source.find(path_or_name), parameters or {})


def _loaded(found: Source, values: Values) -> LoadedStrategy:
    where, module = found.where, found.module
    known = declared(
        where, found.found, 0 if found.is_class else 1, getattr(module, "PARAMETERS", None)
    )
    parameters = bound(where, known, values)
    code = f"{found.digest} {json.dumps(parameters, sort_keys=True)}"
    return LoadedStrategy(
        name=found.name,
        description=inspect.getdoc(module) or inspect.getdoc(found.found) or "",
        digest=hashlib.sha256(code.encode()).hexdigest()[:16],
        parameters=parameters,
        known=known,
        warmup=_warmup(found, parameters),
        forecasts=_forecasts(found, parameters),
        source=found,
    )


def _declaration(found: Source, name: str, parameters: Mapping[str, Value], default: Any) -> Any:
    """Returns the module's constant `NAME`, or the result of its function `name`."""
    function: Callable[..., Any] | None = getattr(found.module, name.lower(), None)
    if not callable(function):
        return getattr(found.module, name, default)
    taken = inspect.signature(function).parameters
    try:
        return function(**{key: value for key, value in parameters.items() if key in taken})
    except Exception as error:
        file = inspect.getsourcefile(found.module) or found.where
        raise StrategyError(source.failure(error, file)) from error


def _warmup(found: Source, parameters: Mapping[str, Value]) -> int:
    bars = _declaration(found, "WARMUP", parameters, 0)
    if isinstance(bars, bool) or not isinstance(bars, int) or bars < 0:
        raise StrategyError(f"{found.where}: WARMUP is {bars!r}: use a number of bars, 0 or more")
    return bars


def _forecasts(found: Source, parameters: Mapping[str, Value]) -> tuple[str, ...]:
    models = _declaration(found, "FORECASTS", parameters, ())
    if not isinstance(models, tuple | list) or not all(isinstance(each, str) for each in models):
        raise StrategyError(
            f'{found.where}: FORECASTS is {models!r}: use names of models, such as ("FastProphet",)'
        )
    return tuple(models)


def _check(where: str, orders: Any, rows: int) -> None:
    if not isinstance(orders, Orders):
        raise StrategyError(
            f"{where}: signals returned {type(orders).__name__}: return Orders(side=…, size=…)"
        )
    side, size = np.asarray(orders.side), np.asarray(orders.size)
    if side.shape != (rows,) or size.shape != (rows,):
        raise StrategyError(
            f"{where}: there are {rows} bars but {side.size} sides and {size.size} sizes: return "
            "one side and one size for every bar"
        )
    wrong = np.flatnonzero((side != 0) & (side != 1) & (side != -1))
    if len(wrong):
        raise StrategyError(
            f"{where}: the side at bar {wrong[0]} is {side[wrong[0]]}: use 1, -1 or 0"
        )
    wrong = np.flatnonzero((side > 0) & ~np.isfinite(size))
    if len(wrong):
        raise StrategyError(
            f"{where}: the size of the buy at bar {wrong[0]} is {size[wrong[0]]}: return a number"
        )
