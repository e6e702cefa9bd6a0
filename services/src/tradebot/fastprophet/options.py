"""A model's options: Prophet's parameters, their defaults and their limits."""

from dataclasses import dataclass
from typing import Any, Final, Literal

Growth = Literal["linear", "logistic", "flat"]
Mode = Literal["additive", "multiplicative"]
Scaling = Literal["absmax", "minmax"]
Order = bool | int | Literal["auto"]

MODES: Final = ("additive", "multiplicative")

_COMPONENTS: Final = (
    "trend",
    "additive_terms",
    "daily",
    "weekly",
    "yearly",
    "holidays",
    "zeros",
    "extra_regressors_additive",
    "yhat",
    "extra_regressors_multiplicative",
    "multiplicative_terms",
)
RESERVED: Final = frozenset(
    [name + suffix for name in _COMPONENTS for suffix in ("", "_lower", "_upper")]
    + ["ds", "y", "cap", "floor", "y_scaled", "cap_scaled"]
)
"""Names that Prophet uses itself."""


@dataclass(frozen=True)
class Options:
    """Prophet's constructor arguments. Source: `prophet.Prophet`."""

    growth: Growth
    changepoints: Any
    n_changepoints: int
    changepoint_range: float
    yearly_seasonality: Order
    weekly_seasonality: Order
    daily_seasonality: Order
    holidays: Any
    seasonality_mode: Mode
    seasonality_prior_scale: float
    holidays_prior_scale: float
    changepoint_prior_scale: float
    interval_width: float
    uncertainty_samples: int
    scaling: Scaling
    holidays_mode: Mode

    def __post_init__(self) -> None:
        if self.growth not in ("linear", "logistic", "flat"):
            raise ValueError('Parameter "growth" should be "linear", "logistic" or "flat".')
        if self.seasonality_mode not in MODES:
            raise ValueError('seasonality_mode must be "additive" or "multiplicative".')
        if self.holidays_mode not in MODES:
            raise ValueError('holidays_mode must be "additive" or "multiplicative".')
        if self.scaling not in ("absmax", "minmax"):
            raise ValueError('scaling must be one of "absmax" or "minmax".')
        if not 0 <= self.changepoint_range <= 1:
            raise ValueError('Parameter "changepoint_range" must be in [0, 1].')
        if not 0 < self.interval_width < 1:
            raise ValueError("interval_width must lie between 0 and 1.")
        for name in ("seasonality", "holidays", "changepoint"):
            if not getattr(self, f"{name}_prior_scale") > 0:
                raise ValueError(f"{name}_prior_scale must be greater than 0.")
        if self.n_changepoints < 0:
            raise ValueError("n_changepoints must not be negative.")


@dataclass(frozen=True)
class Seasonality:
    """A periodic component: a Fourier series of `fourier_order` pairs over `period` days."""

    name: str
    period: float
    fourier_order: int
    prior_scale: float
    mode: Mode
    condition_name: str | None = None


@dataclass(frozen=True)
class Regressor:
    """A column that the caller supplies, for the history and for the future."""

    name: str
    prior_scale: float
    standardize: bool | Literal["auto"]
    mode: Mode


def refuse_unsupported(mcmc_samples: int, stan_backend: str | None) -> None:
    """Raises `ValueError` for options of Prophet that this package does not support."""
    if mcmc_samples:
        raise ValueError(
            "mcmc_samples is not supported: FastProphet finds the most probable parameters (MAP) "
            "and draws none; use prophet.Prophet for MCMC."
        )
    if stan_backend is not None:
        raise ValueError(
            "stan_backend is not supported: FastProphet solves the model itself, without Stan."
        )
