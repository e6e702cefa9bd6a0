"""The trader's windows, forecasts and clock with implausible records between good ones."""

from typing import Any

from hypothesis import given, settings
from line import poison
from line.poison import Message, mixed

from tradebot.domain.situation import Window
from tradebot.platform.clock import VenueClock
from tradebot.plausible.values import Now
from tradebot.records import FeedRecord, ForecastRecord, LiquidityRecord, encode
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.inputs.screen import Screen
from tradebot.trader.inputs.streams import feed_time
from tradebot.trader.inputs.windows import Windows

NOON = 1_609_502_400_000
MINUTE = 60_000
KINDS = ("ask", "bid", "price_volume")


class Letters:
    """Collects rejected records."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def put_message(self, _message: Any, reason: str) -> None:
        self.reasons.append(reason)


def screen() -> tuple[Screen, Letters]:
    clock = VenueClock(monotonic=lambda: 0.0)
    clock.follow(NOON)
    letters = Letters()
    return Screen("BTCUSD", clock, 10_000, letters), letters  # type: ignore[arg-type]


def results(count: int) -> list[bytes]:
    """Returns three records of each window up to NOON."""
    ends = [NOON - (count - 1 - number) * MINUTE for number in range(count)]
    return [
        encode(LiquidityRecord(kind, 1.5, end // 1000, "BTCUSD", end - MINUTE, end, 9, True))  # type: ignore[arg-type]
        for end in ends
        for kind in KINDS
    ]


def forecast(number: int) -> ForecastRecord:
    end = NOON - (10 - number) * MINUTE
    path = [9.3 + 0.001 * number] * 60
    return ForecastRecord(
        "BTCUSD", "FastProphet", f"d{number}", end, end, end, MINUTE, path, [], []
    )


def gathered(values: list[bytes]) -> tuple[list[Window], list[str]]:
    judge, letters = screen()
    gatherer = Windows("BTCUSD")
    found = []
    for offset, value in enumerate(values):
        record = judge.window(Message(offset, value))  # type: ignore[arg-type]
        window = None if record is None else gatherer.take(record)
        if window is not None:
            found.append(window)
    return found, letters.reasons


WINDOWS = results(6)


@settings(deadline=None)
@given(mixed(WINDOWS, poison.windows(NOON)))
def test_windows_are_the_same_whatever_poison_comes_between_their_records(
    stream: list[bytes],
) -> None:
    found, reasons = gathered(stream)
    assert found == gathered(WINDOWS)[0] and len(found) == 6
    assert len(reasons) == len(stream) - len(WINDOWS), "each bad record is rejected"


def followed(values: list[bytes]) -> list[Any]:
    judge, _ = screen()
    forecasts = Forecasts("BTCUSD", "FastProphet")
    seen = []
    for offset, value in enumerate(values):
        record = judge.forecast(Message(offset, value, "forecasts"))  # type: ignore[arg-type]
        if record is not None and forecasts.take(record):
            seen.append(forecasts.at(NOON))
    return seen


FORECASTS = [encode(forecast(number)) for number in range(8)]


@settings(deadline=None)
@given(mixed(FORECASTS, poison.forecasts(forecast(7))))
def test_forecasts_are_the_same_whatever_poison_comes_between_them(stream: list[bytes]) -> None:
    assert followed(stream) == followed(FORECASTS)


def test_the_report_s_window_without_a_symbol_is_of_the_key_s_or_the_stage_s() -> None:
    judge, _ = screen()
    value = encode(LiquidityRecord("ask", 1.5, NOON // 1000))
    named: list[tuple[bytes | None, str | None]] = [
        (b"BTCUSD", "BTCUSD"), (None, "BTCUSD"), (b"ETHUSD", None),
    ]  # fmt: skip
    for key, symbol in named:
        record = judge.window(Message(0, value, named=key))  # type: ignore[arg-type]
        assert (None if record is None else record.symbol) == symbol


def changes(*times: int) -> list[Any]:
    return [
        Message(0, encode(FeedRecord("bid", "1", "1", "BTCUSD", ts, "place", 1)), "gemini-feed")
        for ts in times
    ]


def test_the_clock_is_set_by_the_newest_change_that_can_be_true() -> None:
    now = Now(NOON, 10_000)
    assert feed_time(changes(NOON + 1, NOON + 2, poison.FAR), "BTCUSD", now) == NOON + 2
    assert feed_time(changes(poison.FAR), "BTCUSD", now) == poison.FAR, "the clock judges it"
    assert feed_time([*changes(NOON + 5), Message(1, b"{")], "BTCUSD", now) == NOON + 5  # type: ignore[list-item]


def test_the_report_s_three_fields_report_kafka_s_time() -> None:
    value = b'{"side":"bid","price":"11412.68","remaining":"0.54571124"}'
    now = Now(NOON, 10_000)
    for key in (b"BTCUSD", None):
        message: Any = Message(0, value, "gemini-feed", key, stamp=NOON + 3)
        assert feed_time([message], "BTCUSD", now) == NOON + 3
