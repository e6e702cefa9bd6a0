"""WebSockets to the venue, with deadlines for opening, silence and closing."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)

from tradebot.venue.errors import FeedBrokenError

OPEN_SECONDS: Final = 10.0
MAX_FRAME: Final = 16 * 1024 * 1024
"""A whole order book of thousands of levels is one frame."""


class Socket:
    """One open connection.

    Args:
        stall_seconds: silence that ends it.
    """

    def __init__(self, connection: ClientConnection, stall_seconds: float) -> None:
        self._connection = connection
        self._stall_seconds = stall_seconds
        self._heard = time.monotonic()
        self._stalled = False
        self._timer: asyncio.TimerHandle | None = None

    def silence(self) -> float:
        """Seconds since the last frame."""
        return time.monotonic() - self._heard

    async def send(self, text: str) -> None:
        """Sends one frame.

        Raises:
            FeedBrokenError: the connection is closed.
        """
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise self._broken(error) from None

    async def receive(self) -> bytes:
        """Returns the next frame.

        Raises:
            FeedBrokenError: the connection was closed, or was silent for too long.
        """
        try:
            frame = await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise self._broken(error) from None
        self._heard = time.monotonic()
        return frame

    def watch(self) -> None:
        """Ends the connection after too long a silence; schedules its own next check."""
        left = self._stall_seconds - self.silence()
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self.watch)
            return
        self._stalled = True
        self._connection.transport.abort()

    async def close(self) -> None:
        """Closes the connection; waits for the venue's close frame at most a second."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._connection.close()
        finally:
            # A stop may cancel the wait: the connection must not stay open then.
            self._connection.transport.abort()

    def _broken(self, error: ConnectionClosed) -> FeedBrokenError:
        if self._stalled:
            return FeedBrokenError("stalled", f"silent for {self._stall_seconds:g} s")
        return FeedBrokenError("closed", f"the venue closed the connection: {error}")


@asynccontextmanager
async def open_socket(
    url: str, *, stall_seconds: float, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Socket]:
    """Opens a connection that ends with the block.

    Raises:
        FeedBrokenError: it cannot be opened.
    """
    try:
        connection = await connect(
            url,
            additional_headers=headers,
            open_timeout=OPEN_SECONDS,
            close_timeout=1.0,
            max_size=MAX_FRAME,
            max_queue=256,
            ping_interval=20.0,
            ping_timeout=20.0,
            compression=None,
        )
    except InvalidStatus as error:
        body = error.response.body[:200].decode("utf-8", "replace") if error.response.body else ""
        status = error.response.status_code
        raise FeedBrokenError("refused", f"{url}: HTTP {status} {body}".rstrip()) from None
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI) as error:
        why = str(error) or "no response"
        raise FeedBrokenError("closed", f"cannot connect to {url}: {why}") from None
    socket = Socket(connection, stall_seconds)
    socket.watch()
    try:
        yield socket
    finally:
        await socket.close()
