"""The messages between the stage and the model's process."""

import msgspec

from tradebot.history.minutes import Bar


class Started(msgspec.Struct, frozen=True):
    """History is loaded."""

    history_end: int
    rows: int


class Request(msgspec.Struct, frozen=True):
    """New minutes, and the exchange time of the requested forecast."""

    bars: list[Bar]
    now: int


class Evaluate(msgspec.Struct, frozen=True):
    """Requests an evaluation of the model on the newest minutes."""


class Evaluated(msgspec.Struct, frozen=True):
    """The evaluation that later forecasts carry, or why there is none."""

    score: float | None
    seconds: float
    reason: str = ""


class Forecasted(msgspec.Struct, frozen=True):
    """A forecast, encoded, with what its metrics need."""

    record: bytes
    digest: str
    fitted_at: int
    history_end: int
    fit_seconds: float | None
    rows: int
    score: float | None
    memory_bytes: int


class Failed(msgspec.Struct, frozen=True):
    """Why there is no forecast; `fatal` if only a person can fix it."""

    reason: str
    fatal: bool = False


Asked = Request | Evaluate
Answer = Started | Forecasted | Evaluated | Failed
