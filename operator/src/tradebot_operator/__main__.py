"""`python -m tradebot_operator`.

A container's first process receives no signal that it has not installed a handler for: the kernel
drops it. Until kopf handles SIGTERM, this handler ends the operator; otherwise a pod that is
deleted while it starts would wait out its grace period.
"""

import os
import signal
import sys
from types import FrameType

FIRST_PROCESS = 1


def main() -> int:
    """Runs the operator; returns the exit code."""
    if os.getpid() == FIRST_PROCESS:
        signal.signal(signal.SIGTERM, _end)
    # Imported late: its imports take time, and the handler must be installed first.
    from tradebot_operator.command import main as run

    return run()


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as a shell reports a process that a signal ended


if __name__ == "__main__":
    sys.exit(main())
