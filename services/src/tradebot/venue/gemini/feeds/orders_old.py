"""The old stream of the account's orders (`/v1/order/events`).

It sends an acknowledgement, an `initial` event for each live order, then arrays of events, and a
heartbeat every 5 s. `socket_sequence` counts the connection's messages; all events of one message
have its number. Source: Gemini's documentation, order events.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradebot import records
from tradebot.domain.money import ZERO
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.events import (
    AccountEvent,
    ConnectedEvent,
    Execution,
    OrderEvent,
    OrderEventType,
    TimeEvent,
)

STATES: Final = {
    "initial": OrderEventType.SNAPSHOT,
    "accepted": OrderEventType.ACCEPTED,
    "rejected": OrderEventType.REJECTED,
    "booked": OrderEventType.BOOKED,
    "fill": OrderEventType.FILLED,
    "cancelled": OrderEventType.CANCELLED,
    "cancel_rejected": OrderEventType.CANCEL_REJECTED,
    "closed": OrderEventType.CLOSED,
}


class _Fill(msgspec.Struct):
    trade_id: str
    price: Decimal
    amount: Decimal
    liquidity: str = ""
    fee: Decimal | None = None
    fee_currency: str = ""


class _Message(msgspec.Struct):
    type: str = ""
    order_id: str = ""
    event_id: str = ""
    client_order_id: str = ""
    symbol: str = ""
    side: str = ""
    timestampms: int = 0
    is_live: bool = False
    price: Decimal | None = None
    original_amount: Decimal | None = None
    executed_amount: Decimal | None = None
    remaining_amount: Decimal | None = None
    reason: str = ""
    fill: _Fill | None = None
    socket_sequence: int | None = None
    result: str = ""
    message: str = ""


class OldOrderFeed:
    """One connection of the old stream."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(list[_Message] | _Message, strict=False)
        self._last: int | None = None

    def read(self, frame: bytes | str) -> list[AccountEvent]:
        """Parses a frame.

        Raises:
            FeedBrokenError: a gap, an unreadable frame, or a refusal.
        """
        try:
            content = records.read(self._decoder, frame)
        except msgspec.DecodeError as error:
            raise FeedBrokenError("malformed", str(error)) from None
        events: list[AccountEvent] = []
        for message in content if isinstance(content, list) else [content]:
            self._in_sequence(message.socket_sequence)
            event = self._event(message)
            if event is not None:
                events.append(event)
        return events

    def _in_sequence(self, number: int | None) -> None:
        if number is None:
            return
        if self._last is not None and not self._last <= number <= self._last + 1:
            raise FeedBrokenError("gap", f"expected message {self._last + 1}, got {number}")
        self._last = number

    def _event(self, message: _Message) -> AccountEvent | None:
        if message.result == "error":
            raise FeedBrokenError("refused", f"{message.reason}: {message.message}")
        if message.type == "subscription_ack":
            return ConnectedEvent()
        if message.type == "heartbeat":
            return TimeEvent(message.timestampms)
        state = STATES.get(message.type)
        return None if state is None else _order_event(state, message)


def _order_event(state: OrderEventType, message: _Message) -> OrderEvent:
    return OrderEvent(
        state=state,
        order_id=message.order_id,
        client_order_id=message.client_order_id,
        symbol=message.symbol.upper(),
        side="buy" if message.side == "buy" else "sell",
        ts=message.timestampms,
        original=message.original_amount or ZERO,
        price=message.price,
        executed=message.executed_amount,
        remaining=message.remaining_amount,
        live=message.is_live,
        reason=message.reason,
        fill=None if message.fill is None else _execution(message.fill),
        event_id=message.event_id,
    )


def _execution(fill: _Fill) -> Execution:
    return Execution(
        trade_id=fill.trade_id,
        price=fill.price,
        amount=fill.amount,
        liquidity="maker" if fill.liquidity.lower() == "maker" else "taker",
        fee=fill.fee,
        fee_currency=fill.fee_currency,
    )
