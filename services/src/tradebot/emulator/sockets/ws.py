"""The new WebSocket: streams to subscribe to, and orders as requests."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tradebot.emulator.exchange import Exchange
from tradebot.emulator.faults.state import FaultState
from tradebot.emulator.refusals import RefusalError
from tradebot.emulator.rest.order_form import order_request
from tradebot.emulator.rest.signed import Caller, require_role
from tradebot.emulator.sockets.connection import Connection
from tradebot.emulator.sockets.streams import encode, partial_depth
from tradebot.emulator.views import View

ACCOUNT_STREAMS = (
    "orders@account",
    "orders@session",
    "balances@account",
    "balances@account@1s",
)
MARKET_STREAMS = (
    "bookTicker",
    "trade",
    "depth",
    "depth@100ms",
    "depth5",
    "depth10",
    "depth20",
    "depth5@100ms",
    "depth10@100ms",
    "depth20@100ms",
)

_OPTIONS = {
    "GTC": [],
    "MOC": ["maker-or-cancel"],
    "IOC": ["immediate-or-cancel"],
    "FOK": ["fill-or-kill"],
}

AUTHENTICATION, RATE_LIMIT, PARAMETER, UNSUPPORTED, REJECTED = -1002, -1003, -1013, -1020, -2010
"""Error codes."""


class MethodError(Exception):
    """A request on the socket that gets an error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class WsClient:
    """One connection.

    Args:
        caller: the authenticated caller, or `None`.
        snapshot: whether a differential depth stream begins with the whole book.
    """

    def __init__(self, connection: Connection, caller: Caller | None, *, snapshot: bool) -> None:
        self.connection = connection
        self.caller = caller
        self.snapshot = snapshot
        self.streams: set[str] = set()


Subscribed = Callable[[WsClient, str, bool], None]
"""Called with a client, a stream, and whether it requests a snapshot."""


class WsMethods:
    """The requests that a client can send.

    Args:
        state: decides whether to lose a response.
        subscribed: called with each new subscription; sends its first message.
    """

    def __init__(self, exchange: Exchange, state: FaultState, subscribed: Subscribed) -> None:
        self._exchange = exchange
        self._state = state
        self._subscribed = subscribed
        self._methods: dict[str, Callable[[WsClient, Any], Any]] = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "list_subscriptions": lambda client, _params: sorted(client.streams),
            "ping": lambda _client, _params: {},
            "time": lambda _client, _params: {"serverTime": exchange.clock.now()},
            "conninfo": _connection_info,
            "depth": self._depth,
            "order.place": self._place,
            "order.cancel": self._cancel,
            "order.cancel_all": lambda client, _params: self._cancel_many(client, session=False),
            "order.cancel_session": lambda client, _params: self._cancel_many(client, session=True),
        }

    def on_message(self, client: WsClient, text: str) -> None:
        """Handles one request and replies."""
        request_id: Any = None
        try:
            request = msgspec.json.decode(text, type=dict[str, Any])
            request_id = request.get("id")
            name = str(request.get("method", "")).lower()
            if name not in self._methods:
                raise MethodError(400, UNSUPPORTED, f"Unsupported method '{name}'")
            self._exchange.advance()
            result = self._methods[name](client, request.get("params"))
        except msgspec.DecodeError:
            self._fail(client, request_id, 400, PARAMETER, "Invalid JSON")
        except MethodError as error:
            self._fail(client, request_id, error.status, error.code, str(error))
        except RefusalError as error:
            self._fail(client, request_id, error.status, _code(error), error.message)
        else:
            if self._state.take_lost_answer():
                return
            # An order's events may come before its acknowledgement, as at the venue.
            client.connection.send(encode({"id": request_id, "status": 200, "result": result}))

    def _fail(self, client: WsClient, request_id: Any, status: int, code: int, text: str) -> None:
        error = {"code": code, "msg": text}
        client.connection.send(encode({"id": request_id, "status": status, "error": error}))

    def _subscribe(self, client: WsClient, params: Any) -> View:
        if not isinstance(params, list) or not params:
            raise MethodError(400, PARAMETER, "params must be a list of streams")
        wanted = [self._stream(client, str(each)) for each in params]
        for stream, snapshot in wanted:
            client.streams.add(stream)
            self._subscribed(client, stream, snapshot)
        return {}

    def _unsubscribe(self, client: WsClient, params: Any) -> View:
        for each in params if isinstance(params, list) else []:
            client.streams.discard(self._stream(client, str(each))[0])
        return {}

    def _stream(self, client: WsClient, text: str) -> tuple[str, bool]:
        """Returns the stream's name with a lower-case symbol, and whether to send a snapshot."""
        text, _, query = text.partition("?")
        if text in ACCOUNT_STREAMS:
            _authenticated(client)
            return text, False
        symbol, _, kind = text.partition("@")
        if self._exchange.market(symbol) is None or kind not in MARKET_STREAMS:
            raise MethodError(400, PARAMETER, f"Unknown stream '{text}'")
        return f"{symbol.lower()}@{kind}", client.snapshot or "snapshot=-1" in query

    def _depth(self, _client: WsClient, params: Any) -> View:
        fields = _fields(params)
        market = self._exchange.market(str(fields.get("symbol")))
        if market is None:
            raise MethodError(400, PARAMETER, "Unknown symbol")
        limit = fields.get("limit", 100)
        if not isinstance(limit, int) or not 1 <= limit <= 5000:
            raise MethodError(400, PARAMETER, "limit must be a whole number from 1 to 5000")
        return partial_depth(market, limit)

    def _place(self, client: WsClient, params: Any) -> View:
        caller = _trader(client)
        fields = _fields(params)
        form = {
            "symbol": fields.get("symbol"),
            "amount": fields.get("quantity"),
            "price": fields.get("price"),
            "side": fields.get("side"),
            "type": _order_type(fields.get("type")),
            "options": _OPTIONS.get(str(fields.get("timeInForce", "GTC")).upper(), ["?"]),
            "client_order_id": fields.get("clientOrderId"),
            "stop_price": fields.get("stopPrice"),
        }
        request = order_request(self._exchange, form, caller.key.name)
        ticket = self._exchange.desk.place(caller.account, request)
        result: View = {"orderId": str(ticket.order.id), "symbol": ticket.symbol.lower()}
        if ticket.client_order_id is not None:
            result["clientOrderId"] = ticket.client_order_id
        return result

    def _cancel(self, client: WsClient, params: Any) -> View:
        caller = _trader(client)
        text = str(_fields(params).get("orderId"))
        desk = self._exchange.desk
        ticket = desk.ticket(caller.account, int(text)) if text.isdecimal() else None
        if ticket is None:
            raise MethodError(404, REJECTED, f"OrderNotFound: {text}")
        if not ticket.is_live:
            raise MethodError(400, REJECTED, f"Order {text} is not live")
        desk.cancel(caller.account, self._exchange.markets[ticket.symbol], ticket, "Requested")
        return {"orderId": text}

    def _cancel_many(self, client: WsClient, *, session: bool) -> View:
        caller = _trader(client)
        name = caller.key.name if session else None
        ids = self._exchange.cancel_orders(caller.account, name)
        return {"cancelledOrders": [str(each) for each in ids], "cancelRejects": []}


def _connection_info(_client: WsClient, _params: Any) -> list[View]:
    return [{"rateLimitType": "REQUESTS", "interval": "MINUTE", "intervalNum": 1, "limit": 600}]


def _authenticated(client: WsClient) -> Caller:
    if client.caller is None:
        raise MethodError(401, AUTHENTICATION, "Authentication required")
    return client.caller


def _trader(client: WsClient) -> Caller:
    caller = _authenticated(client)
    require_role(caller.key, ("Trader",))
    return caller


def _fields(params: Any) -> Mapping[str, Any]:
    if not isinstance(params, dict):
        raise MethodError(400, PARAMETER, "params must be an object")
    return params


def _order_type(kind: object) -> str:
    names = {"LIMIT": "exchange limit", "STOP_LIMIT": "exchange stop limit"}
    name = names.get(str(kind).upper())
    if name is None:
        raise MethodError(400, UNSUPPORTED, f"Unsupported order type '{kind}'")
    return name


def _code(error: RefusalError) -> int:
    if error.status == 429:
        return RATE_LIMIT
    return PARAMETER if error.reason.startswith(("Invalid", "Missing")) else REJECTED
