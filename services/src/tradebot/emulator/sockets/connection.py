"""One client's socket with its own queue, so that a slow client delays no other."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from tradebot.emulator.faults.broken import TRANSPORT
from tradebot.emulator.faults.rules import Where
from tradebot.emulator.faults.socket_faults import Message, SocketFaults

_MOST_WAITING = 20_000
"""Limit of queued messages; a slower client is disconnected."""
_GOING_AWAY = 1001


class Connection:
    """Sends in order; `send` never waits.

    Args:
        where: its interface.
        faults: applied to each message.
    """

    def __init__(self, websocket: WebSocket, where: Where, faults: SocketFaults) -> None:
        self.where = where
        self._websocket = websocket
        self._faults = faults
        self._waiting: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def send(self, text: str) -> None:
        """Queues a message for the client."""
        if len(self._waiting) >= _MOST_WAITING:
            self.close()
            return
        self._waiting.extend(self._faults.outgoing(text))
        self._wake.set()

    def close(self) -> None:
        """Closes the connection without waiting for the queue."""
        self._closed = True
        self._wake.set()

    def reset(self) -> None:
        """Resets the connection."""
        transport = self._websocket.scope.get(TRANSPORT)
        if transport is None:
            self.close()
        else:
            transport.abort()

    async def serve(self, on_message: Callable[[str], None]) -> None:
        """Sends and receives until either side closes."""
        writer = asyncio.create_task(self._write())
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] != "websocket.receive":
                    return
                text = message.get("text")
                if text is None:
                    text = message["bytes"].decode("utf-8", "replace")
                incoming = self._faults.incoming(text)
                if incoming is None:
                    continue
                if incoming.delay:
                    await asyncio.sleep(incoming.delay)
                on_message(incoming.text)
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            self.close()
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    async def _write(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while not self._closed:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting and not self._closed:
                    outgoing = self._waiting.popleft()
                    if outgoing.delay:
                        await asyncio.sleep(outgoing.delay)
                    await self._websocket.send({"type": "websocket.send", "text": outgoing.text})
            if self._websocket.application_state is WebSocketState.CONNECTED:
                await self._websocket.close(_GOING_AWAY)
