"""The report's LSTM: 200 lags, 50 units, ReLU, one output, mean absolute error, Adam."""

from pathlib import Path as FilePath
from typing import Any

import msgspec
import numpy as np

from tradebot.forecast.models import spread, training
from tradebot.forecast.models.baselines import Z80
from tradebot.forecast.models.network import Network, Weights
from tradebot.forecast.models.training import Training
from tradebot.forecast.models.views import Lags, Rows, Values, View
from tradebot.forecast.protocol import NotEnoughHistoryError, Path
from tradebot.history.bars import MINUTE, Series
from tradebot.platform import logs

log = logs.get(__name__)

VALIDATION = 0.1
"""Fraction of the newest targets that is held out to stop the training and to set the bounds."""
WALKS = 256
"""Number of forecasts from held-out minutes that the bounds are measured on."""


class LstmForecaster:
    """Learns the next minute's value from the last `lookback` ones, and forecasts recursively.

    Args:
        lookback: values per input; the report uses 200.
        units: of the layer; the report uses 50.
        values: differences of log price, or levels.
        max_rows: newest minutes to learn from.
        epochs, patience, batch, rate, seed, seconds, epoch_rows: see `training.Training`.
    """

    name = "Lstm"
    slow = True

    def __init__(
        self,
        lookback: int = 200,
        units: int = 50,
        values: Values = "differences",
        max_rows: int = 525_600,
        **how: Any,
    ) -> None:
        if values not in ("differences", "levels"):
            raise ValueError(f"values is {values!r}: use differences or levels")
        self.max_rows = max_rows
        self.checkpoint: FilePath | None = None
        self._lookback = lookback
        self._units = units
        self._values: Values = values
        self._how = Training(**how)
        self._weights: Weights | None = None
        self._scale = np.zeros(2)
        self._spread = spread.HorizonError(np.ones(1, np.int64), np.ones(1))

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters."""
        own = {"lookback": self._lookback, "units": self._units, "values": self._values}
        return {**own, "max_rows": self.max_rows, **vars(self._how)}

    def network(self) -> Network:
        """Returns an untrained network."""
        return training.new_network(self._lookback, self._units, self._how.seed)

    def view(self, series: Series) -> View:
        """Returns the network's view of a series."""
        return Lags(series, self._lookback, self._values)

    def fit(self, history: Series) -> None:
        """Trains on the newest `max_rows` minutes.

        Raises:
            NotEnoughHistoryError: they contain too few inputs without a gap.
        """
        series = history.newest(self.max_rows)
        view = self.view(series) if len(series) > 1 else None
        targets = view.targets() if view else np.empty(0, np.int64)
        if view is None or len(targets) < 10 * self._how.patience + 100:
            raise NotEnoughHistoryError(
                f"{self.name} needs some hundred minutes, each after {self._lookback} minutes "
                f"without a gap; of {len(series)} minutes only {len(targets)} qualify"
            )
        learn, validate = self._split(series, targets)
        self._scale = view.learn_scale(learn)
        network = self.network()
        training.train(
            network,
            view,
            self._scale,
            learn,
            validate,
            self._how,
            checkpoint=self.checkpoint,
            key=self._key(series),
        )
        self._weights = Weights.of(network)
        self._measure(series, view, validate)

    def _key(self, series: Series) -> str:
        """Identifies a training: only the same one may resume its checkpoint."""
        named = {"model": self.name, "start": series.start, "parameters": self.parameters}
        return msgspec.json.encode(named, order="sorted").decode()

    def _split(self, series: Series, targets: Rows) -> tuple[Rows, Rows]:
        """Splits targets into a training set and newer held-out ones, `lookback` minutes apart."""
        first = int(len(targets) * (1 - VALIDATION))
        validate = targets[first:]
        purge = series.ts[validate[0]] - self._lookback * MINUTE
        learn = targets[: int(np.searchsorted(series.ts[targets], purge))]
        return (learn, validate) if len(learn) >= len(validate) else (targets[:first], validate)

    def _measure(self, series: Series, view: View, validate: Rows) -> None:
        """Measures the bounds on forecasts that start at held-out minutes."""
        assert self._weights is not None
        room = len(series) - 1 - int(validate[0])
        steps = max(1, min(int(spread.HORIZONS[-1]), room // 2))
        candidates = validate[validate + steps < len(series)]
        picked = np.linspace(0, len(candidates) - 1, min(WALKS, len(candidates))).astype(int)
        starts = candidates[picked] - 1
        paths = view.walk(starts, steps, self._scale, self._weights)
        self._spread = spread.measure(series, starts, paths)

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Forecasts from the newest minutes of `history`, feeding each step into the next."""
        assert self._weights is not None, "call fit or restore first"
        series = self._context(history)
        if len(series) <= self._lookback and self.name == "Lstm":
            raise NotEnoughHistoryError(
                f"Lstm needs {self._lookback + 1} minutes to forecast, there are {len(series)}"
            )
        ahead = max(0, (start - series.end) // MINUTE - 1)
        view = self.view(series)
        last = np.array([len(series) - 1])
        walked = view.walk(last, ahead + steps, self._scale, self._weights)[0][ahead:]
        half = Z80 * self._spread.at(ahead + steps)[ahead:]
        return Path(start, walked, walked - half, walked + half)

    def _context(self, history: Series) -> Series:
        """Returns the part of the newest history that a forecast uses."""
        return history.newest(self._lookback + 2)

    def fitted_and_true(self, history: Series) -> tuple[Rows, Any, Any, int]:
        """Returns one-step forecasts of every target, for a plot.

        Returns:
            Times (n,), forecasts (n,) and prices (n,) of log price, and how many of them, from
            the first on, were in the training set: the rest are out of sample.
        """
        assert self._weights is not None, "call fit or restore first"
        series = history.newest(self.max_rows)
        view = self.view(series)
        targets = view.targets()
        learn, _ = self._split(series, targets)
        forecasts = view.walk(targets - 1, 1, self._scale, self._weights)[:, 0]
        return series.ts[targets], forecasts, series.log_price[targets], len(learn)

    def dump(self) -> bytes:
        """Returns weights, scale and errors, without code."""
        assert self._weights is not None, "call fit or restore first"
        return self._weights.dump(
            scale=self._scale,
            horizons=self._spread.horizons.astype(np.float64),
            error=self._spread.error,
        )

    def restore(self, state: bytes) -> None:
        """Restores what `dump` returned."""
        self._weights, more = Weights.restore(state)
        self._scale = more["scale"]
        self._spread = spread.HorizonError(more["horizons"].astype(np.int64), more["error"])
