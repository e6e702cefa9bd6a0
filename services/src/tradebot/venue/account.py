"""An account at a venue, as a trader sees it: orders, fills, balances and fees."""

from collections.abc import AsyncGenerator
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO
from tradebot.venue.events import AccountEvent
from tradebot.venue.fees import Fees

Side = Literal["buy", "sell"]


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Where an account's key is, and its kind; never the key itself.

    Attributes:
        time_based_nonce: the key was created with a time based nonce.
        folder: where the client may keep state for its next process; `None` keeps nothing.
    """

    api_key_file: str
    api_secret_file: str
    time_based_nonce: bool = False
    folder: Path | None = None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """The account's balance of a currency; orders reserve what is not `available`."""

    currency: str
    amount: Decimal
    available: Decimal


class OwnTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A fill of one of the account's orders; the fee is the venue's.

    `broken` is true if the venue broke the trade: balances are as if it had not happened.
    """

    tid: int
    order_id: str
    ts: int
    side: Side
    price: Decimal
    amount: Decimal
    taker: bool
    fee: Decimal
    fee_currency: str
    symbol: str = ""
    client_order_id: str = ""
    broken: bool = False


class OrderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue reports it.

    The result of a cancel may be neither live nor cut short: the order was filled before.

    Attributes:
        average: of what was executed; 0 if nothing was.
        trades: its fills, if requested and reported.
    """

    order_id: str
    symbol: str
    side: Side
    ts: int
    price: Decimal
    original: Decimal
    executed: Decimal = ZERO
    average: Decimal = ZERO
    live: bool
    client_order_id: str = ""
    reason: str = ""
    trades: list[OwnTrade] = []


class VenueAccount(Protocol):
    """One symbol's trading with one key. Every call may raise the three `VenueError`s."""

    async def place(self, intent: Intent) -> OrderStatus:
        """Sends the intent's order: immediate or cancel, maker or cancel, or a stop limit."""
        ...

    async def find(self, client_order_id: str) -> list[OrderStatus]:
        """Returns the orders of a client order id, with their trades; empty if there are none."""
        ...

    async def order(self, order_id: str) -> OrderStatus:
        """Returns an order with its trades."""
        ...

    async def cancel(self, order_id: str) -> OrderStatus:
        """Cancels an order and returns it; a closed one is returned unchanged."""
        ...

    async def cancel_session(self) -> None:
        """Cancels all live orders of this key."""
        ...

    async def live_orders(self) -> list[OrderStatus]:
        """Returns all live orders of the account."""
        ...

    async def trades(self, since: int) -> list[OwnTrade]:
        """Returns the account's trades of the symbol since `since` (ms), oldest first."""
        ...

    async def highest_number(self, bot: str) -> int:
        """Returns the bot's highest intent number that the venue remembers, 0 if none."""
        ...

    async def balances(self) -> list[Balance]:
        """Returns the account's balances."""
        ...

    async def fees(self) -> Fees:
        """Returns the account's fees."""
        ...

    def events(self) -> AsyncGenerator[AccountEvent, None]:
        """Yields events of the account's orders and fills; never ends, and reconnects by itself.

        Events before a `ConnectedEvent` may be missing: look up orders and fills then.
        """
        ...

    async def heartbeat(self) -> None:
        """Reports that this trader is alive; without it the venue cancels its orders."""
        ...
