"""`python -m tradebot_operator`.

A container's first process never hears a signal that it has not asked for: the kernel drops it.
Until kopf asks for SIGTERM this ends the operator, so that a pod that is deleted while it starts
does not live out its grace period.
"""

import os
import signal
import sys
from types import FrameType

FIRST_PROCESS = 1


def main() -> int:
    """Runs the operator; the exit code."""
    if os.getpid() == FIRST_PROCESS:
        signal.signal(signal.SIGTERM, _end)
    # Only now: what it imports takes its time.
    from tradebot_operator.command import main as run

    return run()


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as a shell tells of a process that a signal ended


if __name__ == "__main__":
    sys.exit(main())
