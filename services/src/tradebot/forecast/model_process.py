"""The process that fits and forecasts, and the stage's end of it.

The process leads a group of its own, with the compilers and samplers that a model starts, so that
all of them end with it; it ends by itself when the stage is gone, however that ended.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from tradebot.forecast.messages import (
    Answer,
    Asked,
    Evaluate,
    Evaluated,
    Failed,
    Forecasted,
    Started,
)
from tradebot.forecast.settings import ForecastSettings
from tradebot.platform import logs
from tradebot.platform.settings import SettingsError

if TYPE_CHECKING:
    from tradebot.forecast.modeller import Modeller

log = logs.get(__name__)

WATCH_SECONDS = 0.5
RESTART_SECONDS = (0.5, 1, 2, 5, 10, 30)
"""Waits before the process is started again after it ended by itself."""


def _die_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os.killpg(0, signal.SIGKILL)


def _main(settings: ForecastSettings, connection: Connection, parent: int) -> None:
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, args=(parent,), daemon=True).start()
    logs.setup("forecast", level=settings.log_level, form=settings.log_format)
    # The models' libraries are this process's alone: the stage stays small.
    from tradebot.forecast import sources
    from tradebot.forecast.modeller import Modeller
    from tradebot.history.venue import HistoryUnavailableError

    try:
        modeller = Modeller(settings, sources.published(settings))
        connection.send(modeller.start())
        while True:
            asked: Asked = connection.recv()
            connection.send(_answer(modeller, asked))
    except HistoryUnavailableError as error:
        connection.send(Failed(error.message))
    except SettingsError as error:
        connection.send(Failed(error.message, fatal=True))
    except EOFError:
        return


def _answer(modeller: "Modeller", asked: Asked) -> Answer:
    """What the modeller says; a library's failure costs one forecast, not the process."""
    try:
        return modeller.evaluate() if isinstance(asked, Evaluate) else modeller.work(asked)
    except Exception as error:
        log.exception("the model failed", asked=type(asked).__name__)
        reason = f"the model failed: {type(error).__name__}: {error}"
        if isinstance(asked, Evaluate):
            return Evaluated(None, 0.0, reason)
        modeller.reset()
        return Failed(reason)


class ModelProcess:
    """Starts the process, asks it one thing at a time, and starts it again when it dies."""

    def __init__(self, settings: ForecastSettings) -> None:
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None
        self._restarts = 0
        self._not_before = 0.0
        self._said_why = False
        self.busy = True
        """It is starting or at work: `ask` has to wait."""

    def start(self) -> None:
        """Starts the process; its first answer is `Started`."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_main, args=(self._settings, theirs, os.getpid()), name="forecast-model"
        )
        process.daemon = True
        process.start()
        theirs.close()
        log.debug("model process", pid=process.pid)
        self._process, self._connection = process, ours
        self.busy = True

    def ask(self, request: Asked) -> None:
        """Hands over a request; call only when not `busy`."""
        assert not self.busy
        assert self._connection is not None
        try:
            self._connection.send(request)
        except OSError:
            return  # it died: `answer` says so
        finally:
            self.busy = True

    def answer(self) -> Answer | None:
        """What the process says, if it has said something; never waits.

        A process that died is `Failed`, and started again after a while; one that ended because of
        what it said before says nothing more.
        """
        if self._connection is None:
            if time.monotonic() >= self._not_before:
                self.start()
            return None
        try:
            if not self._connection.poll():
                return None
            said: Answer = self._connection.recv()
        except (EOFError, OSError):
            return self._died()
        if isinstance(said, Started | Forecasted):
            self._restarts = 0
        self._said_why = isinstance(said, Failed)
        self.busy = False
        return said

    def _died(self) -> Failed | None:
        assert self._process is not None
        self._process.join(1)
        code = self._process.exitcode
        self.close()
        wait = RESTART_SECONDS[min(self._restarts, len(RESTART_SECONDS) - 1)]
        self._restarts += 1
        self._not_before = time.monotonic() + wait
        if code == 0 and self._said_why:
            return None
        return Failed(f"the model process exited with {code}; restarting it in {wait} s")

    def close(self) -> None:
        """Ends the process and all that it started, now."""
        process, self._process = self._process, None
        if self._connection:
            self._connection.close()
            self._connection = None
        self.busy = True
        if process is None or process.pid is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join(2)
