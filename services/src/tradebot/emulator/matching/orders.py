"""Orders, and what happens to them and to the book."""

from typing import Literal

import msgspec

from tradebot.domain.money import Side

BookSide = Literal["bid", "ask"]
ChangeReason = Literal["place", "cancel", "trade"]

Behaviour = Literal["", "maker-or-cancel", "immediate-or-cancel", "fill-or-kill"]

MARKET = 0
"""The owner of the orders that the emulator itself keeps in the book."""


class ExchangeOrder(msgspec.Struct):
    """A limit order. Amounts and prices are in whole steps; `remaining` falls with each fill.

    `stop` is the price at which a stop-limit order wakes up, 0 for others and once it is awake.
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
        """Where it rests."""
        return "bid" if self.side == "buy" else "ask"


class LevelChange(msgspec.Struct, frozen=True):
    """One price level changed; `remaining` is its whole size now."""

    side: BookSide
    price: int
    remaining: int
    delta: int
    reason: ChangeReason


class Trade(msgspec.Struct, frozen=True):
    """A resting order met an incoming one; the price is the resting one's."""

    maker: ExchangeOrder
    taker: ExchangeOrder
    price: int
    amount: int


class Booked(msgspec.Struct, frozen=True):
    """The order, or what was left of it, rests in the book now, or waits for its stop price."""

    order: ExchangeOrder


class Cancelled(msgspec.Struct, frozen=True):
    """What was left of the order is gone, for a reason in the venue's words."""

    order: ExchangeOrder
    reason: str


Event = LevelChange | Trade | Booked | Cancelled
