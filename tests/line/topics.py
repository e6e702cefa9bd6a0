"""Reads and configures topics, and rebuilds the order book from `gemini-feed`."""

from decimal import Decimal
from typing import Any

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from tradebot.domain.book import OrderBook
from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import read_messages
from tradebot.records import FeedRecord, decode

SECONDS = 30


def configure(settings: StageSettings, topic: str, name: str, value: str) -> None:
    """Sets one of the topic's settings."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient(kafka.client_config(settings))
    for answer in admin.incremental_alter_configs([resource]).values():
        answer.result(SECONDS)


def keep_old_records(settings: StageSettings, topic: str) -> None:
    """Lets the topic keep records with timestamps of past years.

    Every few minutes a broker deletes records older than a topic's retention, by their timestamps.
    """
    configure(settings, topic, "retention.ms", "-1")


def records(settings: StageSettings, topic: str, kind: type[Any]) -> list[Any]:
    """Returns all records of the topic, in order; every key must be the symbol."""
    messages = read_messages(settings, settings.topic_prefix + topic)
    assert {message.key() for message in messages} <= {b"BTCUSD"}
    return [decode(message.value() or b"", kind) for message in messages]


def rebuilt(feed: list[FeedRecord]) -> tuple[OrderBook, int]:
    """Rebuilds the book from the records; returns it and the number of connections.

    Each connection must begin with a whole book and number its records without gaps.
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
