"""The account streams' parsers, with messages as the venue sends them."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.events import (
    AccountEvent,
    BalanceEvent,
    ConnectedEvent,
    OrderEvent,
    OrderEventType,
    TimeEvent,
)
from tradebot.venue.gemini.feeds.orders_new import Reply, read_account
from tradebot.venue.gemini.feeds.orders_old import OldOrderFeed

ACK = {
    "type": "subscription_ack",
    "accountId": 5365,
    "subscriptionId": "ws-order-events-5365-b8bk32clqeb13g9tk8p0",
    "symbolFilter": ["btcusd"],
    "apiSessionFilter": ["UI"],
    "eventTypeFilter": ["fill", "closed"],
}
ACCEPTED = {
    "type": "accepted",
    "order_id": "109535951",
    "event_id": "109535952",
    "client_order_id": "x",
    "api_session": "account-abc",
    "symbol": "btcusd",
    "side": "buy",
    "order_type": "exchange limit",
    "timestamp": "1547742904",
    "timestampms": 1547742904989,
    "is_live": True,
    "is_cancelled": False,
    "is_hidden": False,
    "original_amount": "1",
    "price": "3592.00",
    "socket_sequence": 13,
}
FILL = ACCEPTED | {
    "type": "fill",
    "event_id": "109535955",
    "avg_execution_price": "3592.00",
    "executed_amount": "0.4",
    "remaining_amount": "0.6",
    "socket_sequence": 14,
    "fill": {
        "trade_id": "109535954",
        "liquidity": "Taker",
        "price": "3592.00",
        "amount": "0.4",
        "fee": "5.7472",
        "fee_currency": "USD",
    },
}


def only(events: list[AccountEvent] | Reply) -> OrderEvent:
    assert isinstance(events, list)
    (event,) = events
    assert isinstance(event, OrderEvent)
    return event


class TestTheOldStream:
    def read(self, *messages: Any) -> list[AccountEvent]:
        feed = OldOrderFeed()
        return [event for message in messages for event in feed.read(json.dumps(message))]

    def test_the_acknowledgement_marks_the_stream_as_complete_from_here_on(self) -> None:
        assert self.read(ACK) == [ConnectedEvent()]

    def test_an_accepted_order_is_live(self) -> None:
        event = only(self.read([ACCEPTED]))
        assert event.state is OrderEventType.ACCEPTED and event.live
        assert (event.order_id, event.client_order_id) == ("109535951", "x")
        assert (event.symbol, event.side, event.ts) == ("BTCUSD", "buy", 1547742904989)
        assert (event.original, event.price) == (Decimal(1), Decimal("3592.00"))
        assert event.fill is None

    def test_a_fill_reports_price_amount_fee_and_who_took(self) -> None:
        event = only(self.read([FILL]))
        assert event.state is OrderEventType.FILLED
        assert (event.executed, event.remaining) == (Decimal("0.4"), Decimal("0.6"))
        fill = event.fill
        assert fill is not None
        assert (fill.trade_id, fill.liquidity) == ("109535954", "taker")
        assert (fill.price, fill.amount) == (Decimal("3592.00"), Decimal("0.4"))
        assert (fill.fee, fill.fee_currency) == (Decimal("5.7472"), "USD")

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("initial", OrderEventType.SNAPSHOT),
            ("booked", OrderEventType.BOOKED),
            ("cancelled", OrderEventType.CANCELLED),
            ("cancel_rejected", OrderEventType.CANCEL_REJECTED),
            ("closed", OrderEventType.CLOSED),
            ("rejected", OrderEventType.REJECTED),
        ],
    )
    def test_every_type_of_an_orders_events_is_known(
        self, word: str, state: OrderEventType
    ) -> None:
        message = ACCEPTED | {"type": word, "reason": "Requested"}
        del message["client_order_id"]
        event = only(self.read([message]))
        assert event.state is state
        assert (event.reason, event.client_order_id) == ("Requested", "")

    def test_an_unknown_type_of_event_is_left_out(self) -> None:
        assert self.read([ACCEPTED | {"type": "restated"}]) == []

    def test_a_heartbeat_reports_the_time(self) -> None:
        beat = {
            "type": "heartbeat",
            "timestampms": 1547742998508,
            "sequence": 31,
            "trace_id": "b8biknoqppr32kc7gfgg",
            "socket_sequence": 37,
        }
        assert self.read(beat) == [TimeEvent(1547742998508)]

    def test_all_events_of_a_message_carry_its_number(self) -> None:
        closed = FILL | {"type": "closed"}
        assert len(self.read(ACK, [ACCEPTED], [FILL, closed])) == 4

    @pytest.mark.parametrize("number", [12, 15, 99])
    def test_a_step_in_the_numbers_breaks_the_stream(self, number: int) -> None:
        with pytest.raises(FeedBrokenError) as raised:
            self.read([ACCEPTED], [FILL | {"socket_sequence": number}])
        assert raised.value.cause == "gap"

    def test_a_truncated_message_breaks_the_stream(self) -> None:
        with pytest.raises(FeedBrokenError) as raised:
            OldOrderFeed().read(json.dumps([FILL])[:80])
        assert raised.value.cause == "malformed"

    def test_brackets_without_end_break_the_stream(self) -> None:
        nested = '{"more":' + "[" * 50_000 + "]" * 50_000 + "}"
        with pytest.raises(FeedBrokenError) as raised:
            OldOrderFeed().read(nested)
        assert raised.value.cause == "malformed"

    def test_a_refusal_says_why(self) -> None:
        refusal = {"result": "error", "reason": "MissingRole", "message": "no"}
        with pytest.raises(FeedBrokenError, match="MissingRole: no"):
            self.read(refusal)


UPDATE = {
    "e": "orderUpdate",
    "E": 1759291847686856569,
    "s": "BTCUSD",
    "i": 73797746498585286,
    "c": "my-order-id",
    "S": "BUY",
    "o": "LIMIT",
    "X": "NEW",
    "p": "1000.00",
    "q": "0.25",
    "z": "0.25",
    "T": 1759291847686856569,
}


class TestTheNewStreams:
    def read(self, message: dict[str, Any]) -> list[AccountEvent] | Reply:
        return read_account(json.dumps(message))

    @pytest.mark.parametrize(
        ("word", "state", "live"),
        [
            ("NEW", OrderEventType.ACCEPTED, True),
            ("OPEN", OrderEventType.BOOKED, True),
            ("PARTIALLY_FILLED", OrderEventType.FILLED, True),
            ("FILLED", OrderEventType.FILLED, False),
            ("CANCELED", OrderEventType.CANCELLED, False),
            ("REJECTED", OrderEventType.REJECTED, False),
        ],
    )
    def test_every_status_is_known(self, word: str, state: OrderEventType, live: bool) -> None:
        event = only(self.read(UPDATE | {"X": word}))
        assert (event.state, event.live) == (state, live)
        assert (event.order_id, event.client_order_id) == ("73797746498585286", "my-order-id")
        assert (event.side, event.ts) == ("buy", 1759291847686)

    def test_a_partial_fill_reports_what_this_execution_filled(self) -> None:
        message = UPDATE | {"X": "PARTIALLY_FILLED", "Z": "0.10", "L": "999.5", "t": 77, "m": True}
        event = only(self.read(message | {"n": "0.2"}))
        assert event.fill is not None
        assert (event.fill.trade_id, event.fill.liquidity) == ("77", "maker")
        assert (event.fill.amount, event.fill.price) == (Decimal("0.10"), Decimal("999.5"))
        assert event.fill.fee == Decimal("0.2")
        assert event.executed is None

    def test_a_fill_without_a_trade_id_is_to_be_looked_up(self) -> None:
        event = only(self.read(UPDATE | {"X": "FILLED", "Z": "0.25", "L": "1000"}))
        assert event.fill is None
        assert (event.executed, event.remaining) == (Decimal("0.25"), 0)

    def test_a_cancel_reports_all_that_was_filled_before(self) -> None:
        event = only(self.read(UPDATE | {"X": "CANCELED", "Z": "0.05", "r": "Requested"}))
        assert (event.executed, event.remaining) == (Decimal("0.05"), Decimal("0.20"))
        assert event.reason == "Requested"

    def test_balances_report_the_total_and_what_is_free(self) -> None:
        message = {
            "e": "balanceUpdate",
            "E": 1768250434780,
            "u": 1768250421600,
            "B": [{"a": "USD", "f": "207.39", "c": "300.00"}, {"a": "BTC", "f": "1"}],
        }
        assert self.read(message) == [
            BalanceEvent(
                currency="USD",
                amount=Decimal("300.00"),
                available=Decimal("207.39"),
                ts=1768250434780,
            ),
            BalanceEvent(currency="BTC", amount=Decimal(1), available=Decimal(1), ts=1768250434780),
        ]

    def test_a_response_names_its_request(self) -> None:
        assert self.read({"id": "2", "status": 200, "result": {}}) == Reply("2", 200)

    def test_other_streams_are_left_out(self) -> None:
        assert self.read({"E": 1, "s": "btcusd", "t": 5, "p": "1", "q": "1", "m": True}) == []
