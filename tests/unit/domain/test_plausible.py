"""The plausibility checks of each kind of record."""

from typing import Any

import msgspec
import pytest
from line import poison

from tradebot.plausible import feed, forecast, trade, window
from tradebot.plausible.values import Now, symbol_of
from tradebot.records import FeedRecord, ForecastRecord, LiquidityRecord, TradeRecord, decode

END = 1_602_770_100_000
NOW = Now(END, 10_000)
FORECAST = ForecastRecord(
    "BTCUSD", "FastProphet", "d1", END, END, END, 60_000, [9.3, 9.4], [9.2, 9.3], [9.4, 9.5]
)
CHANGE = FeedRecord("bid", "11412.68", "0.54571124", "BTCUSD", END, "place", 7)
TRADE = TradeRecord("BTCUSD", 5, "11412.68", "0.1", "bid", END)
RESULT = LiquidityRecord("ask", 1e6, END // 1000, "BTCUSD", END - 60_000, END, 9, True)


def test_good_records_are_plausible() -> None:
    assert feed.fault(CHANGE, NOW) is None
    assert feed.fault(msgspec.structs.replace(CHANGE, remaining="0"), NOW) is None
    assert trade.fault(TRADE, NOW) is None
    assert window.fault(RESULT, NOW) is None
    assert window.fault(LiquidityRecord("price_volume", None, END // 1000), NOW) is None
    assert forecast.fault(FORECAST, NOW) is None


def test_a_time_may_be_ahead_of_the_clock_by_the_lag_and_no_more() -> None:
    inside = msgspec.structs.replace(CHANGE, ts=END + 10_000)
    assert feed.fault(inside, NOW) is None
    outside = msgspec.structs.replace(CHANGE, ts=END + 11_000)
    assert feed.fault(outside, NOW) == "ts is 11 s ahead of the venue's clock"
    assert feed.fault(outside) is None, "where no clock is known nothing can be ahead of it"


@pytest.mark.parametrize(
    ("kind", "fault", "values"),
    [
        (FeedRecord, feed.fault, poison.feed(END)),
        (LiquidityRecord, window.fault, poison.windows(END)),
        (ForecastRecord, forecast.fault, poison.forecasts(FORECAST)),
    ],
    ids=["feed", "window", "forecast"],
)
def test_records_that_cannot_be_true_have_a_fault_that_says_why(
    kind: Any, fault: Any, values: list[bytes]
) -> None:
    for value in values:
        try:
            record = decode(value, kind)
        except msgspec.DecodeError:
            continue
        assert fault(record, NOW), value


@pytest.mark.parametrize("amount", poison.BAD_NUMBERS)
def test_a_trade_needs_a_price_and_an_amount(amount: str) -> None:
    assert trade.fault(msgspec.structs.replace(TRADE, price=amount), NOW)
    assert trade.fault(msgspec.structs.replace(TRADE, amount=amount), NOW)


@pytest.mark.parametrize(
    ("symbol", "key", "expected"),
    [
        ("ETHUSD", b"BTCUSD", "ETHUSD"),
        ("", b"BTCUSD", "BTCUSD"),
        ("", None, "LTCUSD"),
        ("", b"\xff\x00", "LTCUSD"),
    ],
)
def test_a_record_without_a_symbol_has_its_keys_or_the_stages(
    symbol: str, key: bytes | None, expected: str
) -> None:
    assert symbol_of(symbol, key, "LTCUSD") == expected
