"""The interface of forecasters, and how they are found.

To add one, write a file with a class like this and add a line to the entry points
`tradebot.forecasters`; docs/forecast.md has one of thirty lines.
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

    By the model, the price is between `lower` and `upper` with probability `interval`.
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
    """The history is too short for the model; the message says how much is needed."""


@runtime_checkable
class Forecaster(Protocol):
    """Learns from minutes and forecasts the next ones.

    `name` is the entry point's name. `max_rows` limits the minutes that it uses; 0 means all. If
    `slow`, a fit takes longer than a minute or two; the stage then trains at a separate interval
    and forecasts from the newest minutes in between. `parameters` are the model's parameters in
    JSON form.

    It must not look ahead: a forecast depends only on the given history.
    """

    name: str
    max_rows: int
    slow: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters."""
        ...

    def fit(self, history: Series) -> None:
        """Learns from `history`; the stage calls it again with a longer one.

        Raises:
            NotEnoughHistoryError: there are too few rows.
        """
        ...

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Forecasts `steps` minutes from `start` (ms UTC, a whole minute), after the newest of
        `history`, which may be newer than the fit."""
        ...

    def dump(self) -> bytes:
        """Serialises the fit, for `restore`."""
        ...

    def restore(self, state: bytes) -> None:
        """Restores what `dump` returned, in a model with the same parameters."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A forecaster that can resume an interrupted training.

    The stage names the file. The model writes it while it trains and removes it afterwards.
    """

    checkpoint: FilePath | None


def make(name: str, options: dict[str, Any] | None = None) -> Forecaster:
    """Creates a forecaster by name, with its own parameters.

    Raises:
        SettingsError: there is none of that name, a required library is not installed, or it
            rejects these parameters.
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
