"""A symbol's live order book and trades, over any of the venue's three interfaces.

    async with connect(endpoints, "BTCUSD", "new", clock) as stream:
        async for event in stream:
            ...

One stream is one connection. It begins with a whole book and ends with `FeedBrokenError`. The
caller decides when to reconnect, with `Backoff`, and what to report to its own readers.
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
        """The order book after the events so far."""
        return self._feed.book

    def silence(self) -> float:
        """Seconds since the last frame."""
        return self._socket.silence()

    async def batch(self) -> list[MarketEvent]:
        """Returns the events of the next frame; empty if it is not about the market.

        Events are held back until the connection's time can be trusted.

        Raises:
            FeedBrokenError: the connection has ended.
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
    """Connects and subscribes.

    Args:
        symbol: upper case, such as `BTCUSD`.
        clock: the venue's time, kept across connections.
        stall_seconds: real seconds of silence that end the connection.

    Raises:
        FeedBrokenError: the connection failed.
    """
    feed = feed_of(interface, symbol, clock)
    base = endpoints.websocket if interface == "new" else endpoints.legacy_websocket
    async with open_socket(base + feed.path(), stall_seconds=stall_seconds) as socket:
        for message in feed.hello():
            await socket.send(message)
        yield GeminiMarketStream(socket, feed)
