"""The account's live events, over the old or the new interface.

`follow_account` reconnects by itself. Each connection begins with a `ConnectedEvent`; look up
orders and fills then, since events between two connections are not sent again.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Final, Literal
from urllib.parse import urlencode

from tradebot.platform import logs
from tradebot.venue.backoff import Backoff
from tradebot.venue.errors import FeedBrokenError, VenueError
from tradebot.venue.events import AccountEvent
from tradebot.venue.gemini.account_socket import connect_account
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.feeds.orders_old import OldOrderFeed
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.sockets import Socket, open_socket

PATH: Final = "/v1/order/events"
STALL_SECONDS: Final = 15.0
"""Three missed heartbeats."""

AccountInterface = Literal["old", "new"]


@asynccontextmanager
async def connect_orders(
    endpoints: Endpoints, rest: GeminiRest, symbol: str, *, stall_seconds: float = STALL_SECONDS
) -> AsyncIterator[AsyncIterator[AccountEvent]]:
    """Connects to the old stream with the key of `rest`, for one symbol's orders.

    Raises:
        FeedBrokenError: the connection failed, or has ended.
        TransportError: there is no key.
    """
    query = urlencode({"symbolFilter": symbol.lower(), "heartbeat": "true"})
    url = f"{endpoints.legacy_websocket}{PATH}?{query}"
    async with AsyncExitStack() as stack:
        async with rest.signed(PATH) as headers:
            opening = open_socket(url, stall_seconds=stall_seconds, headers=headers)
            socket = await stack.enter_async_context(opening)
        yield _read(socket)


async def _read(socket: Socket) -> AsyncIterator[AccountEvent]:
    feed = OldOrderFeed()
    while True:
        for event in feed.read(await socket.receive()):
            yield event


async def follow_account(
    endpoints: Endpoints,
    rest: GeminiRest,
    symbol: str,
    interface: AccountInterface = "old",
    *,
    backoff: Backoff | None = None,
) -> AsyncGenerator[AccountEvent, None]:
    """Yields events over any number of connections; never ends."""
    backoff = backoff or Backoff()
    log = logs.get(__name__)
    while True:
        try:
            async with aclosing(_connection(endpoints, rest, symbol, interface)) as events:
                async for event in events:
                    backoff.connected()
                    yield event
        except (FeedBrokenError, VenueError) as error:
            delay = backoff.failed()
            log.warning(
                "the account's stream is broken",
                symbol=symbol,
                why=str(error),
                again_in_seconds=round(delay, 2),
            )
        await asyncio.sleep(delay)


async def _connection(
    endpoints: Endpoints, rest: GeminiRest, symbol: str, interface: AccountInterface
) -> AsyncGenerator[AccountEvent, None]:
    if interface == "old":
        async with connect_orders(endpoints, rest, symbol) as events:
            async for event in events:
                yield event
        return
    async with connect_account(endpoints, rest) as account:
        async for event in account.events():
            yield event
