"""The newest forecast of the bot's symbol and model."""

import msgspec

from tradebot.domain.signal import predict
from tradebot.domain.situation import Prediction
from tradebot.records import ForecastRecord


class Forecasts:
    """Keeps the forecast whose model saw the most, of those that came."""

    def __init__(self, symbol: str, model: str) -> None:
        self._symbol = symbol
        self._model = model
        self._newest: ForecastRecord | None = None

    def take(self, value: bytes) -> bool:
        """Reads a record of the topic; whether it is a newer forecast of ours."""
        try:
            record = _decode(value)
        except msgspec.DecodeError:
            return False
        if (record.symbol, record.model) != (self._symbol, self._model) or record.step_ms <= 0:
            return False
        if self._newest is not None and _age(record) < _age(self._newest):
            return False
        self._newest = record
        return True

    def at(self, ts: int) -> Prediction | None:
        """What the newest forecast says at `ts` (ms)."""
        record = self._newest
        if record is None:
            return None
        return predict(
            record.log_price,
            ts,
            start=record.start,
            step_ms=record.step_ms,
            model=record.model,
            digest=record.digest,
            history_end=record.history_end,
            evaluated=record.evaluated,
        )

    def history_end(self) -> int | None:
        """The last minute (ms) that the newest forecast's model saw, if there is a forecast."""
        return None if self._newest is None else self._newest.history_end


def _age(record: ForecastRecord) -> tuple[int, int]:
    return record.history_end, record.fitted_at


_decode = msgspec.json.Decoder(ForecastRecord).decode
