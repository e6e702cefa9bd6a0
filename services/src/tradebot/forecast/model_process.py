"""The process that fits and forecasts, and the stage's side of it.

The process leads its own process group, with the compilers and samplers that a model starts, so all
of them end with it. It ends by itself when the stage is gone, for whatever reason.
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
"""Waits before restarting a process that ended by itself."""


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
    # Only this process imports the models' libraries, so that the stage stays small.
    from tradebot.forecast import sources
    from tradebot.forecast.model_store import TopicStore
    from tradebot.forecast.modeller import Modeller
    from tradebot.history.venue import HistoryUnavailableError

    try:
        kept = TopicStore(settings) if settings.model_store == "topic" else None
        modeller = Modeller(settings, sources.published(settings), kept)
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
    """Calls the modeller; a library's failure costs one forecast, not the process."""
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
    """Starts the process, sends one request at a time, and restarts it if it dies."""

    def __init__(self, settings: ForecastSettings) -> None:
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None
        self._restarts = 0
        self._not_before = 0.0
        self._failure_reported = False
        self.busy = True
        """The process is starting or working; `ask` must wait."""

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
        """Sends a request; call it only when not `busy`."""
        assert not self.busy
        assert self._connection is not None
        try:
            self._connection.send(request)
        except OSError:
            return  # it died; `answer` reports it
        finally:
            self.busy = True

    def answer(self) -> Answer | None:
        """Returns the process's answer, if there is one; never waits.

        A process that died returns `Failed`, and is restarted after a while. If it ended after
        reporting a failure, there is no further answer.
        """
        if self._connection is None:
            if time.monotonic() >= self._not_before:
                self.start()
            return None
        try:
            if not self._connection.poll():
                return None
            answer: Answer = self._connection.recv()
        except (EOFError, OSError):
            return self._died()
        if isinstance(answer, Started | Forecasted):
            self._restarts = 0
        self._failure_reported = isinstance(answer, Failed)
        self.busy = False
        return answer

    def _died(self) -> Failed | None:
        assert self._process is not None
        self._process.join(1)
        code = self._process.exitcode
        self.close()
        wait = RESTART_SECONDS[min(self._restarts, len(RESTART_SECONDS) - 1)]
        self._restarts += 1
        self._not_before = time.monotonic() + wait
        # On a busy machine a process may take longer to exit after it has closed the connection.
        if code in (0, None) and self._failure_reported:
            return None
        how = "closed its connection" if code is None else f"exited with {code}"
        return Failed(f"the model process {how}; restarting it in {wait} s")

    def close(self) -> None:
        """Kills the process and all that it started."""
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
