"""The liquidity stage's input and output, record by record."""

import pytest

from tradebot.domain.feed import UNNUMBERED
from tradebot.domain.symbol_windows import Mark, WindowFlows, WindowRules
from tradebot.liquidity.decoding import Unreadable, decode
from tradebot.liquidity.results import Place, dead_letter, window_messages
from tradebot.platform import dead_letters
from tradebot.platform.topics import Topics

GOOD = (
    b'{"side":"bid","price":"11412.68","remaining":"0.54571124","symbol":"BTCUSD",'
    b'"ts":1602770085123,"reason":"place","seq":7}'
)


class Stored:
    """A record as Kafka's client returns it."""

    def __init__(
        self, offset: int, value: bytes | None, key: bytes | None = None, timestamp: int = 0
    ) -> None:
        self.offset = offset
        self.value = value
        self.key = key
        self.timestamp = timestamp


def test_a_fetch_is_read_in_one_go_with_its_offsets() -> None:
    decoded = decode([Stored(5, GOOD), Stored(6, GOOD), Stored(9, GOOD)])
    assert list(decoded.offsets) == [5, 6, 9]
    assert decoded.unreadable == []
    assert decoded.changes[0].price * decoded.changes[0].remaining == 11412.68 * 0.54571124


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        None,
        b"not json",
        b"\xff\xfe",
        b"[]",
        GOOD + b"," + GOOD,
        b'{"side":"bid","price":"1","remaining":"1"}',
        b'{"side":"bid","price":"1","remaining":"1","symbol":"BTCUSD"}',
        GOOD.replace(b'"11412.68"', b'"NaN"'),
        GOOD.replace(b'"11412.68"', b'"Infinity"'),
        GOOD.replace(b'"0.54571124"', b'"-1"'),
        GOOD.replace(b'"bid"', b'"both"'),
        GOOD.replace(b"1602770085123", b"1602770085"),
        GOOD.replace(b"1602770085123", b"1602770085123000"),
        GOOD.replace(b'"seq":7', b'"seq":-1'),
        GOOD.replace(b'"seq":7', b'"seq":9007199254740992'),
        pytest.param(GOOD.replace(b'"seq":7', b'"seq":' + b"9" * 5000), id="a seq without end"),
        pytest.param(
            GOOD[:-1] + b',"more":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
            id="brackets nested without end",
        ),
    ],
)
def test_a_bad_record_costs_itself_alone(bad: bytes | None) -> None:
    decoded = decode([Stored(0, GOOD), Stored(1, bad), Stored(2, GOOD)])
    assert list(decoded.offsets) == [0, 2]
    assert len(decoded.changes) == 2
    assert [(record.offset, record.value) for record in decoded.unreadable] == [(1, bad or b"")]
    assert decoded.unreadable[0].error


def test_values_that_are_json_only_when_joined_are_each_rejected_however_they_were_fetched() -> (
    None
):
    left = GOOD + b"," + GOOD[:-1] + b',"more":[{}'
    values = [left, b"{}", b"{}]}"]
    stored = [Stored(offset, value) for offset, value in enumerate(values)]
    together = decode(stored)
    alone = [decode([one]) for one in stored]
    assert together.changes == [] and all(one.changes == [] for one in alone)
    assert [bad.offset for bad in together.unreadable] == [0, 1, 2]
    assert together.unreadable == [one.unreadable[0] for one in alone]


THREE = b'{"side":"bid","price":"11412.68","remaining":"0.54571124"}'


@pytest.mark.parametrize(
    ("key", "own", "symbol"),
    [(b"BTCUSD", "", "BTCUSD"), (None, "ETHUSD", "ETHUSD"), (b"BTCUSD", "ETHUSD", "BTCUSD")],
)
def test_the_report_s_three_fields_take_symbol_and_time_from_kafka(
    key: bytes | None, own: str, symbol: str
) -> None:
    stored = [Stored(0, THREE, key, 1602770085123), Stored(1, GOOD, None, 1602770085124)]
    decoded = decode(stored, own=own)
    assert decoded.unreadable == []
    three, whole = decoded.changes
    assert (three.symbol, three.ts, three.seq) == (symbol, 1602770085123, UNNUMBERED)
    assert (three.price, three.remaining) == (11412.68, 0.54571124)
    assert whole.seq == 7


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (Stored(0, THREE, None, 1602770085123), "set --symbol"),
        (Stored(0, THREE, b"BTCUSD"), "neither it nor Kafka's stamp tells a time"),
        (Stored(0, THREE, b"BTCUSD", 4_070_908_800_000), "neither it nor Kafka's stamp"),
        (Stored(0, GOOD, b"ETHUSD", 1602770085123), "its symbol is 'BTCUSD' and its key b'ETHUSD'"),
    ],
)
def test_a_record_without_any_symbol_or_time_is_rejected(stored: Stored, reason: str) -> None:
    good = Stored(1, GOOD, b"BTCUSD", 1602770085123)
    decoded = decode([stored, good], latest=1_700_000_000_000)
    assert len(decoded.changes) == 1
    assert reason in decoded.unreadable[0].error


PLACE = Place(Topics(), 3, WindowRules(), 1.0)


def test_a_window_is_three_records_that_begin_with_the_reports_fields_in_its_order() -> None:
    window = WindowFlows(
        "BTCUSD",
        1602770040000 // 60_000,
        Mark(0, 0, 0),
        True,
        bid=36606864.31078205,
        ask=83751098.75963986,
        events=2,
    )
    ask, bid, ratio = window_messages(window, PLACE)
    rest = (
        b',"symbol":"BTCUSD","window_start":1602770040000,"window_end":1602770100000,'
        b'"events":2,"complete":true}'
    )
    assert ask.value == b'{"type":"ask","value":83751098.75963986,"timestamp":1602770100' + rest
    assert bid.value == b'{"type":"bid","value":36606864.31078205,"timestamp":1602770100' + rest
    assert (
        ratio.value
        == b'{"type":"price_volume","value":0.43709115286763395,"timestamp":1602770100' + rest
    )
    assert {(message.topic, message.key, message.partition) for message in (ask, bid, ratio)} == {
        ("faust.out", b"BTCUSD", 3)
    }


def test_an_empty_side_gives_flow_zero_and_ratio_null() -> None:
    window = WindowFlows("BTCUSD", 0, Mark(0, 0, 0), False, bid=5.0)
    ask, _, ratio = window_messages(window, PLACE)
    assert ask.value.startswith(b'{"type":"ask","value":0.0,')
    assert ratio.value.startswith(b'{"type":"price_volume","value":null,')


def test_a_dead_letter_says_where_what_and_why() -> None:
    from faust.types import TP

    letter = dead_letter(TP("gemini-feed", 2), Unreadable(41, "no number", b"\xffx"))
    message = dead_letters.message(letter, "dead-letters")
    assert message.topic == "dead-letters"
    assert (
        message.value
        == (
            '{"topic":"gemini-feed","partition":2,"offset":41,"stage":"liquidity",'
            '"error":"no number","value":"\ufffdx"}'
        ).encode()
    )
