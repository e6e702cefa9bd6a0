"""The venue's request limits: beyond the rate five requests wait, and more are refused."""

from collections import deque

import msgspec

WINDOW = 60.0
PUBLIC_RATE = 120
PRIVATE_RATE = 600
OLD_SOCKETS = 12
"""New connections per minute to the old public sockets."""
QUEUE = 5


class Limit:
    """One caller's requests of the last minute.

    Args:
        rate: requests per minute that are served at once.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._served: deque[float] = deque()

    def wait(self, now: float) -> float | None:
        """Returns the seconds to wait before serving a request of time `now`; `None` refuses it."""
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
        """Returns the public limit of a network address."""
        return self.public.setdefault(address, Limit(rate))

    def of_key(self, key: str) -> Limit:
        """Returns the private limit of an API key."""
        return self.private.setdefault(key, Limit(PRIVATE_RATE))
