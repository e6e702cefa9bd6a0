"""Checks the times of records against Kafka's timestamps. Pure.

The page reads topics from far back and does not know the venue's time at first. But the difference
between a record's time and Kafka's timestamp is the same for all records of a symbol, whenever
they are read.
"""

from typing import Final

LAG_SECONDS: Final = 10.0
"""Real seconds that a record's time may be ahead of what earlier records imply."""

CONFIRM: Final = 20
"""After this many deviating records in a row, the venue's time has jumped."""


class TimeCheck:
    """The venue's time of one symbol, from its market's records.

    Args:
        speed: exchange milliseconds per real millisecond.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._lag = int(LAG_SECONDS * 1000 * speed)
        self._offset: float | None = None
        self._strays = 0

    def market(self, ts: int, stamp: int) -> bool:
        """Whether `ts` (ms) of a change or trade is plausible, given Kafka's `stamp` (ms)."""
        offset = ts - stamp * self._speed
        if self._offset is None or abs(offset - self._offset) <= self._lag:
            self._offset, self._strays = offset, 0
            return True
        self._strays += 1
        if self._strays >= CONFIRM:
            self._offset, self._strays = offset, 0
        return self.allows(ts, stamp)

    def allows(self, ts: int, stamp: int) -> bool:
        """Whether `ts` (ms) of a record with timestamp `stamp` (ms) is not ahead of the market."""
        return self._offset is None or ts - stamp * self._speed <= self._offset + self._lag
