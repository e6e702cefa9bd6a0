"""Updates of markets, orders and balances, for listeners.

Listeners are called at once and in order. They must encode what they need before they return:
tickets keep changing.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from tradebot.emulator.accounts.account import AccountFill, ExchangeAccount, Ticket
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.matching.orders import BookSide, LevelChange


class TapeTrade(msgspec.Struct, frozen=True):
    """One public trade; `ts` is exchange time, ms."""

    tid: int
    ts: int
    price: int
    amount: int
    maker_side: BookSide

    @property
    def taker(self) -> Literal["buy", "sell"]:
        """The side of the incoming order."""
        return "buy" if self.maker_side == "ask" else "sell"


class MarketUpdate(msgspec.Struct, frozen=True):
    """One change of one order book, with the trade behind it if there was one.

    `sequence` numbers a symbol's changes without gaps.
    """

    instrument: ExchangeInstrument
    ts: int
    event_id: int
    sequence: int
    change: LevelChange
    trade: TapeTrade | None


OrderEventType = Literal[
    "initial", "accepted", "rejected", "booked", "fill", "cancelled", "cancel_rejected", "closed"
]


class OrderUpdate(msgspec.Struct, frozen=True):
    """One step in an order's life."""

    type: OrderEventType
    account: ExchangeAccount
    ticket: Ticket
    instrument: ExchangeInstrument
    ts: int
    event_id: int
    fill: AccountFill | None = None
    reason: str = ""


class BalanceUpdate(msgspec.Struct, frozen=True):
    """An account's holdings or reservations of some currencies changed."""

    account: ExchangeAccount
    currencies: list[str]
    ts: int


class Feeds:
    """The listeners of an exchange."""

    def __init__(self) -> None:
        self.market: list[Callable[[MarketUpdate], None]] = []
        self.orders: list[Callable[[OrderUpdate], None]] = []
        self.balances: list[Callable[[BalanceUpdate], None]] = []

    def publish_market(self, update: MarketUpdate) -> None:
        """Calls every listener of markets."""
        for listener in self.market:
            listener(update)

    def publish_order(self, update: OrderUpdate) -> None:
        """Calls every listener of orders."""
        for listener in self.orders:
            listener(update)

    def publish_balance(self, update: BalanceUpdate) -> None:
        """Calls every listener of balances."""
        for listener in self.balances:
            listener(update)
