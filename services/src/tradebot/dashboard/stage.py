"""The dashboard's process: the follower's thread, the stages' readiness and the web server."""

import asyncio
import contextlib
import socket
from pathlib import Path

import uvicorn

from tradebot.dashboard import STAGE
from tradebot.dashboard.access.sessions import Sessions
from tradebot.dashboard.access.users import Role, User, read_users
from tradebot.dashboard.access.visitors import Visitors
from tradebot.dashboard.board import Board
from tradebot.dashboard.fleet.cluster import Cluster
from tradebot.dashboard.fleet.fleet import Fleet, NoFleet
from tradebot.dashboard.fleet.machine import Machine
from tradebot.dashboard.following import Follower, backfill
from tradebot.dashboard.readiness import watch
from tradebot.dashboard.server import application
from tradebot.dashboard.settings import DashboardSettings
from tradebot.platform import logs
from tradebot.platform.cluster import ClusterApi
from tradebot.platform.listening import is_loopback, listen, local
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError
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
        visitors = visitors_of(settings)
        fleet = fleet_of(settings)
        board = Board(settings.symbol, settings.environment, settings.speed)
        with contextlib.closing(open_store(settings)) as store:
            backfill(board, store)
        follower = Follower(settings, board, frame.readiness)
        follower.start()
        try:
            asyncio.run(_serve(frame, board, fleet, visitors, listener))
        finally:
            follower.stop()


async def _serve(
    frame: Frame[DashboardSettings],
    board: Board,
    fleet: Fleet,
    visitors: Visitors,
    listener: socket.socket,
) -> None:
    settings = frame.settings
    app = application(
        board,
        frame.stopping.is_set,
        settings.allowed_hosts,
        fleet=fleet,
        visitors=visitors,
        settings=settings,
    )
    # An open page would delay the server's end, so its stream ends first. Headers of a proxy are
    # believed only from `proxy_addresses`, so the server must not rewrite the client's address.
    server = WebServer(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )
    frame.stopping.call(server.stop)
    watching = [
        asyncio.create_task(work) for work in (watch(settings.stages, board), fleet.watch())
    ]
    await server.serve(sockets=[listener])
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    await fleet.close()


def fleet_of(settings: DashboardSettings) -> Fleet:
    """Returns the bots that the page lists and orders.

    Raises:
        SettingsError: control is kubernetes, but this process runs in no pod.
    """
    if settings.control == "kubernetes":
        api = ClusterApi()
        return Cluster(api, namespace=settings.namespace, environment=settings.environment)
    return Machine(settings.state_dir) if settings.control == "machine" else NoFleet()


def visitors_of(settings: DashboardSettings) -> Visitors:
    """Returns who may look and act, and logs it where nobody has to log in.

    Raises:
        SettingsError: the file of users cannot be read, or is wrong.
    """
    users: dict[str, User] = {}
    if settings.users_file:
        try:
            users = read_users(Path(settings.users_file).read_text(), settings.users_file)
        except OSError as error:
            raise SettingsError(f"users_file {settings.users_file}: {error.strerror}") from None
    here = is_loopback(settings.host)
    role: Role = "operator" if here else "viewer"
    visitors = Visitors(settings, users, Sessions(), open_role=role)
    if not visitors.guarded and here:
        log.info("no login: only this machine can open the page", host=settings.host)
    elif not visitors.guarded:
        log.warning(
            "no login, and the page is open to the network, so it only shows and does not act:"
            " set --users-file, or --host 127.0.0.1",
            host=settings.host,
        )
    return visitors
