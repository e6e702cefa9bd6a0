"""The page: static files, plotly's script from its package, and one event stream per page."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Collection
from importlib.resources import files

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradebot.dashboard.board import Board, Sent
from tradebot.dashboard.hosts import allowed

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


def application(
    board: Board,
    stopping: Callable[[], bool] = lambda: False,
    allowed_hosts: Collection[str] = (),
) -> Starlette:
    """Builds the web application of `board`; its streams end once `stopping` returns true.

    Args:
        allowed_hosts: see `hosts.allowed`.
    """

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
        middleware=[Middleware(_Guard, allowed_hosts=allowed_hosts)],
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
    """Refuses foreign hosts, and adds `HEADERS` to every response, without buffering streams."""

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        if scope["type"] == "http" and not allowed(host, self._allowed_hosts):
            refusal = PlainTextResponse(
                f"the dashboard does not answer to the name {host!r}: start it with"
                " --allowed-hosts if you open it by that name\n",
                status_code=421,
            )
            await refusal(scope, receive, guarded)
            return
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
