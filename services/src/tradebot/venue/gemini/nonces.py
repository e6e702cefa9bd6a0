"""Nonces: a number that rises with each request of a key, or the time.

Which of the two a key takes is chosen when it is made. A key that counts refuses a request that
something on the way sent again; one that takes the time does not. All connections of a key share
one sequence, so two processes on one key collide: one key a bot.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

LEAP_MS: Final = 60_000


class Nonces(Protocol):
    """Draws nonces for one key."""

    def next(self) -> int | str:
        """A nonce above all that were drawn before."""

    def refused(self) -> bool:
        """The venue did not take the last one; whether another try may be taken now."""


class CounterNonces:
    """For keys whose nonce only has to rise: milliseconds of the epoch, and never twice the same.

    The clock makes a restarted process begin above what the last one used. Where it went back,
    or something else used the key, a refusal leaps ahead, further each time.

    Args:
        clock: seconds of the epoch.
        above: begins above this, what an earlier process leapt to.
        leapt: told of each leap, to be remembered for the next process.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        above: int = 0,
        leapt: Callable[[int], None] | None = None,
    ) -> None:
        self._clock = clock
        self._last = above
        self._leap = LEAP_MS
        self._leapt = leapt

    def next(self) -> int:
        """Milliseconds of the epoch, or one more than the last."""
        self._last = max(self._last + 1, int(self._clock() * 1000))
        return self._last

    def refused(self) -> bool:
        """Leaps ahead, twice as far each time; the next one may be taken."""
        self._last += self._leap
        self._leap *= 2
        if self._leapt is not None:
            self._leapt(self._last)
        return True


class TimeNonces:
    """For keys "with a time based nonce": seconds of the epoch, within 30 s of the venue's clock.

    Args:
        clock: seconds of the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> str:
        """Seconds with three decimals, each above the last."""
        self._last = max(self._last + 1, int(self._clock() * 1000))
        return f"{self._last // 1000}.{self._last % 1000:03d}"

    def refused(self) -> bool:
        """Nothing helps but a right clock."""
        return False
