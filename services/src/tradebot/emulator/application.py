"""The web application: its routes, and the tick that moves the market."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, WebSocketRoute

from tradebot.emulator.accounts.keys import HEARTBEAT_LIMIT
from tradebot.emulator.accounts.limits import Limit
from tradebot.emulator.control import ControlApi
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.faults.api import FaultsApi, arm_file
from tradebot.emulator.faults.broken import with_transport
from tradebot.emulator.faults.injector import Injector
from tradebot.emulator.faults.occurrences import Occurrences
from tradebot.emulator.faults.order_faults import OrderFaults
from tradebot.emulator.faults.rest_faults import RestFaults
from tradebot.emulator.faults.rules import FaultFile
from tradebot.emulator.faults.state import FaultState
from tradebot.emulator.memory import Memory
from tradebot.emulator.metrics import CHANGES, LAG, REQUESTS
from tradebot.emulator.refusals import RefusalError, too_many_requests
from tradebot.emulator.rest import private, public
from tradebot.emulator.rest.signed import authenticate
from tradebot.emulator.sockets.endpoints import SocketEndpoints
from tradebot.emulator.web import page

_TICK = 0.02
"""Real seconds between two steps of the market."""
_BEAT = 5.0
"""Real seconds between heartbeats."""

Prepare = Callable[[Request], Callable[[], Any]]
"""Validates a call, and returns the function that handles it."""


def answer(content: Any, status: int = 200) -> Response:
    """Returns a JSON response."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


class Application:
    """Connects the exchange to the web, with the faults in between."""

    def __init__(
        self,
        exchange: Exchange,
        faults: FaultFile | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._exchange = exchange
        self._memory = memory
        self.injector = Injector(exchange.settings.seed, exchange.clock.now)
        state = FaultState(self.injector.monotonic)
        self._sockets = SocketEndpoints(exchange, self.injector, state)
        self._rest = RestFaults(self.injector, state)
        self._order_faults = OrderFaults(exchange, self.injector, state)
        self._occurrences = Occurrences(exchange, self.injector, state, self._sockets.hang_up)
        if faults is not None:
            arm_file(self.injector, faults)
        self._counted = dict.fromkeys(exchange.symbols(), 0)
        self.asgi = with_transport(
            Starlette(
                routes=self._routes(),
                exception_handlers={405: _wrong_method, Exception: _system_error},
            )
        )

    def _routes(self) -> list[Route | WebSocketRoute]:
        routes: list[Route | WebSocketRoute] = [Route("/", self._page)]
        for path, public_call in public.CALLS.items():
            routes.append(Route(path, self._endpoint(path, self._public(public_call))))
        for path, private_call in private.CALLS.items():
            endpoint = self._endpoint(path, self._private(path, private_call))
            routes.append(Route(path, endpoint, methods=["POST"]))
        routes += self._sockets.routes()
        routes += ControlApi(self._exchange).routes()
        routes += FaultsApi(self.injector).routes()
        routes.append(Route("/{path:path}", _not_found, methods=["GET", "POST", "PUT", "DELETE"]))
        return routes

    async def _page(self, _request: Request) -> Response:
        return HTMLResponse(page(self._exchange.instruments()))

    def _endpoint(self, path: str, prepare: Prepare) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            def begin() -> Callable[[], Response]:
                try:
                    self._exchange.advance()
                    work = prepare(request)
                except RefusalError as refusal:
                    refused = answer(refusal.body(), refusal.status)
                    return lambda: refused
                return lambda: _done(work)

            try:
                await self._wait(self._limit(request))
                response = await self._rest.serve(request.url.path, begin)
            except RefusalError as refusal:
                response = answer(refusal.body(), refusal.status)
            REQUESTS.labels(path, response.status_code).inc()
            return response

        return endpoint

    def _public(self, call: public.Call) -> Prepare:
        def prepare(request: Request) -> Callable[[], Any]:
            path: Mapping[str, str] = request.path_params
            return lambda: call(self._exchange, path, request.query_params)

        return prepare

    def _private(self, path: str, call: private.Call) -> Prepare:
        def prepare(request: Request) -> Callable[[], Any]:
            caller = authenticate(self._exchange, request.headers, path, call.roles)
            return lambda: self._kept(call.answer(self._exchange, caller))

        return prepare

    def _kept(self, told: Any = None) -> Any:
        """Saves the state, then returns the response that reports it."""
        if self._memory is not None:
            self._memory.save()
        return told

    def _limit(self, request: Request) -> Limit:
        key = request.headers.get("x-gemini-apikey", "")
        if request.method == "POST" and key in self._exchange.keys:
            return self._exchange.limits.of_key(key)
        return self._exchange.limits.of_address(request.client.host if request.client else "")

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
        beaten = due = time.monotonic()
        while True:
            due = max(due + _TICK, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            LAG.set(time.monotonic() - due)
            self._occurrences.advance()
            self._exchange.advance()
            self._kept()
            self._sockets.flush()
            self._count()
            if time.monotonic() - beaten >= _BEAT:
                beaten = time.monotonic()
                self._sockets.beat()
            self._expire_heartbeats()

    def _count(self) -> None:
        for symbol, market in self._exchange.markets.items():
            if market.sequence > self._counted[symbol]:
                CHANGES.labels(symbol).inc(market.sequence - self._counted[symbol])
                self._counted[symbol] = market.sequence

    def _expire_heartbeats(self) -> None:
        now = time.monotonic()
        for key in self._exchange.keys.values():
            if key.heartbeat and not key.master and key.last_seen < now - HEARTBEAT_LIMIT:
                self._exchange.cancel_orders(self._exchange.accounts[key.account], key.name)


def _done(work: Callable[[], Any]) -> Response:
    try:
        return answer(work())
    except RefusalError as refusal:
        return answer(refusal.body(), refusal.status)


async def _not_found(request: Request) -> Response:
    body = RefusalError(404, "EndpointNotFound", f"Endpoint {request.url.path} not found").body()
    return answer(body, 404)


async def _wrong_method(request: Request, _error: Exception) -> Response:
    return await _not_found(request)


async def _system_error(_request: Request, _error: Exception) -> Response:
    message = "We are experiencing technical issues"
    return answer(RefusalError(500, "System", message).body(), 500)
