"""A strategy's tunable parameters and their ranges."""

import itertools
from collections.abc import Callable, Iterator, Mapping

import msgspec

from tradebot import strategies
from tradebot.platform.settings import SettingsError
from tradebot.strategies.interface import Bars
from tradebot.strategies.loading import LoadedStrategy
from tradebot.strategies.orders import Orders
from tradebot.strategies.parameters import Parameter

Parameters = dict[str, float | int]


class Range(msgspec.Struct, frozen=True):
    """Values from `low` to `high`, both included; whole numbers if both are."""

    low: float | int
    high: float | int

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def steps(self, count: int) -> list[float | int]:
        """Returns at most `count` values from end to end."""
        if self.whole:
            least, width = int(self.low), int(self.high) - int(self.low)
            count = min(count, width + 1)
            return [least + round(step * width / max(1, count - 1)) for step in range(count)]
        breadth = self.high - self.low
        return [self.low + step * breadth / max(1, count - 1) for step in range(count)]


class Tunable(msgspec.Struct, frozen=True):
    """A strategy of arrays whose parameters have ranges."""

    strategy: LoadedStrategy
    space: Mapping[str, Range]

    @property
    def name(self) -> str:
        """The strategy's name."""
        return self.strategy.name

    def signals(self, parameters: Mapping[str, float | int]) -> Callable[[Bars], Orders]:
        """Returns the strategy with these parameters."""
        return self.strategy.with_parameters(parameters).orders

    def grid(self, count: int) -> Iterator[Parameters]:
        """Yields all combinations of `count` values of each parameter."""
        names = list(self.space)
        values = [self.space[name].steps(count) for name in names]
        for row in itertools.product(*values):
            yield dict(zip(names, row, strict=True))


def find(path_or_name: str) -> Tunable:
    """Finds the array strategy of that name or file, with its ranged parameters.

    Raises:
        SettingsError: there is no such strategy, or nothing in it can be tuned.
    """
    loaded = strategies.load(path_or_name)
    space = {each.name: Range(*bounds) for each in loaded.known if (bounds := _bounds(each))}
    if loaded.is_class or not space:
        raise SettingsError(
            f"{path_or_name} cannot be tuned: it must define `signals(bars, fast=10, …)` and"
            ' `PARAMETERS = {"fast": (10, 3, 60), …}`, the default, least and greatest value of'
            " each parameter"
        )
    return Tunable(loaded, space)


def _bounds(parameter: Parameter) -> tuple[float | int, float | int] | None:
    if parameter.low is None or parameter.high is None:
        return None
    return parameter.low, parameter.high
