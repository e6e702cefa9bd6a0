"""Reads what is on a topic, and rebuilds the book that a reader of `gemini-feed` has."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from confluent_kafka import TopicPartition

from tradebot.domain.book import OrderBook
from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.records import FeedRecord, decode


def records(settings: StageSettings, topic: str, kind: type[Any]) -> list[Any]:
    """All that the topic holds, in order; every record must have the symbol as its key."""
    name = settings.topic_prefix + topic
    consumer = kafka.consumer(settings, uuid4().hex)
    partitions, left = [], 0
    for number in consumer.list_topics(name, timeout=10).topics[name].partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=10)
        left += high - low
        partitions.append(TopicPartition(name, number, low))
    consumer.assign(partitions)
    found: list[Any] = []
    while len(found) < left:
        message = consumer.poll(10)
        assert message is not None and not message.error()
        assert message.key() == b"BTCUSD"
        found.append(decode(message.value(), kind))
    consumer.close()
    return found


def rebuilt(feed: list[FeedRecord]) -> tuple[OrderBook, int]:
    """The book that the records make, and how many connections told it.

    Each connection must begin with a whole book and number its records without a step.
    """
    book = OrderBook()
    connections = due = 0
    for record in feed:
        if record.seq == 0:
            book.clear()
            connections, due = connections + 1, 0
            assert record.reason == "initial"
        assert record.seq == due
        due += 1
        book.set(record.side, Decimal(record.price), Decimal(record.remaining))
    return book, connections
