"""A venue that follows a test's script: real sockets, no behaviour of its own."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

Answer = Callable[[ServerConnection, Request], Response | None]
Script = Callable[[ServerConnection], Awaitable[None]]
Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def sockets_that(*scripts: Script, answer: Answer | None = None) -> AsyncIterator[str]:
    """Serves WebSockets; the n-th connection runs the n-th script, later ones the last.

    `answer` may return an HTTP response; for a WebSocket it returns `None`.

    Yields the address, `http://host:port`.
    """
    count = 0

    async def play(connection: ServerConnection) -> None:
        nonlocal count
        script = scripts[min(count, len(scripts) - 1)]
        count += 1
        await script(connection)

    async with serve(play, "127.0.0.1", 0, compression=None, process_request=answer) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def sends(*messages: Any, then: str = "wait", hello: bool = True) -> Script:
    """Returns a script: receives one message, sends `messages`, then waits or closes."""

    async def script(connection: ServerConnection) -> None:
        if hello:
            await connection.recv()
        for message in messages:
            await connection.send(message if isinstance(message, str) else json.dumps(message))
        if then == "wait":
            await connection.wait_closed()

    return script


@asynccontextmanager
async def http_that(answer: Answering) -> AsyncIterator[str]:
    """Serves TCP; passes each connection to `answer` after a request's headers."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
