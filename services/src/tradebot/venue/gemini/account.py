"""Gemini's account behind the port, with signed REST calls."""

import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

from tradebot.domain.intent import Intent, read_name
from tradebot.venue.account import Balance, OrderStatus, OwnTrade
from tradebot.venue.events import AccountEvent
from tradebot.venue.fees import Fees
from tradebot.venue.gemini.answers import FillAnswer, NewOrder, OrderAnswer
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.order_events import AccountInterface, follow_account
from tradebot.venue.gemini.rest import GeminiRest

LATEST_TURN: Final = 5.0
"""Seconds that an order may wait for its turn; after that its prices are stale."""


class GeminiAccount:
    """See `port.VenueAccount`.

    Args:
        withheld: returns why an intent must not be sent, or "".
        interface: of the order stream; the new one needs a key with a time based nonce.
    """

    def __init__(
        self,
        rest: GeminiRest,
        endpoints: Endpoints,
        symbol: str,
        withheld: Callable[[Intent], str] = lambda _: "",
        *,
        interface: AccountInterface = "old",
    ) -> None:
        self._rest = rest
        self._endpoints = endpoints
        self._interface: AccountInterface = interface
        self._symbol = symbol
        self._withheld = withheld

    async def place(self, intent: Intent) -> OrderStatus:
        """Sends nothing if its turn comes too late, or if `withheld` has a reason by then."""
        asked = time.monotonic()

        def unless() -> str:
            if time.monotonic() - asked > LATEST_TURN:
                return f"it waited {time.monotonic() - asked:.1f} s for its turn"
            return self._withheld(intent)

        return order_of(
            await self._rest.new_order(
                NewOrder(
                    symbol=intent.symbol,
                    side=intent.side,
                    amount=intent.amount,
                    price=intent.price,
                    client_order_id=intent.client_order_id,
                    option=intent.option,
                    stop_price=intent.stop,
                ),
                unless,
            )
        )

    async def find(self, client_order_id: str) -> list[OrderStatus]:
        """Looks up by client order id, with trades."""
        found = await self._rest.orders_by_client_id(client_order_id, include_trades=True)
        return [order_of(each) for each in found]

    async def order(self, order_id: str) -> OrderStatus:
        """Looks up by the venue's id, with trades."""
        return order_of(await self._rest.order_status(order_id, include_trades=True))

    async def cancel(self, order_id: str) -> OrderStatus:
        """Cancels one order."""
        return order_of(await self._rest.cancel_order(order_id))

    async def cancel_session(self) -> None:
        """Cancels all orders of this key."""
        await self._rest.cancel_session()

    async def live_orders(self) -> list[OrderStatus]:
        """Returns those of every symbol and key of the account."""
        return [order_of(each) for each in await self._rest.active_orders()]

    async def trades(self, since: int) -> list[OwnTrade]:
        """Returns the symbol's fills, oldest first."""
        return [fill_of(each) for each in await self._rest.my_trades(self._symbol, since=since)]

    async def highest_number(self, bot: str) -> int:
        """Searches the live orders and the last 500 closed ones."""
        known = await self._rest.orders_history(self._symbol)
        known += await self._rest.active_orders()
        names = (read_name(order.client_order_id) for order in known)
        return max((name.number for name in names if name and name.bot == bot), default=0)

    async def balances(self) -> list[Balance]:
        """Returns those of all currencies."""
        return [
            Balance(currency=each.currency.upper(), amount=each.amount, available=each.available)
            for each in await self._rest.balances()
        ]

    async def fees(self) -> Fees:
        """Returns fees by the account's volume of the last thirty days."""
        told = await self._rest.notional_volume()
        return Fees(maker_bps=told.api_maker_fee_bps, taker_bps=told.api_taker_fee_bps)

    def events(self) -> AsyncGenerator[AccountEvent, None]:
        """Uses the old or the new socket."""
        return follow_account(self._endpoints, self._rest, self._symbol, self._interface)

    async def heartbeat(self) -> None:
        """Keeps the orders of a key that "requires heartbeat" alive for another 30 s."""
        await self._rest.heartbeat()


def order_of(answer: OrderAnswer) -> OrderStatus:
    """Converts an order to domain types."""
    return OrderStatus(
        order_id=answer.order_id,
        symbol=answer.symbol.upper(),
        side=answer.side,
        ts=answer.timestampms,
        price=answer.price,
        original=answer.original_amount,
        executed=answer.executed_amount,
        average=answer.avg_execution_price,
        live=answer.is_live,
        client_order_id=answer.client_order_id,
        reason=answer.reason,
        trades=[fill_of(each) for each in answer.trades],
    )


def fill_of(answer: FillAnswer) -> OwnTrade:
    """Converts a fill to domain types."""
    return OwnTrade(
        tid=answer.tid,
        order_id=answer.order_id,
        ts=answer.timestampms,
        side=answer.side,
        price=answer.price,
        amount=answer.amount,
        taker=answer.aggressor,
        fee=answer.fee_amount,
        fee_currency=answer.fee_currency.upper(),
        symbol=answer.symbol.upper(),
        client_order_id=answer.client_order_id,
        broken=answer.break_type == "full",
    )
