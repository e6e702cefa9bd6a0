"""Serves the exchange: one port for REST, sockets, the web page and the control interface."""

import asyncio
import contextlib
import logging
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from tradebot.emulator import STAGE, memory
from tradebot.emulator.application import Application
from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.faults.rules import FaultFile, read_faults
from tradebot.emulator.market.timeline import default_start
from tradebot.emulator.settings import EmulatorSettings
from tradebot.history.arrays import MINUTE, Bars
from tradebot.platform import logs
from tradebot.platform.listening import listen, local
from tradebot.platform.settings import SettingsError
from tradebot.platform.stage import Frame, running
from tradebot.platform.web import WebServer

_log = logs.get(__name__)

_GRACE = 1
"""Seconds for open connections to end when the server stops."""


def open_exchange(settings: EmulatorSettings) -> Exchange:
    """Builds the exchange of the settings, with its clock running.

    Raises:
        SettingsError: a setting, or a file that it names, is invalid.
    """
    recorded: Bars | None = None
    if settings.market:
        # Imported late: reading files needs a library that a generated market does not.
        from tradebot.emulator.market.recorded import read_bars

        recorded = read_bars(
            settings.market,
            strict=settings.strict,
            tell=lambda line: _log.warning("market file", note=line),
        )
    kept = memory.read(Path(settings.state_dir)) if settings.state_dir else None
    start = _start(settings, recorded, kept)
    exchange = Exchange(settings, ExchangeClock(start, settings.speed), recorded)
    if kept is not None:
        memory.restore(exchange, kept)
    return exchange


def memory_of(settings: EmulatorSettings, exchange: Exchange) -> memory.Memory | None:
    """Returns the store of the exchange's accounts, if the settings name a folder for it.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    return memory.Memory(Path(settings.state_dir), exchange) if settings.state_dir else None


def faults_of(settings: EmulatorSettings) -> FaultFile | None:
    """Reads the faults that the settings name.

    Raises:
        SettingsError: their file is invalid.
    """
    return read_faults(settings.faults) if settings.faults else None


def _start(settings: EmulatorSettings, recorded: Bars | None, kept: memory.Kept | None) -> int:
    if not settings.start:
        now = int(time.time() * 1000) if recorded is None else default_start(recorded)
        if recorded is None and kept is not None:
            now = max(now, kept.time)  # a fast exchange may be ahead of real time
        return now // MINUTE * MINUTE
    try:
        moment = datetime.fromisoformat(settings.start)
    except ValueError:
        raise SettingsError(
            f"--start is {settings.start!r}; use a time such as 2021-04-05T00:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    start = int(moment.timestamp() * 1000) // MINUTE * MINUTE
    if recorded is not None and not recorded.ts[0] < start <= recorded.ts[-1]:
        first, last = (_minute_text(int(recorded.ts[place])) for place in (0, -1))
        raise SettingsError(
            f"--start is {settings.start}, but the market file covers {first} to {last}; choose "
            "a time in between"
        )
    return start


def _minute_text(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


def serve(settings: EmulatorSettings) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        SettingsError: a port is taken, or a setting is invalid.
    """
    with running(STAGE, settings) as frame:
        listener = listen(settings.host, settings.port)
        exchange = open_exchange(settings)
        faults = faults_of(settings)
        _log_opening(frame, listener, exchange)
        application = Application(exchange, faults, memory_of(settings, exchange))
        asyncio.run(_run(application, listener, frame))
        _log.info("the exchange is closed")


def _log_opening(
    frame: Frame[EmulatorSettings], listener: socket.socket, exchange: Exchange
) -> None:
    settings = frame.settings
    host, port = listener.getsockname()[:2]
    _log.info(
        "the exchange is open",
        address=f"http://{local(host)}:{port}",
        symbols=exchange.symbols(),
        time=datetime.fromtimestamp(exchange.clock.now() / 1000, UTC).isoformat(),
        speed=settings.speed,
        seed=settings.seed,
        metrics=f"http://{local(settings.http_host)}:{frame.http_port}/metrics",
    )


class _NoDenials(logging.Filter):
    """Drops the web server's error line about refused handshakes, which are no error."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keeps all other lines."""
        return "without completing handshake" not in record.getMessage()


def server(application: Application) -> WebServer:
    """Returns the web server of an application."""
    config = uvicorn.Config(
        application.asgi,
        lifespan="off",
        log_level="warning",
        access_log=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
    )
    logging.getLogger("uvicorn.error").addFilter(_NoDenials())
    return WebServer(config)


async def _run(
    application: Application, listener: socket.socket, frame: Frame[EmulatorSettings]
) -> None:
    web = server(application)
    frame.stopping.call(web.stop)
    ticking = asyncio.create_task(application.tick())
    ticking.add_done_callback(lambda _task: web.stop())
    frame.readiness.started()
    await web.serve(sockets=[listener])
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
