"""The venue's time, from the times that it stamps on its messages.

Everything after the feed uses this clock, so an emulator that runs thirty times as fast simply
makes everything faster. Only silence is measured in real seconds: it is a fault of a connection,
not an event of the market. The machine's time of day is never read.
"""

import time
from collections.abc import Callable
from typing import Final

import msgspec

NEAR_MS: Final = 5_000
"""A stamp within this many real milliseconds of the clock agrees with it."""

FIRST_SECONDS: Final = 1.0
"""Real seconds without a stamp that contradicts the first, until the clock is settled."""

AHEAD_SECONDS: Final = 3.0
"""Real seconds of stamps ahead of the clock, with none near it, until the clock follows them."""

BEHIND_SECONDS: Final = 30.0
"""The same for stamps behind it, which may also be a backlog."""

PACE: Final = 0.2
"""How far the pace of such stamps may differ from real time's, as a fraction of it."""

COURSES: Final = 8
"""How many other possible times are followed at once, to see which of them continues."""


class _Course(msgspec.Struct):
    """Stamps that agree with each other and not with the clock."""

    since: float
    first: int
    at: float
    ts: int


RUNNING: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux this clock also runs while the machine is suspended."""


def _running() -> float:
    return time.clock_gettime(RUNNING)


class VenueClock:
    """Estimates the venue's time between its messages.

    One stamp far from the clock changes nothing: it may be wrong, or a message that a broker
    delivered late. But a venue's time can jump. If all stamps of some period are elsewhere and
    keep pace with real time, they are the venue's time. Stamps of a backlog run faster when it is
    read, and slower when it grows.

    Args:
        speed: exchange milliseconds per real millisecond.
        monotonic: seconds from an arbitrary start; the machine's by default.
    """

    def __init__(self, speed: float = 1.0, monotonic: Callable[[], float] = _running) -> None:
        self._speed = speed
        self._monotonic = monotonic
        self._ts = 0
        self._at = self._since = self._heard = monotonic()
        self._agreed = 0
        self._sure = False
        self._courses: list[_Course] = []

    def observe(self, ts: int) -> None:
        """Records that the venue stamped `ts` (ms) on a message that arrived now."""
        at = self._monotonic()
        if self._ts == 0:
            self._set(ts, at)
        off = ts - self._now(at)
        if abs(off) <= NEAR_MS * self._speed:
            self._agree(ts, at)
        elif off < 0 and not self.settled:
            self._set(ts, at)  # of two unconfirmed times trust the earlier
        elif self._goes_on(ts, at, AHEAD_SECONDS if off > 0 else BEHIND_SECONDS):
            self._set(ts, at)
            self._sure = True
        if off <= NEAR_MS * self._speed:
            self._heard = at

    def follow(self, ts: int) -> None:
        """Moves the clock to at least `ts` (ms), which more than one message confirms."""
        if ts > self.now():
            self._set(ts, self._monotonic())
            self._sure = True
        else:
            self.observe(ts)

    def _set(self, ts: int, at: float) -> None:
        self._ts, self._at, self._since, self._heard = ts, at, at, at
        self._agreed = 0
        self._courses.clear()

    def _agree(self, ts: int, at: float) -> None:
        self._courses.clear()
        self._agreed += 1
        if ts > self._ts:
            self._ts, self._at = ts, at

    def _goes_on(self, ts: int, at: float, seconds: float) -> bool:
        """Whether stamps have followed this other time for `seconds`, at the pace of real time."""
        course = next((one for one in self._courses if self._follows(one, ts, at)), None)
        if course is None:
            self._courses = [*self._courses, _Course(at, ts, at, ts)][-COURSES:]
            return False
        course.at, course.ts = at, ts
        if at - course.since < seconds:
            return False
        due = (at - course.since) * 1000 * self._speed
        kept = abs(ts - course.first - due) <= PACE * due
        course.since, course.first = at, ts
        return kept

    def _follows(self, course: _Course, ts: int, at: float) -> bool:
        due = course.ts + (at - course.at) * 1000 * self._speed
        return abs(ts - due) <= NEAR_MS * self._speed

    def _now(self, at: float) -> int:
        return self._ts + int((at - self._at) * 1000 * self._speed)

    def now(self) -> int:
        """Returns the venue's time in ms; 0 before its first message."""
        return self._now(self._monotonic()) if self._ts else 0

    @property
    def settled(self) -> bool:
        """Whether more than one stamp agrees, a while after the first, so no stray one set it."""
        if not self._sure and self._agreed >= 2:
            self._sure = self._monotonic() - self._since >= FIRST_SECONDS
        return self._sure

    def silence(self) -> float:
        """Real seconds since the start or the last message that was not ahead of the clock."""
        return self._monotonic() - self._heard
