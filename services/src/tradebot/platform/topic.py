"""Reads topics without a consumer group: a whole topic, or its last records and all that follow."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tradebot.platform.kafka import consumer
from tradebot.platform.settings import StageSettings

PATIENCE: Final = 10.0
"""Seconds to wait for the brokers' next record, or for their end-of-partition."""


def bounds(
    reader: Consumer, topic: str, patience: float = PATIENCE
) -> list[tuple[TopicPartition, int, int]]:
    """Returns the topic's partitions, each with its first offset and the one after its last.

    Raises:
        KafkaException: the brokers do not respond within `patience` seconds, which also is the time
            that a new topic has to find its leaders.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            found = []
            partitions = reader.list_topics(topic, timeout=patience).topics[topic].partitions
            for number in sorted(partitions):
                where = TopicPartition(topic, number)
                low, high = reader.get_watermark_offsets(where, timeout=patience)
                found.append((where, low, high))
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return found


def key_of(message: Message) -> bytes:
    """The message's key as bytes, empty where it has none."""
    key: bytes | str | None = message.key()
    return key.encode() if isinstance(key, str) else key or b""


def tail(
    settings: StageSettings, group: str, last: Mapping[str, int | None], **overrides: Any
) -> Consumer:
    """Returns a consumer of each partition's last records, and of all that follow.

    It commits nothing and joins no group, so every reader of a tail sees all of it.

    Args:
        last: by topic, how many records of a partition to read again; `None` reads all.
        overrides: further settings of the consumer, by librdkafka's names.

    Raises:
        KafkaException: the brokers do not report where the topics end.
    """
    reader = consumer(settings, group, **overrides)
    starts = []
    for topic, count in last.items():
        for where, low, high in bounds(reader, topic):
            where.offset = low if count is None else max(low, high - count)
            starts.append(where)
    reader.assign(starts)
    return reader


def messages(
    settings: StageSettings, topic: str, group: str = "reading", **overrides: Any
) -> Iterator[Message]:
    """Yields the committed messages of a topic up to its present end, partition by partition.

    Raises:
        KafkaException: the brokers do not respond, or not with the topic's records.
    """
    reader = consumer(settings, group, **({"enable.partition.eof": True} | overrides))
    try:
        yield from messages_since(reader, topic, {})
    finally:
        reader.close()


def messages_since(
    reader: Consumer, topic: str, places: dict[int, int], patience: float = PATIENCE
) -> Iterator[Message]:
    """Yields the committed messages of a topic from `places` to its end now.

    Args:
        reader: with `enable.partition.eof`, for this alone.
        places: by partition, the offset to go on from, or none for its first; moved along.
        patience: seconds that the brokers may take for each answer.

    Raises:
        KafkaException: the brokers do not respond.
    """
    for where, low, high in bounds(reader, topic, patience):
        start = max(low, places.get(where.partition, low))
        if start < high:
            where.offset = start
            reader.assign([where])
            yield from _up_to(reader, topic, high, patience)
        places[where.partition] = high


def places_at(reader: Consumer, topic: str, since: int) -> dict[int, int]:
    """Returns by partition the offset of the first message that Kafka stamped at `since` (ms) or
    later, or the end if there is none.

    Raises:
        KafkaException: the brokers do not respond.
    """
    found = bounds(reader, topic)
    ends = {where.partition: high for where, _, high in found}
    asked = [TopicPartition(topic, partition, since) for partition in ends]
    return {
        where.partition: where.offset if where.offset >= 0 else ends[where.partition]
        for where in reader.offsets_for_times(asked, timeout=PATIENCE)
    }


def _up_to(reader: Consumer, topic: str, high: int, patience: float) -> Iterator[Message]:
    """Yields the assigned partition's messages below `high`; the last offsets may have none."""
    while True:
        message = reader.poll(patience)
        if message is None:
            raise KafkaException(f"{topic} stopped responding")
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                return
            raise KafkaException(error)
        offset = message.offset() or 0
        if offset < high:
            yield message
        if offset + 1 >= high:
            return


def read_messages(settings: StageSettings, topic: str) -> list[Message]:
    """Returns all `messages`.

    Raises:
        KafkaException: see `messages`.
    """
    return list(messages(settings, topic))


def read_topic(settings: StageSettings, topic: str) -> list[bytes]:
    """Returns the values of all `messages`.

    Raises:
        KafkaException: see `messages`.
    """
    return [message.value() or b"" for message in messages(settings, topic)]
