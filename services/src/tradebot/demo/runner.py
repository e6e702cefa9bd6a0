"""Runs the demo: checks, the broker, the stages in order, the view, and a clean stop."""

import asyncio
import contextlib
import fcntl
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import httpx
import msgspec

from tradebot.demo import stages
from tradebot.demo.process import StageProcess
from tradebot.demo.settings import DemoSettings
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.kafka import wait_for_broker
from tradebot.platform.settings import SettingsError, StageSettings

MARKER = ".tradebot-demo"
STOP_SECONDS = 3.5
START_ATTEMPTS = 4
"""A stage that ends this often before it was ever ready has failed."""


class StageFailedError(SettingsError):
    """A stage keeps ending before it is ready."""

    exit_code = 1


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a run at its end."""

    seconds: float
    first_ready_seconds: float | None
    restarts: dict[str, int]
    memory_mib: dict[str, float]
    logs: Path


View = Callable[[list[StageProcess], float, str], None]
"""Called with the stages, the seconds since the start, and the page's address."""


async def run(settings: DemoSettings, view: View) -> Run:
    """Runs until the time is over or a user stops it; calls `view` twice a second.

    Raises:
        SettingsError: a setting is invalid: a file is missing, a port is taken, no broker.
        StageFailedError: a stage does not start.
    """
    check(settings)
    with prepare_state(settings.state_dir):
        return await _run(settings, view)


async def _run(settings: DemoSettings, view: View) -> Run:
    ports = choose_ports(settings)
    broker = None if settings.kafka else EmbeddedBroker()
    kafka = broker.address if broker else settings.kafka
    wait_for_broker(StageSettings(kafka=kafka))
    environment = stages.environment(settings, ports, kafka)
    (settings.state_dir / "environment").write_text(stages.for_a_shell(environment))
    (settings.state_dir / "targets.json").write_bytes(stages.for_prometheus(ports))
    logs = settings.state_dir / "logs"
    processes = [StageProcess(stage, environment, logs) for stage in stages.plan(settings, ports)]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    try:
        page = f"http://127.0.0.1:{ports.own['dashboard']}"
        return await _supervise(settings, processes, stop, view, page)
    finally:
        if broker:
            broker.close()


async def _supervise(
    settings: DemoSettings,
    processes: list[StageProcess],
    stop: asyncio.Event,
    view: View,
    page: str,
) -> Run:
    began = time.monotonic()
    ready_at: float | None = None
    tasks = [asyncio.create_task(_start(process, processes)) for process in processes]
    memory: dict[str, float] = {}
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            while not stop.is_set():
                ready = await asyncio.gather(*(process.look(client) for process in processes))
                elapsed = time.monotonic() - began
                if all(ready) and ready_at is None:
                    ready_at = elapsed
                _refuse_hopeless(processes)
                memory = {p.stage.name: round(p.memory_mib(), 1) for p in processes}
                view(processes, elapsed, page)
                if settings.for_ and elapsed >= settings.for_:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(process.stop(STOP_SECONDS) for process in processes))
    return Run(
        seconds=round(time.monotonic() - began, 1),
        first_ready_seconds=None if ready_at is None else round(ready_at, 1),
        restarts={p.stage.name: p.restarts for p in processes},
        memory_mib=memory,
        logs=settings.state_dir / "logs",
    )


async def _start(process: StageProcess, processes: list[StageProcess]) -> None:
    needed = [other for other in processes if other.stage.name in process.stage.needs]
    for other in needed:
        await other.was_ready.wait()
    await process.supervise()


def _refuse_hopeless(processes: list[StageProcess]) -> None:
    for process in processes:
        if process.was_ready.is_set():
            continue
        if process.refused:
            raise StageFailedError(f"{process.stage.name} cannot start: {process.refused}")
        if process.restarts >= START_ATTEMPTS:
            raise StageFailedError(
                f"{process.stage.name} cannot start; the last lines of "
                f"{process.log}:\n{process.last_words()}"
            )


def check(settings: DemoSettings) -> None:
    """Finds what would make a stage fail, before any is started.

    Raises:
        SettingsError: with the fault and the fix.
    """
    code = settings.strategy if settings.strategy.endswith(".py") else ""
    for name, text in (
        ("--market", settings.market),
        ("--faults", settings.faults),
        ("--strategy", code),
    ):
        if text and not Path(text).is_file():
            raise SettingsError(
                f"{name} is {text!r}: there is no such file; set it to the path of a file"
            )
    if settings.port and not _is_free(settings.port):
        raise SettingsError(
            f"port {settings.port} is in use: stop the process that listens there, or choose "
            "another port with --port"
        )


def prepare_state(folder: Path) -> IO[str]:
    """Empties the folder for this run; only a folder that a demo created is emptied.

    The returned file locks the folder against other demos until it is closed.

    Raises:
        SettingsError: the folder contains something else, another demo uses it, or it cannot be
            written.
    """
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
            raise SettingsError(
                f"--state-dir is {str(folder)!r}: it contains files that are not from a demo; "
                "choose an empty folder"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # its log and shell files are its own
        held = _hold(folder)
        for old in folder.iterdir():
            if old.is_dir():
                shutil.rmtree(old)
            elif old.name != MARKER:
                old.unlink()
        (folder / "logs").mkdir()
        for file, content in zip(
            stages.key_files(folder), (stages.API_KEY, stages.API_SECRET), strict=True
        ):
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(content)
    except OSError as error:
        raise SettingsError(
            f"--state-dir is {str(folder)!r}: {error.strerror}; choose a writable folder"
        ) from None
    return held


def _hold(folder: Path) -> IO[str]:
    held = (folder / MARKER).open("a")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise SettingsError(
            f"--state-dir is {str(folder)!r}: another demo is running there; stop it, or choose "
            "another folder"
        ) from None
    return held


def choose_ports(settings: DemoSettings) -> stages.Ports:
    """Picks a free port for each listener; all are held until the last is picked."""
    with contextlib.ExitStack() as held:

        def free() -> int:
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            port: int = listener.getsockname()[1]
            return port

        run = stages.in_demo(settings)
        own = {stage.name: free() for stage in run if stage.demo and stage.demo.serves}
        if settings.port:
            own["dashboard"] = settings.port
        return stages.Ports(own=own, health={stage.name: free() for stage in run})


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
