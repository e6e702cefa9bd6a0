"""The new WebSocket's streams of the account: `orders@account` and `balances@account`.

They have no sequence: look up orders and fills after each connection. In events of fills `Z` is
what one execution filled; in the event of a cancel it is the total filled. The meaning of `z`
differs between the venue's own examples, so it is not read. Source: Gemini's documentation,
streams, and the venue's own conformance fixtures.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradebot import records
from tradebot.domain.money import ZERO
from tradebot.venue.errors import FeedBrokenError
from tradebot.venue.events import (
    AccountEvent,
    BalanceEvent,
    Execution,
    OrderEvent,
    OrderEventType,
)
from tradebot.venue.gemini.feeds.new import milliseconds

STATES: Final = {
    "NEW": OrderEventType.ACCEPTED,
    "OPEN": OrderEventType.BOOKED,
    "MODIFIED": OrderEventType.BOOKED,
    "PARTIALLY_FILLED": OrderEventType.FILLED,
    "FILLED": OrderEventType.FILLED,
    "CANCELED": OrderEventType.CANCELLED,
    "REJECTED": OrderEventType.REJECTED,
}


class Failure(msgspec.Struct):
    """Why the venue refused a request."""

    code: int = 0
    msg: str = ""


class Reply(msgspec.Struct, frozen=True):
    """The venue's reply to the request of that id."""

    id: str
    status: int
    error: Failure | None = None


class _Balance(msgspec.Struct):
    currency: str = msgspec.field(name="a")
    free: Decimal = msgspec.field(name="f")
    total: Decimal | None = msgspec.field(default=None, name="c")


class _Frame(msgspec.Struct):
    id: str | int | None = None
    status: int | None = None
    error: Failure | None = None
    time: int = msgspec.field(default=0, name="E")
    balances: list[_Balance] | None = msgspec.field(default=None, name="B")
    state: str | None = msgspec.field(default=None, name="X")
    symbol: str = msgspec.field(default="", name="s")
    order_id: int | str = msgspec.field(default="", name="i")
    client_order_id: str = msgspec.field(default="", name="c")
    side: str = msgspec.field(default="", name="S")
    price: Decimal | None = msgspec.field(default=None, name="p")
    original: Decimal | None = msgspec.field(default=None, name="q")
    filled: Decimal | None = msgspec.field(default=None, name="Z")
    fill_price: Decimal | None = msgspec.field(default=None, name="L")
    trade_id: int | str | None = msgspec.field(default=None, name="t")
    made: bool | None = msgspec.field(default=None, name="m")
    fee: Decimal | None = msgspec.field(default=None, name="n")
    reason: str | None = msgspec.field(default=None, name="r")


_decoder = msgspec.json.Decoder(_Frame, strict=False)


def read_account(frame: bytes | str) -> list[AccountEvent] | Reply:
    """Parses a frame: events of the account, or the reply to a request.

    Raises:
        FeedBrokenError: it is unreadable.
    """
    try:
        message = records.read(_decoder, frame)
    except msgspec.DecodeError as error:
        raise FeedBrokenError("malformed", str(error)) from None
    if message.status is not None:
        return Reply(str(message.id), message.status, message.error)
    if message.balances is not None:
        ts = milliseconds(message.time)
        return [
            BalanceEvent(
                currency=held.currency.upper(),
                amount=held.free if held.total is None else held.total,
                available=held.free,
                ts=ts,
            )
            for held in message.balances
        ]
    state = STATES.get(message.state or "")
    return [] if state is None else [_order_event(state, message)]


def _order_event(state: OrderEventType, message: _Frame) -> OrderEvent:
    original = message.original or ZERO
    executed = remaining = None
    if message.state == "FILLED":
        executed, remaining = original, ZERO
    elif state is OrderEventType.CANCELLED and message.filled is not None:
        executed, remaining = message.filled, original - message.filled
    return OrderEvent(
        state=state,
        order_id=str(message.order_id),
        client_order_id=message.client_order_id,
        symbol=message.symbol.upper(),
        side="buy" if message.side.upper() == "BUY" else "sell",
        ts=milliseconds(message.time),
        original=original,
        price=message.price,
        executed=executed,
        remaining=remaining,
        live=message.state in ("NEW", "OPEN", "MODIFIED", "PARTIALLY_FILLED"),
        reason=message.reason or "",
        fill=_execution(message) if state is OrderEventType.FILLED else None,
    )


def _execution(message: _Frame) -> Execution | None:
    """Returns the fill; `None` if the venue's message is incomplete and it must be looked up."""
    if message.trade_id in (None, "") or message.filled is None or message.fill_price is None:
        return None
    liquidity = None if message.made is None else "maker" if message.made else "taker"
    return Execution(
        trade_id=str(message.trade_id),
        price=message.fill_price,
        amount=message.filled,
        liquidity=liquidity,  # type: ignore[arg-type]  # one of its two words
        fee=message.fee,
    )
