"""Exchange time: runs `speed` times as fast as the machine's, and can jump."""

import time
from collections.abc import Callable


class ExchangeClock:
    """Milliseconds UTC at the exchange.

    Args:
        start: exchange time now, in ms.
        speed: exchange milliseconds per real millisecond.
        monotonic: seconds from an arbitrary start; the machine's by default.
    """

    def __init__(
        self, start: int, speed: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.speed = speed
        self.start = start
        self._monotonic = monotonic
        self._began = monotonic()
        self._skew = 0

    def market(self) -> int:
        """Returns the time by which the market moves, ms; it never jumps."""
        return self.start + int((self._monotonic() - self._began) * 1000 * self.speed)

    def now(self) -> int:
        """Returns the time that the exchange reports, ms."""
        return self.market() + self._skew

    def stamp(self, market_time: int) -> int:
        """Returns the reported time of an event at `market_time`."""
        return market_time + self._skew

    def jump(self, by_ms: int) -> None:
        """Moves the reported time by `by_ms` from now on."""
        self._skew += by_ms

    @property
    def skew(self) -> int:
        """How far the reported time is ahead of the market's, ms."""
        return self._skew
