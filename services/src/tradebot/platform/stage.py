"""The frame of every stage: what each process does before and after its own work.

`running` configures logs, serves health and metrics, ensures that the topics exist and handles the
signals that end a process.
"""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Generic, Protocol, TypeVar

import msgspec

from tradebot.platform import health, kafka, logs
from tradebot.platform.health import Readiness
from tradebot.platform.settings import StageSettings
from tradebot.platform.stages import Stage
from tradebot.platform.topics import CONFIG

_log = logs.get(__name__)

END_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class ServedSettings(Protocol):
    """The settings of a process that logs and serves its health."""

    @property
    def http_host(self) -> str: ...  # noqa: D102
    @property
    def http_port(self) -> int: ...  # noqa: D102
    @property
    def log_level(self) -> str: ...  # noqa: D102
    @property
    def log_format(self) -> str: ...  # noqa: D102


Settings = TypeVar("Settings", bound=ServedSettings)


class Stopping:
    """Whether the process was asked to stop; threads and event loops can wait for it."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._actions: list[Callable[[], None]] = []

    def set(self) -> None:
        """Asks the stage to stop; further calls do nothing."""
        if not self._event.is_set():
            self._event.set()
            for action in self._actions:
                action()

    def is_set(self) -> bool:
        """Whether the stage was asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits at most `seconds` for the request to stop; returns whether it came."""
        return self._event.wait(seconds)

    def call(self, action: Callable[[], None]) -> None:
        """Calls `action` when the stage is asked to stop, or at once if it already was."""
        self._actions.append(action)
        if self.is_set():
            action()

    def call_in_loop(self, action: Callable[[], object]) -> None:
        """The same, in the running event loop."""
        loop = asyncio.get_running_loop()

        def call() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has already ended
                loop.call_soon_threadsafe(action)

        self.call(call)


class Frame(msgspec.Struct, Generic[Settings], frozen=True):
    """What all running stages have in common."""

    stage: Stage
    settings: Settings
    readiness: Readiness
    http_port: int
    stopping: Stopping


@contextlib.contextmanager
def running(stage: Stage, settings: Settings, *, topics: bool = True) -> Iterator[Frame[Settings]]:
    """Yields the frame of a process that runs `stage`.

    SIGTERM and SIGINT set `stopping`. The block should then end, and the process exits with 0.

    Args:
        topics: false for a stage that first waits for something else and then calls
            `ensure_topics` itself.

    Raises:
        SettingsError: the port is taken, no broker responds, or a topic cannot be created.
    """
    logs.setup(stage.name, level=settings.log_level, form=settings.log_format)
    readiness, stopping = Readiness(stage.name), Stopping()
    port = prepare(stage, settings, readiness, topics=topics)
    with _signals(stopping):
        yield Frame(stage, settings, readiness, port, stopping)


def prepare(
    stage: Stage, settings: ServedSettings, readiness: Readiness, *, topics: bool = True
) -> int:
    """Serves health and metrics, and ensures that the topics exist; returns the port.

    Raises:
        SettingsError: the port is taken, no broker responds, or a topic cannot be created.
    """
    port = health.serve(
        readiness, stage=stage.name, host=settings.http_host, port=settings.http_port
    )
    _log.info("health and metrics are served", host=settings.http_host, port=port)
    if topics and stage.topics:
        assert isinstance(settings, StageSettings)
        ensure_topics(stage, settings)
    return port


def ensure_topics(stage: Stage, settings: StageSettings) -> None:
    """Creates the topics that the stage reads or writes, if they do not exist.

    Raises:
        SettingsError: no broker responds, or a topic cannot be created.
    """
    plain = [name for name in stage.topics if name not in CONFIG]
    kafka.ensure_topics(settings, [settings.topic_prefix + name for name in plain])
    for name in set(stage.topics) - set(plain):
        kafka.ensure_topics(settings, [settings.topic_prefix + name], config=CONFIG[name])


@contextlib.contextmanager
def _signals(stopping: Stopping) -> Iterator[None]:
    def end(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, end) for number in END_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
