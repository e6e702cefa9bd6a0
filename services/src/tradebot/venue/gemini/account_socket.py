"""The new WebSocket with a key: the account's events. Orders are placed by REST.

It needs a key "with a time based nonce".
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from tradebot.venue.errors import AmbiguousError, FeedBrokenError, RejectedError, TransportError
from tradebot.venue.events import AccountEvent, ConnectedEvent
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.feeds.orders_new import Reply, read_account
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.sockets import Socket, open_socket

PING_SECONDS: Final = 5.0


class AccountSocket:
    """One connection. Every request may raise one of the three classes of `errors`.

    Args:
        reply_seconds: timeout of a reply.
    """

    def __init__(self, socket: Socket, reply_seconds: float) -> None:
        self._socket = socket
        self._reply_seconds = reply_seconds
        self._numbers = 0
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._events: asyncio.Queue[AccountEvent | FeedBrokenError] = asyncio.Queue()
        self._broken: FeedBrokenError | None = None

    async def subscribe(self, *streams: str) -> None:
        """Subscribes; `events` is complete from here on."""
        await self._request("subscribe", list(streams))
        self._events.put_nowait(ConnectedEvent())

    async def events(self) -> AsyncIterator[AccountEvent]:
        """Yields the account's events.

        Raises:
            FeedBrokenError: the connection has ended.
        """
        while True:
            event = await self._events.get()
            if isinstance(event, FeedBrokenError):
                raise event
            yield event

    async def read(self) -> None:
        """Reads the socket until it breaks; runs as its own task."""
        try:
            while True:
                content = read_account(await self._socket.receive())
                if isinstance(content, Reply):
                    self._answered(content)
                    continue
                for event in content:
                    self._events.put_nowait(event)
        except FeedBrokenError as error:
            self._broken = error
            self._events.put_nowait(error)
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(error)

    async def keep_alive(self) -> None:
        """Pings, so that a quiet account does not look like a dead connection."""
        while self._broken is None:
            await asyncio.sleep(PING_SECONDS)
            try:
                await self._request("ping")
            except (AmbiguousError, RejectedError, TransportError):
                continue

    def _answered(self, reply: Reply) -> None:
        future = self._waiting.get(reply.id)
        if future is not None and not future.done():
            future.set_result(reply)

    async def _request(self, method: str, parameters: Any = None) -> None:
        if self._broken is not None:
            raise TransportError(self._broken.cause, self._broken.message, request=method)
        self._numbers += 1
        number = str(self._numbers)
        content: dict[str, Any] = {"id": number, "method": method}
        if parameters is not None:
            content["params"] = parameters
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            async with asyncio.timeout(self._reply_seconds):
                await self._socket.send(msgspec.json.encode(content).decode())
                reply = await future
        except FeedBrokenError as error:
            raise AmbiguousError(error.cause, error.message, request=method) from None
        except TimeoutError:
            message = f"no response within {self._reply_seconds:g} s"
            raise AmbiguousError("Timeout", message, request=method) from None
        finally:
            del self._waiting[number]
        _judge(method, reply)


def _judge(method: str, reply: Reply) -> None:
    """A 4xx is the venue's refusal; anything else but a 200 leaves the result unknown."""
    if reply.status == 200:
        return
    told = reply.error
    reason = str(told.code) if told is not None else str(reply.status)
    message = told.msg if told is not None and told.msg else "rejected without a message"
    kind = RejectedError if 400 <= reply.status < 500 else AmbiguousError
    raise kind(reason, message, request=method, status=reply.status)


@asynccontextmanager
async def connect_account(
    endpoints: Endpoints,
    rest: GeminiRest,
    *,
    reply_seconds: float = 10.0,
    stall_seconds: float = 15.0,
) -> AsyncIterator[AccountSocket]:
    """Connects with the key of `rest`, and subscribes to orders and balances.

    Args:
        reply_seconds: timeout of a reply.
        stall_seconds: real seconds of silence that end the connection.

    Raises:
        FeedBrokenError: the connection failed.
        VenueError: the subscription was refused, or got no reply.
    """
    async with open_socket(
        endpoints.websocket, stall_seconds=stall_seconds, headers=rest.handshake()
    ) as socket:
        account = AccountSocket(socket, reply_seconds)
        tasks = [asyncio.create_task(account.read())]
        try:
            await account.subscribe("orders@account", "balances@account")
            tasks.append(asyncio.create_task(account.keep_alive()))
            yield account
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
