"""What a stage may know of a venue: all of it, and in domain types only.

    async with aclosing(open_venue(settings)) as venue:
        instrument = await venue.market.instrument("BTCUSD")

A venue is a folder with a class that is a `VenueClass`, and an entry point of the group
`tradebot.venues`. Stages import this module, `venue.errors`, `venue.settings` and
`venue.backoff`, never a venue's own folder.
"""

from collections.abc import Callable
from typing import Final, Protocol, cast

from tradebot.domain.instrument import Instrument, split_symbol
from tradebot.domain.intent import Intent
from tradebot.domain.situation import MarketStatus
from tradebot.platform import extensions
from tradebot.venue.account import Balance, Keys, OrderStatus, OwnTrade, VenueAccount
from tradebot.venue.events import (
    AccountEvent,
    BookEvent,
    ConnectedEvent,
    MarketEvent,
    OrderEvent,
    OrderEventType,
    TimeEvent,
    TradeEvent,
)
from tradebot.venue.fees import Fees, FeeTable, FeeTier
from tradebot.venue.market import Book, BookLevel, Candle, Clock, MarketData, MarketStream, Ticker
from tradebot.venue.settings import VenueSettings

__all__ = [
    "AccountEvent",
    "Balance",
    "Book",
    "BookEvent",
    "BookLevel",
    "Candle",
    "Clock",
    "ConnectedEvent",
    "FeeTable",
    "FeeTier",
    "Fees",
    "Instrument",
    "Keys",
    "MarketData",
    "MarketEvent",
    "MarketStatus",
    "MarketStream",
    "OrderEvent",
    "OrderEventType",
    "OrderStatus",
    "OwnTrade",
    "Ticker",
    "TimeEvent",
    "TradeEvent",
    "Venue",
    "VenueAccount",
    "VenueClass",
    "check_venue",
    "fee_table",
    "open_venue",
    "split_symbol",
    "venue_names",
]

GROUP: Final = "tradebot.venues"


class Venue(Protocol):
    """A venue's client for one process."""

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        ...

    @property
    def market(self) -> MarketData:
        """Its public side."""
        ...

    def account(self, symbol: str, withheld: Callable[[Intent], str] = ...) -> VenueAccount:
        """The account of the keys that the client was made with.

        Args:
            withheld: asked right before an order is sent: why it may not be sent, or "".
        """
        ...

    async def aclose(self) -> None:
        """Closes its connections."""
        ...


class VenueClass(Protocol):
    """What an entry point of the group `tradebot.venues` names.

    Attributes:
        fees: the venue's public fee table.
    """

    fees: FeeTable

    def __call__(
        self, settings: VenueSettings, keys: Keys | None = None, *, timeout: float = 10.0
    ) -> Venue:
        """A client.

        Args:
            keys: of the account; a client without any has market data only.
            timeout: seconds that a call may take.

        Raises:
            SettingsError: the keys cannot be read, or the venue is nowhere by these settings.
        """
        ...


def venue_names() -> list[str]:
    """The venues that are installed."""
    return extensions.names(GROUP)


def open_venue(
    settings: VenueSettings, keys: Keys | None = None, *, timeout: float = 10.0
) -> Venue:
    """A client of the venue that the settings name; see `VenueClass`.

    Raises:
        SettingsError: no venue of that name is installed, or it cannot be used as the settings say.
    """
    return _venue_class(settings.venue)(settings, keys, timeout=timeout)


def check_venue(name: str) -> None:
    """Finds a venue that is not installed before anything is set up.

    Raises:
        SettingsError: no venue of that name is installed.
    """
    extensions.find(GROUP, name, "venue")


def fee_table(name: str) -> FeeTable:
    """The public fee table of the venue of that name.

    Raises:
        SettingsError: no venue of that name is installed.
    """
    return _venue_class(name).fees


def _venue_class(name: str) -> VenueClass:
    return cast(VenueClass, extensions.find(GROUP, name, "venue").load())
