"""What the venue's streams say, in one form whichever interface said it.

Market data keeps prices and sizes as the venue's decimal strings, so that they reach the topics
unchanged; what concerns the account's own money is Decimal. Times are milliseconds UTC of the
venue's clock; 0 where the venue gave none.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from tradebot.records import FeedReason, TradeRecord
from tradebot.records import Side as BookSide

OrderSide = Literal["buy", "sell"]
Change = tuple[BookSide, str, str, FeedReason]
"""Side, price, the level's whole size after the change ("0" removes it), and why it changed."""


class BookEvent(msgspec.Struct, frozen=True, gc=False):
    """Levels of the book that changed at `ts`; with `snapshot` they are the whole book."""

    symbol: str
    ts: int
    changes: list[Change]
    snapshot: bool = False


class TradeEvent(msgspec.Struct, frozen=True, gc=False):
    """A trade of anybody."""

    trade: TradeRecord


class TimeEvent(msgspec.Struct, frozen=True, gc=False):
    """A heartbeat: the connection lives; `ts` where the venue says what time it is."""

    ts: int = 0


MarketEvent = BookEvent | TradeEvent | TimeEvent


class OrderEventType(StrEnum):
    """What an order event says happened; the life of an order may skip or repeat any."""

    SNAPSHOT = "snapshot"
    """Told at the start of a connection: the order is live."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    BOOKED = "booked"
    FILLED = "filled"
    """One execution; `remaining` tells whether it was the last."""
    CANCELLED = "cancelled"
    CANCEL_REJECTED = "cancel_rejected"
    CLOSED = "closed"


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One fill. The new interface tells no fee: it is in the list of trades."""

    trade_id: str
    price: Decimal
    amount: Decimal
    liquidity: Literal["maker", "taker"] | None = None
    fee: Decimal | None = None
    fee_currency: str = ""


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to an order of the account.

    `executed` and `remaining` are the order's totals after it, `None` where the venue does not
    tell them; fills are the truth to add up, by `trade_id`, once each.
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
    """What the account now holds of a currency."""

    currency: str
    amount: Decimal
    available: Decimal
    ts: int = 0


class ConnectedEvent(msgspec.Struct, frozen=True):
    """The stream tells everything of the account from here on.

    What happened before it may have been missed: look up orders and fills.
    """


AccountEvent = OrderEvent | BalanceEvent | ConnectedEvent | TimeEvent
