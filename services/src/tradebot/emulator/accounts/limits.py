"""The venue's request rates: beyond the rate five requests wait, and then it refuses."""

from collections import deque

import msgspec

WINDOW = 60.0
PUBLIC_RATE = 120
PRIVATE_RATE = 600
OLD_SOCKETS = 12
"""Connections to the old public sockets in a minute."""
QUEUE = 5


class Limit:
    """One caller's requests of the last minute.

    Args:
        rate: requests in a minute that are served at once.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._served: deque[float] = deque()

    def wait(self, now: float) -> float | None:
        """Seconds to wait before serving a request that came at `now`; `None` refuses it."""
        while self._served and self._served[0] <= now - WINDOW:
            self._served.popleft()
        over = len(self._served) - self._rate
        if over >= QUEUE:
            return None
        self._served.append(now)
        return 0.0 if over < 0 else (over + 1) * WINDOW / self._rate


class Limits(msgspec.Struct):
    """The limits of all callers: public ones by address, private ones by key."""

    public: dict[str, Limit] = msgspec.field(default_factory=dict)
    private: dict[str, Limit] = msgspec.field(default_factory=dict)

    def of_address(self, address: str, rate: int = PUBLIC_RATE) -> Limit:
        """The public limit of a network address."""
        return self.public.setdefault(address, Limit(rate))

    def of_key(self, key: str) -> Limit:
        """The private limit of an API key."""
        return self.private.setdefault(key, Limit(PRIVATE_RATE))
