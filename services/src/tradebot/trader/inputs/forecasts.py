"""The newest forecast of the bot's symbol, model and forecaster."""

from tradebot.domain.signal import predict
from tradebot.domain.situation import Prediction
from tradebot.platform import extensions
from tradebot.records import FORECASTERS, ForecastRecord


class Forecasts:
    """Keeps the forecast of one forecaster whose model used the newest data.

    Another forecaster's of the same model may have another horizon, interval or history: it is
    ignored, and named by `absence`.
    """

    def __init__(self, symbol: str, model: str, forecaster: str = "") -> None:
        self._symbol = symbol
        self._model = model
        self._forecaster = forecaster
        self._other: str | None = None
        self._newest: ForecastRecord | None = None

    def take(self, record: ForecastRecord) -> bool:
        """Takes a plausible record of the topic; returns whether it is a newer forecast of ours."""
        if (record.symbol, record.model) != (self._symbol, self._model):
            return False
        if record.forecaster != self._forecaster:
            self._other = record.forecaster
            return False
        if self._newest is not None and _age(record) < _age(self._newest):
            return False
        self._newest = record
        return True

    def at(self, ts: int) -> Prediction | None:
        """Reads the newest forecast at `ts` (ms)."""
        return None if self._newest is None else predict(self._newest, ts)

    @property
    def newest(self) -> ForecastRecord | None:
        """The followed forecast, if one has come."""
        return self._newest

    def history_end(self) -> int | None:
        """The last minute (ms) that the newest forecast's model used, if there is a forecast."""
        return None if self._newest is None else self._newest.history_end

    def absence(self) -> str:
        """Returns a sentence on why none of ours has come."""
        if self._other is None and not self._forecaster:
            return f"no forecast from {self._model} has arrived yet{_not_installed(self._model)}"
        sentence = f"no forecast from {self._model} by {_called(self._forecaster)} has arrived yet"
        if self._other is None:
            return sentence
        return (
            f"{sentence}, only from {_called(self._other)}: set --forecaster to the one to follow"
        )


def _not_installed(model: str) -> str:
    """Says why no forecast may ever come: a typo in the name. It may be installed elsewhere."""
    known = extensions.names(FORECASTERS)
    if model in known:
        return ""
    return f", and no forecaster with that name is installed here: {', '.join(known)}"


def _called(forecaster: str) -> str:
    return repr(forecaster) if forecaster else "a forecaster without a name"


def _age(record: ForecastRecord) -> tuple[int, int]:
    return record.history_end, record.fitted_at
