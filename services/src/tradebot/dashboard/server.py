"""The page: its files, its event streams, and its answers to the people who may act."""

from collections.abc import AsyncIterator, Callable, Collection

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tradebot.dashboard.access.sessions import Sessions
from tradebot.dashboard.access.visitors import Visitors
from tradebot.dashboard.api import Api
from tradebot.dashboard.board import Board
from tradebot.dashboard.fleet.fleet import Fleet, NoFleet
from tradebot.dashboard.guard import Guard
from tradebot.dashboard.settings import DashboardSettings
from tradebot.dashboard.static_files import file, plotly, static
from tradebot.dashboard.streaming import Streams
from tradebot.platform.open_store import open_store
from tradebot.platform.store import DocumentStore


def application(
    board: Board,
    stopping: Callable[[], bool] = lambda: False,
    allowed_hosts: Collection[str] = (),
    *,
    fleet: Fleet | None = None,
    visitors: Visitors | None = None,
    settings: DashboardSettings | None = None,
    store: Callable[[], DocumentStore] | None = None,
) -> Starlette:
    """Builds the web application of `board`; its streams end once `stopping` returns true.

    Args:
        allowed_hosts: see `hosts.allowed`.
        fleet: the bots that are listed; those of documents if omitted.
        visitors: who may look and act; everybody if omitted.
        store: opens the store of documents; the one in `settings` if omitted.
    """
    settings = settings or DashboardSettings()
    fleet = fleet or NoFleet()
    visitors = visitors or Visitors(settings, {}, Sessions())
    streams = Streams(board, fleet, stopping)
    chosen = settings
    api = Api(
        visitors,
        fleet,
        store or (lambda: open_store(chosen)),
        secure_cookies=settings.secure_cookies,
    )

    def stays(request: Request) -> Callable[[], bool]:
        return lambda: visitors.identify(request, touch=False) is not None

    async def events(request: Request) -> Response:
        return _stream(streams.bot(request.query_params.get("bot", ""), stays(request)))

    async def bots(request: Request) -> Response:
        return _stream(streams.bots(stays(request)))

    return Starlette(
        routes=[
            Route("/", _file("bots.html")),
            Route("/login", _file("login.html")),
            Route("/bots/{bot}", _file("bot.html")),
            Route("/events", events),
            Route("/events/bots", bots),
            Route("/plotly.js", plotly),
            Route("/static/{name}", static),
            *api.routes(),
        ],
        middleware=[Middleware(Guard, allowed_hosts=allowed_hosts, visitors=visitors)],
    )


def _file(name: str) -> Callable[[Request], Response]:
    def serve(_request: Request) -> Response:
        return file(name)

    return serve


def _stream(parts: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(
        parts, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )
