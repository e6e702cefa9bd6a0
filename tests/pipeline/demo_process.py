"""A demo in the background, for tests of the whole line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tradebot.platform.sqlite_store import SqliteStore
from tradebot.records import DocType


class Demo:
    """A demo in the background, in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
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
            )  # fmt: skip

    def children(self) -> dict[int, str]:
        """Process ids of the stages, and which each is."""
        text = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        found = {}
        for pid in map(int, text.split()):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"tradebot" in words:
                found[pid] = words[words.index(b"tradebot") + 1].decode()
        return found

    def wait_ready(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while "all stages are ready" not in self.log.read_text():
            assert time.monotonic() < until, self.log.read_text()
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.2)

    def wait_decisions(self, count: int, seconds: float) -> None:
        """Until so many decisions are stored beyond those that are."""
        store, until = SqliteStore(self.state / "documents.sqlite"), time.monotonic() + seconds
        goal = len(store.latest(DocType.DECISION, 10_000)) + count
        while len(store.latest(DocType.DECISION, 10_000)) < goal:
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.2)
        store.close()

    def wait_actions(self, wanted: set[str], seconds: float) -> None:
        """Until decisions of all these actions are stored."""
        store, until = SqliteStore(self.state / "documents.sqlite"), time.monotonic() + seconds
        while not wanted <= {d["action"] for d in store.latest(DocType.DECISION, 10_000)}:
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.2)
        store.close()

    def kill(self, name: str) -> None:
        """kill -9."""
        for pid, stage in self.children().items():
            if stage == name:
                os.kill(pid, signal.SIGKILL)

    def end(self) -> tuple[dict[str, Any], float]:
        """Ctrl-C; the summary, and the seconds until all had ended."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(20) == 0, self.log.read_text()
        took = time.monotonic() - began
        summary: dict[str, Any] = json.loads(self._out.read_text().splitlines()[-1])
        return summary, took

    def abandon(self) -> None:
        """For a test that failed: nothing is left running."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)
