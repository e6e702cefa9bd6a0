"""The model: Prophet's interface over exact solvers."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from tradebot.fastprophet import engine, prediction
from tradebot.fastprophet.forecast import Forecast
from tradebot.fastprophet.history import BOUNDS, Rows, read
from tradebot.fastprophet.options import (
    MODES,
    RESERVED,
    Growth,
    Mode,
    Options,
    Order,
    Regressor,
    Scaling,
    Seasonality,
    refuse_unsupported,
)
from tradebot.fastprophet.solver import Solution
from tradebot.fastprophet.times import Floats, Nanos


class FastProphet:
    """Prophet's model and priors, fitted exactly: the same parameters under the same names.

    >>> model = FastProphet(weekly_seasonality=True)
    >>> model.fit(times, values)
    >>> forecast = model.predict(1440)
    >>> forecast.yhat, forecast.lower, forecast.upper
    >>> model.append(later_times, later_values)

    Every argument means what it means to `prophet.Prophet`. `uncertainty_samples` matters only
    where bands need a simulation (logistic growth); 0 switches bands off. `holidays` may be a
    DataFrame or a mapping of columns. `mcmc_samples` and `stan_backend` are refused.
    """

    def __init__(
        self,
        growth: Growth = "linear",
        changepoints: Any = None,
        n_changepoints: int = 25,
        changepoint_range: float = 0.8,
        yearly_seasonality: Order = "auto",
        weekly_seasonality: Order = "auto",
        daily_seasonality: Order = "auto",
        holidays: Any = None,
        seasonality_mode: Mode = "additive",
        seasonality_prior_scale: float = 10.0,
        holidays_prior_scale: float = 10.0,
        changepoint_prior_scale: float = 0.05,
        mcmc_samples: int = 0,
        interval_width: float = 0.80,
        uncertainty_samples: int = 1000,
        stan_backend: str | None = None,
        scaling: Scaling = "absmax",
        holidays_mode: Mode | None = None,
    ) -> None:
        refuse_unsupported(mcmc_samples, stan_backend)
        self.options = Options(
            growth=growth,
            changepoints=changepoints,
            n_changepoints=n_changepoints,
            changepoint_range=changepoint_range,
            yearly_seasonality=yearly_seasonality,
            weekly_seasonality=weekly_seasonality,
            daily_seasonality=daily_seasonality,
            holidays=holidays,
            seasonality_mode=seasonality_mode,
            seasonality_prior_scale=float(seasonality_prior_scale),
            holidays_prior_scale=float(holidays_prior_scale),
            changepoint_prior_scale=float(changepoint_prior_scale),
            interval_width=interval_width,
            uncertainty_samples=int(uncertainty_samples),
            scaling=scaling,
            holidays_mode=holidays_mode or seasonality_mode,
        )
        self._holidays = engine.holidays_of(self.options)
        self._seasonalities: dict[str, Seasonality] = {}
        self._regressors: dict[str, Regressor] = {}
        self._fitted: engine.Fitted | None = None

    def add_seasonality(
        self,
        name: str,
        period: float,
        fourier_order: int,
        prior_scale: float | None = None,
        mode: Mode | None = None,
        condition_name: str | None = None,
    ) -> Self:
        """Add a seasonality of `period` days; call it before `fit`.

        With `condition_name`, the column of that name (0 or 1 a row) says where it applies.
        Raises `ValueError` for a name in use and for numbers out of range.
        """
        self._before_fit("Seasonality")
        if name not in ("daily", "weekly", "yearly"):
            self._check_name(name)
        if condition_name is not None:
            self._check_name(condition_name)
        scale = self.options.seasonality_prior_scale if prior_scale is None else float(prior_scale)
        self._check(scale, mode)
        if fourier_order <= 0:
            raise ValueError("Fourier Order must be > 0.")
        if period <= 0:
            raise ValueError("The period must be > 0 days.")
        mode = mode or self.options.seasonality_mode
        order = int(fourier_order)
        self._seasonalities[name] = Seasonality(name, period, order, scale, mode, condition_name)
        return self

    def add_regressor(
        self,
        name: str,
        prior_scale: float | None = None,
        standardize: bool | Literal["auto"] = "auto",
        mode: Mode | None = None,
        regressor_predictor: Any = None,
    ) -> Self:
        """Add a column that you supply for the history and for the future; before `fit`.

        Raises `ValueError` for a name in use, for numbers out of range and for
        `regressor_predictor`, which is not supported.
        """
        self._before_fit("Regressors")
        if regressor_predictor:
            raise ValueError(
                "regressor_predictor is not supported: forecast the regressor with a model of "
                "its own and pass its values to predict."
            )
        self._check_name(name)
        scale = self.options.holidays_prior_scale if prior_scale is None else float(prior_scale)
        self._check(scale, mode)
        mode = mode or self.options.seasonality_mode
        self._regressors[name] = Regressor(name, scale, standardize, mode)
        return self

    def add_country_holidays(self, country_name: str) -> Self:
        """Raises `ValueError`: this package has no calendar of its own."""
        raise ValueError(
            f"add_country_holidays({country_name!r}) is not supported: pass the days as holidays, "
            "for example prophet.make_holidays.make_holidays_df(years, country)."
        )

    def fit(
        self,
        ds: Any,
        y: Any = None,
        *,
        cap: Any = None,
        floor: Any = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Self:
        """Fits the history: arrays of times and values (n,), or one table with columns ds and y.

        `ds`: datetime64, ISO strings, or numbers since 1970 in s, ms, µs or ns, distinguished by
        their size; UTC, in any order. `y`: values; NaN rows are left out. `cap` (and `floor`) of
        logistic
        growth: a number, or a value per row. `extra`: a value per row for each regressor and
        condition. Raises `ValueError` that says what is wrong with the input.
        """
        if self._fitted is not None:
            raise ValueError("A model is fitted once: make a new one, or append rows to this one.")
        rows = self._history(ds, y, cap, floor, extra)
        self._fitted = engine.fit(self._specification(), rows)
        return self

    def append(
        self,
        ds: Any,
        y: Any = None,
        *,
        cap: Any = None,
        floor: Any = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Self:
        """Add rows at the end of the history, and refit.

        The result equals that of `fit` on all rows, within rounding. With linear or flat growth and
        additive terms, the time does not depend on the length of the history. Rows must not be
        earlier than the last one. Raises `ValueError` as `fit` does.
        """
        fitted = self._need_fit()
        self._fitted = engine.append(fitted, self._history(ds, y, cap, floor, extra))
        return self

    def predict(
        self,
        ds: Any = None,
        *,
        step: float | None = None,
        cap: Any = None,
        floor: Any = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Forecast:
        """Forecast at the times `ds`, or for a number of steps after the history.

        `ds`: times as for `fit`, a table with a column ds, an `int` for that many steps, or nothing
        for the history itself. `step`: seconds between those steps (by default the history's median
        step). `cap` and `floor` default to the last known ones.
        """
        fitted = self._need_fit()
        if ds is None:
            ds, extra = fitted.rows.times, fitted.rows.others(slice(None))
            cap, floor = extra.pop("cap", None), extra.pop("floor", None)
        elif isinstance(ds, int | np.integer):
            ds = prediction.following(fitted.rows, int(ds), step)
        times, numbers = self._read(ds, None, cap, floor, extra)
        numbers.pop("y", None)
        return prediction.predict(fitted, times, numbers)

    def to_prophet(self) -> Any:
        """Returns a real, fitted `prophet.Prophet` with this fit; needs prophet to be installed."""
        from tradebot.fastprophet.bridge import to_prophet

        return to_prophet(self._need_fit())

    @property
    def params(self) -> dict[str, Floats]:
        """k, m, delta, beta and sigma_obs as Prophet has them, each (1, ·)."""
        return self._need_fit().parameters.as_prophet()

    @property
    def log_posterior(self) -> float:
        """Stan's lp__ at the optimum, without its additive constants."""
        return -self._need_fit().solution.objective

    @property
    def solution(self) -> Solution:
        """How the optimum was reached: steps, objective, whether it converged."""
        return self._need_fit().solution

    @property
    def runs(self) -> tuple[Solution, ...]:
        """The optima that were compared, best first: two basins for logistic growth."""
        fitted = self._need_fit()
        return (fitted.solution, *fitted.others)

    @property
    def changepoints(self) -> npt.NDArray[np.datetime64]:
        """The times of the changepoints; none if the trend has none."""
        found = self._need_fit().changepoints
        return found.times[: 0 if found.dummy else None].view("datetime64[ns]")

    @property
    def fitted(self) -> bool:
        """Whether `fit` was called."""
        return self._fitted is not None

    def _need_fit(self) -> "engine.Fitted":
        if self._fitted is None:
            raise ValueError("The model has not been fit.")
        return self._fitted

    def _specification(self) -> "engine.Specification":
        return engine.Specification(
            self.options,
            dict(self._seasonalities),
            self._holidays,
            tuple(self._regressors.values()),
        )

    def _read(
        self, ds: Any, y: Any, cap: Any, floor: Any, extra: Mapping[str, Any] | None
    ) -> tuple[Nanos, dict[str, Floats]]:
        conditions = [s.condition_name for s in self._seasonalities.values() if s.condition_name]
        bounds = BOUNDS if self.options.growth == "logistic" else ()
        names = [*bounds, *self._regressors, *dict.fromkeys(conditions)]
        times, numbers = read(ds, y, cap, floor, extra or {}, names)
        engine.check_conditions(self._seasonalities, numbers)
        return times, numbers

    def _history(
        self, ds: Any, y: Any, cap: Any, floor: Any, extra: Mapping[str, Any] | None
    ) -> Rows:
        times, numbers = self._read(ds, y, cap, floor, extra)
        engine.check_columns(self.options, numbers)
        return Rows.of(times, numbers)

    def _before_fit(self, what: str) -> None:
        if self._fitted is not None:
            raise ValueError(f"{what} must be added prior to model fitting.")

    def _check(self, scale: float, mode: str | None) -> None:
        if not scale > 0:
            raise ValueError("Prior scale must be > 0.")
        if mode is not None and mode not in MODES:
            raise ValueError('mode must be "additive" or "multiplicative".')

    def _check_name(self, name: str) -> None:
        if "_delim_" in name:
            raise ValueError('A name cannot contain "_delim_".')
        if name in RESERVED:
            raise ValueError(f"Name {name!r} is reserved.")
        taken = {*self._seasonalities, *self._regressors, *self._holidays.names}
        if name in taken:
            raise ValueError(f"Name {name!r} is already used.")
