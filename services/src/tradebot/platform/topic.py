"""Reads a whole topic, for replays, checks and measurements."""

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition

from tradebot.platform.kafka import consumer
from tradebot.platform.settings import StageSettings

PATIENCE = 10.0
"""Seconds that the brokers may take for the next record, or to say that there is none."""


def read_messages(settings: StageSettings, topic: str) -> list[Message]:
    """All messages of a topic that are committed, partition by partition, up to its end now.

    Raises:
        KafkaException: the brokers do not answer, or not with the topic's records.
    """
    reader = consumer(settings, "reading", **{"enable.partition.eof": True})
    try:
        numbers = reader.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
        found: dict[int, list[Message]] = {number: [] for number in sorted(numbers)}
        reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in found])
        open_ends = set(found)
        while open_ends:
            message = reader.poll(PATIENCE)
            if message is None:
                raise KafkaException(f"{topic} stopped responding")
            error = message.error()
            partition = message.partition() or 0
            if error is None:
                if partition in open_ends:
                    found[partition].append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                open_ends.discard(partition)
            else:
                raise KafkaException(error)
    finally:
        reader.close()
    return [message for messages in found.values() for message in messages]


def read_topic(settings: StageSettings, topic: str) -> list[bytes]:
    """The values of `read_messages`.

    Raises:
        KafkaException: see there.
    """
    return [message.value() or b"" for message in read_messages(settings, topic)]
