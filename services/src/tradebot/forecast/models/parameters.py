"""Parameters of Prophet models in JSON form, shared by both forecasters."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from tradebot.history.arrays import DAY
from tradebot.history.bars import Series
from tradebot.platform import logs

MONTH: Final = 30.5
"""Days per month, as in Prophet's documentation."""
MONTHLY_ORDER: Final = 5
WINDOWS: Final = ("lower_window", "upper_window")
_COLUMNS: Final = ("holiday", "ds", *WINDOWS, "prior_scale")

DAYS: Final = {"yearly": 365.25, "weekly": 7.0, "daily": 1.0}


class Seasonal(Protocol):
    """A model that accepts seasonalities before its fit."""

    def add_seasonality(
        self,
        name: str,
        period: float,
        fourier_order: int,
        prior_scale: float | None = None,
        mode: Any = None,
        condition_name: str | None = None,
    ) -> Any:
        """Adds a seasonality of `period` days."""
        ...


def holidays(rows: Any) -> dict[str, list[Any]] | None:
    """Converts holidays from rows to columns; a row may lack a window or a prior scale.

    >>> holidays([{"holiday": "a", "ds": "2021-03-01"}])
    {'holiday': ['a'], 'ds': ['2021-03-01']}

    Raises:
        ValueError: a row is not an object, lacks its name or its day, or has an unknown key.
    """
    if not rows:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError('holidays must be a list such as [{"holiday": "a", "ds": "2021-03-01"}]')
    for number, row in enumerate(rows, 1):
        lacking = [name for name in ("holiday", "ds") if not row.get(name)]
        unknown = sorted(set(row) - set(_COLUMNS))
        if lacking or unknown:
            what = f"lacks {lacking[0]}" if lacking else f"has {unknown[0]!r}, which is unknown"
            raise ValueError(f"holiday {number} {what}: a holiday has {', '.join(_COLUMNS)}")
    used = [name for name in _COLUMNS if any(name in row for row in rows)]
    if any(name in used for name in WINDOWS):
        used += [name for name in WINDOWS if name not in used]
    return {name: [row.get(name, _absent(name)) for row in rows] for name in used}


def _absent(name: str) -> float:
    return 0.0 if name in WINDOWS else float("nan")


def add_seasonalities(model: Seasonal, monthly: bool | int, more: Any) -> None:
    """Adds the monthly seasonality, and those given as a list.

    Args:
        monthly: whether to add one, or its Fourier order.
        more: objects with the arguments of `prophet.Prophet.add_seasonality`.

    Raises:
        ValueError: one is not such an object, or Prophet refuses it.
    """
    if monthly:
        order = MONTHLY_ORDER if monthly is True else int(monthly)
        model.add_seasonality("monthly", MONTH, order)
    for number, one in enumerate(more or (), 1):
        if not isinstance(one, dict) or not {"name", "period", "fourier_order"} <= set(one):
            raise ValueError(
                f"seasonality {number} must have name, period (days) and fourier_order, such as"
                ' {"name": "quarterly", "period": 91.3, "fourier_order": 5}'
            )
        try:
            model.add_seasonality(**one)
        except TypeError as error:
            raise ValueError(f"seasonality {number}: {error}") from None


def warn_of_longer(
    history: Series, parameters: Mapping[str, Any], monthly: bool | int, more: Any
) -> None:
    """Logs the seasonalities that are too long for the history."""
    days = (history.end - history.start) / DAY
    for name in longer_than(days, parameters, monthly, more):
        logs.get("forecast").warning(
            "the history is shorter than a seasonality: its effect is made up",
            seasonality=name,
            history_days=round(days, 1),
        )


def longer_than(
    history_days: float, parameters: Mapping[str, Any], monthly: bool | int, more: Any
) -> list[str]:
    """Returns the requested seasonalities whose period is longer than the history.

    Such a history does not determine the rest of the period, so the model makes it up.
    """
    periods = {
        name: days
        for name, days in DAYS.items()
        if parameters.get(f"{name}_seasonality") not in (None, False, "auto", 0)
    }
    if monthly:
        periods["monthly"] = MONTH
    periods |= {str(one["name"]): float(one["period"]) for one in more or ()}
    return [name for name, days in periods.items() if days > history_days]
