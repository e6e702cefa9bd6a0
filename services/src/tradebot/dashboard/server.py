"""The page: static files, plotly's script from its package, and one event stream per page."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from importlib.resources import files

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradebot.dashboard.board import Board, Sent

EVERY_SECONDS = 0.25
"""Interval between updates of a page."""

KEEP_ALIVE_SECONDS = 10.0

HEADERS = {
    # Plotly sets inline styles and draws into data: images; all else is from this server.
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def application(board: Board, stopping: Callable[[], bool] = lambda: False) -> Starlette:
    """Builds the web application of `board`; its streams end once `stopping` returns true."""

    async def events(request: Request) -> Response:
        bot = request.query_params.get("bot", "")
        return StreamingResponse(
            stream(board, bot, stopping),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store"},
        )

    return Starlette(
        routes=[
            Route("/", _page),
            Route("/events", events),
            Route("/plotly.js", _plotly),
            Route("/static/{name}", _static),
        ],
        middleware=[Middleware(_Guard)],
    )


async def stream(board: Board, bot: str, stopping: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yields changes as server-sent events, until the page disconnects or the server stops."""
    sent = Sent()
    quiet = 0.0
    while not stopping():
        changes = await asyncio.to_thread(board.changes, bot, sent)
        for name, content in changes:
            yield b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(content))
        quiet = 0.0 if changes else quiet + EVERY_SECONDS
        if quiet >= KEEP_ALIVE_SECONDS:
            yield b": still here\n\n"
            quiet = 0.0
        await asyncio.sleep(EVERY_SECONDS)


class _Guard:
    """Adds `HEADERS` to every response, without buffering streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, guarded)


def _page(_request: Request) -> Response:
    return _file("index.html")


def _static(request: Request) -> Response:
    return _file(request.path_params["name"])


def _file(name: str) -> Response:
    ending = name.rpartition(".")[2]
    source = files("tradebot.dashboard") / "static" / name
    if ending not in _TYPES or not source.is_file():
        return PlainTextResponse("no such file\n", status_code=404)
    return Response(
        source.read_bytes(), media_type=_TYPES[ending], headers={"Cache-Control": "no-cache"}
    )


_compressed: list[bytes] = []


def _plotly(_request: Request) -> Response:
    """Returns plotly's script, compressed once: 4.8 MB become 1.4."""
    if not _compressed:
        script = files("plotly") / "package_data" / "plotly.min.js"
        _compressed.append(gzip.compress(script.read_bytes(), compresslevel=6))
    return Response(
        _compressed[0],
        media_type=_TYPES["js"],
        headers={"Content-Encoding": "gzip", "Cache-Control": "max-age=86400"},
    )
