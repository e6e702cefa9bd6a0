"""One stage as a child process: started, supervised, restarted, and stopped with its children."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from tradebot.demo.stages import DemoStage
from tradebot.platform.settings import SettingsError, variable

RESTART_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Waits before the first, second … restart; the last one repeats."""

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Lets the kernel end the child if the demo is killed, so that nothing is left running."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class StageProcess:
    """A supervised stage.

    Args:
        stage: what to run.
        environment: its variables, in addition to the demo's own.
        logs: folder of `<stage>.log`, to which stdout and stderr are appended.
    """

    def __init__(self, stage: DemoStage, environment: Mapping[str, str], logs: Path) -> None:
        self.stage = stage
        self.log = logs / f"{stage.name}.log"
        self.restarts = 0
        self.refused = ""
        """Why no restart can help: its settings are invalid."""
        self.was_ready = asyncio.Event()
        self.reasons: dict[str, str] = {"starting": "not started yet"}
        self._environment = {**os.environ, **environment}
        self._environment[variable("http_port")] = str(stage.http_port)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def supervise(self) -> None:
        """Runs the stage, restarting it whenever it ends, until cancelled."""
        attempt = 0
        while True:
            ready_before = self.was_ready.is_set()
            await self._run_once()
            self.restarts += 1
            attempt = 0 if self.was_ready.is_set() and not ready_before else attempt + 1
            wait = RESTART_SECONDS[min(attempt, len(RESTART_SECONDS)) - 1]
            self.reasons = {"ended": f"exited unexpectedly; restarting in {wait:g} s"}
            await asyncio.sleep(wait)

    async def _run_once(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tradebot",
                *self.stage.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        if await self._process.wait() == SettingsError.exit_code:
            self.refused = self.last_words(1).removeprefix("Error: ")

    async def look(self, client: httpx.AsyncClient) -> bool:
        """Polls the stage's readiness and stores the reasons; returns whether it is ready."""
        try:
            answer = await client.get(f"http://127.0.0.1:{self.stage.http_port}/readyz", timeout=2)
            self.reasons = answer.json()["reasons"]
        except (httpx.HTTPError, ValueError, KeyError):
            if self.pid is not None:
                self.reasons = {"starting": "does not respond yet"}
            return False
        ready = not self.reasons
        if ready:
            self.was_ready.set()
        return ready

    async def stop(self, seconds: float) -> None:
        """Asks the stage to stop; kills it and its children after `seconds`."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def memory_mib(self) -> float:
        """Resident memory of the stage and its children, MiB; 0 if the system does not say."""
        return sum(_resident_mib(pid) for pid in _family(self.pid)) if self.pid else 0.0

    def last_words(self, lines: int = 5) -> str:
        """Returns the end of its log, with repeated lines once."""
        if not self.log.exists():
            return "(empty log)"
        written = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(dict.fromkeys(written))


def _family(pid: int | None) -> list[int]:
    if pid is None:
        return []
    found = [pid]
    for parent in found:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        with contextlib.suppress(OSError):
            found.extend(int(child) for child in children.read_text().split())
    return found


def _resident_mib(pid: int) -> float:
    with contextlib.suppress(OSError, IndexError, ValueError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0
