"""An event loop whose clock jumps to the next timer as soon as there is nothing else to do.

Waits then cost no time and end in order of their length however busy the machine is. The loop still
waits for its threads. It does not wait for sockets: hours would pass before one responds.
"""

import asyncio
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

TURN_SECONDS = 1e-6
"""Length of a turn of the loop: a timer early by a rounding error is due soon after."""


class VirtualTime:
    """The clock of one event loop, which starts at 1000 s.

    `time.monotonic` reads it, and so do the modules passed to `rule`, which import `monotonic` by
    name. A default argument that was bound earlier does not: pass `time` to such code.

    Args:
        loop: the running loop.
        patch: undoes everything after the test.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self._patch = patch
        self._in_threads = 0
        selector: Any = loop._selector  # type: ignore[attr-defined]
        patch.setattr(selector, "select", self._jumping(selector.select))
        patch.setattr(loop, "run_in_executor", self._counting(loop.run_in_executor))
        patch.setattr(loop, "time", self.time)
        patch.setattr(time, "monotonic", self.time)

    def time(self) -> float:
        """Seconds since an arbitrary start."""
        return self.now

    def rule(self, *modules: ModuleType) -> None:
        """Makes the modules' own `monotonic` read this clock."""
        for module in modules:
            self._patch.setattr(module, "monotonic", self.time)

    def _jumping(self, select: Callable[[float | None], Any]) -> Callable[[float | None], Any]:
        def jump(timeout: float | None = None) -> Any:
            self.now += TURN_SECONDS
            if timeout is None or (timeout > 0 and self._in_threads):
                return select(None)
            ready = select(0)
            if not ready:
                self.now += max(timeout, 0.0)
            return ready

        return jump

    def _counting(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            self._in_threads += 1
            future = run(*arguments)
            future.add_done_callback(self._came_back)
            return future

        return count

    def _came_back(self, _future: object) -> None:
        self._in_threads -= 1
