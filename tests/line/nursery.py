"""Forks traders from a process that has imported them, so that a start costs little.

Most of a trader's start is the import of its packages. A soak that kills it hundreds of times forks
it from this process instead. The child is a process of its own: it can be killed like any other.

Called as `python nursery.py [GUARD]`; each line on stdin is a JSON list of the arguments of
`tradebot trader` with the file of its output first. Prints the child's id, and its exit code.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path


class ForkedTrader:
    """A trader's process; has the part of `subprocess.Popen` that a line uses."""

    def __init__(self, nursery: "Nursery", arguments: Sequence[str], log: Path) -> None:
        self.returncode: int | None = None
        self._ended = threading.Event()
        self.pid = nursery.fork([str(log), *arguments])
        threading.Thread(target=self._await, args=(nursery,), daemon=True).start()

    def _await(self, nursery: "Nursery") -> None:
        self.returncode = nursery.exit_code()
        self._ended.set()

    def poll(self) -> int | None:
        """Returns the exit code, `None` while it runs."""
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Returns the exit code."""
        if not self._ended.wait(timeout):
            raise TimeoutError(f"the trader {self.pid} still runs")
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """Sends SIGKILL."""
        self.send_signal(9)

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)


class Nursery:
    """The process that forks traders, one at a time.

    Args:
        guard: what its traders lack; see `soaks.unguarded_trader`.
    """

    def __init__(self, guard: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, guard],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )

    def start(self, arguments: Sequence[str], log: Path) -> ForkedTrader:
        """Starts a trader."""
        return ForkedTrader(self, arguments, log)

    def fork(self, line: Sequence[str]) -> int:
        """Returns the id of the new child."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        return self._read()

    def exit_code(self) -> int:
        """Waits until the child has ended."""
        return self._read()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline() or -1)

    def close(self) -> None:
        """Ends the process; its child must have ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def _child(line: list[str]) -> None:
    """Becomes the trader."""
    from tradebot.cli import main

    log = os.open(line[0], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        main(["trader", *line[1:]])
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _serve(guard: str) -> None:
    import tradebot.trader.stage  # noqa: F401  # what a trader imports, before the first fork

    if guard:
        from soaks.unguarded_trader import GUARDS

        GUARDS[guard].remove()
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            _child(json.loads(line))
        _say(child)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    _serve(sys.argv[1])
