"""Orders, and events of orders and of the book."""

from typing import Literal

import msgspec

from tradebot.domain.money import Side

BookSide = Literal["bid", "ask"]
ChangeReason = Literal["place", "cancel", "trade"]

Behaviour = Literal["", "maker-or-cancel", "immediate-or-cancel", "fill-or-kill"]

MARKET = 0
"""The owner of the emulator's own orders in the book."""


class ExchangeOrder(msgspec.Struct):
    """A limit order. Amounts and prices are in whole steps; `remaining` falls with each fill.

    `stop` is the price that triggers a stop-limit order; 0 for others, and once it is triggered.
    """

    id: int
    owner: int
    side: Side
    price: int
    amount: int
    remaining: int
    behaviour: Behaviour = ""
    stop: int = 0
    live: bool = True

    @property
    def book_side(self) -> BookSide:
        """The side of the book on which it rests."""
        return "bid" if self.side == "buy" else "ask"


class LevelChange(msgspec.Struct, frozen=True):
    """A price level changed; `remaining` is its new total size."""

    side: BookSide
    price: int
    remaining: int
    delta: int
    reason: ChangeReason


class Trade(msgspec.Struct, frozen=True):
    """A resting order met an incoming one, at the resting order's price."""

    maker: ExchangeOrder
    taker: ExchangeOrder
    price: int
    amount: int


class Booked(msgspec.Struct, frozen=True):
    """The order, or its rest, is now in the book or waits for its stop price."""

    order: ExchangeOrder


class Cancelled(msgspec.Struct, frozen=True):
    """The rest of the order is cancelled, with a reason in the venue's words."""

    order: ExchangeOrder
    reason: str


Event = LevelChange | Trade | Booked | Cancelled
