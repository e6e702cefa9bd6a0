"""The web application: which path is what, and the tick that moves the market."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute

from tradebot.venue.emulator.accounts.keys import HEARTBEAT_LIMIT
from tradebot.venue.emulator.accounts.limits import Limit
from tradebot.venue.emulator.control import ControlApi
from tradebot.venue.emulator.exchange import Exchange
from tradebot.venue.emulator.refusals import RefusalError, too_many_requests
from tradebot.venue.emulator.rest import private, public
from tradebot.venue.emulator.rest.signed import authenticate
from tradebot.venue.emulator.sockets.endpoints import SocketEndpoints
from tradebot.venue.emulator.web import page

_TICK = 0.02
"""Real seconds between two moves of the market."""
_BEAT = 5.0
"""Real seconds between heartbeats."""


def answer(content: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


class Application:
    """Ties the exchange to the web."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.sockets = SocketEndpoints(exchange)
        self.asgi = Starlette(routes=self._routes())

    def _routes(self) -> list[Route | WebSocketRoute]:
        routes: list[Route | WebSocketRoute] = [Route("/", self._page)]
        routes += [Route(path, self._public(call)) for path, call in public.CALLS.items()]
        routes += [
            Route(path, self._private(path, call), methods=["POST"])
            for path, call in private.CALLS.items()
        ]
        routes += self.sockets.routes()
        routes += ControlApi(self._exchange).routes()
        routes.append(Route("/{path:path}", _not_found, methods=["GET", "POST", "PUT", "DELETE"]))
        return routes

    async def _page(self, _request: Request) -> Response:
        return HTMLResponse(page(self._exchange.instruments()))

    def _public(self, call: public.Call) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                address = request.client.host if request.client else ""
                await self._wait(self._exchange.limits.of_address(address))
                self._exchange.advance()
                path: Mapping[str, str] = request.path_params
                return answer(call(self._exchange, path, request.query_params))
            except RefusalError as refusal:
                return answer(refusal.body(), refusal.status)

        return endpoint

    def _private(self, path: str, call: private.Call) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                key = request.headers.get("x-gemini-apikey", "")
                if key in self._exchange.keys:
                    await self._wait(self._exchange.limits.of_key(key))
                self._exchange.advance()
                caller = authenticate(self._exchange, request.headers, path, call.roles)
                return answer(call.answer(self._exchange, caller))
            except RefusalError as refusal:
                return answer(refusal.body(), refusal.status)

        return endpoint

    async def _wait(self, limit: Limit) -> None:
        if not self._exchange.settings.rate_limits:
            return
        seconds = limit.wait(time.monotonic())
        if seconds is None:
            raise too_many_requests()
        if seconds:
            await asyncio.sleep(seconds)

    async def tick(self) -> None:
        """Moves the market and sends what is due, until cancelled."""
        beaten = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            self._exchange.advance()
            self.sockets.flush()
            if time.monotonic() - beaten >= _BEAT:
                beaten = time.monotonic()
                self.sockets.beat()
            self._expire_heartbeats()

    def _expire_heartbeats(self) -> None:
        now = time.monotonic()
        for key in self._exchange.keys.values():
            if key.heartbeat and not key.master and key.last_seen < now - HEARTBEAT_LIMIT:
                self._exchange.cancel_orders(self._exchange.accounts[key.account], key.name)


async def _not_found(request: Request) -> Response:
    body = RefusalError(404, "EndpointNotFound", f"Endpoint {request.url.path} not found").body()
    return answer(body, 404)
