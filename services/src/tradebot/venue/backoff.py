"""How long to wait before the next try: longer each time, and never in step with others.

For connections, and for calls that were answered "too many".
"""

import random
import time
from collections.abc import Callable
from typing import Final

HEALTHY_SECONDS: Final = 30.0


class Backoff:
    """Delays between connections of one stream.

    The n-th failure in a row waits between half of `first · 2^n` and all of it, `most` at most; a
    connection that lasted 30 s resets it. Gemini takes 12 connections a minute of an address.

    Args:
        first: seconds.
        most: seconds.
        uniform: a number between two; for tests.
        clock: seconds from an arbitrary start.
    """

    def __init__(
        self,
        first: float = 0.5,
        most: float = 30.0,
        *,
        uniform: Callable[[float, float], float] = random.uniform,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first = first
        self._most = most
        self._uniform = uniform
        self._clock = clock
        self._failures = 0
        self._since: float | None = None

    def connected(self) -> None:
        """A connection is up; saying so again changes nothing."""
        if self._since is None:
            self._since = self._clock()

    def failed(self) -> float:
        """The connection is gone, or was none: how many seconds to wait."""
        if self._since is not None and self._clock() - self._since >= HEALTHY_SECONDS:
            self._failures = 0
        self._since = None
        ceiling = min(self._most, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return self._uniform(ceiling / 2, ceiling)
