"""The topic `minutes`: where a symbol's closed minutes are, and how they are read.

All minutes of a symbol are in one partition, in rising order. Each has a key of its own, so that
compaction keeps them all; a writer that starts again may repeat one, which a reader passes over.
"""

import zlib
from collections.abc import Iterator

import msgspec
from confluent_kafka import Consumer, Message

from tradebot.history.minutes import Bar
from tradebot.platform import topic
from tradebot.platform.settings import StageSettings
from tradebot.platform.topics import Topics
from tradebot.plausible import minute
from tradebot.plausible.values import UNKNOWN, Now
from tradebot.records import MinuteRecord, decode


def partition_of(symbol: str, partitions: int) -> int:
    """The partition of a symbol's minutes: the one that librdkafka chooses for the key `symbol`.

    >>> partition_of("BTCUSD", 4)
    1
    """
    return zlib.crc32(symbol.encode()) % partitions


class Minutes:
    """Takes a symbol's messages and returns each minute once, in rising order."""

    def __init__(self, symbol: str, last: int = 0) -> None:
        self.last = last
        """Start of the newest minute, ms."""
        self._symbol = symbol
        self._key = f"{symbol}/".encode()

    def take(self, message: Message, now: Now = UNKNOWN) -> MinuteRecord | None:
        """The minute of a message, `None` if it is another symbol's or known already.

        Raises:
            ValueError: it holds no minute that can be true.
        """
        if not topic.key_of(message).startswith(self._key):
            return None
        record = decode(message.value() or b"", MinuteRecord)
        if record.symbol != self._symbol:
            raise ValueError(f"symbol is {record.symbol[:30]!r} under a key of {self._symbol}")
        reason = minute.fault(record, now)
        if reason is not None:
            raise ValueError(reason)
        if record.start <= self.last:
            return None
        self.last = record.start
        return record


def published(settings: StageSettings, symbol: str) -> list[MinuteRecord]:
    """All minutes of a symbol that are kept; what cannot be true is left out.

    Raises:
        KafkaException: the brokers do not respond.
    """
    reading, found = Minutes(symbol), []
    for message in topic.messages(settings, Topics.of(settings).minutes, f"minutes-{symbol}"):
        try:
            record = reading.take(message)
        except (ValueError, msgspec.DecodeError):
            continue
        if record is not None:
            found.append(record)
    return found


def bars_of(records: list[MinuteRecord]) -> Iterator[Bar]:
    """The minutes that were traded, as bars."""
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


def reader(settings: StageSettings, symbol: str, group: str) -> Consumer:
    """A consumer of the symbol's minutes from the first that is kept, at the topic's partition.

    Raises:
        KafkaException: the brokers do not say where the topic ends.
    """
    return topic.tail(settings, group, {Topics.of(settings).minutes: None})
