"""The venue's time, from the times that it stamps on what it sends.

Everything downstream of the feed lives by this clock, so that an emulator whose time runs thirty
times as fast simply makes everything faster. Silence alone is measured in real seconds: it is a
fault of a connection, not an event of the market.
"""

import time
from collections.abc import Callable


class VenueClock:
    """Estimates the venue's time between its messages.

    Args:
        speed: exchange milliseconds that pass in one real millisecond.
        monotonic: seconds from an arbitrary start; the machine's if not given.
    """

    def __init__(self, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._monotonic = monotonic
        self._ts = 0
        self._at = monotonic()

    def observe(self, ts: int) -> None:
        """The venue stamped `ts` (ms) on a message that arrived now."""
        self._ts = max(self._ts, ts)
        self._at = self._monotonic()

    def now(self) -> int:
        """The venue's time in ms; 0 before its first message."""
        if self._ts == 0:
            return 0
        return self._ts + int((self._monotonic() - self._at) * 1000 * self._speed)

    def silence(self) -> float:
        """Real seconds since the last message, or since the start."""
        return self._monotonic() - self._at
