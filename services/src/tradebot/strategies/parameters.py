"""A strategy's declared parameters, and the values of a run."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tradebot.platform.settings import SettingsError

Value = float | int | str | bool
Values = Mapping[str, Value]

_KINDS: Final = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class StrategyError(SettingsError):
    """A strategy is invalid; the message names it, what is wrong and what to do."""


class Parameter(msgspec.Struct, frozen=True):
    """A parameter, its default, and the minimum and maximum for a search.

    A parameter without a range is not searched. Whole numbers stay whole.
    """

    name: str
    default: Value
    low: float | int | None = None
    high: float | int | None = None

    @property
    def ranged(self) -> bool:
        """Whether a search may vary it."""
        return self.low is not None


def declared(
    where: str, function: Callable[..., Any], first: int, constant: Any
) -> tuple[Parameter, ...]:
    """Returns the parameters of a function or constructor.

    Args:
        where: the strategy, for errors.
        first: number of arguments before them: 1 for the bars, 0 for a constructor.
        constant: the module's `PARAMETERS`, or `None`.

    Raises:
        StrategyError: the constant is invalid, or does not fit the function.
    """
    if constant is not None and not isinstance(constant, Mapping):
        raise StrategyError(
            f'{where}: PARAMETERS is {constant!r}: use a dict such as {{"fast": (10, 3, 60)}}'
        )
    given = [_read(where, name, value) for name, value in (constant or {}).items()]
    takes = list(inspect.signature(function).parameters.values())[first:]
    anything = any(each.kind is each.VAR_KEYWORD for each in takes)
    single = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = {each.name: each for each in takes if each.kind in single}
    for parameter in given:
        if parameter.name not in named and not anything:
            raise StrategyError(
                f"{where}: PARAMETERS names {parameter.name}, but {function.__name__} takes "
                f"{_listed(named)}: name it there too"
            )
        _agree(where, parameter, named.get(parameter.name))
    known = {parameter.name for parameter in given}
    others = (each for name, each in named.items() if name not in known)
    return (*given, *(_of_signature(where, each) for each in others))


def _read(where: str, name: str, value: Any) -> Parameter:
    if isinstance(value, Value):
        return Parameter(name, value)
    numbers = isinstance(value, tuple | list) and all(
        isinstance(each, int | float) and not isinstance(each, bool) for each in value
    )
    if not numbers or len(value) != 3 or not value[1] <= value[0] <= value[2]:
        raise StrategyError(
            f"{where}: PARAMETERS sets {name} to {value!r}: use a default, or (default, least, "
            "greatest) as numbers in that range"
        )
    return Parameter(name, *value)


def _agree(where: str, parameter: Parameter, taken: inspect.Parameter | None) -> None:
    if taken is None or taken.default is taken.empty or taken.default == parameter.default:
        return
    raise StrategyError(
        f"{where}: {parameter.name} is {parameter.default!r} by default in PARAMETERS but "
        f"{taken.default!r} in the function: use the same value"
    )


def _of_signature(where: str, taken: inspect.Parameter) -> Parameter:
    if taken.default is taken.empty:
        raise StrategyError(
            f"{where}: the parameter {taken.name} has no default: give it one in PARAMETERS"
        )
    return Parameter(taken.name, taken.default)


def bound(where: str, known: tuple[Parameter, ...], values: Values) -> dict[str, Value]:
    """Returns the values of all parameters: the given ones, and the others' defaults.

    Raises:
        StrategyError: there is no such parameter, or the value has the wrong type.
    """
    names = {parameter.name: parameter for parameter in known}
    for name, value in values.items():
        if name not in names:
            raise StrategyError(f"{where} has no parameter {name}: use {_listed(names)}")
        _check_kind(where, names[name], value)
    return {name: values.get(name, parameter.default) for name, parameter in names.items()}


def _check_kind(where: str, parameter: Parameter, value: Any) -> None:
    numbers = (parameter.default, parameter.low, parameter.high)
    kind = float if any(isinstance(each, float) for each in numbers) else type(parameter.default)
    wanted = (int, float) if kind is float else kind
    fits = isinstance(value, wanted) and isinstance(value, bool) == (kind is bool)
    if kind in _KINDS and not fits:
        raise StrategyError(
            f"{where}: the parameter {parameter.name} is {value!r}: use {_KINDS[kind]}"
        )


def _listed(names: Mapping[str, Any]) -> str:
    return f"one of {', '.join(names)}" if names else "none, because it takes none"
