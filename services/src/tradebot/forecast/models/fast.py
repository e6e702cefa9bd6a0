"""FastProphet as a forecaster: fits all minutes, and adds a new one in milliseconds."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradebot.fastprophet import FastProphet
from tradebot.forecast.models.parameters import add_seasonalities, holidays, warn_of_longer
from tradebot.forecast.protocol import NotEnoughHistoryError, Path
from tradebot.history.bars import MINUTE, Series


class FastProphetForecaster:
    """FastProphet on log weighted price.

    Args:
        max_rows: newest minutes to fit; 0 uses all.
        cap: log price that logistic growth cannot exceed; by default as far above the highest
            price of the first fit as that is above the lowest. `floor` likewise below.
        monthly_seasonality: whether to add one of 30.5 days, or its Fourier order.
        seasonalities: others, each {"name", "period" in days, "fourier_order"}.
        parameters: those of `prophet.Prophet`, with its names; holidays as a list of
            {"holiday", "ds"}.
    """

    name = "FastProphet"
    slow = False

    def __init__(
        self,
        max_rows: int = 0,
        cap: float | None = None,
        floor: float | None = None,
        monthly_seasonality: bool | int = False,
        seasonalities: list[dict[str, Any]] | None = None,
        **parameters: Any,
    ) -> None:
        self.max_rows = max_rows
        self._bounds = (floor, cap)
        self._monthly, self._seasonalities = monthly_seasonality, seasonalities
        self._parameters = parameters
        self._seen: tuple[int, int, int] | None = None
        self._restored: tuple[int, int, int] | None = None
        self._limits: dict[str, Any] = {}
        self._model = self._build()

    def _build(self) -> FastProphet:
        parameters = dict(self._parameters)
        if "holidays" in parameters:
            parameters["holidays"] = holidays(parameters["holidays"])
        model = FastProphet(**parameters)
        add_seasonalities(model, self._monthly, self._seasonalities)
        return model

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters."""
        floor, cap = self._bounds
        bounds = {name: value for name, value in (("cap", cap), ("floor", floor)) if value}
        own = {"monthly_seasonality": self._monthly, "seasonalities": self._seasonalities}
        asked = {name: value for name, value in own.items() if value}
        return {"max_rows": self.max_rows, **bounds, **asked, **self._parameters}

    @property
    def fitted(self) -> FastProphet:
        """The fitted model, for its components."""
        return self._model

    def fit(self, history: Series) -> None:
        """Fits all of `history`, or appends what is new since the last fit.

        Raises:
            NotEnoughHistoryError: there are fewer than ten rows.
        """
        if len(history) < 10:
            raise NotEnoughHistoryError(f"FastProphet needs 10 minutes, there are {len(history)}")
        self._restored = None
        known = self._known(history)
        if known is None:
            recent = history.newest(self.max_rows)
            warn_of_longer(recent, self._parameters, self._monthly, self._seasonalities)
            self._limits = self._new_limits(recent)
            self._model = self._build()
            self._model.fit(_times(recent.ts), recent.log_price, **self._limits)
            self._seen = (recent.start, recent.end, len(recent))
        elif known < len(history):
            new = Series(history.ts[known:], history.log_price[known:])
            self._model.append(_times(new.ts), new.log_price, **self._limits)
            start, _, rows = self._seen or (0, 0, 0)
            self._seen = (start, history.end, rows + len(new))

    def _known(self, history: Series) -> int | None:
        """Returns the row of `history` after the last one fitted, if it continues from there."""
        if self._seen is None:
            return None
        start, end, rows = self._seen
        first, after = np.searchsorted(history.ts, [start, end + 1])
        goes_on = history.ts[first] == start and after - first == rows
        grown = self.max_rows and len(history) - first > self.max_rows + self.max_rows // 4
        return int(after) if goes_on and not grown else None

    def _new_limits(self, history: Series) -> dict[str, Any]:
        if self._parameters.get("growth") != "logistic":
            return {}
        low, high = float(history.log_price.min()), float(history.log_price.max())
        span = max(high - low, 0.01)
        floor, cap = self._bounds
        return {
            "cap": high + span if cap is None else cap,
            "floor": low - span if floor is None else floor,
        }

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Forecasts these minutes with the fit of the last minute learnt."""
        if self._restored is not None:
            first, last, _ = self._restored
            self.fit(history.between(first, last + MINUTE))
        ts = start + MINUTE * np.arange(steps, dtype=np.int64)
        predicted = self._model.predict(_times(ts), **self._limits)
        assert predicted.lower is not None
        assert predicted.upper is not None
        width = float(self._model.options.interval_width)
        return Path(start, predicted.yhat, predicted.lower, predicted.upper, width)

    def dump(self) -> bytes:
        """Returns which rows were fitted: an exact refit takes less time than reading a file of
        their statistics."""
        return msgspec.json.encode(self._restored or self._seen)

    def restore(self, state: bytes) -> None:
        """Restores what `dump` returned; the next forecast fits those rows."""
        self._restored = msgspec.json.decode(state, type=tuple[int, int, int])


def _times(ts: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return ts.astype("datetime64[ms]")
