"""Sends records to Kafka without ever waiting for it.

librdkafka's bounded queue holds them, and its own thread sends them. If the queue is full, or Kafka
gives up a record, the stream has a gap. `OverloadError` then makes the feed reconnect, so that
readers see a new connection instead of a silent loss.
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
"""Without an acknowledgement for this long, while records wait, Kafka counts as in trouble."""


class OverloadError(Exception):
    """Records were lost between the feed and Kafka."""


class Publisher:
    """Produces one symbol's records.

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
        """Sends order book records.

        Raises:
            OverloadError: the queue cannot hold all of them.
        """
        self._send(self._topics.feed, values)
        self._feed_count.inc(len(values))

    def trade(self, value: bytes) -> None:
        """Sends a trade's record.

        Raises:
            OverloadError: the queue is full.
        """
        self._send(self._topics.trades, [value])
        self._trade_count.inc()

    def poll(self) -> None:
        """Handles delivery reports, without waiting.

        Raises:
            OverloadError: Kafka gave up some records since the last call.
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
        """Number of records that Kafka has not acknowledged."""
        return len(self._producer)

    def has_room(self) -> bool:
        """Whether at least half of the queue is free, so that the feed may reconnect."""
        return self.waiting() * 2 <= self._settings.queue_records

    def trouble(self) -> str | None:
        """Why Kafka does not accept records; `None` while it does."""
        stuck = time.monotonic() - self._moved
        if self._waiting and stuck > STUCK_SECONDS:
            because = f": {self._down}" if self._down else ""
            return f"Kafka has accepted none of {self._waiting} records for {stuck:.0f} s{because}"
        if not self.has_room():
            return f"{self.waiting()} records are waiting for Kafka, which accepts them too slowly"
        return None

    def flush(self, seconds: float) -> int:
        """Waits at most `seconds` for all acknowledgements; returns how many are missing."""
        return int(self._producer.flush(seconds))

    def _renew(self) -> None:
        """Replaces the producer: after a fatal error it never sends again."""
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
                # The stage logs trouble once; librdkafka would log it at each try.
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
