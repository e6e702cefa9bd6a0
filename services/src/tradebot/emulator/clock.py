"""Exchange time: runs `speed` times as fast as the machine's, and can be made to jump."""

import time
from collections.abc import Callable


class ExchangeClock:
    """Milliseconds UTC at the exchange.

    Args:
        start: exchange time of this moment, in ms.
        speed: exchange milliseconds in a real one.
        monotonic: seconds from an arbitrary start; the machine's if not given.
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
        """The time by which the market moves, ms; it never jumps."""
        return self.start + int((self._monotonic() - self._began) * 1000 * self.speed)

    def now(self) -> int:
        """The time that the exchange tells, ms."""
        return self.market() + self._skew

    def stamp(self, market_time: int) -> int:
        """The time that the exchange writes on what happened at `market_time`."""
        return market_time + self._skew

    def jump(self, by_ms: int) -> None:
        """From now on the exchange tells a time that is `by_ms` later than before."""
        self._skew += by_ms

    @property
    def skew(self) -> int:
        """How far the told time is ahead of the market's, ms."""
        return self._skew
