"""Requests and events over the account's sockets, against a scripted server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from venues.scripted import Script, sends, sockets_that
from websockets.asyncio.server import ServerConnection

from tradebot.venue.backoff import Backoff
from tradebot.venue.errors import (
    AmbiguousError,
    FeedBrokenError,
    RejectedError,
    TransportError,
    VenueError,
)
from tradebot.venue.events import ConnectedEvent, OrderEvent
from tradebot.venue.gemini.account_socket import AccountSocket, connect_account
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.order_events import connect_orders, follow_account
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials

KEY = Credentials("account-test", "secret")
ACK = {"type": "subscription_ack", "accountId": 1, "subscriptionId": "s"}


def order_event(sequence: int) -> dict[str, Any]:
    return {
        "type": "accepted",
        "order_id": "1",
        "event_id": str(sequence),
        "symbol": "btcusd",
        "side": "buy",
        "timestampms": 1547742904989,
        "is_live": True,
        "original_amount": "1",
        "socket_sequence": sequence,
    }


Handler = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]


def replies(handler: Handler) -> Script:
    """Acknowledges the first subscription; passes every other request to `handler`."""

    async def script(connection: ServerConnection) -> None:
        begun = False
        async for frame in connection:
            request = json.loads(frame)
            if not begun:
                begun = True
                await connection.send(json.dumps({"id": request["id"], "status": 200}))
            else:
                await handler(connection, request)

    return script


@asynccontextmanager
async def account(script: Script) -> AsyncIterator[AccountSocket]:
    async with sockets_that(script) as url:
        rest = GeminiRest(url, KEY)
        socket = url.replace("http", "ws")
        async with connect_account(
            Endpoints(url, socket, socket), rest, reply_seconds=0.3
        ) as connected:
            yield connected
        await rest.aclose()


def answers(status: int, **error: Any) -> Handler:
    async def handler(connection: ServerConnection, request: dict[str, Any]) -> None:
        content = {"id": request["id"], "status": status, "error": error}
        await connection.send(json.dumps(content))

    return handler


async def is_silent(_connection: ServerConnection, _request: dict[str, Any]) -> None:
    """Receives the request and does not reply."""


async def hangs_up(connection: ServerConnection, _request: dict[str, Any]) -> None:
    await connection.close()


async def stammers(connection: ServerConnection, _request: dict[str, Any]) -> None:
    await connection.send('{"id":"2","sta')


@pytest.mark.parametrize(
    ("handler", "kind", "reason"),
    [
        (answers(400, code=-2010, msg="Insufficient funds"), RejectedError, "-2010"),
        (answers(401, code=-1002, msg="Authentication required"), RejectedError, "-1002"),
        (answers(429), RejectedError, "0"),
        (answers(500, code=-1000, msg="Internal"), AmbiguousError, "-1000"),
        (is_silent, AmbiguousError, "Timeout"),
        (hangs_up, AmbiguousError, "closed"),
        (stammers, AmbiguousError, "malformed"),
    ],
)
async def test_a_request_that_fails_ends_in_one_of_the_classes(
    handler: Handler, kind: type[VenueError], reason: str
) -> None:
    async with account(replies(handler)) as socket:
        with pytest.raises(VenueError) as raised:
            await socket.subscribe("orders@account")
    assert type(raised.value) is kind
    assert raised.value.reason == reason
    assert raised.value.request == "subscribe"


async def test_a_request_on_a_line_known_to_be_dead_was_never_sent() -> None:
    async with account(replies(hangs_up)) as socket:
        with pytest.raises(AmbiguousError):
            await socket.subscribe("orders@account")
        with pytest.raises(TransportError):
            await socket.subscribe("orders@account")


async def test_answers_in_another_order_find_their_requests() -> None:
    waiting: list[dict[str, Any]] = []

    async def swapped(connection: ServerConnection, request: dict[str, Any]) -> None:
        waiting.append(request)
        if len(waiting) == 2:
            bad = {"id": waiting[1]["id"], "status": 400, "error": {"code": 1, "msg": "no"}}
            await connection.send(json.dumps(bad))
            await connection.send(json.dumps({"id": waiting[0]["id"], "status": 200}))

    async with account(replies(swapped)) as socket:
        first, second = await asyncio.gather(
            socket.subscribe("a"), socket.subscribe("b"), return_exceptions=True
        )
    assert first is None
    assert isinstance(second, RejectedError)


async def test_events_begin_with_a_connected_event_and_end_with_the_connection() -> None:
    update = {"E": 1, "s": "BTCUSD", "i": 5, "c": "c", "S": "BUY", "X": "NEW", "q": "1"}

    async def tell(connection: ServerConnection, _request: dict[str, Any]) -> None:
        await connection.send(json.dumps(update))
        await connection.close()

    async with account(replies(tell)) as socket:
        with pytest.raises(AmbiguousError):
            await socket.subscribe("orders@account")
        events = socket.events()
        assert await anext(events) == ConnectedEvent()
        event = await anext(events)
        assert isinstance(event, OrderEvent) and event.order_id == "5"
        with pytest.raises(FeedBrokenError):
            await anext(events)


async def test_the_old_stream_is_opened_with_a_signed_handshake() -> None:
    heard: list[Any] = []

    async def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        heard.append(connection.request)
        await sends(ACK, [order_event(0)], hello=False)(connection)

    async with sockets_that(script) as url, GeminiRest(url, KEY) as rest:
        socket = url.replace("http", "ws")
        async with connect_orders(Endpoints(url, socket, socket), rest, "BTCUSD") as events:
            assert await anext(events) == ConnectedEvent()
            assert isinstance(await anext(events), OrderEvent)
    (request,) = heard
    assert request.path == "/v1/order/events?symbolFilter=btcusd&heartbeat=true"
    assert request.headers["X-GEMINI-APIKEY"] == "account-test"
    assert request.headers["X-GEMINI-SIGNATURE"]


async def test_a_broken_stream_is_followed_again_and_says_so() -> None:
    lossy = sends(ACK, [order_event(0)], [order_event(2)], hello=False)
    whole = sends(ACK, [order_event(0)], hello=False)
    async with sockets_that(lossy, whole) as url, GeminiRest(url, KEY) as rest:
        socket = url.replace("http", "ws")
        stream = follow_account(
            Endpoints(url, socket, socket), rest, "BTCUSD", backoff=Backoff(first=0.01)
        )
        seen = [type(await anext(stream)) for _ in range(4)]
    assert seen == [ConnectedEvent, OrderEvent, ConnectedEvent, OrderEvent]


async def test_a_stream_that_the_venue_refuses_says_why() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.send('{"result":"error","reason":"MissingRole","message":"no"}')
        await connection.wait_closed()

    async with sockets_that(refuse) as url, GeminiRest(url, KEY) as rest:
        socket = url.replace("http", "ws")
        async with connect_orders(Endpoints(url, socket, socket), rest, "BTCUSD") as events:
            with pytest.raises(FeedBrokenError, match="MissingRole"):
                await anext(events)
