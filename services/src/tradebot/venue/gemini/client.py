"""Gemini behind the port: the class that the entry point names."""

from collections.abc import Callable
from typing import ClassVar

from tradebot.domain.intent import Intent
from tradebot.venue.account import Keys, VenueAccount
from tradebot.venue.fees import FeeTable
from tradebot.venue.gemini.account import GeminiAccount
from tradebot.venue.gemini.endpoints import endpoints
from tradebot.venue.gemini.fees import FEES
from tradebot.venue.gemini.market import GeminiMarket
from tradebot.venue.gemini.nonce_file import nonces_of
from tradebot.venue.gemini.order_events import AccountInterface
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import read_credentials
from tradebot.venue.settings import VenueSettings


class Gemini:
    """See `port.VenueClass`.

    Raises:
        SettingsError: the key's files cannot be read.
    """

    fees: ClassVar[FeeTable] = FEES

    def __init__(
        self, settings: VenueSettings, keys: Keys | None = None, *, timeout: float = 10.0
    ) -> None:
        self._endpoints = where = endpoints(settings)
        self._account_interface: AccountInterface = (
            "new" if keys is not None and keys.time_based_nonce else "old"
        )
        credentials = nonces = None
        if keys is not None:
            credentials = read_credentials(keys.api_key_file, keys.api_secret_file)
            nonces = nonces_of(keys)
        self._rest = GeminiRest(where.rest, credentials, nonces=nonces, timeout=timeout)
        self.address = where.rest
        self.market = GeminiMarket(self._rest, where, emulated=settings.environment == "Emulator")

    def account(
        self, symbol: str, withheld: Callable[[Intent], str] = lambda _: ""
    ) -> VenueAccount:
        """Returns the account of the keys."""
        return GeminiAccount(
            self._rest, self._endpoints, symbol, withheld, interface=self._account_interface
        )

    async def aclose(self) -> None:
        """Closes the REST connections; streams close themselves."""
        await self._rest.aclose()
