"""Writes results and the offset of their input in one Kafka transaction.

Everything here blocks: call it from a thread. One transactional producer serves one partition of
the input. Its id consists of group, topic and partition, so the partition's next owner ends the
last owner's transaction and fences it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings

TIMEOUT = 5.0
"""Seconds to wait for the broker in each call."""

QUIET = 0
"""Log level for librdkafka: failures are raised, and lines about retries would flood the log."""


class Message(NamedTuple):
    """A message to produce; with partition -1 the key chooses."""

    topic: str
    key: bytes
    value: bytes
    partition: int = -1


class Committed(NamedTuple):
    """A committed offset and the metadata that was committed with it."""

    offset: int
    metadata: str


class GroupOffsets:
    """A group's committed offsets, read by a client that is not a member.

    Reads wait for open transactions that carry offsets.
    """

    def __init__(self, settings: StageSettings, group: str) -> None:
        self._consumer = kafka.consumer(settings, group, log_level=QUIET)

    def committed(self, topic: str, partition: int) -> Committed | None:
        """Returns the group's offset; `None` if it never committed one.

        Raises:
            KafkaException: the broker did not respond.
        """
        (found,) = self._consumer.committed([TopicPartition(topic, partition)], timeout=TIMEOUT)
        if found.error is not None:
            raise KafkaException(found.error)
        return None if found.offset < 0 else Committed(found.offset, found.metadata or "")

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Returns the first retained offset, and the offset after the last committed record.

        Raises:
            KafkaException: the broker did not respond.
        """
        found = self._consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=TIMEOUT, cached=False
        )
        if found is None:
            raise KafkaException(f"no response for the offsets of {topic}-{partition}")
        return int(found[0]), int(found[1])

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has.

        Raises:
            KafkaException: the broker did not respond.
        """
        return len(self._consumer.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions)

    def write(
        self,
        producer: Producer,
        messages: Iterable[Message],
        place: TopicPartition,
    ) -> None:
        """Writes the messages and commits offset and metadata in one transaction.

        Raises:
            KafkaException: nothing was written, or the result is unknown. A new producer with the
                same transactional id settles it; read the committed offset then.
        """
        producer.begin_transaction()
        produce(producer, messages)
        producer.send_offsets_to_transaction(
            [place], self._consumer.consumer_group_metadata(), TIMEOUT
        )
        producer.commit_transaction(TIMEOUT)

    def close(self) -> None:
        """Closes the client."""
        self._consumer.close()


def transactional_producer(settings: StageSettings, transactional_id: str) -> Producer:
    """Returns a producer ready for transactions. An earlier one of the same id is fenced and its
    open transaction ended.

    Raises:
        KafkaException: the broker did not respond.
    """
    producer = kafka.producer(
        settings,
        **{
            "log_level": QUIET,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": 30_000,
            "retry.backoff.ms": 50,
            "linger.ms": 0,
        },
    )
    producer.init_transactions(TIMEOUT)
    return producer


def publisher(settings: StageSettings, name: str) -> Producer:
    """Returns a producer for `publish`; one process at a time publishes under the name.

    The embedded broker does not isolate transactions: it gets a plain producer.

    Raises:
        KafkaException: the broker did not respond.
    """
    if settings.kafka_embedded:
        return kafka.producer(settings, **{"linger.ms": 0})
    return transactional_producer(settings, name)


def publish(settings: StageSettings, producer: Producer, messages: Iterable[Message]) -> None:
    """Writes all messages or none, and returns once they are durable.

    Raises:
        KafkaException: they were not written, or it is unknown.
    """
    if settings.kafka_embedded:
        produce(producer, messages)
        if producer.flush(TIMEOUT):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "records wait for the broker"))
        return
    producer.begin_transaction()
    produce(producer, messages)
    producer.commit_transaction(TIMEOUT)


def produce(producer: Producer, messages: Iterable[Message]) -> None:
    """Hands the messages to the producer, in order."""
    for message in messages:
        producer.produce(
            message.topic, value=message.value, key=message.key, partition=message.partition
        )
