"""What a connection's events become on the topics."""

from tradebot.ingest.records import Connection
from tradebot.records import FeedRecord, TradeRecord, decode
from tradebot.venue.events import BookEvent, Change, TradeEvent

BOOK: list[Change] = [("bid", "100.00", "1", "initial"), ("ask", "101.00", "2.50", "initial")]


def trade(tid: int, *, past: bool = False) -> TradeEvent:
    return TradeEvent(TradeRecord("BTCUSD", tid, "100.00", "1", "ask", 5), past)


def test_seq_counts_the_records_of_a_connection_from_zero() -> None:
    connection = Connection()
    values = connection.feed(BookEvent("BTCUSD", 5, BOOK, snapshot=True))
    values += connection.feed(BookEvent("BTCUSD", 6, [("bid", "100.00", "0", "cancel")]))
    records = [decode(value, FeedRecord) for value in values]
    assert [record.seq for record in records] == [0, 1, 2]
    assert [record.reason for record in records] == ["initial", "initial", "cancel"]
    assert [record.ts for record in records] == [5, 5, 6]


def test_prices_and_sizes_are_written_as_the_venue_wrote_them() -> None:
    (_, value) = Connection().feed(BookEvent("BTCUSD", 5, BOOK, snapshot=True))
    assert value == (
        b'{"side":"ask","price":"101.00","remaining":"2.50","symbol":"BTCUSD","ts":5,'
        b'"reason":"initial","seq":1}'
    )


def test_a_first_connection_leaves_trades_of_the_past_out() -> None:
    connection = Connection()
    assert connection.trade(trade(3, past=True)) is None
    value = connection.trade(trade(4))
    assert value is not None and decode(value, TradeRecord).tid == 4
    assert connection.last_trade == 4


def test_a_later_connection_tells_the_trades_that_were_missed_once() -> None:
    connection = Connection(last_trade=4)
    told = [connection.trade(trade(tid, past=True)) for tid in (3, 4, 5, 6)]
    assert [value is None for value in told] == [True, True, False, False]


def test_a_venue_that_numbers_its_trades_anew_is_still_heard() -> None:
    assert Connection(last_trade=900).trade(trade(1)) is not None
