"""Limits failed logins, by user name and by address. Pure."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

WINDOW_SECONDS: Final = 900.0
PER_NAME: Final = 10
PER_ADDRESS: Final = 50
"""More than for a name: behind an ingress all users have one address."""
KEPT: Final = 10_000
"""Names and addresses that are remembered; the oldest are forgotten."""


class Attempts:
    """Failed logins of the last quarter of an hour.

    Args:
        now: seconds that only rise.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failed: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def wait(self, name: str, address: str) -> float:
        """Returns the seconds until the next attempt is allowed; 0 if it is."""
        return max(
            self._wait(("name", name), PER_NAME), self._wait(("address", address), PER_ADDRESS)
        )

    def failed(self, name: str, address: str) -> None:
        """Counts a failed attempt."""
        for key in (("name", name), ("address", address)):
            self._failed.setdefault(key, deque(maxlen=PER_ADDRESS)).append(self._now())
            self._failed.move_to_end(key)
        while len(self._failed) > KEPT:
            self._failed.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """Forgets the failures of a name."""
        self._failed.pop(("name", name), None)

    def _wait(self, key: tuple[str, str], limit: int) -> float:
        times, now = self._failed.get(key, deque()), self._now()
        while times and now - times[0] > WINDOW_SECONDS:
            times.popleft()
        return times[-limit] + WINDOW_SECONDS - now if len(times) >= limit else 0.0
