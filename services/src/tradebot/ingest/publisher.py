"""Records into Kafka without ever waiting for it.

librdkafka's queue is the bounded one: a thread of its own sends it. When it is full, or Kafka gives
a record up, the stream of records has a hole: `OverloadError` says so, and the feed reconnects, so
that whoever reads it sees a new connection instead of a silent loss.
"""

import time
from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from tradebot.ingest import metrics
from tradebot.ingest.settings import IngestSettings
from tradebot.platform import kafka
from tradebot.platform.topics import Topics

STUCK_SECONDS: Final = 5.0
"""Kafka is in trouble when so long nothing that waits was acknowledged."""


class OverloadError(Exception):
    """Records were lost between the feed and Kafka."""


class Publisher:
    """The producer of one symbol's records.

    Raises:
        SettingsError: Kafka's settings cannot be used.
    """

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._topics = Topics.of(settings)
        self._key = settings.symbol.encode()
        self._lost = ""
        self._fatal = False
        self._down = ""
        self._waiting = 0
        self._moved = time.monotonic()
        self._producer = self._make()
        self._feed_count = metrics.RECORDS.labels(settings.symbol, self._topics.feed)
        self._trade_count = metrics.RECORDS.labels(settings.symbol, self._topics.trades)

    def feed(self, values: list[bytes]) -> None:
        """Records of the book.

        Raises:
            OverloadError: they are more than may wait.
        """
        self._send(self._topics.feed, values)
        self._feed_count.inc(len(values))

    def trade(self, value: bytes) -> None:
        """A record of a trade.

        Raises:
            OverloadError: there is no room.
        """
        self._send(self._topics.trades, [value])
        self._trade_count.inc()

    def poll(self) -> None:
        """Hears what became of the records, without waiting.

        Raises:
            OverloadError: Kafka gave some up since the last call.
        """
        self._producer.poll(0)
        waiting = len(self._producer)
        if waiting == 0 or waiting < self._waiting:
            self._moved = time.monotonic()
            self._down = ""
        self._waiting = waiting
        if self._fatal:
            self._renew()
        if self._lost:
            reason, self._lost = self._lost, ""
            raise OverloadError(reason)

    def waiting(self) -> int:
        """Records that Kafka has not acknowledged."""
        return len(self._producer)

    def has_room(self) -> bool:
        """Whether at least half of the queue is free: time to reconnect."""
        return self.waiting() * 2 <= self._settings.queue_records

    def trouble(self) -> str | None:
        """Why Kafka does not take records; `None` while it does."""
        stuck = time.monotonic() - self._moved
        if self._waiting and stuck > STUCK_SECONDS:
            because = f": {self._down}" if self._down else ""
            return f"Kafka has accepted none of {self._waiting} records for {stuck:.0f} s{because}"
        if not self.has_room():
            return f"{self.waiting()} records are waiting for Kafka, which accepts them too slowly"
        return None

    def flush(self, seconds: float) -> int:
        """Waits until all is acknowledged, `seconds` at most; returns how many are not."""
        return int(self._producer.flush(seconds))

    def _renew(self) -> None:
        """A producer that met a fatal error never sends again."""
        self._fatal = False
        self._producer.purge()
        self._producer = self._make()

    def _make(self) -> Producer:
        return kafka.producer(
            self._settings,
            **{
                "queue.buffering.max.messages": self._settings.queue_records,
                "queue.buffering.max.kbytes": 1_048_576,
                "delivery.report.only.error": True,
                "on_delivery": self._refused,
                "error_cb": self._error,
                # The stage's log tells trouble once; librdkafka would tell it at each try.
                "log_level": 0,
            },
        )

    def _send(self, topic: str, values: Iterable[bytes]) -> None:
        produce, key = self._producer.produce, self._key
        try:
            for value in values:
                produce(topic, value, key)
        except BufferError:
            full = f"{self._settings.queue_records} records are waiting for Kafka, the maximum"
            raise OverloadError(full) from None
        except KafkaException as error:
            self._fatal = True
            raise OverloadError(f"the producer cannot continue: {error}") from None

    def _refused(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            metrics.UNDELIVERED.labels(self._settings.symbol).inc()
            self._lost = f"Kafka did not accept a record: {error.str()}"

    def _error(self, error: KafkaError) -> None:
        self._down = error.str()
        if error.fatal():
            self._fatal = True
            self._lost = f"the producer cannot continue: {error.str()}"
