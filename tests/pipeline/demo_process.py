"""A demo in the background, for tests of the whole pipeline."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.platform.sqlite_store import SqliteStore
from tradebot.records import DocType


class Demo:
    """A demo in the background, in its own folder.

    Args:
        settings: variables for its stages, in addition to this process's own.
    """

    def __init__(
        self, folder: Path, *arguments: str, settings: dict[str, str] | None = None
    ) -> None:
        self.state = folder / "state"
        self.log = folder / "demo.log"
        self._out = folder / "out"
        with self._out.open("w") as out, self.log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "tradebot", "demo", "--json", "--no-open", "--port", "0",
                    "--state-dir", str(self.state), *arguments,
                ],
                stdout=out,
                stderr=log,
                env=os.environ | (settings or {}),
            )  # fmt: skip

    def children(self) -> dict[int, str]:
        """Returns the process ids of the stages, with their names."""
        text = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        found = {}
        for pid in map(int, text.split()):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"tradebot" in words:
                found[pid] = words[words.index(b"tradebot") + 1].decode()
        return found

    def wait_ready(self) -> None:
        """Waits until all stages are ready."""

        def ready() -> bool:
            assert self._process.poll() is None, self.log.read_text()
            return "all stages are ready" in self.log.read_text()

        until(ready, told=self.log.read_text)

    def decisions(self) -> list[dict[str, Any]]:
        """Returns the stored decisions, newest first."""
        store = SqliteStore(self.state / "documents.sqlite")
        found = store.latest(DocType.DECISION, 10_000)
        store.close()
        return found

    def wait_decisions(self, count: int) -> None:
        """Waits until that many more decisions are stored."""
        goal = len(self.decisions()) + count
        until(lambda: len(self.decisions()) >= goal, pause=0.2, told=self.log.read_text)

    def wait_actions(self, wanted: set[str]) -> None:
        """Waits until decisions of all these actions are stored."""
        until(
            lambda: wanted <= {d["action"] for d in self.decisions()},
            pause=0.2,
            told=self.log.read_text,
        )

    def kill(self, name: str) -> None:
        """Sends SIGKILL to a stage."""
        for pid, stage in self.children().items():
            if stage == name:
                os.kill(pid, signal.SIGKILL)

    def end(self) -> dict[str, Any]:
        """Sends SIGINT; returns the summary when all have ended."""
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(PATIENCE_SECONDS) == 0, self.log.read_text()
        summary: dict[str, Any] = json.loads(self._out.read_text().splitlines()[-1])
        return summary

    def abandon(self) -> None:
        """Cleans up after a failed test: nothing is left running."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
