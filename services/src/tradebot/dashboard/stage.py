"""The dashboard's process: the follower's thread, the stages' readiness and the web server."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Iterator

import uvicorn

from tradebot.dashboard.board import Board
from tradebot.dashboard.following import Follower, backfill
from tradebot.dashboard.readiness import watch
from tradebot.dashboard.server import application
from tradebot.dashboard.settings import DashboardSettings
from tradebot.platform import health, kafka, logs
from tradebot.platform.health import Readiness
from tradebot.platform.kafka import Topics
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError

STAGE = "dashboard"

log = logs.get(__name__)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn would end the process by the signal once more; a stage ends with 0."""
        yield


def run(settings: DashboardSettings) -> None:
    """Serves the page until SIGTERM or SIGINT.

    Raises:
        SettingsError: no broker answers, the port is taken or the store cannot be used.
    """
    logs.setup(STAGE, level=settings.log_level, form=settings.log_format)
    readiness = Readiness(STAGE)
    health.serve(readiness, stage=STAGE, host=settings.http_host, port=settings.http_port)
    listener = _listen(settings)
    topics = Topics.of(settings)
    shown = (topics.feed, topics.trades, topics.liquidity, topics.forecasts, topics.documents)
    kafka.ensure_topics(settings, shown)
    board = Board(settings.symbol, settings.environment, settings.speed)
    store = open_store(settings)
    backfill(board, store)
    store.close()
    follower = Follower(settings, board, readiness)
    follower.start()
    try:
        asyncio.run(_serve(settings, board, listener))
    finally:
        follower.stop()


def _listen(settings: DashboardSettings) -> socket.socket:
    try:
        listener = socket.create_server((settings.host, settings.port))
    except OSError as error:
        raise SettingsError(
            f"the page cannot be served on {settings.host}:{settings.port}: {error.strerror};"
            " give another by --port"
        ) from None
    log.info("serving", url="http://{}:{}".format(*listener.getsockname()[:2]))
    return listener


async def _serve(settings: DashboardSettings, board: Board, listener: socket.socket) -> None:
    stopping = threading.Event()
    # An open page would hold the server up: its stream ends first.
    server = _Server(
        uvicorn.Config(
            application(board, stopping.is_set),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )

    def end() -> None:
        stopping.set()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    watching = asyncio.create_task(watch(settings.stages, board))
    await server.serve(sockets=[listener])
    watching.cancel()
