"""An account at a venue, as a trader knows it: orders, fills, balances and fees."""

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
    """Where an account's key is, and what kind it is of; never the key itself.

    Attributes:
        time_based_nonce: the key was made with a time based nonce.
        folder: where the client may keep what its next process has to know; `None` keeps nothing.
    """

    api_key_file: str
    api_secret_file: str
    time_based_nonce: bool = False
    folder: Path | None = None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What the account holds of a currency; orders reserve what is not `available`."""

    currency: str
    amount: Decimal
    available: Decimal


class OwnTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A fill of one of the account's orders; the fee is the venue's.

    `broken` says that the venue took it back: the balances are as if it had not happened.
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
    """An order as the venue sees it.

    What comes back from a cancel may be neither live nor cut short: it was filled before.

    Attributes:
        average: of what was executed; 0 where nothing was.
        trades: its fills, where they were asked for and the venue told them.
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
        """Sends the intent's order: immediate or cancel, or with a stop price one that rests."""
        ...

    async def find(self, client_order_id: str) -> list[OrderStatus]:
        """The orders of a client order id, with their trades; none if the venue knows none."""
        ...

    async def order(self, order_id: str) -> OrderStatus:
        """An order with its trades."""
        ...

    async def cancel(self, order_id: str) -> OrderStatus:
        """Cancels an order; one that is over comes back as it is."""
        ...

    async def cancel_session(self) -> None:
        """Cancels all live orders of this key."""
        ...

    async def live_orders(self) -> list[OrderStatus]:
        """All live orders of the account."""
        ...

    async def trades(self, since: int) -> list[OwnTrade]:
        """The account's trades of the symbol on or after `since` (ms), oldest first."""
        ...

    async def highest_number(self, bot: str) -> int:
        """The highest intent number of the bot that the venue remembers, 0 if none."""
        ...

    async def balances(self) -> list[Balance]:
        """What the account holds."""
        ...

    async def fees(self) -> Fees:
        """What the account pays."""
        ...

    def events(self) -> AsyncGenerator[AccountEvent, None]:
        """The account's orders and fills as they happen; never ends, and reconnects by itself.

        What happened before a `ConnectedEvent` may be missing: look orders and fills up then.
        """
        ...

    async def heartbeat(self) -> None:
        """Tells the venue that this trader is well; without it the venue cancels its orders."""
        ...
