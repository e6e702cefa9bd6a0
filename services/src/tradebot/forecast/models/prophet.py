"""Prophet itself, from its package: the reference model, on a limited number of rows."""

import logging
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from prophet import Prophet
from prophet.serialize import model_from_json, model_to_json

from tradebot.forecast.models.parameters import add_seasonalities, holidays, warn_of_longer
from tradebot.forecast.protocol import NotEnoughHistoryError, Path
from tradebot.history.bars import MINUTE, Series

ROWS: Final = 10_080
"""A week of minutes: a fit takes some seconds on two cores."""

# cmdstanpy logs each fit and resets its logger on first use; errors are raised anyway.
logging.getLogger("cmdstanpy").disabled = True
logging.getLogger("prophet").setLevel(logging.WARNING)


class ProphetForecaster:
    """Prophet on log weighted price.

    Args:
        max_rows: newest minutes to fit; a fit's time grows faster than their number.
        cap: log price that logistic growth cannot exceed; by default as far above the highest
            price as that is above the lowest. `floor` likewise below.
        floor: log price that logistic growth cannot fall below.
        monthly_seasonality: whether to add one of 30.5 days, or its Fourier order.
        seasonalities: others, each {"name", "period" in days, "fourier_order"}.
        country_holidays: a country's code, such as US, to add its holidays.
        parameters: those of `prophet.Prophet`, with its names, such as growth (linear, logistic
            or flat), changepoint_prior_scale, yearly_seasonality, interval_width, holidays (a
            list of {"holiday", "ds"}).
    """

    name = "Prophet"
    slow = False

    def __init__(
        self,
        max_rows: int = ROWS,
        cap: float | None = None,
        floor: float | None = None,
        monthly_seasonality: bool | int = False,
        seasonalities: list[dict[str, Any]] | None = None,
        country_holidays: str = "",
        **parameters: Any,
    ) -> None:
        self.max_rows = max_rows
        self._bounds = (floor, cap)
        self._monthly, self._seasonalities = monthly_seasonality, seasonalities
        self._country = country_holidays
        self._parameters = parameters
        self._fitted: Any = None
        self._limits: tuple[float, float] = (0.0, 0.0)
        self._build()

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's parameters."""
        floor, cap = self._bounds
        own = {
            "cap": cap,
            "floor": floor,
            "country_holidays": self._country or None,
            "monthly_seasonality": self._monthly or None,
            "seasonalities": self._seasonalities or None,
        }
        given = {name: value for name, value in own.items() if value is not None}
        return {"max_rows": self.max_rows, **given, **self._parameters}

    @property
    def fitted(self) -> Any:
        """The fitted `prophet.Prophet`, for its plots and diagnostics."""
        return self._fitted

    def _build(self) -> Any:
        parameters = dict(self._parameters)
        if "holidays" in parameters:
            days = holidays(parameters["holidays"])
            parameters["holidays"] = None if days is None else pd.DataFrame(days)
        model = Prophet(**parameters)
        add_seasonalities(model, self._monthly, self._seasonalities)
        if self._country:
            model.add_country_holidays(self._country)
        return model

    def fit(self, history: Series) -> None:
        """Fits the newest `max_rows` minutes.

        Raises:
            NotEnoughHistoryError: there are fewer than ten rows.
        """
        recent = history.newest(self.max_rows)
        if len(recent) < 10:
            raise NotEnoughHistoryError(f"Prophet needs 10 minutes, there are {len(recent)}")
        warn_of_longer(recent, self._parameters, self._monthly, self._seasonalities)
        low, high = float(recent.log_price.min()), float(recent.log_price.max())
        span = max(high - low, 0.01)
        floor, cap = self._bounds
        self._limits = (low - span if floor is None else floor, high + span if cap is None else cap)
        model = self._build()
        model.fit(self._frame(recent.ts, recent.log_price))
        self._fitted = model

    def _frame(
        self, ts: NDArray[np.int64], log_price: NDArray[np.float64] | None = None
    ) -> pd.DataFrame:
        frame = pd.DataFrame({"ds": pd.to_datetime(ts, unit="ms")})
        if log_price is not None:
            frame["y"] = log_price
        if self._parameters.get("growth") == "logistic":
            frame["floor"], frame["cap"] = self._limits
        return frame

    def forecast(self, history: Series, start: int, steps: int) -> Path:
        """Returns Prophet's prediction, with bounds sampled from a fixed seed.

        Minutes newer than the fit do not change it.
        """
        assert self._fitted is not None, "call fit or restore first"
        ts = start + MINUTE * np.arange(steps, dtype=np.int64)
        state = np.random.get_state()  # Prophet samples from numpy's global state
        np.random.seed(0)
        try:
            predicted = self._fitted.predict(self._frame(ts))
        finally:
            np.random.set_state(state)
        columns = (predicted[name].to_numpy(float) for name in ("yhat", "yhat_lower", "yhat_upper"))
        center, lower, upper = columns
        return Path(start, center, lower, upper, float(self._fitted.interval_width))

    def dump(self) -> bytes:
        """Returns Prophet's own JSON, without its history."""
        assert self._fitted is not None, "call fit or restore first"
        return str(model_to_json(self._fitted)).encode()

    def restore(self, state: bytes) -> None:
        """Restores what `dump` returned."""
        self._fitted = model_from_json(state.decode())
        if "cap" in self._fitted.history:
            row = self._fitted.history.iloc[0]
            self._limits = (float(row.get("floor", 0.0)), float(row["cap"]))
