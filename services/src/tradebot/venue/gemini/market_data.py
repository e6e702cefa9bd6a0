"""A symbol's book and trades, live, over any of the venue's three interfaces.

    async with connect(endpoints, "BTCUSD", "new", clock) as stream:
        async for event in stream:
            ...

One stream is one connection: it begins with a whole book and ends with `FeedBrokenError`. Whoever
reads it decides when to connect again, with `Backoff`, and what its own readers are told of that.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from tradebot.domain.book import OrderBook
from tradebot.venue.events import MarketEvent
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.feeds import Interface, feed_of
from tradebot.venue.gemini.feeds.base import Feed
from tradebot.venue.gemini.sockets import Socket, open_socket
from tradebot.venue.market import Clock

STALL_SECONDS: Final = 10.0


class GeminiMarketStream:
    """The events of one connection."""

    def __init__(self, socket: Socket, feed: Feed) -> None:
        self._socket = socket
        self._feed = feed
        self._held: list[MarketEvent] = []

    @property
    def book(self) -> OrderBook:
        """The book as the events so far made it."""
        return self._feed.book

    def silence(self) -> float:
        """Seconds since the last frame."""
        return self._socket.silence()

    async def batch(self) -> list[MarketEvent]:
        """The events of the next frame; empty where it says nothing of the market.

        Events wait until the connection's time can be trusted.

        Raises:
            FeedBrokenError: the connection is over.
        """
        events = self._feed.read(await self._socket.receive())
        if not self._feed.dated:
            self._held += events
            return []
        held, self._held = self._held, []
        return held + events if held else events

    async def __aiter__(self) -> AsyncIterator[MarketEvent]:
        while True:
            for event in await self.batch():
                yield event


@asynccontextmanager
async def connect(
    endpoints: Endpoints,
    symbol: str,
    interface: Interface,
    clock: Clock,
    *,
    stall_seconds: float = STALL_SECONDS,
) -> AsyncIterator[GeminiMarketStream]:
    """One connection, subscribed.

    Args:
        symbol: upper case, such as `BTCUSD`.
        clock: the venue's time, carried on from one connection to the next.
        stall_seconds: real seconds of silence that end the connection.

    Raises:
        FeedBrokenError: it cannot be made.
    """
    feed = feed_of(interface, symbol, clock)
    base = endpoints.websocket if interface == "new" else endpoints.legacy_websocket
    async with open_socket(base + feed.path(), stall_seconds=stall_seconds) as socket:
        for message in feed.hello():
            await socket.send(message)
        yield GeminiMarketStream(socket, feed)
