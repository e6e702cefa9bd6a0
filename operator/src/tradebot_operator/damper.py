"""Slows repairs down where somebody else keeps changing the same object back.

Two who correct each other at full speed write without end. The first repairs are made at once,
the later ones at a pace at which the other's edits cost little; when the other stops, it ends.
"""

import time
from collections import deque
from collections.abc import Callable, Hashable

FREE = 5
"""Repairs of one object within a minute that are made at once."""
WINDOW = 60.0
PACE = 15.0
"""Seconds between two repairs after those."""


class Damper:
    """Remembers, by object, what was last applied and when it had to be applied again."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._applied: dict[Hashable, str] = {}
        self._repairs: dict[Hashable, deque[float]] = {}

    def wait(self, key: Hashable, content: str) -> float:
        """Seconds to wait before `content` is applied to the object `key`; 0 to apply it now.

        Applying what was not applied before is no repair and never waits.
        """
        if self._applied.get(key) != content:
            return 0.0
        now = self._monotonic()
        repairs = self._repairs.get(key, deque())
        while repairs and now - repairs[0] > WINDOW:
            repairs.popleft()
        if len(repairs) < FREE:
            return 0.0
        return max(0.0, repairs[-1] + PACE - now)

    def applied(self, key: Hashable, content: str) -> None:
        """`content` was applied to the object `key`."""
        if self._applied.get(key) == content:
            self._repairs.setdefault(key, deque(maxlen=FREE * 4)).append(self._monotonic())
        else:
            self._repairs.pop(key, None)
        self._applied[key] = content

    def forget(self, key: Hashable) -> None:
        """The object is gone."""
        self._applied.pop(key, None)
        self._repairs.pop(key, None)
