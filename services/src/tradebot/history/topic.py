"""The topic `minutes`: where a symbol's closed minutes are, and how to read them.

All minutes of a symbol are in one partition, in rising order. Each has its own key, so compaction
keeps them all. A writer that restarts may repeat one, which readers skip.
"""

import contextlib
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from confluent_kafka import Message

from tradebot.history.minutes import Bar
from tradebot.platform import topic
from tradebot.platform.settings import StageSettings
from tradebot.platform.topics import Topics
from tradebot.plausible import minute
from tradebot.records import MinuteRecord, decode


def partition_of(symbol: str, partitions: int) -> int:
    """Returns the partition of a symbol's minutes: librdkafka's choice for the key `symbol`.

    >>> partition_of("BTCUSD", 4)
    1
    """
    return zlib.crc32(symbol.encode()) % partitions


FOLLOW_MS: Final = 600_000
"""A minute continues another if it starts at most this much later."""

CONFIRM: Final = 3
"""Consecutive minutes that confirm each other after a gap, or at the start."""


class Minutes:
    """Reads a symbol's messages and returns each minute once, in rising order.

    A minute far ahead of the last one is held until others follow it, or until the next one shows
    that it was wrong: a single false record must not end the series.

    Args:
        last: start (ms) of the newest minute that is known, 0 if there is none.
    """

    def __init__(self, symbol: str, last: int = 0) -> None:
        self.last = last
        self.refuted: list[Message] = []
        """Refuted messages since the caller last cleared the list."""
        self._symbol = symbol
        self._key = f"{symbol}/".encode()
        self._held: list[tuple[MinuteRecord, Message]] = []

    def take(self, message: Message) -> list[MinuteRecord]:
        """Returns the minutes accepted now; none of another symbol, and no known ones.

        Raises:
            ValueError: it is not a plausible minute.
        """
        if not topic.key_of(message).startswith(self._key):
            return []
        record = decode(message.value() or b"", MinuteRecord)
        if record.symbol != self._symbol:
            raise ValueError(f"symbol is {record.symbol[:30]!r} under a key of {self._symbol}")
        reason = minute.fault(record)
        if reason is not None:
            raise ValueError(reason)
        if record.start <= self.last:
            return []
        if self.last and record.start - self.last <= FOLLOW_MS:
            return self._believe([record], refuted=self._held)
        self._held.append((record, message))
        run = self._held[-CONFIRM:]
        if len(run) < CONFIRM or not _follow([held for held, _ in run]):
            return []
        return self._believe([held for held, _ in run], refuted=self._held[:-CONFIRM])

    def end(self) -> list[MinuteRecord]:
        """Returns the held minutes at the end of a topic too short to confirm them."""
        records = [held for held, _ in self._held]
        return self._believe(records, refuted=[]) if not self.last and _follow(records) else []

    def _believe(
        self, records: list[MinuteRecord], *, refuted: list[tuple[MinuteRecord, Message]]
    ) -> list[MinuteRecord]:
        self.refuted += [message for _, message in refuted]
        self._held = []
        if records:
            self.last = records[-1].start
        return records


def _follow(records: list[MinuteRecord]) -> bool:
    steps = (after.start - one.start for one, after in pairwise(records))
    return all(0 < step <= FOLLOW_MS for step in steps)


def published(settings: StageSettings, symbol: str) -> list[MinuteRecord]:
    """Returns all kept minutes of a symbol, without implausible ones.

    Raises:
        KafkaException: the brokers do not respond.
    """
    reading, found = Minutes(symbol), list[MinuteRecord]()
    for message in topic.messages(settings, Topics.of(settings).minutes, f"minutes-{symbol}"):
        with contextlib.suppress(ValueError):
            found += reading.take(message)
    return found + reading.end()


def bars_of(records: list[MinuteRecord]) -> Iterator[Bar]:
    """Yields the minutes with trades, as bars."""
    for record in records:
        if record.close is not None:
            assert record.open is not None and record.high is not None
            assert record.low is not None and record.weighted is not None
            yield Bar(
                record.start,
                record.open,
                record.high,
                record.low,
                record.close,
                record.volume,
                record.weighted,
            )
