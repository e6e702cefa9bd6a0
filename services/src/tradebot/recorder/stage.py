"""The recorder: writes records of three topics to the store, then commits the offsets.

It handles one batch at a time. While the store refuses a batch, reading stops: the backlog stays in
Kafka, and the process holds only the batch and librdkafka's bounded queue.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from tradebot.platform import kafka, logs
from tradebot.platform.dead_letters import DeadLetters
from tradebot.platform.health import Readiness
from tradebot.platform.store import DocumentStore, Refusal, StoredDocument, StoreUnavailableError
from tradebot.platform.topic import key_of
from tradebot.platform.topics import Topics
from tradebot.recorder import metrics, reading
from tradebot.recorder.settings import RecorderSettings
from tradebot.window_records import Gatherer

QUEUE_KIBIBYTES = 8_192
"""Limit of librdkafka's queue of fetched records, over all partitions."""

LONGEST_WAIT_SECONDS = 10.0
BACKLOG_EVERY_SECONDS = 5.0
PRUNE_EVERY_SECONDS = 3600.0

log = logs.get(__name__)


class Received(msgspec.Struct, frozen=True):
    """A message without an error."""

    topic: str
    partition: int
    offset: int
    value: bytes
    key: bytes | None = None
    stamp: int = 0
    """Kafka's timestamp, ms; 0 or less if it has none."""

    @classmethod
    def of(cls, message: Message) -> "Received":
        """Converts a consumer's message."""
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None and partition is not None and offset is not None
        value, key, stamp = message.value() or b"", key_of(message), message.timestamp()[1]
        return cls(topic, partition, offset, value, key, stamp)


class Recorder:
    """Reads, gathers, writes and commits until stopped."""

    def __init__(
        self, settings: RecorderSettings, store: DocumentStore, readiness: Readiness
    ) -> None:
        self._settings = settings
        self._store = store
        self._readiness = readiness
        self._topics = Topics.of(settings)
        self._windows = Gatherer()
        self._stopping = threading.Event()
        self._dead_letters = DeadLetters(settings, "recorder", self._read_topics())
        self._ends: dict[tuple[str, int], int] = {}
        self._origins: dict[str, Received] = {}
        metrics.from_zero()

    def _read_topics(self) -> list[str]:
        return [self._topics.documents, self._topics.liquidity, self._topics.forecasts]

    def stop(self) -> None:
        """Ends `run` after the present batch; the next process reads again what is not written."""
        self._stopping.set()

    def run(self) -> None:
        """Runs until `stop`."""
        consumer = kafka.consumer(
            self._settings, self._settings.group, **{"queued.max.messages.kbytes": QUEUE_KIBIBYTES}
        )
        every = Every()
        try:
            self._set_up()
            consumer.subscribe(self._read_topics(), on_revoke=self._revoked)
            self._readiness.started()
            store = "Elasticsearch" if self._settings.elasticsearch else "SQLite"
            log.info("recording started", store=store)
            while not self._stopping.is_set():
                self._step(consumer)
                every.do("backlog", BACKLOG_EVERY_SECONDS, lambda: self._measure(consumer))
                every.do("prune", PRUNE_EVERY_SECONDS, self._prune)
        finally:
            consumer.close()
            self._dead_letters.deliver(2)

    def _set_up(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            try:
                self._store.set_up(self._settings.replicas)
            except StoreUnavailableError as error:
                attempt += 1
                self._readiness.close("store", str(error))
                self._stopping.wait(min(LONGEST_WAIT_SECONDS, 0.25 * 2**attempt))
            else:
                self._readiness.open("store")
                return

    def _step(self, consumer: Consumer) -> None:
        messages = consumer.consume(self._settings.batch_documents, self._settings.batch_seconds)
        batch: dict[str, StoredDocument] = {}
        self._origins.clear()
        self._ends.clear()
        for message in messages:
            if message.error():
                log.warning("kafka", error=str(message.error()))
                continue
            received = Received.of(message)
            self._ends[received.topic, received.partition] = received.offset + 1
            document = self._read(received)
            known = batch.get(document.id) if document is not None else None
            if document is not None and (known is None or document.ts >= known.ts):
                batch[document.id] = document
                self._origins[document.id] = received
        if batch and not self._write(consumer, list(batch.values())):
            return
        if self._ends and self._deliver_letters(consumer):
            self._commit(consumer)

    def _read(self, message: Received) -> StoredDocument | None:
        data, topic, environment = message.value, message.topic, self._settings.environment
        now = reading.now_of(message.stamp, self._settings.speed)
        try:
            if topic == self._topics.documents:
                return reading.document_of(data, environment, now)
            if topic == self._topics.forecasts:
                return reading.stored(reading.forecast_of(data, now), environment)
            record = reading.result_of(data, message.key, now)
            whole = self._windows.add(record, message.partition, message.offset)
            metrics.LOST_WINDOWS.inc(self._windows.take_lost())
            if whole is None:
                return None
            return reading.stored(reading.window_of(whole), environment)
        except (ValueError, OverflowError) as error:
            self._reject(message, str(error))
            return None

    def _write(self, consumer: Consumer, batch: list[StoredDocument]) -> bool:
        """Retries until the store has accepted the batch; returns false if stopped before."""
        attempt = 0
        while True:
            try:
                with metrics.WRITE_SECONDS.time():
                    refusals = self._store.write(batch)
            except StoreUnavailableError as error:
                metrics.STORE_FAILURES.inc()
                self._readiness.close("store", str(error))
                if attempt == 0:
                    log.warning("the store does not accept documents", reason=str(error))
                attempt += 1
                self._measure(consumer, batch)
                if not self._wait(consumer, min(LONGEST_WAIT_SECONDS, 0.25 * 2**attempt)):
                    return False
                continue
            self._written(batch, refusals, attempt)
            return True

    def _written(self, batch: list[StoredDocument], refusals: list[Refusal], attempt: int) -> None:
        if attempt:
            log.info("the store accepts documents again", attempts=attempt)
        self._readiness.open("store")
        metrics.LAST_WRITE.set(time.time())
        refused = {refusal.document.id for refusal in refusals}
        for document in batch:
            if document.id not in refused:
                metrics.DOCUMENTS.labels(document.doc_type).inc()
        for refusal in refusals:
            self._reject(self._origins[refusal.document.id], refusal.reason)

    def _wait(self, consumer: Consumer, seconds: float) -> bool:
        """Waits while keeping the membership in the group; returns false if stopped."""
        consumer.pause(consumer.assignment())
        end = time.monotonic() + seconds * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
        while time.monotonic() < end and not self._stopping.is_set():
            early = consumer.poll(0.2)
            if early is not None and not early.error():
                # A newly assigned partition: read on from this message afterwards.
                first = Received.of(early)
                place = TopicPartition(first.topic, first.partition, first.offset)
                consumer.pause([place])
                consumer.seek(place)
        consumer.resume(consumer.assignment())
        return not self._stopping.is_set()

    def _reject(self, message: Received, reason: str) -> None:
        place = (message.topic, message.partition, message.offset)
        self._dead_letters.put(*place, value=message.value, reason=reason)

    def _deliver_letters(self, consumer: Consumer) -> bool:
        """Waits for the batch's dead letters; returns false if stopped before all are delivered."""
        while not self._dead_letters.deliver(0.5):
            if self._stopping.is_set():
                return False
            if why := self._dead_letters.refusal:
                self._readiness.close("dead-letters", why)
                log.warning("dead letters not written", reason=why)
                if not self._wait(consumer, 1.0):
                    return False
        self._readiness.open("dead-letters")
        return True

    def _commit(self, consumer: Consumer) -> None:
        offsets = []
        for (topic, partition), end in self._ends.items():
            held = self._windows.held(partition) if topic == self._topics.liquidity else None
            offsets.append(TopicPartition(topic, partition, end if held is None else held))
        try:
            consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            # Another recorder owns the partitions now; it writes the same documents again.
            log.warning("offsets not committed", reason=str(error))

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = [p.partition for p in partitions if p.topic == self._topics.liquidity]
        self._windows.forget(gone)
        # Their next owner reads from the last commit. The batch may now lack these partitions'
        # open windows, so its end must not be committed for them.
        for partition in partitions:
            self._ends.pop((partition.topic, partition.partition), None)

    def _measure(self, consumer: Consumer, in_hand: Sequence[StoredDocument] = ()) -> None:
        """Updates the backlog. Documents `in_hand` were read, but not yet accepted by the store.

        While there are any, nothing is fetched, so only the broker knows where its topics end.
        """
        behind = dict.fromkeys(self._read_topics(), 0)
        for document in in_hand:
            behind[self._origins[document.id].topic] += 1
        try:
            consumer.list_topics(self._topics.documents, timeout=2)
            for partition in consumer.position(consumer.assignment()):
                low, high = consumer.get_watermark_offsets(partition, timeout=2, cached=not in_hand)
                read = partition.offset if partition.offset >= 0 else low
                behind[partition.topic] += max(0, high - max(read, low))
        except KafkaException as error:
            self._readiness.close("kafka", f"no broker responds at {self._settings.kafka}: {error}")
            return
        self._readiness.open("kafka")
        for topic, records in behind.items():
            metrics.BACKLOG.labels(topic).set(records)

    def _prune(self) -> None:
        try:
            gone = self._store.prune(self._settings.retention_days)
        except StoreUnavailableError as error:
            log.warning("old documents not deleted", reason=str(error))
            return
        if gone:
            log.info("old documents deleted", documents=gone)


class Every:
    """Calls actions at intervals, the first time at once."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def do(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Calls `action` if `seconds` have passed since the last call under `name`."""
        now = time.monotonic()
        if now >= self._due.get(name, 0):
            self._due[name] = now + seconds
            action()
