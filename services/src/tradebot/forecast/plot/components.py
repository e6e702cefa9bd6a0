"""The components of a Prophet model: trend, seasonalities, holidays and regressors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tradebot.charts.ticks import Tick

MONDAY: Final = np.datetime64("2017-01-02T00:00", "ms")
"""A Monday, at which the plotted period of a seasonality starts."""
POINTS: Final = 400
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS: Final = tuple(Tick(hour / 24, f"{hour:02}:00") for hour in range(0, 25, 3))
DAYS: Final = tuple(Tick(day, name) for day, name in enumerate((*WEEKDAYS, "Mon")))


@dataclass(frozen=True)
class Component:
    """One part of a forecast: its effect over time (`time`, ms UTC) or over one period, in days.

    `effect` is "price" if `y` are prices, "price share" if it is a fraction of the price, "trend
    share" if it is a fraction of the trend of the log price.
    """

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    effect: Literal["price", "price share", "trend share"]
    time: bool = True
    ticks: tuple[Tick, ...] = ()

    @property
    def x_unit(self) -> str:
        """The unit of the horizontal axis."""
        if self.time:
            return "time (UTC)"
        if self.ticks == HOURS:
            return "time of day (UTC)"
        return "day of the week (UTC)" if self.ticks == DAYS else "day of the period"


def of_model(prophet: Any) -> list[Component]:
    """Returns the components of a fitted `prophet.Prophet` of a log price, the trend first."""
    table = prophet.predict(prophet.history[["ds", *_inputs(prophet)]])
    ts = table["ds"].to_numpy().astype("datetime64[ms]").astype(np.float64)
    found = [Component("trend", ts, np.exp(table["trend"].to_numpy()), "price")]
    for name, seasonality in prophet.seasonalities.items():
        found.append(_seasonality(prophet, name, seasonality))
    for name, mode in _others(prophet).items():
        effect, change = _effect(mode)
        found.append(Component(name, ts, change(table[name].to_numpy()), effect))
    return found


def _inputs(prophet: Any) -> list[str]:
    """Returns the columns besides the time that the model needs for a prediction."""
    conditions = [one["condition_name"] for one in prophet.seasonalities.values()]
    limits = [name for name in ("cap", "floor") if name in prophet.history]
    return [*limits, *prophet.extra_regressors, *filter(None, conditions)]


def _others(prophet: Any) -> dict[str, str]:
    """Returns holidays and regressors, as columns of a prediction, each with its mode."""
    found = {}
    if prophet.train_holiday_names is not None and len(prophet.train_holiday_names):
        found["holidays"] = prophet.holidays_mode or prophet.seasonality_mode
    return found | {name: one["mode"] for name, one in prophet.extra_regressors.items()}


def _effect(
    mode: str,
) -> tuple[Literal["price share", "trend share"], Callable[[Any], Any]]:
    if mode == "multiplicative":
        return "trend share", np.asarray
    return "price share", np.expm1


def _seasonality(prophet: Any, name: str, one: dict[str, Any]) -> Component:
    """Returns one period of a seasonality; a year by its dates."""
    from prophet.plot import seasonality_plot_df

    period = float(one["period"])
    days = np.linspace(0.0, period, POINTS)
    ds = MONDAY + (days * 86_400_000).astype("timedelta64[ms]")
    values = prophet.predict_seasonal_components(seasonality_plot_df(prophet, ds))[name].to_numpy()
    effect, change = _effect(one["mode"])
    x = ds.astype(np.float64) if period > 300 else days
    ticks = HOURS if period == 1 else DAYS if period == 7 else ()
    return Component(name, x, change(values), effect, time=period > 300, ticks=ticks)
