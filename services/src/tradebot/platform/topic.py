"""Reads a whole topic, for replays, checks and measurements."""

from confluent_kafka import TopicPartition

from tradebot.platform.kafka import consumer
from tradebot.platform.settings import StageSettings


def read_topic(settings: StageSettings, topic: str) -> list[bytes]:
    """All values of a topic that are committed, partition by partition, up to its end now."""
    reader = consumer(settings, "reading")
    partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
    found: list[bytes] = []
    for partition in partitions:
        place = TopicPartition(topic, partition)
        _, high = reader.get_watermark_offsets(place, timeout=10)
        reader.assign([TopicPartition(topic, partition, 0)])
        while any(position.offset < high for position in reader.position([place])):
            message = reader.poll(2)
            if message is None:
                break
            if message.error() is None:
                found.append(message.value() or b"")
    reader.close()
    return found
