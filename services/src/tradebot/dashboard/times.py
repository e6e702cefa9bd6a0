"""Whether a time that a record tells can be true, by Kafka's own stamps. Pure.

The page reads topics from far back and knows no venue's time at first. But a record's own time is
as far from Kafka's stamp for all records of a symbol, whenever they are read.
"""

from typing import Final

LAG_SECONDS: Final = 10.0
"""Real seconds that a record's time may be ahead of where the records before it lead."""

CONFIRM: Final = 20
"""So many records in a row elsewhere are no stray ones: the venue's time jumped."""


class TimeCheck:
    """The venue's time of one symbol, as its market tells it.

    Args:
        speed: exchange time runs this many times as fast.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._lag = int(LAG_SECONDS * 1000 * speed)
        self._offset: float | None = None
        self._strays = 0

    def market(self, ts: int, stamp: int) -> bool:
        """Whether `ts` (ms) can be true of a change or trade that Kafka stamped `stamp` (ms)."""
        offset = ts - stamp * self._speed
        if self._offset is None or abs(offset - self._offset) <= self._lag:
            self._offset, self._strays = offset, 0
            return True
        self._strays += 1
        if self._strays >= CONFIRM:
            self._offset, self._strays = offset, 0
        return self.allows(ts, stamp)

    def allows(self, ts: int, stamp: int) -> bool:
        """Whether `ts` (ms) is not ahead of the market, for a record stamped `stamp` (ms)."""
        return self._offset is None or ts - stamp * self._speed <= self._offset + self._lag
