"""The dashboard's process: the follower's thread, the stages' readiness and the web server."""

import asyncio
import contextlib
import socket

import uvicorn

from tradebot.dashboard import STAGE
from tradebot.dashboard.board import Board
from tradebot.dashboard.following import Follower, backfill
from tradebot.dashboard.readiness import watch
from tradebot.dashboard.server import application
from tradebot.dashboard.settings import DashboardSettings
from tradebot.platform import logs
from tradebot.platform.listening import listen, local
from tradebot.platform.open_store import open_store
from tradebot.platform.stage import Frame, running
from tradebot.platform.web import WebServer

log = logs.get(__name__)


def run(settings: DashboardSettings) -> None:
    """Serves the page until SIGTERM or SIGINT.

    Raises:
        SettingsError: no broker responds, a port is taken or the store cannot be used.
    """
    with running(STAGE, settings) as frame:
        listener = listen(settings.host, settings.port)
        host, port = listener.getsockname()[:2]
        log.info("serving", url=f"http://{local(host)}:{port}")
        board = Board(settings.symbol, settings.environment, settings.speed)
        with contextlib.closing(open_store(settings)) as store:
            backfill(board, store)
        follower = Follower(settings, board, frame.readiness)
        follower.start()
        try:
            asyncio.run(_serve(frame, board, listener))
        finally:
            follower.stop()


async def _serve(frame: Frame[DashboardSettings], board: Board, listener: socket.socket) -> None:
    # An open page would delay the server's end, so its stream ends first.
    server = WebServer(
        uvicorn.Config(
            application(board, frame.stopping.is_set, frame.settings.allowed_hosts),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )
    frame.stopping.call(server.stop)
    watching = asyncio.create_task(watch(frame.settings.stages, board))
    await server.serve(sockets=[listener])
    watching.cancel()
