"""The report's signal: buy if the forecast rises over the next step, sell if it falls."""

from collections.abc import Sequence
from typing import Protocol

from tradebot.domain.situation import Action, Prediction


def signal_of(delta: float | None) -> Action:
    """Returns the side of a trade by Δ(t) = forecast(t + 1) − forecast(t).

    >>> signal_of(0.001), signal_of(-0.001), signal_of(0.0), signal_of(None)
    ('buy', 'sell', 'hold', 'hold')
    """
    if delta is None or delta == 0 or delta != delta:
        return "hold"
    return "buy" if delta > 0 else "sell"


class ForecastPath(Protocol):
    """The part of a forecast that decisions use; `records.ForecastRecord` implements it."""

    @property
    def log_price(self) -> Sequence[float]:
        """Natural logarithms of the price: element i is for the time `start + i·step_ms`."""
        ...

    @property
    def start(self) -> int:
        """The time of the first element, ms."""
        ...

    @property
    def step_ms(self) -> int:
        """The time from one element to the next, ms; above 0."""
        ...

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def digest(self) -> str:
        """Identifies the fitted model."""
        ...

    @property
    def history_end(self) -> int:
        """The last minute that the model used, ms."""
        ...

    @property
    def evaluated(self) -> bool:
        """Whether the model was evaluated on minutes outside its data."""
        ...


def predict(forecast: ForecastPath, ts: int) -> Prediction | None:
    """Reads a forecast at `ts`; `None` unless it covers `ts` and the step after.

    Args:
        ts: ms; a time between two steps is read as the earlier of them.
    """
    log_price = forecast.log_price
    index = (ts - forecast.start) // forecast.step_ms
    if index < 0 or index + 1 >= len(log_price):
        return None
    return Prediction(
        model=forecast.model,
        digest=forecast.digest,
        history_end=forecast.history_end,
        evaluated=forecast.evaluated,
        log_price=log_price[index],
        log_price_next=log_price[index + 1],
        log_price_turn=log_price[_turn(log_price, index)],
    )


def _turn(log_price: Sequence[float], index: int) -> int:
    """Returns the first step after `index` at which the forecast turns, or the last step."""
    way = signal_of(log_price[index + 1] - log_price[index])
    last = len(log_price) - 1
    step = index + 1
    while step < last and signal_of(log_price[step + 1] - log_price[step]) == way:
        step += 1
    return step
