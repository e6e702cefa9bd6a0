"""The venue's rate limits, kept on our side, the most urgent request first.

Gemini allows 120 public and 600 private requests a minute and answers 429 above that. A bucket
of `burst` tokens that fills at `(per_minute - burst) / 60` a second lets at most `per_minute`
requests through in any 60 s, whatever the pattern.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Final

from tradebot.venue.backoff import Backoff

PUBLIC_PER_MINUTE: Final = 120
PRIVATE_PER_MINUTE: Final = 600


class Priority(IntEnum):
    """Who goes first when there is a queue."""

    SAFETY = 0
    """Cancels and look-ups: they make risk smaller or known."""
    ORDER = 1
    """New orders."""
    INFORMATION = 2
    """Tickers, candles, books."""


class TokenBucket:
    """How many requests may go now.

    Args:
        per_minute: at most so many in any 60 s.
        burst: at most so many at once; below `per_minute`.
        clock: seconds from an arbitrary start.
    """

    def __init__(self, per_minute: int, burst: int, clock: Callable[[], float]) -> None:
        if not 0 < burst < per_minute:
            raise ValueError(f"burst must be between 0 and {per_minute}, not {burst}")
        self._rate = (per_minute - burst) / 60
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()

    def take(self) -> float:
        """Takes a token and answers 0.0, or answers how many seconds until there is one."""
        now = self._clock()
        if now > self._at:
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
        if now < self._at:
            return self._at - now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate

    def pause(self, seconds: float) -> None:
        """Nothing goes for `seconds`, and then one at a time: the venue said "too many"."""
        self._tokens = min(self._tokens, 1.0)
        self._at = max(self._at, self._clock() + seconds)


class RateLimit:
    """A queue by priority in front of a token bucket.

    Args:
        concurrent: at most so many requests under way; 1 keeps a key's nonces in order.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        burst: int,
        concurrent: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = TokenBucket(per_minute, burst, clock)
        self._backoff = Backoff(first=1.0, most=8.0, clock=clock)
        self._free = concurrent
        self._order = itertools.count()
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def slot(self, priority: Priority) -> AsyncIterator[None]:
        """Waits for its turn; the slot is held until the block ends."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise
        try:
            yield
        finally:
            self._release()

    def refused(self, seconds: float = 0.0) -> None:
        """The venue said "too many": nothing more for `seconds`, where it named them.

        Else for about a second, and twice as long each time that it says so again: others share
        the address, so that keeping to the limit ourselves is not enough.
        """
        delay = self._backoff.failed()
        self._bucket.pause(seconds or delay)

    def accepted(self) -> None:
        """The venue took a call; half a minute of these, and the next pause is short again."""
        self._backoff.connected()

    def waiting(self) -> int:
        """Requests in the queue."""
        return sum(not turn.done() for _, _, turn in self._waiting)

    def _release(self) -> None:
        self._free += 1
        self._admit()

    def _admit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._free:
            _, _, turn = self._waiting[0]
            if turn.done():
                heapq.heappop(self._waiting)
                continue
            delay = self._bucket.take()
            if delay > 0:
                self._timer = asyncio.get_running_loop().call_later(delay, self._admit)
                return
            heapq.heappop(self._waiting)
            self._free -= 1
            turn.set_result(None)


def public_limit() -> RateLimit:
    """The limit of public calls."""
    return RateLimit(PUBLIC_PER_MINUTE, burst=20, concurrent=8)


def private_limit() -> RateLimit:
    """The limit of one key's calls, one at a time."""
    return RateLimit(PRIVATE_PER_MINUTE, burst=60, concurrent=1)
