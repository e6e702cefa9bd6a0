"""Keeps the venue's rate limits on our side, the most urgent request first.

Gemini allows 120 public and 600 private requests a minute and responds 429 above that. A bucket of
`burst` tokens that refills at `(per_minute - burst) / 60` a second lets at most `per_minute`
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
    """The order in which waiting requests are sent."""

    SAFETY = 0
    """Cancels and look-ups: they reduce or reveal risk."""
    ORDER = 1
    """New orders."""
    INFORMATION = 2
    """Tickers, candles, books."""


class TokenBucket:
    """How many requests may be sent now.

    Args:
        per_minute: limit in any 60 s.
        burst: limit at once; below `per_minute`.
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
        """Takes a token and returns 0.0, or returns how many seconds until there is one."""
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
        """Stops for `seconds`, and then allows one at a time: the venue responded 429."""
        self._tokens = min(self._tokens, 1.0)
        self._at = max(self._at, self._clock() + seconds)


class RateLimit:
    """A queue by priority in front of a token bucket.

    Args:
        concurrent: limit of open requests; 1 keeps a key's nonces in order.
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
        """Waits for a slot and holds it until the block ends."""
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
        """Records a 429: sends nothing for `seconds`, if the venue gave them.

        Otherwise for about a second, and twice as long after each further 429: others share the
        address, so keeping our own limit is not enough.
        """
        delay = self._backoff.failed()
        self._bucket.pause(seconds or delay)

    def accepted(self) -> None:
        """Records an accepted call; after half a minute of them the next pause is short again."""
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
    """Returns the limit of public calls."""
    return RateLimit(PUBLIC_PER_MINUTE, burst=20, concurrent=8)


def private_limit() -> RateLimit:
    """Returns the limit of one key's calls, one at a time."""
    return RateLimit(PRIVATE_PER_MINUTE, burst=60, concurrent=1)
