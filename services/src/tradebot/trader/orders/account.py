"""The account that a bot trades with: the venue's, or one on paper."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol

from tradebot.domain.intent import Intent, read_name
from tradebot.venue.gemini.answers import Balance, NewOrder, OrderStatus, OwnTrade
from tradebot.venue.gemini.rest import GeminiRest

LATEST_TURN: Final = 5.0
"""Seconds that an order may wait for its turn among the key's calls: then its prices are old."""


class Account(Protocol):
    """What a trader asks of an account. Every call may raise the three `VenueError`s."""

    async def place(self, intent: Intent) -> OrderStatus:
        """Sends the intent's order, immediate or cancel."""
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

    async def taker_fee_bps(self) -> Decimal:
        """The account's fee for taking, basis points."""
        ...

    async def heartbeat(self) -> None:
        """Tells the venue that this trader is well; without it the venue cancels its orders."""
        ...


class LiveAccount:
    """The venue's own account, by signed REST calls.

    Args:
        withheld: why an intent may not be sent any more, or "".
    """

    def __init__(
        self, rest: GeminiRest, symbol: str, withheld: Callable[[Intent], str] = lambda _: ""
    ) -> None:
        self._rest = rest
        self._symbol = symbol
        self._withheld = withheld

    async def place(self, intent: Intent) -> OrderStatus:
        """See `Account`; an order whose turn comes too late, or after it was stopped, stays."""
        asked = time.monotonic()

        def unless() -> str:
            if time.monotonic() - asked > LATEST_TURN:
                return f"its turn came only after {time.monotonic() - asked:.1f} s"
            return self._withheld(intent)

        return await self._rest.new_order(
            NewOrder(
                symbol=intent.symbol,
                side=intent.side,
                amount=intent.amount,
                price=intent.price,
                client_order_id=intent.client_order_id,
                option="immediate-or-cancel",
            ),
            unless,
        )

    async def find(self, client_order_id: str) -> list[OrderStatus]:
        """See `Account`."""
        return await self._rest.orders_by_client_id(client_order_id, include_trades=True)

    async def order(self, order_id: str) -> OrderStatus:
        """See `Account`."""
        return await self._rest.order_status(order_id, include_trades=True)

    async def cancel(self, order_id: str) -> OrderStatus:
        """See `Account`."""
        return await self._rest.cancel_order(order_id)

    async def cancel_session(self) -> None:
        """See `Account`."""
        await self._rest.cancel_session()

    async def live_orders(self) -> list[OrderStatus]:
        """See `Account`."""
        return await self._rest.active_orders()

    async def trades(self, since: int) -> list[OwnTrade]:
        """See `Account`."""
        return await self._rest.my_trades(self._symbol, since=since)

    async def highest_number(self, bot: str) -> int:
        """See `Account`."""
        known = await self._rest.orders_history(self._symbol)
        known += await self._rest.active_orders()
        names = (read_name(order.client_order_id) for order in known)
        return max((name.number for name in names if name and name.bot == bot), default=0)

    async def balances(self) -> list[Balance]:
        """See `Account`."""
        return await self._rest.balances()

    async def taker_fee_bps(self) -> Decimal:
        """See `Account`."""
        return (await self._rest.notional_volume()).api_taker_fee_bps

    async def heartbeat(self) -> None:
        """See `Account`."""
        await self._rest.heartbeat()
