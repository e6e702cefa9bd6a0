"""Nonces: a number that rises with each request of a key, or the time.

The kind is chosen when the key is created. A counter refuses a request that was sent again on the
way; a time based nonce does not. All connections of a key share one sequence, so two processes with
one key collide: use one key per bot.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

LEAP_MS: Final = 60_000


class Nonces(Protocol):
    """Issues nonces for one key."""

    def next(self) -> int | str:
        """Returns a nonce above all earlier ones."""

    def refused(self) -> bool:
        """Records that the venue refused the last one; returns whether to retry at once."""


class CounterNonces:
    """For keys whose nonce only has to rise: milliseconds of the epoch, never the same twice.

    The clock puts a restarted process above the last one's nonces. If the clock went back, or
    something else used the key, a refusal jumps ahead, further each time.

    Args:
        clock: seconds of the epoch.
        above: starts above this, the jump of an earlier process.
        leapt: called with each jump, to store it for the next process.
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
        """Returns milliseconds of the epoch, or one more than the last."""
        self._last = max(self._last + 1, int(self._clock() * 1000))
        return self._last

    def refused(self) -> bool:
        """Jumps ahead, twice as far each time; a retry may follow."""
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
        """Returns seconds with three decimals, each above the last."""
        self._last = max(self._last + 1, int(self._clock() * 1000))
        return f"{self._last // 1000}.{self._last % 1000:03d}"

    def refused(self) -> bool:
        """Only a correct clock helps, so no retry."""
        return False
