"""The forecast stage when the venue's time jumps ahead and comes back."""

from typing import Any

from confluent_kafka import Producer

from tradebot.forecast.settings import ForecastSettings
from tradebot.forecast.stage import ForecastStage
from tradebot.history.bars import MINUTE
from tradebot.platform.clock import VenueClock
from tradebot.platform.health import Readiness
from tradebot.records import TradeRecord, encode

T0 = 1_600_000_020_000 // MINUTE * MINUTE


class Received:
    """A message of the topic, as the stage takes it."""

    def __init__(self, trade: TradeRecord) -> None:
        self._value = encode(trade)

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return "gemini-trades"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 0

    def value(self) -> bytes:
        return self._value


class Heard:
    """A stage that receives trades at times that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stage = ForecastStage(ForecastSettings(refit_minutes=1), Readiness("forecast"))
        self.stage._clock = VenueClock(monotonic=lambda: self.now)
        self._producer: Any = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
        self.stage._known = T0 - MINUTE
        self._tid = 0

    def trade(self, ts: int) -> None:
        self._tid += 1
        message: Any = Received(TradeRecord("BTCUSD", self._tid, "5", "1", "bid", ts))
        self.stage._take(message)


def test_one_stamp_from_the_future_leaves_the_clock_alone() -> None:
    heard = Heard()
    heard.trade(T0)
    heard.trade(T0 + 600 * MINUTE)
    assert heard.stage._clock.now() == T0


def test_the_next_forecast_does_not_wait_for_a_time_set_before_the_clock_went_back() -> None:
    heard, now = Heard(), T0 + 3 * MINUTE
    heard.trade(T0)
    heard.trade(T0 + MINUTE)
    heard.stage._gathered.extend(heard.stage._minutes.close(now))
    heard.stage._last_failure = "none is out yet"
    heard.stage._next = T0 + 600 * MINUTE
    assert heard.stage._due(now)
    heard.stage._next = now + MINUTE
    assert not heard.stage._due(now)
