"""What the exchange tells those who listen: changes of a market, of orders and of balances.

Listeners are called at once and in order. They must encode what they need before they return:
tickets go on changing.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from tradebot.emulator.accounts.account import AccountFill, ExchangeAccount, Ticket
from tradebot.emulator.instruments import ExchangeInstrument
from tradebot.emulator.matching.orders import BookSide, LevelChange


class TapeTrade(msgspec.Struct, frozen=True):
    """One trade as everyone sees it; `ts` is what the exchange tells, in ms."""

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
    """One change of one book, with the trade that made it if there was one.

    `sequence` numbers the changes of a symbol without gaps.
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
    """An account holds or has reserved another amount of some currencies."""

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
        """Tells every listener of markets."""
        for listener in self.market:
            listener(update)

    def publish_order(self, update: OrderUpdate) -> None:
        """Tells every listener of orders."""
        for listener in self.orders:
            listener(update)

    def publish_balance(self, update: BalanceUpdate) -> None:
        """Tells every listener of balances."""
        for listener in self.balances:
            listener(update)
