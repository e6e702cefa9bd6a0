"""A work queue that holds each key once and never runs one twice at the same time.

A key added during its run is run once more afterwards: no change is missed, and a thousand events
are one run.
"""

import asyncio
import heapq
import itertools
import math
import random
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class WorkQueue(Generic[Key]):
    """Deduplicates keys, delays them, and backs off each one separately.

    Args:
        base: seconds before the first retry; the wait doubles each time.
        cap: the longest wait.
        urgent: keys that go first, unless another has waited for `patience` seconds.
    """

    def __init__(
        self,
        *,
        base: float = 0.5,
        cap: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        urgent: Callable[[Key], bool] = lambda _: True,
        patience: float = 30.0,
    ) -> None:
        self._base, self._cap = base, cap
        self._monotonic, self._jitter = monotonic, jitter
        self._urgent, self._patience = urgent, patience
        self._first: deque[Key] = deque()
        self._second: deque[Key] = deque()
        self._waiting: set[Key] = set()
        self._since: dict[Key, float] = {}
        self._working: set[Key] = set()
        self._again: set[Key] = set()
        self._later: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._order = itertools.count()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        """Returns how many keys are due."""
        return len(self._first) + len(self._second)

    def age(self) -> float:
        """Returns how long the oldest due key has waited, in seconds."""
        return self._monotonic() - min(self._since.values()) if self._since else 0.0

    def add(self, key: Key, *, delay: float = 0.0) -> None:
        """Schedules a run of `key`; the shortest of several delays counts."""
        if delay > 0:
            due = self._monotonic() + delay
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                heapq.heappush(self._later, (due, next(self._order), key))
                self._wake.set()
            return
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._since[key] = self._monotonic()
            (self._first if self._urgent(key) else self._second).append(key)
            self._wake.set()

    async def get(self) -> Key:
        """Returns the next key, which is in progress until `done`."""
        while True:
            self._promote()
            if len(self):
                key = self._pick()
                self._waiting.discard(key)
                self._since.pop(key, None)
                self._working.add(key)
                if len(self):
                    self._wake.set()
                return key
            self._wake.clear()
            pause = self._later[0][0] - self._monotonic() if self._later else None
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _pick(self) -> Key:
        if not self._second:
            return self._first.popleft()
        waited = self._monotonic() - self._since[self._second[0]]
        return (self._first if self._first and waited < self._patience else self._second).popleft()

    def done(self, key: Key) -> None:
        """Ends the run of `key`."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def forget(self, key: Key) -> None:
        """Resets the backoff of `key` after a success."""
        self._failures.pop(key, None)

    def retry(self, key: Key, *, cap: float = math.inf) -> float:
        """Schedules `key` again after a wait that doubles with each failure, up to `cap`; returns
        the wait.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        wait: float = min(cap, self._cap, self._base * 2.0 ** min(failures, 20))
        wait *= 0.75 + 0.5 * self._jitter()
        self.add(key, delay=wait)
        return wait

    def _promote(self) -> None:
        now = self._monotonic()
        while self._later and self._later[0][0] <= now:
            due, _, key = heapq.heappop(self._later)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)
