"""The trader's control port: loopback only, with a token that only the bot's owner can read."""

import asyncio
import contextlib
import hmac
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradebot.platform import logs
from tradebot.platform.control import Address, ControlRequest

Act = Callable[[str, str], Awaitable[str]]
"""Acts on a user's request, given why and who; returns a sentence about what it did."""
Read = Callable[[], dict[str, Any]]


class RefusedError(Exception):
    """This process does not accept the request; the message says which one does."""


class _Server(uvicorn.Server):
    """Leaves signals to the stage, and signals when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Keeps the stage's own handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, as uvicorn does."""
        await super().startup(sockets)
        self.listening.set()


class ControlServer:
    """Serves requests while the trader runs.

    Args:
        path: the file with the address and the token, readable by the owner alone.
        reads: by path, the response to a GET.
        acts: by path, the action of a POST.
    """

    def __init__(self, path: Path, reads: Mapping[str, Read], acts: Mapping[str, Act]) -> None:
        self._path = path
        self._token = secrets.token_urlsafe(24)
        self._log = logs.get("trader.control")
        self._task: asyncio.Future[None] | None = None
        routes = [
            Route(f"/{name}", self._read(read), methods=["GET"]) for name, read in reads.items()
        ]
        routes += [
            Route(f"/{name}", self._act(name, act), methods=["POST"]) for name, act in acts.items()
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=0, log_config=None, lifespan="off"
        )
        self._server = _Server(config)

    async def start(self) -> None:
        """Listens, and writes the address."""
        self._task = asyncio.ensure_future(self._server.serve())
        await self._server.listening.wait()
        port = self._server.servers[0].sockets[0].getsockname()[1]
        address = Address(url=f"http://127.0.0.1:{port}", token=self._token, pid=os.getpid())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(msgspec.json.encode(address))
        fresh.replace(self._path)

    async def close(self) -> None:
        """Stops listening, and deletes the address, unless another trader has written its own."""
        with contextlib.suppress(OSError, msgspec.DecodeError):
            if msgspec.json.decode(self._path.read_bytes(), type=Address).token == self._token:
                self._path.unlink()
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    def _allowed(self, request: Request) -> bool:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())

    def _read(self, read: Read) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            if not self._allowed(request):
                return Response("the token is missing or wrong\n", 403)
            return Response(msgspec.json.encode(read()), media_type="application/json")

        return handle

    def _act(self, name: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            if not self._allowed(request):
                return Response("the token is missing or wrong\n", 403)
            try:
                order = msgspec.json.decode(await request.body(), type=ControlRequest)
            except msgspec.DecodeError as error:
                return Response(f"not a valid request: {error}\n", 400)
            self._log.info("user command", act=name, because=order.because, by=order.by)
            try:
                told = await act(order.because, order.by)
            except RefusedError as error:
                return Response(f"{error}\n", 409)
            return Response(msgspec.json.encode({"told": told}), media_type="application/json")

        return handle
