"""The trader's control port: loopback only, with a token that only the bot's owner can read."""

import asyncio
import contextlib
import hmac
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradebot.platform import logs
from tradebot.trader.acts import Acts
from tradebot.trader.control.gates import Gates
from tradebot.trader.control.messages import Address, ControlRequest
from tradebot.trader.engine import Engine
from tradebot.trader.settings import TraderSettings

Act = Callable[[str, str], Awaitable[str]]


class _Server(uvicorn.Server):
    """Leaves the signals to the stage, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The stage's own handlers stay."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, as uvicorn does."""
        await super().startup(sockets)
        self.listening.set()


class ControlServer:
    """Serves status and acts while the trader runs; its address lies in `control.json`, 0600."""

    def __init__(self, settings: TraderSettings, engine: Engine, acts: Acts, gates: Gates) -> None:
        self._path = settings.folder / "control.json"
        self._engine = engine
        self._gates = gates
        self._token = secrets.token_urlsafe(24)
        self._log = logs.get("trader.control")
        self._task: asyncio.Future[None] | None = None
        named: dict[str, Act] = {
            "pause": acts.pause,
            "resume": acts.resume,
            "flatten": acts.flatten,
            "repair": acts.repair,
        }
        self._acts = acts
        routes = [Route("/status", self._status), Route("/repair", self._marks, methods=["GET"])]
        routes += [
            Route(f"/{name}", self._act(name, act), methods=["POST"]) for name, act in named.items()
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=0, log_config=None, lifespan="off"
        )
        self._server = _Server(config)

    async def start(self) -> None:
        """Listens, and writes where."""
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
        """Stops listening; the address is gone."""
        self._path.unlink(missing_ok=True)
        self._server.should_exit = True
        if self._task is not None:
            await self._task

    def _allowed(self, request: Request) -> bool:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())

    async def _status(self, request: Request) -> Response:
        if not self._allowed(request):
            return Response("the token is missing or wrong\n", 403)
        content = {
            **msgspec.to_builtins(self._engine.status()),
            "conditions": msgspec.to_builtins(self._gates.conditions()),
        }
        return Response(msgspec.json.encode(content), media_type="application/json")

    async def _marks(self, request: Request) -> Response:
        if not self._allowed(request):
            return Response("the token is missing or wrong\n", 403)
        now, marks = self._acts.future_marks()
        content = {"now": now, "marks": msgspec.to_builtins(marks)}
        return Response(msgspec.json.encode(content), media_type="application/json")

    def _act(self, name: str, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            if not self._allowed(request):
                return Response("the token is missing or wrong\n", 403)
            try:
                order = msgspec.json.decode(await request.body(), type=ControlRequest)
            except msgspec.DecodeError as error:
                return Response(f"not a valid request: {error}\n", 400)
            self._log.info("user command", act=name, because=order.because, by=order.by)
            told = await act(order.because, order.by)
            return Response(msgspec.json.encode({"told": told}), media_type="application/json")

        return handle
