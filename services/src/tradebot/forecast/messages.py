"""What the stage and the model's process say to each other."""

import msgspec

from tradebot.history.minutes import Bar


class Started(msgspec.Struct, frozen=True):
    """History is loaded."""

    history_end: int
    rows: int


class Request(msgspec.Struct, frozen=True):
    """New minutes, and the exchange time at which a forecast is wanted."""

    bars: list[Bar]
    now: int


class Evaluate(msgspec.Struct, frozen=True):
    """The model is to be evaluated on the newest minutes."""


class Evaluated(msgspec.Struct, frozen=True):
    """An evaluation is done, or could not be, and why; forecasts from now on carry it."""

    score: float | None
    seconds: float
    reason: str = ""


class Forecasted(msgspec.Struct, frozen=True):
    """A whole forecast, encoded, with what its metrics need."""

    record: bytes
    digest: str
    fitted_at: int
    history_end: int
    fit_seconds: float | None
    rows: int
    score: float | None
    memory_bytes: int


class Failed(msgspec.Struct, frozen=True):
    """There is no forecast, and why; `fatal` where only a person can change that."""

    reason: str
    fatal: bool = False


Asked = Request | Evaluate
Answer = Started | Forecasted | Evaluated | Failed
