"""The stage's side of the strategy's process: starts it, asks it, and kills it on misbehaviour.

The process gets two pipes and its own environment. Its answer must be a small, valid message within
a time limit. Otherwise it is killed, and restarted with the earlier bars; the answer is then the
failure.
"""

import contextlib
import math
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from tradebot.platform import logs
from tradebot.strategy.messages import (
    LARGEST,
    Answer,
    Asked,
    Bar,
    Begin,
    Failed,
    Loaded,
    Past,
    Proposed,
    Refused,
    Taken,
    frame,
)

PASSED_ON: Final = ("LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV")
"""Variables of the stage's environment that the process gets, none of them secret."""

_log = logs.get(__name__)
_decode = msgspec.msgpack.Decoder(Answer).decode


class MisbehavedError(Exception):
    """The process did not answer correctly; it was killed."""


class StrategyRefusedError(Exception):
    """The strategy cannot run until a person changes something; the message says what."""


class StrategyProcess:
    """Runs one strategy.

    Args:
        begin: the process's first message.
        past: returns the earlier bars, called at each start.
        start_seconds, bar_seconds: real seconds for an answer.
    """

    def __init__(
        self,
        begin: Begin,
        past: Callable[[], Past],
        *,
        start_seconds: float,
        bar_seconds: float,
    ) -> None:
        self._begin = begin
        self._past = past
        self._start_seconds = start_seconds
        self._bar_seconds = bar_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes = (-1, -1)
        self._primed = False
        self.starts = 0

    def start(self) -> Loaded:
        """Starts the process, which loads the strategy.

        Raises:
            StrategyRefusedError: the strategy's file, its parameters or this machine are at fault.
            MisbehavedError: it did not start correctly; a retry may help.
        """
        self.close()
        self.starts += 1
        self._spawn()
        loaded = self._ask(self._begin, self._start_seconds)
        if isinstance(loaded, Refused):
            self.close()
            raise StrategyRefusedError(loaded.reason)
        if not isinstance(loaded, Loaded):
            self._end("it answered the start with something else")
        return loaded

    def forget(self) -> None:
        """Records that the earlier bars have changed: they are sent again before the next bar."""
        if self._primed:
            self.close()

    def ask(self, bar: Bar) -> Proposed | Failed:
        """Returns the strategy's answer to a bar; a process that was killed has failed at it.

        The next call restarts it; `past` must then include this bar.
        """
        try:
            if self._process is None:
                self.start()
            failed = None if self._primed else self._prime()
            answer = failed or self._ask(bar, self._bar_seconds)
            if not isinstance(answer, Proposed | Failed):
                self._end("it answered a bar with something else")
        except (MisbehavedError, StrategyRefusedError) as error:
            return Failed(str(error))
        return answer

    def prepare(self) -> None:
        """Sends the earlier bars now, so that the first bar is answered as fast as any; a failure
        is the answer to that bar."""
        with contextlib.suppress(MisbehavedError, StrategyRefusedError):
            if self._process is None:
                self.start()
            self._prime()

    def _prime(self) -> Failed | None:
        """Sends the earlier bars."""
        taken = self._ask(self._past(), self._start_seconds)
        if isinstance(taken, Failed):
            self.close()
            return taken
        if not isinstance(taken, Taken):
            self._end("it answered the bars of before with something else")
        self._primed = True
        return None

    def close(self) -> None:
        """Kills the process, if there is one."""
        process, self._process = self._process, None
        self._primed = False
        for pipe in self._pipes:
            if pipe >= 0:
                os.close(pipe)
        self._pipes = (-1, -1)
        if process is not None:
            process.kill()
            process.wait()

    def _spawn(self) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {
            "PATH": "",  # it may start no program: libraries shall not look for a compiler
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own module, no shell
                [sys.executable, "-m", "tradebot.strategy.worker", str(theirs_in), str(theirs_out)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs_in, theirs_out),
                env=environment,
                cwd=Path.cwd(),
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        os.set_blocking(ours_in, False)
        os.set_blocking(ours_out, False)
        self._pipes = (ours_in, ours_out)
        _log.debug("strategy process", pid=self._process.pid)

    def _ask(self, message: Asked, seconds: float) -> Answer:
        """Raises MisbehavedError, after which the process is killed."""
        deadline = time.monotonic() + seconds
        self._allow_cpu(seconds)
        try:
            self._write(frame(message), deadline)
            size = int.from_bytes(self._read(4, deadline), "big")
            if size > LARGEST:
                self._end(f"its answer is {size} bytes long; at most {LARGEST} are read")
            answer: Answer = _decode(self._read(size, deadline))
        except msgspec.DecodeError as error:
            self._end(f"its answer is not a proposal: {error}")
        except OSError as error:
            self._end(f"it closed its pipe: {error.strerror}")
        return answer

    def _allow_cpu(self, seconds: float) -> None:
        """Limits the CPU time of one answer, counted from now: no thread runs between two."""
        assert self._process is not None
        with contextlib.suppress(
            OSError, ValueError
        ):  # it has ended, as reading its answer will show
            stat = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            used = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
            most = math.ceil(used + max(seconds, 0)) + 1
            resource.prlimit(self._process.pid, resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            self._wait(deadline, writing=True)
            view = view[os.write(self._pipes[1], view[: 1 << 16]) :]

    def _read(self, count: int, deadline: float) -> bytes:
        parts = []
        while count:
            self._wait(deadline, writing=False)
            part = os.read(self._pipes[0], count)
            if not part:
                self._end(self._how_it_ended())
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _wait(self, deadline: float, *, writing: bool) -> None:
        left = max(0.0, deadline - time.monotonic())
        reading, sending = ([], [self._pipes[1]]) if writing else ([self._pipes[0]], [])
        if not any(select.select(reading, sending, [], left)):
            self._end("it did not answer in time")

    def _how_it_ended(self) -> str:
        assert self._process is not None
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed its pipe"
        if code == -signal.SIGXCPU:
            return "it used up its CPU time"
        if code < 0:
            return f"it was ended by {signal.Signals(-code).name}"
        return f"it exited with status {code}"

    def _end(self, reason: str) -> NoReturn:
        self.close()
        raise MisbehavedError(f"the strategy's process was stopped: {reason}")
