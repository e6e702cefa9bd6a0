"""The `tradebot` command, and `python -m tradebot`.

A container's first process receives no signal that it has not installed a handler for: the kernel
drops it. Each stage handles SIGTERM itself once it can stop in an orderly way. Until then this
handler ends the process. Otherwise a pod that is deleted while it starts would wait out its grace
period, and a trader that should sell its position would start late.
"""

import os
import signal
import sys
from types import FrameType

FIRST_PROCESS = 1


def main() -> None:
    """Runs the command."""
    if os.getpid() == FIRST_PROCESS:
        signal.signal(signal.SIGTERM, _end)
    # Imported late: its imports take time, and the handler must be installed first.
    from tradebot.cli import main as command

    command()


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as a shell reports a process that a signal ended


if __name__ == "__main__":
    main()
