"""The `tradebot` command, and `python -m tradebot`.

A container's first process never hears a signal that it has not asked for: the kernel drops it.
A stage asks for SIGTERM when it can stop in an orderly way; until then this ends it, so that a pod
that is deleted while it starts does not live out its grace period, and a trader that is to sell
starts to do so at once.
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
    # Only now: what it imports takes its time.
    from tradebot.cli import main as command

    command()


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as a shell tells of a process that a signal ended


if __name__ == "__main__":
    main()
