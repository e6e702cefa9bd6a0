"""The interface between stages and venues, in domain types only.

    async with aclosing(open_venue(settings)) as venue:
        instrument = await venue.market.instrument("BTCUSD")

A venue is a folder with a class that implements `VenueClass`, and an entry point of the group
`tradebot.venues`. Stages import this module, `venue.errors`, `venue.settings` and `venue.backoff`,
never a venue's own folder.
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
        """The venue's address, for messages."""
        ...

    @property
    def market(self) -> MarketData:
        """Its market data."""
        ...

    def account(self, symbol: str, withheld: Callable[[Intent], str] = ...) -> VenueAccount:
        """Returns the account of the client's keys.

        Args:
            withheld: called right before an order is sent; returns why not to send it, or "".
        """
        ...

    async def aclose(self) -> None:
        """Closes its connections."""
        ...


class VenueClass(Protocol):
    """The class that an entry point of the group `tradebot.venues` names.

    Attributes:
        fees: the venue's public fee table.
    """

    fees: FeeTable

    def __call__(
        self, settings: VenueSettings, keys: Keys | None = None, *, timeout: float = 10.0
    ) -> Venue:
        """Returns a client.

        Args:
            keys: of the account; without any the client has market data only.
            timeout: seconds of a call.

        Raises:
            SettingsError: the keys cannot be read, or the settings do not fit the venue.
        """
        ...


def venue_names() -> list[str]:
    """Returns the installed venues."""
    return extensions.names(GROUP)


def open_venue(
    settings: VenueSettings, keys: Keys | None = None, *, timeout: float = 10.0
) -> Venue:
    """Returns a client of the settings' venue; see `VenueClass`.

    Raises:
        SettingsError: no venue of that name is installed, or the settings do not fit it.
    """
    return _venue_class(settings.venue)(settings, keys, timeout=timeout)


def check_venue(name: str) -> None:
    """Checks that a venue is installed, before anything is set up.

    Raises:
        SettingsError: no venue of that name is installed.
    """
    extensions.find(GROUP, name, "venue")


def fee_table(name: str) -> FeeTable:
    """Returns the public fee table of a venue.

    Raises:
        SettingsError: no venue of that name is installed.
    """
    return _venue_class(name).fees


def _venue_class(name: str) -> VenueClass:
    return cast(VenueClass, extensions.find(GROUP, name, "venue").load())
