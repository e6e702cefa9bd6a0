"""Events of the venue's streams, in one form for all interfaces.

Market data keeps prices and sizes as the venue's decimal strings, so that they reach the topics
unchanged. Amounts of the account are Decimal. Times are milliseconds UTC of the venue's clock; 0 if
the venue gave none.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from tradebot.records import FeedReason, TradeRecord
from tradebot.records import Side as BookSide

OrderSide = Literal["buy", "sell"]
Change = tuple[BookSide, str, str, FeedReason]
"""Side, price, the level's total size after the change ("0" removes it), and the reason."""


class BookEvent(msgspec.Struct, frozen=True, gc=False):
    """Levels of the order book that changed at `ts`; with `snapshot` they are the whole book."""

    symbol: str
    ts: int
    changes: list[Change]
    snapshot: bool = False


class TradeEvent(msgspec.Struct, frozen=True, gc=False):
    """A trade on the venue."""

    trade: TradeRecord


class TimeEvent(msgspec.Struct, frozen=True, gc=False):
    """A heartbeat: the connection is alive; `ts` is the venue's time if known."""

    ts: int = 0


MarketEvent = BookEvent | TradeEvent | TimeEvent


class OrderEventType(StrEnum):
    """What happened to an order. Any type may be missing or repeated."""

    SNAPSHOT = "snapshot"
    """Sent when a connection starts: the order is live."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    BOOKED = "booked"
    FILLED = "filled"
    """One execution; it was the last if `remaining` is zero."""
    CANCELLED = "cancelled"
    CANCEL_REJECTED = "cancel_rejected"
    CLOSED = "closed"


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One fill. The new interface sends no fee: the list of trades has it."""

    trade_id: str
    price: Decimal
    amount: Decimal
    liquidity: Literal["maker", "taker"] | None = None
    fee: Decimal | None = None
    fee_currency: str = ""


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to an order of the account.

    `executed` and `remaining` are the order's totals after it, `None` if the venue does not send
    them. Add up fills instead, each `trade_id` once.
    """

    state: OrderEventType
    order_id: str
    client_order_id: str
    symbol: str
    side: OrderSide
    ts: int
    original: Decimal
    price: Decimal | None = None
    executed: Decimal | None = None
    remaining: Decimal | None = None
    live: bool
    reason: str = ""
    fill: Execution | None = None
    event_id: str = ""


class BalanceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The account's new balance of a currency."""

    currency: str
    amount: Decimal
    available: Decimal
    ts: int = 0


class ConnectedEvent(msgspec.Struct, frozen=True):
    """From here on the stream has all events of the account.

    Earlier ones may have been missed: look up orders and fills.
    """


AccountEvent = OrderEvent | BalanceEvent | ConnectedEvent | TimeEvent
