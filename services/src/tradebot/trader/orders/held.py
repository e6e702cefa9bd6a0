"""The account of a trader that holds its lease; without the lease no call is sent.

A trader that was stopped or suspended continues when it wakes. By then another may act for the bot:
the first must not cancel the other's orders, or use up the key's nonces.
"""

from collections.abc import AsyncGenerator, Callable

from tradebot.domain.intent import Intent
from tradebot.trader.lease import LeaseLostError
from tradebot.venue.port import (
    AccountEvent,
    Balance,
    Fees,
    OrderStatus,
    OwnTrade,
    VenueAccount,
)


class HeldAccount:
    """See the module, and `VenueAccount`. Every call may also raise `LeaseLostError`.

    Args:
        held: whether the lease is certainly ours.
    """

    def __init__(self, account: VenueAccount, held: Callable[[], bool]) -> None:
        self._account = account
        self._is_held = held

    @property
    def _held(self) -> VenueAccount:
        if not self._is_held():
            raise LeaseLostError("the lease was lost: another trader may act for the bot now")
        return self._account

    async def place(self, intent: Intent) -> OrderStatus:
        """See `VenueAccount`."""
        return await self._held.place(intent)

    async def find(self, client_order_id: str) -> list[OrderStatus]:
        """See `VenueAccount`."""
        return await self._held.find(client_order_id)

    async def order(self, order_id: str) -> OrderStatus:
        """See `VenueAccount`."""
        return await self._held.order(order_id)

    async def cancel(self, order_id: str) -> OrderStatus:
        """See `VenueAccount`."""
        return await self._held.cancel(order_id)

    async def cancel_session(self) -> None:
        """See `VenueAccount`."""
        await self._held.cancel_session()

    async def live_orders(self) -> list[OrderStatus]:
        """See `VenueAccount`."""
        return await self._held.live_orders()

    async def trades(self, since: int) -> list[OwnTrade]:
        """See `VenueAccount`."""
        return await self._held.trades(since)

    async def highest_number(self, bot: str) -> int:
        """See `VenueAccount`."""
        return await self._held.highest_number(bot)

    async def balances(self) -> list[Balance]:
        """See `VenueAccount`."""
        return await self._held.balances()

    async def fees(self) -> Fees:
        """See `VenueAccount`."""
        return await self._held.fees()

    def events(self) -> AsyncGenerator[AccountEvent, None]:
        """See `VenueAccount`."""
        return self._held.events()

    async def heartbeat(self) -> None:
        """See `VenueAccount`."""
        await self._held.heartbeat()
