"""Incomplete responses, as proxies and networks cause them."""

import asyncio
from typing import Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

TRANSPORT = "tradebot.transport"
"""Key in a request's scope of the connection below it."""


class _Transport(Protocol):
    def abort(self) -> None: ...

    def close(self) -> None: ...


def with_transport(app: ASGIApp) -> ASGIApp:
    """Adds each request's connection to its scope, if the web server exposes it."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await app(scope, receive, send)

    return wrapped


class BrokenOff(Response):
    """Resets the connection without a response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Resets the connection."""
        await _end(scope, reset=True)


class CutOff(Response):
    """Sends the head and half the body, then closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the half."""
        await _head(self, send)
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await _end(scope, reset=False)


class Trickling(Response):
    """Sends the response in small parts over `seconds`."""

    seconds = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it slowly."""
        await _head(self, send)
        body = bytes(self.body)
        size = max(1, len(body) // 50)
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        for part in parts:
            await asyncio.sleep(self.seconds / len(parts))
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _head(response: Response, send: Send) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )


async def _end(scope: Scope, *, reset: bool) -> None:
    transport: _Transport | None = scope.get(TRANSPORT)
    if transport is None:
        raise ConnectionError("a broken answer")
    if reset:
        transport.abort()
    else:
        transport.close()
    # The web server notices the end in its next turns of the loop, and then sends nothing more.
    for _ in range(3):
        await asyncio.sleep(0)
