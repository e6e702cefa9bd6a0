"""Backoff with jitter: how long to wait before the next try.

For connections, and for calls that the venue rate-limited.
"""

import random
import time
from collections.abc import Callable
from typing import Final

HEALTHY_SECONDS: Final = 30.0


class Backoff:
    """Delays between connections of one stream.

    The n-th failure in a row waits between half of `first · 2^n` and all of it, at most `most`. A
    connection that lasted 30 s resets it. Gemini accepts 12 connections a minute per address.

    Args:
        first: seconds.
        most: seconds.
        uniform: returns a number between two; for tests.
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
        """Records that a connection is up; repeated calls have no effect."""
        if self._since is None:
            self._since = self._clock()

    def failed(self) -> float:
        """Records that the connection failed; returns how many seconds to wait."""
        if self._since is not None and self._clock() - self._since >= HEALTHY_SECONDS:
            self._failures = 0
        self._since = None
        ceiling = min(self._most, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return self._uniform(ceiling / 2, ceiling)
