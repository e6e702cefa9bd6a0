"""The records of a connection's events."""

from tradebot.ingest.records import REMEMBERED, Connection
from tradebot.records import FeedRecord, TradeRecord, decode
from tradebot.venue.events import BookEvent, Change, TradeEvent

BOOK: list[Change] = [("bid", "100.00", "1", "initial"), ("ask", "101.00", "2.50", "initial")]


def live(tid: int) -> TradeEvent:
    return TradeEvent(TradeRecord("BTCUSD", tid, "100.00", "1", "ask", 5))


def told(tid: int) -> TradeRecord:
    """Returns a trade of the venue's list."""
    return live(tid).trade


def ids(values: list[bytes]) -> list[int]:
    return [decode(value, TradeRecord).tid for value in values]


def test_seq_counts_the_records_of_a_connection_from_zero() -> None:
    connection = Connection("BTCUSD")
    values = connection.feed(BookEvent("BTCUSD", 5, BOOK, snapshot=True))
    values += connection.feed(BookEvent("BTCUSD", 6, [("bid", "100.00", "0", "cancel")]))
    records = [decode(value, FeedRecord) for value in values]
    assert [record.seq for record in records] == [0, 1, 2]
    assert [record.reason for record in records] == ["initial", "initial", "cancel"]
    assert [record.ts for record in records] == [5, 5, 6]


def test_prices_and_sizes_are_written_as_the_venue_wrote_them() -> None:
    (_, value) = Connection("BTCUSD").feed(BookEvent("BTCUSD", 5, BOOK, snapshot=True))
    assert value == (
        b'{"side":"ask","price":"101.00","remaining":"2.50","symbol":"BTCUSD","ts":5,'
        b'"reason":"initial","seq":1}'
    )


def test_a_live_trade_is_published_as_it_comes() -> None:
    connection = Connection("BTCUSD")
    value = connection.trade(live(4))
    assert value is not None and decode(value, TradeRecord) == live(4).trade
    assert connection.last_trade == 4


def test_trades_between_two_connections_are_published_once_and_oldest_first() -> None:
    connection = Connection("BTCUSD", last_trade=4)
    connection.trade(live(8))
    assert ids(connection.missed([told(tid) for tid in (8, 7, 6, 5, 4, 3)])) == [5, 6, 7]
    assert connection.last_trade == 8


def test_a_missed_trade_that_then_comes_live_is_not_published_again() -> None:
    connection = Connection("BTCUSD", last_trade=4)
    assert ids(connection.missed([told(6), told(5)])) == [5, 6]
    assert connection.trade(live(6)) is None
    assert connection.trade(live(7)) is not None


def test_a_trade_sent_twice_is_one_trade_and_one_out_of_order_is_not_lost() -> None:
    connection = Connection("BTCUSD")
    values = [connection.trade(live(tid)) for tid in (5, 5, 7, 6, 7)]
    assert ids([value for value in values if value is not None]) == [5, 7, 6]


def test_missed_trades_not_requested_in_time_are_published_by_the_next_connection() -> None:
    first = Connection("BTCUSD")
    first.trade(live(4))
    second = first.following()
    second.trade(live(8))
    third = second.following()
    assert third.since == 4
    third.trade(live(10))
    assert ids(third.missed([told(tid) for tid in (10, 9, 8, 7, 6, 5)])) == [5, 6, 7, 9]
    third.filled = True
    assert third.following().since == 10


def test_what_is_remembered_of_trades_is_bounded() -> None:
    connection = Connection("BTCUSD")
    for tid in range(3 * REMEMBERED):
        connection.trade(live(tid))
    assert len(connection._trades) == REMEMBERED


def test_trades_are_published_after_a_venue_restarts_its_trade_numbers() -> None:
    assert Connection("BTCUSD", last_trade=900).trade(live(1)) is not None
