"""Parameters of a strategy and the values that they may take."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tradebot.backtest.loader import run_file
from tradebot.backtest.strategies.standards import sma_cross
from tradebot.backtest.strategy import Bars, Orders
from tradebot.platform.settings import SettingsError

Parameters = dict[str, float | int]
Function = Callable[..., Orders]


class Range(msgspec.Struct, frozen=True):
    """Values from `low` to `high`, both included; whole numbers where both are."""

    low: float | int
    high: float | int

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def steps(self, count: int) -> list[float | int]:
        """At most `count` values from end to end."""
        if self.whole:
            least, width = int(self.low), int(self.high) - int(self.low)
            count = min(count, width + 1)
            return [least + round(step * width / max(1, count - 1)) for step in range(count)]
        breadth = self.high - self.low
        return [self.low + step * breadth / max(1, count - 1) for step in range(count)]


class Tunable(msgspec.Struct, frozen=True):
    """A strategy of arrays with parameters, and their ranges."""

    name: str
    function: Function
    space: Mapping[str, Range]

    def signals(self, parameters: Mapping[str, float | int]) -> Callable[[Bars], Orders]:
        """The strategy with these parameters."""
        return partial(self.function, **parameters)

    def grid(self, count: int) -> Iterator[Parameters]:
        """All combinations of `count` values of each parameter."""
        names = list(self.space)
        values = [self.space[name].steps(count) for name in names]
        for row in itertools.product(*values):
            yield dict(zip(names, row, strict=True))


def find(name: str) -> Tunable:
    """SmaCross, or the function `signals` of a file with its `SPACE`.

    Raises:
        SettingsError: there is no such strategy, or it does not say what can be tuned.
    """
    if name == "SmaCross":
        return Tunable(name, sma_cross, {"fast": Range(3, 60), "slow": Range(20, 240)})
    if not name.endswith(".py"):
        raise SettingsError(f"strategy is {name!r}: use SmaCross or the path of a .py file")
    module = run_file(Path(name))
    signals: Any = getattr(module, "signals", None)
    space: Any = getattr(module, "SPACE", None)
    if not callable(signals) or not isinstance(space, dict) or not space:
        raise SettingsError(
            f"{name} cannot be tuned: it must define `signals(bars, fast=10, …)` and"
            ' `SPACE = {"fast": (5, 50), …}`, the least and greatest value of each parameter'
        )
    try:
        ranges = {key: Range(low, high) for key, (low, high) in space.items()}
    except (TypeError, ValueError):
        raise SettingsError(
            f"{name}: SPACE is {space!r}; set each parameter to a pair, its minimum and maximum"
        ) from None
    return Tunable(Path(name).stem, signals, ranges)
