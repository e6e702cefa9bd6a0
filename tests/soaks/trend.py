"""A forecast of one way."""

from dataclasses import dataclass

from tradebot.domain.decision import Prediction


@dataclass
class Trend:
    """Forecasts that the log price changes by `way` in the next minute; a test may change it."""

    way: float = 0.01
    model: str = "m"

    def at(self, ts: int) -> Prediction:
        return Prediction(
            model=self.model, digest="d", history_end=ts, evaluated=True, log_price=9.3,
            log_price_next=9.3 + self.way, log_price_turn=9.3 + self.way,
        )  # fmt: skip
