"""Slows down repairs of an object that somebody else keeps changing back.

Two controllers that correct each other would write without end. The first repairs are made at once,
later ones at a pace at which the edits cost little.
"""

import time
from collections import deque
from collections.abc import Callable, Hashable

FREE = 5
"""Repairs of one object within a minute that are made at once."""
WINDOW = 60.0
PACE = 15.0
"""Seconds between later repairs."""


class Damper:
    """Stores, by object, what was last applied and when it had to be applied again."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._applied: dict[Hashable, str] = {}
        self._repairs: dict[Hashable, deque[float]] = {}

    def wait(self, key: Hashable, content: str) -> float:
        """Returns the seconds to wait before applying `content` to the object `key`; 0 for none.

        Applying new content is not a repair and never waits.
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
        """Records that `content` was applied to the object `key`."""
        if self._applied.get(key) == content:
            self._repairs.setdefault(key, deque(maxlen=FREE * 4)).append(self._monotonic())
        else:
            self._repairs.pop(key, None)
        self._applied[key] = content

    def forget(self, key: Hashable) -> None:
        """Drops an object that is gone."""
        self._applied.pop(key, None)
        self._repairs.pop(key, None)
