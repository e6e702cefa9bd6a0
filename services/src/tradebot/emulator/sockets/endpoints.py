"""The sockets' routes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tradebot.emulator.accounts.limits import OLD_SOCKETS
from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.faults.injector import Injector, covers
from tradebot.emulator.faults.rules import Where
from tradebot.emulator.faults.socket_faults import SocketFaults
from tradebot.emulator.faults.state import FaultState
from tradebot.emulator.metrics import CONNECTIONS
from tradebot.emulator.refusals import (
    RefusalError,
    bad_symbol,
    maintenance,
    too_many_requests,
)
from tradebot.emulator.rest.signed import Caller, authenticate, authenticate_socket
from tradebot.emulator.sockets.connection import Connection
from tradebot.emulator.sockets.order_events import Filters, OrderClient, OrderFeed
from tradebot.emulator.sockets.v1 import V1Client, V1Feed
from tradebot.emulator.sockets.v2 import V2Feed
from tradebot.emulator.sockets.ws import WsClient
from tradebot.emulator.sockets.ws_feed import WsFeed


class SocketEndpoints:
    """All sockets of the exchange."""

    def __init__(self, exchange: Exchange, injector: Injector, state: FaultState) -> None:
        self._exchange = exchange
        self._injector = injector
        self._state = state
        self._open: set[Connection] = set()
        self._v1 = V1Feed(exchange)
        self._v2 = V2Feed(exchange)
        self._orders = OrderFeed(exchange, state)
        self._ws = WsFeed(exchange, state)

    def routes(self) -> list[WebSocketRoute]:
        """Their routes."""
        return [
            WebSocketRoute("/v1/marketdata/{symbol}", self._serve_v1),
            WebSocketRoute("/v1/multimarketdata", self._serve_multi),
            WebSocketRoute("/v2/marketdata", self._serve_v2),
            WebSocketRoute("/v1/order/events", self._serve_orders),
            WebSocketRoute("/ws", self._serve_ws),
            WebSocketRoute("/ws/", self._serve_ws),
        ]

    def flush(self) -> None:
        """Sends what is due."""
        self._v2.flush()
        self._ws.flush()

    def beat(self) -> None:
        """Sends heartbeats."""
        self._v1.beat()
        self._v2.beat()
        self._orders.beat()

    def hang_up(self, where: Where, clean: bool) -> None:
        """Ends the open sockets of an interface, by a close or a reset."""
        for connection in list(self._open):
            if covers(where, connection.where):
                if clean:
                    connection.close()
                else:
                    connection.reset()

    @contextmanager
    def _connection(self, websocket: WebSocket, where: Where) -> Iterator[Connection]:
        faults = SocketFaults(self._injector, self._state, where)
        connection = Connection(websocket, where, faults)
        self._open.add(connection)
        CONNECTIONS.labels(where).inc()
        try:
            yield connection
        finally:
            CONNECTIONS.labels(where).dec()
            self._open.discard(connection)

    def _check(self, websocket: WebSocket) -> None:
        """Refuses sockets while the exchange is closed, and too many old public ones."""
        if self._state.in_maintenance():
            raise maintenance()
        if not self._exchange.settings.rate_limits or websocket.url.path.startswith("/ws"):
            return
        address = websocket.client.host if websocket.client else ""
        limit = self._exchange.limits.of_address(f"{address} {OLD_SOCKETS}", OLD_SOCKETS)
        if limit.wait(time.monotonic()) is None:
            raise too_many_requests()

    async def _serve_v1(self, websocket: WebSocket) -> None:
        await self._serve_markets(websocket, [websocket.path_params["symbol"]], named=False)

    async def _serve_multi(self, websocket: WebSocket) -> None:
        names = websocket.query_params.get("symbols", "").split(",")
        await self._serve_markets(websocket, names, named=True)

    async def _serve_markets(self, websocket: WebSocket, names: list[str], *, named: bool) -> None:
        try:
            self._check(websocket)
            markets = [self._market(name) for name in names]
        except RefusalError as refusal:
            await _refuse(websocket, refusal)
            return
        await websocket.accept()
        with self._connection(websocket, "v1") as connection:
            client = V1Client(connection, websocket.query_params, named=named)
            self._exchange.advance()
            self._v1.join(client, markets)
            try:
                await connection.serve(lambda _text: None)
            finally:
                self._v1.leave(client)

    def _market(self, name: str) -> BookMarket:
        market = self._exchange.market(name)
        if market is None:
            raise bad_symbol(name, [each.lower() for each in self._exchange.symbols()])
        return market

    async def _serve_v2(self, websocket: WebSocket) -> None:
        try:
            self._check(websocket)
        except RefusalError as refusal:
            await _refuse(websocket, refusal)
            return
        await websocket.accept()
        with self._connection(websocket, "v2") as connection:
            self._v2.join(connection)
            self._v2.beat_one(connection)
            try:
                await connection.serve(lambda text: self._v2.on_message(connection, text))
            finally:
                self._v2.leave(connection)

    async def _serve_orders(self, websocket: WebSocket) -> None:
        try:
            self._check(websocket)
            caller = authenticate(
                self._exchange, websocket.headers, "/v1/order/events", ("Trader", "Auditor")
            )
        except RefusalError as refusal:
            await _refuse(websocket, refusal)
            return
        query = websocket.query_params
        filters = Filters(
            symbols=[each.lower() for each in query.getlist("symbolFilter")],
            sessions=query.getlist("apiSessionFilter"),
            types=query.getlist("eventTypeFilter"),
            heartbeat=query.get("heartbeat", "false").lower() == "true",
        )
        await websocket.accept()
        with self._connection(websocket, "order-events") as connection:
            client = OrderClient(connection, caller, filters)
            self._orders.join(client)
            try:
                await connection.serve(lambda _text: None)
            finally:
                self._orders.leave(client)

    async def _serve_ws(self, websocket: WebSocket) -> None:
        caller: Caller | None = None
        try:
            self._check(websocket)
            if "x-gemini-apikey" in websocket.headers:
                caller = authenticate_socket(self._exchange, websocket.headers)
        except RefusalError as refusal:
            await _refuse(websocket, refusal)
            return
        await websocket.accept()
        query = websocket.query_params
        with self._connection(websocket, "ws") as connection:
            client = WsClient(connection, caller, snapshot=query.get("snapshot") == "-1")
            self._ws.join(client)
            try:
                await connection.serve(lambda text: self._ws.methods.on_message(client, text))
            finally:
                self._ws.leave(client)
                if caller is not None and query.get("cancelOnDisconnect", "").lower() == "true":
                    self._exchange.cancel_orders(caller.account, caller.key.name)


async def _refuse(websocket: WebSocket, refusal: RefusalError) -> None:
    """Responds to the handshake with an error."""
    body = msgspec.json.encode(refusal.body())
    await websocket.send_denial_response(
        Response(body, refusal.status, media_type="application/json")
    )
