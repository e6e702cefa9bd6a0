"""The forecast stage's minutes with implausible trades between good ones."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from line import poison
from line.poison import Message

from tradebot.forecast.settings import ForecastSettings
from tradebot.forecast.stage import ForecastStage
from tradebot.history.minutes import Bar
from tradebot.platform.clock import VenueClock
from tradebot.platform.health import Readiness
from tradebot.records import TradeRecord, encode

MINUTE = 60_000
T0 = 1_600_000_020_000 // MINUTE * MINUTE


class Letters:
    """Collects rejected records."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []

    def put_message(self, message: Any, _reason: str) -> None:
        self.values.append(message.value())


class Heard:
    """A stage that reads a live topic: each trade when it happens."""

    def __init__(self) -> None:
        self.now = 0.0
        self.letters = Letters()
        self.stage = ForecastStage(ForecastSettings(), Readiness("forecast"))
        self.stage._dead_letters = self.letters  # type: ignore[assignment]
        self.stage._clock = VenueClock(monotonic=lambda: self.now)
        self.stage._known = T0
        self.stage._clock.follow(T0 + MINUTE)
        self.bars: list[Bar] = []

    def take(self, value: bytes) -> None:
        self.stage._take(Message(0, value, "gemini-trades"))  # type: ignore[arg-type]
        self.bars += self.stage._minutes.close(self.stage._clock.now())

    def pass_to(self, ts: int) -> None:
        self.now = (ts - T0 - MINUTE) / 1000


def trade(tid: int, ts: int, price: str = "10003", amount: str = "1") -> bytes:
    return encode(TradeRecord("BTCUSD", tid, price, amount, "bid", ts))


GOOD = [(T0 + MINUTE + 7000 * number, number) for number in range(60)]


def poisons(now: int) -> list[bytes]:
    times = (poison.FAR, now + 9 * MINUTE, now + 86_400_000, now * 1000, now // 1000)
    bad = [trade(7, ts) for ts in times]
    bad += [trade(8, now, price=text) for text in (*poison.BAD_NUMBERS, "0")]
    bad += [trade(9, now, amount=text) for text in poison.BAD_NUMBERS]
    return [*bad, *poison.UNREADABLE]


def bars(chosen: dict[int, list[int]]) -> tuple[list[Bar], int]:
    heard, put = Heard(), 0
    for number, (ts, tid) in enumerate(GOOD):
        heard.pass_to(ts)
        for which in chosen.get(number, []):
            heard.take(poisons(ts)[which])
            put += 1
        heard.take(trade(tid, ts))
    assert len(heard.letters.values) == put, "each bad trade is rejected, and no good one"
    return heard.bars, heard.stage._minutes.late


KINDS = len(poisons(T0))


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.integers(0, len(GOOD) - 1), st.lists(st.integers(0, KINDS - 1), max_size=4), max_size=6
    )
)
def test_minutes_are_the_same_whatever_poison_comes_between_their_trades(
    chosen: dict[int, list[int]],
) -> None:
    assert bars(chosen) == bars({})


@pytest.mark.parametrize("ahead", [11 * MINUTE, 7 * 86_400_000])
def test_a_venue_that_was_silent_is_followed_when_three_trades_continue_from_there(
    ahead: int,
) -> None:
    heard = Heard()
    for number in range(3):
        heard.take(trade(number, T0 + MINUTE + ahead + number))
    for number in range(3, 6):
        heard.take(trade(number, T0 + 4 * MINUTE + ahead + number))
    assert heard.letters.values == []
    assert heard.stage._minutes.close(T0 + 9 * MINUTE + ahead)
