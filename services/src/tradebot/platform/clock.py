"""The venue's time, from the times that it stamps on what it sends.

Everything downstream of the feed lives by this clock, so that an emulator whose time runs thirty
times as fast simply makes everything faster. Silence alone is measured in real seconds: it is a
fault of a connection, not an event of the market. The machine's own time of day is never asked.
"""

import time
from collections.abc import Callable
from typing import Final

BEHIND_MS: Final = 5_000
"""A stamp that lies further before the clock than so many real milliseconds' worth is behind it."""

SETTLE_SECONDS: Final = 30.0
"""Real seconds of stamps behind the clock, and none beside, after which the clock follows them."""

PACE: Final = 0.2
"""How far from time's own pace such stamps may be, as a share of it."""


class VenueClock:
    """Estimates the venue's time between its messages.

    It never follows a stamp back at once: old messages that a broker hands over late must not make
    old windows look new. But a venue whose time jumped ahead and came back, or a single stamp from
    the future, would leave the clock ahead until time caught up, and everything would look stale
    for so long. So where all stamps of some time are behind and keep pace with time, neither
    faster, as a backlog is read, nor slower, as one grows, they are the venue's time.

    Args:
        speed: exchange milliseconds that pass in one real millisecond.
        monotonic: seconds from an arbitrary start; the machine's if not given.
    """

    def __init__(self, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._monotonic = monotonic
        self._ts = 0
        self._at = self._heard = monotonic()
        self._behind: tuple[float, int] | None = None

    def observe(self, ts: int) -> None:
        """The venue stamped `ts` (ms) on a message that arrived now."""
        at = self._heard = self._monotonic()
        if ts >= self.now() - BEHIND_MS * self._speed:
            self._behind = None
            if ts > self._ts:
                self._ts, self._at = ts, at
        elif self._settled(ts, at):
            self._ts, self._at, self._behind = ts, at, None

    def _settled(self, ts: int, at: float) -> bool:
        """Whether the venue's time is the earlier one that its stamps have told for a while."""
        if self._behind is None:
            self._behind = at, ts
        since, first = self._behind
        if at - since < SETTLE_SECONDS:
            return False
        self._behind = at, ts
        due = (at - since) * 1000 * self._speed
        return abs(ts - first - due) <= PACE * due

    def now(self) -> int:
        """The venue's time in ms; 0 before its first message."""
        if self._ts == 0:
            return 0
        return self._ts + int((self._monotonic() - self._at) * 1000 * self._speed)

    def silence(self) -> float:
        """Real seconds since the last message, or since the start."""
        return self._monotonic() - self._heard
