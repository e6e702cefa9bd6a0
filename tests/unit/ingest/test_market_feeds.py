"""The three market data interfaces' parsers, with frames as the venue sends them."""

import json
from typing import Any

import pytest

from tradebot.platform.clock import VenueClock
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.events import BookEvent, MarketEvent, TimeEvent, TradeEvent
from tradebot.venue.gemini.feeds import feed_of
from tradebot.venue.gemini.feeds.base import CROSSED_FRAMES
from tradebot.venue.gemini.feeds.new import NewFeed
from tradebot.venue.gemini.feeds.v1 import V1Feed
from tradebot.venue.gemini.feeds.v2 import V2Feed

NS = 1_751_508_260_659_505_382
MS = 1_751_508_260_659


def clock() -> VenueClock:
    return VenueClock(monotonic=lambda: 0.0)


def changes(events: list[MarketEvent]) -> list[tuple[str, str, str, str]]:
    return [change for event in events if isinstance(event, BookEvent) for change in event.changes]


def depth(first: int, last: int, bids: Any = (), asks: Any = (), ts: int = NS) -> str:
    content = {"e": "depthUpdate", "E": ts, "s": "btcusd", "U": first, "u": last}
    return json.dumps(content | {"b": list(bids), "a": list(asks)})


def trade(tid: int, price: str, amount: str, *, buyer_made: bool, ts: int = NS) -> str:
    content = {"E": ts, "s": "btcusd", "t": tid, "p": price, "q": amount, "m": buyer_made}
    return json.dumps(content)


class TestTheNewInterface:
    def begun(self) -> NewFeed:
        feed = NewFeed("BTCUSD", clock())
        feed.read(depth(7, 7, [["100.00", "1"], ["99.50", "2"]], [["101.00", "3"]]))
        return feed

    def test_it_requests_a_whole_book_and_then_its_changes_and_trades(self) -> None:
        feed = NewFeed("BTCUSD", clock())
        assert feed.path() == "?snapshot=-1"
        (hello,) = map(json.loads, feed.hello())
        assert hello["method"] == "subscribe"
        assert hello["params"] == ["btcusd@trade", "btcusd@depth@100ms"]

    def test_the_first_depth_update_is_the_whole_book_at_its_time_in_ms(self) -> None:
        feed = NewFeed("BTCUSD", clock())
        assert feed.read('{"id":"feed","status":200,"result":null}') == []
        events = feed.read(depth(7, 7, [["100.00", "1"]], [["101.00", "3"]]))
        expected = [("bid", "100.00", "1", "initial"), ("ask", "101.00", "3", "initial")]
        assert events == [BookEvent("BTCUSD", MS, expected, snapshot=True)]

    def test_later_updates_are_changes_with_derived_reasons(self) -> None:
        feed = self.begun()
        feed.read(trade(5, "101.00", "1", buyer_made=False))
        events = feed.read(
            depth(8, 9, [["100.00", "4"], ["99.50", "0"], ["98", "1"]], [["101.00", "2"]])
        )
        assert changes(events) == [
            ("bid", "100.00", "4", "place"),
            ("bid", "99.50", "0", "cancel"),
            ("bid", "98", "1", "place"),
            ("ask", "101.00", "2", "trade"),
        ]
        assert str(feed.book.best("bid")) == "100.00"

    def test_a_trade_says_who_rested(self) -> None:
        (event,) = self.begun().read(trade(5, "100.00", "0.25", buyer_made=True))
        assert isinstance(event, TradeEvent)
        record = event.trade
        assert (record.maker_side, record.tid, record.ts) == ("bid", 5, MS)
        assert (record.price, record.amount, record.symbol) == ("100.00", "0.25", "BTCUSD")

    def test_a_gap_in_the_updates_breaks_the_feed(self) -> None:
        with pytest.raises(FeedBrokenError, match="missing updates 8 to 8") as raised:
            self.begun().read(depth(9, 9))
        assert raised.value.cause == "gap"

    def test_an_update_sent_twice_changes_nothing(self) -> None:
        feed = self.begun()
        update = depth(8, 8, [["100.00", "4"]])
        assert changes(feed.read(update)) != []
        assert feed.read(update) == []

    def test_updates_out_of_order_break_the_feed(self) -> None:
        feed = self.begun()
        with pytest.raises(FeedBrokenError):
            feed.read(depth(9, 9, [["100.00", "5"]]))

    def test_a_connection_that_does_not_begin_with_a_whole_book_is_not_a_feed(self) -> None:
        with pytest.raises(FeedBrokenError, match="not a full book"):
            NewFeed("BTCUSD", clock()).read(depth(7, 9))

    def test_a_refused_subscription_says_why(self) -> None:
        frame = '{"id":"feed","status":400,"error":{"code":-1121,"msg":"Invalid symbol"}}'
        with pytest.raises(FeedBrokenError, match="400: -1121 Invalid symbol") as raised:
            NewFeed("BTCUSD", clock()).read(frame)
        assert raised.value.cause == "refused"

    def test_other_symbols_and_other_streams_are_left_out(self) -> None:
        feed = self.begun()
        other = depth(1, 1, [["5", "5"]]).replace("btcusd", "ethusd")
        assert feed.read(other) == []
        ticker = {"u": 9, "E": NS, "s": "btcusd", "b": "1", "B": "2", "a": "3", "A": "4"}
        assert feed.read(json.dumps(ticker)) == []

    def test_an_update_without_changes_reports_the_time(self) -> None:
        assert self.begun().read(depth(8, 8)) == [TimeEvent(MS)]

    def test_numbers_beyond_a_doubles_precision_keep_their_sequence(self) -> None:
        feed = NewFeed("BTCUSD", clock())
        feed.read(depth(9007199254740992, 9007199254740992))
        assert feed.read(depth(9007199254740993, 9007199254740994)) == [TimeEvent(MS)]


INITIAL = {
    "type": "update",
    "eventId": 5375461993,
    "socket_sequence": 0,
    "events": [
        {
            "type": "change",
            "reason": "initial",
            "price": "3641.61",
            "delta": "0.83372051",
            "remaining": "0.83372051",
            "side": "bid",
        },
        {
            "type": "change",
            "reason": "initial",
            "price": "3641.62",
            "delta": "4.072",
            "remaining": "4.072",
            "side": "ask",
        },
    ],
}


def v1(sequence: int, *events: dict[str, Any], ts: int = 1547759964051) -> str:
    content = {
        "type": "update",
        "eventId": 5375503736,
        "timestamp": ts // 1000,
        "timestampms": ts,
        "socket_sequence": sequence,
        "events": events,
    }
    return json.dumps(content)


CANCEL = {
    "type": "change",
    "side": "bid",
    "price": "3641.61",
    "remaining": "0",
    "delta": "-2",
    "reason": "cancel",
}
TRADE = {
    "type": "trade",
    "tid": 5375547515,
    "price": "3641.62",
    "amount": "0.1362819142",
    "makerSide": "ask",
}


class TestTheFirstInterface:
    def begun(self) -> V1Feed:
        feed = V1Feed("BTCUSD", clock())
        feed.read(json.dumps(INITIAL))
        return feed

    def test_all_flags_are_given(self) -> None:
        path = V1Feed("BTCUSD", clock()).path()
        flags = "heartbeat=true&bids=true&offers=true&trades=true"
        assert path == f"/v1/marketdata/BTCUSD?{flags}"

    def test_the_first_book_waits_for_a_time_and_is_then_stamped_with_it(self) -> None:
        feed = V1Feed("BTCUSD", clock())
        assert feed.read(json.dumps(INITIAL)) == []
        first, second = feed.read(v1(1, CANCEL))
        assert isinstance(first, BookEvent) and isinstance(second, BookEvent)
        assert first.snapshot and first.ts == 1547759964051
        assert changes([first]) == [
            ("bid", "3641.61", "0.83372051", "initial"),
            ("ask", "3641.62", "4.072", "initial"),
        ]
        assert changes([second]) == [("bid", "3641.61", "0", "cancel")]
        assert feed.book.best("bid") is None

    def test_a_later_connections_first_book_is_stamped_by_the_clock(self) -> None:
        known = clock()
        known.observe(1547759964051)
        (event,) = V1Feed("BTCUSD", known).read(json.dumps(INITIAL))
        assert isinstance(event, BookEvent) and event.ts == 1547759964051

    def test_a_trade_comes_with_its_change(self) -> None:
        change = CANCEL | {"side": "ask", "price": "3641.62", "remaining": "4", "reason": "trade"}
        events = self.begun().read(v1(1, TRADE, change))
        (told,) = [event for event in events if isinstance(event, TradeEvent)]
        assert (told.trade.tid, told.trade.maker_side) == (5375547515, "ask")
        assert changes(events)[-1] == ("ask", "3641.62", "4", "trade")

    def test_a_message_sent_twice_changes_nothing(self) -> None:
        feed = self.begun()
        assert changes(feed.read(v1(1, CANCEL)))
        assert feed.read(v1(1, CANCEL)) == []
        assert changes(feed.read(v1(2, CANCEL)))

    @pytest.mark.parametrize("number", [2, 7])
    def test_a_step_in_the_socket_sequence_breaks_the_feed(self, number: int) -> None:
        with pytest.raises(FeedBrokenError, match=f"expected message 1, got {number}"):
            self.begun().read(v1(number, CANCEL))

    def test_a_message_without_a_number_breaks_the_feed(self) -> None:
        with pytest.raises(FeedBrokenError, match="without socket_sequence"):
            self.begun().read('{"type":"heartbeat"}')

    def test_heartbeats_count_in_the_sequence(self) -> None:
        feed = self.begun()
        assert feed.read('{"type":"heartbeat","socket_sequence":1}') == [TimeEvent(0)]
        assert changes(feed.read(v1(2, CANCEL)))

    def test_auctions_and_block_trades_are_left_out(self) -> None:
        events = self.begun().read(v1(1, {"type": "auction_open", "auction_open_ms": 1}))
        assert [isinstance(event, BookEvent) and event.snapshot for event in events] == [True]

    def test_a_refusal_says_why(self) -> None:
        with pytest.raises(FeedBrokenError, match="InvalidSymbol: no such symbol"):
            V1Feed("BTCUSD", clock()).read(
                '{"result":"error","reason":"InvalidSymbol","message":"no such symbol"}'
            )


SECOND = {
    "type": "l2_updates",
    "symbol": "BTCUSD",
    "changes": [["buy", "302.75", "0.00001"], ["buy", "301.96", "5"], ["sell", "303.00", "2"]],
    "trades": [
        {
            "type": "trade",
            "symbol": "BTCUSD",
            "event_id": 20 - age,
            "timestamp": 1624493660000 - age,
            "price": "303.00",
            "quantity": "1",
            "side": "buy",
        }
        for age in range(2)
    ],
    "auction_events": [],
}
HEARTBEAT = '{"type":"heartbeat","timestamp":1624493666869}'


def l2(*levels: list[str]) -> str:
    return json.dumps({"type": "l2_updates", "symbol": "BTCUSD", "changes": levels})


class TestTheSecondInterface:
    def begun(self) -> V2Feed:
        feed = V2Feed("BTCUSD", clock())
        feed.read(HEARTBEAT)
        feed.read(json.dumps(SECOND))
        return feed

    def test_it_subscribes_to_the_book(self) -> None:
        feed = V2Feed("BTCUSD", clock())
        (hello,) = map(json.loads, feed.hello())
        subscription = [{"name": "l2", "symbols": ["BTCUSD"]}]
        assert hello == {"type": "subscribe", "subscriptions": subscription}

    def test_the_book_waits_for_the_heartbeat_that_reports_the_time(self) -> None:
        feed = V2Feed("BTCUSD", clock())
        assert feed.read(json.dumps(SECOND)) == []
        book, time = feed.read(HEARTBEAT)
        assert isinstance(book, BookEvent) and book.snapshot and book.ts == 1624493666869
        assert time == TimeEvent(1624493666869)

    def test_time_continues_between_heartbeats_at_the_speed_of_the_venue(self) -> None:
        now = 0.0
        fast = VenueClock(speed=30.0, monotonic=lambda: now)
        feed = V2Feed("BTCUSD", fast)
        feed.read(HEARTBEAT)
        feed.read(json.dumps(SECOND))
        now = 1.0
        (event,) = feed.read(l2(["buy", "301.96", "0"]))
        assert isinstance(event, BookEvent) and event.ts == 1624493666869 + 30_000

    def test_a_trade_told_before_its_change_explains_it(self) -> None:
        feed = self.begun()
        told = {
            "type": "trade",
            "symbol": "BTCUSD",
            "event_id": 45465818387,
            "timestamp": 1624493666900,
            "price": "303.00",
            "quantity": "0.5",
            "side": "buy",
        }
        (event,) = feed.read(json.dumps(told))
        assert isinstance(event, TradeEvent)
        assert (event.trade.maker_side, event.trade.tid) == ("ask", 45465818387)
        events = feed.read(l2(["sell", "303.00", "1.5"], ["buy", "301.96", "0"]))
        assert changes(events) == [
            ("ask", "303.00", "1.5", "trade"),
            ("bid", "301.96", "0", "cancel"),
        ]

    def test_a_change_before_the_whole_book_breaks_the_feed(self) -> None:
        with pytest.raises(FeedBrokenError, match="before the full book"):
            V2Feed("BTCUSD", clock()).read(l2(["buy", "301.96", "0"]))

    def test_a_refused_symbol_says_so(self) -> None:
        with pytest.raises(FeedBrokenError, match="NoValidTradingPairs"):
            V2Feed("BTCUSD", clock()).read('{"result":"error","reason":"NoValidTradingPairs"}')


@pytest.mark.parametrize("interface", ["new", "v1", "v2"])
@pytest.mark.parametrize("frame", ['{"type":"upda', "", "<html>", b"\xff\xfe", "[1,2]"])
def test_a_frame_that_cannot_be_read_breaks_the_feed(interface: Any, frame: bytes | str) -> None:
    with pytest.raises(FeedBrokenError) as raised:
        feed_of(interface, "BTCUSD", clock()).read(frame)
    assert raised.value.cause == "malformed"


def test_levels_that_are_not_numbers_break_the_feed() -> None:
    with pytest.raises(FeedBrokenError, match="size 'x', price '1'"):
        NewFeed("BTCUSD", clock()).read(depth(1, 1, [["1", "x"]]))
    with pytest.raises(FeedBrokenError, match="NaN"):
        NewFeed("BTCUSD", clock()).read(depth(1, 1, [["1", "NaN"]]))


def test_a_book_that_stays_crossed_breaks_the_feed_but_not_at_once() -> None:
    feed = NewFeed("BTCUSD", clock())
    feed.read(depth(1, 1, [["102", "1"]], [["101", "1"]]))
    for number in range(2, 2 + CROSSED_FRAMES):
        feed.read(depth(number, number, [["50", str(number)]]))
    with pytest.raises(FeedBrokenError) as raised:
        feed.read(depth(number + 1, number + 1, [["50", "1"]]))
    assert raised.value.cause == "crossed"


def test_stamps_never_go_back_though_the_clock_ran_ahead() -> None:
    now = 0.0
    ahead = VenueClock(speed=30.0, monotonic=lambda: now)
    feed = V2Feed("BTCUSD", ahead)
    feed.read(HEARTBEAT)
    feed.read(json.dumps(SECOND))
    now = 1.0
    (first,) = feed.read(l2(["buy", "301.96", "0"]))
    feed.read(HEARTBEAT)
    (second,) = feed.read(l2(["buy", "301.96", "1"]))
    assert isinstance(first, BookEvent) and isinstance(second, BookEvent)
    assert second.ts >= first.ts == 1624493696869
