"""What a forecaster is, and where forecasters are found.

A new one is a file with a class like this and a line among the entry points
`tradebot.forecasters`; docs/forecast.md shows one of thirty lines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tradebot.history.bars import MINUTE, Series
from tradebot.platform import extensions
from tradebot.platform.packages import missing
from tradebot.platform.settings import SettingsError
from tradebot.records import FORECASTERS


@dataclass(frozen=True)
class Path:
    """A forecast: log price at `start` + i minutes, with bounds; arrays of shape (steps,).

    The price lies between `lower` and `upper` with probability `interval`, says the model.
    """

    start: int
    log_price: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    interval: float = 0.8

    @property
    def ts(self) -> NDArray[np.int64]:
        """The minutes, in ms UTC."""
        return self.start + MINUTE * np.arange(len(self.log_price), dtype=np.int64)


class NotEnoughHistoryError(ValueError):
    """The history is too short for the model; the message says how much it needs."""


@runtime_checkable
class Forecaster(Protocol):
    """Learns from minutes and forecasts the coming ones.

    `name` is the entry point's name. `max_rows` bounds the minutes that it wants, 0 all there
    are. `slow` says that a fit takes longer than a minute or two, so that the stage trains it
    on an interval of its own and between two trainings forecasts from the newest minutes.
    `parameters` are what it was made with, as JSON can write them.

    It must not look ahead: a forecast depends on nothing but the history that it was given.
    """

    name: str
    max_rows: int
    slow: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """What the model was made with."""
        ...

    def fit(self, history: Series) -> None:
        """Learns from `history`; the stage calls it again with a longer one.

        Raises:
            NotEnoughHistoryError: there are too few rows.
        """
        ...

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """The `steps` minutes from `start` (ms UTC, a whole minute) on, after the newest of
        `history`, which may be newer than what was learnt from."""
        ...

    def dump(self) -> bytes:
        """What was learnt, for `restore`."""
        ...

    def restore(self, state: bytes) -> None:
        """Takes what `dump` gave, in a model of the same parameters."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A forecaster whose training can be taken up where it was broken off.

    The stage names the file; the model writes it while it trains and removes it after.
    """

    checkpoint: FilePath | None


def make(name: str, options: dict[str, Any] | None = None) -> Forecaster:
    """A forecaster by its name, with its own parameters.

    Raises:
        SettingsError: there is none of that name, a library that it needs is not installed, or
            it does not take these parameters.
    """
    point = extensions.find(FORECASTERS, name, "model")
    try:
        build = cast(Callable[..., Forecaster], point.load())
    except ModuleNotFoundError as error:
        raise missing(
            f"model {name}", error, (", or use a forecast image that contains it")
        ) from None
    try:
        return build(**(options or {}))
    except (TypeError, ValueError) as error:
        raise SettingsError(f"model_options is not valid for {name}: {error}") from None
