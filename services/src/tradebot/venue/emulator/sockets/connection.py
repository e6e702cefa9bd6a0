"""One client's socket: a queue of what is to be sent, so that a slow client slows nobody."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

_MOST_WAITING = 20_000
"""Messages that may wait for a client; beyond that it is too slow and is cut off."""


class Connection:
    """Sends in order; `send` never waits."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def send(self, text: str) -> None:
        """The client is to get this message."""
        if len(self._waiting) >= _MOST_WAITING:
            self.close()
            return
        self._waiting.append(text)
        self._wake.set()

    def close(self) -> None:
        """The connection ends without waiting for what is queued."""
        self._closed = True
        self._wake.set()

    async def serve(self, on_message: Callable[[str], None]) -> None:
        """Sends and receives until either side closes."""
        writer = asyncio.create_task(self._write())
        try:
            while True:
                message = await self._websocket.receive()
                if message["type"] != "websocket.receive":
                    return
                text = message.get("text")
                on_message(
                    text if text is not None else message["bytes"].decode("utf-8", "replace")
                )
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
                    await self._websocket.send(
                        {"type": "websocket.send", "text": self._waiting.popleft()}
                    )
            if self._websocket.application_state is WebSocketState.CONNECTED:
                await self._websocket.close(1001)
